"""An exponential moving average of a whole curve, without a loop over its points."""

import numpy as np

_LARGEST_EXPONENT = 200.0  # exp of it is far from the largest float, and values of any sane size fit beside it


def smoothed(y: np.ndarray, weight: float) -> np.ndarray:
    """Each value averaged with those before it, older ones counting less.

    The average is over the values that are there (debiased), so it begins at the first value and not at zero. Values
    that are not finite count for nothing and stay as they are.

    Args:
        y: float64, (points,).
        weight: 0 (the curve itself) to below 1: what a value counts after one point more.

    Returns:
        float64, (points,).
    """
    if not 0 <= weight < 1:
        raise ValueError(f"the weight of smoothing is {weight}; it must be at least 0 and below 1")
    finite = np.isfinite(y)
    values = y[finite]
    if weight == 0 or len(values) < 2:
        return y.copy()
    ages = -np.log(weight) * np.arange(len(values), dtype=np.float64)
    averages = np.empty_like(values)
    above = below = last_age = 0.0
    start = 0
    while start < len(values):
        end = int(np.searchsorted(ages, ages[start] + _LARGEST_EXPONENT, side="right"))
        growth = np.exp(ages[start:end] - ages[start])
        carried = np.exp(last_age - ages[start]) if start else 0.0
        sums = (np.cumsum(values[start:end] * growth) + above * carried) / growth
        counts = (np.cumsum(growth) + below * carried) / growth
        averages[start:end] = sums / counts
        above, below, last_age = float(sums[-1]), float(counts[-1]), float(ages[end - 1])
        start = end
    whole = y.copy()
    whole[finite] = averages
    return whole
