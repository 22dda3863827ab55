"""A long curve drawn with few points: the extremes of every stretch stay, so that no spike is hidden.

The x axis is cut into equal stretches and of each the first, last, lowest and highest finite point is kept (M4). Where
values are not finite the line has a gap: a NaN point in each stretch that holds one.
"""

import numpy as np
from tsdownsample import M4Downsampler

_m4 = M4Downsampler()


def thin(x: np.ndarray, y: np.ndarray, points: int) -> np.ndarray:
    """Which points to draw.

    Args:
        x: float64, ascending, (points,).
        y: float64, (points,); what is not finite is a gap.
        points: about how many to keep; up to half as many again where there are gaps.

    Returns:
        int64 indices, ascending; all of them when there are few.
    """
    if len(y) <= points:
        return np.arange(len(y))
    finite = np.isfinite(y)
    if finite.all():
        return _extremes(x, y, points)
    places = np.flatnonzero(finite)
    kept = places[_extremes(x[places], y[places], points)]
    return np.union1d(kept, _gaps(x, finite, max(1, points // 4)))


def _extremes(x: np.ndarray, y: np.ndarray, points: int) -> np.ndarray:
    """Indices of the first, last, lowest and highest value of each of ``points // 4`` stretches of x."""
    bins = max(1, points // 4)
    if len(y) <= 4 * bins:
        return np.arange(len(y))
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    found = _m4.downsample(x, y, n_out=4 * bins) if x[0] < x[-1] else _m4.downsample(y, n_out=4 * bins)
    kept = np.unique(found.astype(np.int64))
    rest = y[kept[-1] + 1 :]  # M4 may pass over points that share the last x
    if len(rest):
        ends = np.unique([int(rest.argmin()), int(rest.argmax()), len(rest) - 1])
        kept = np.append(kept, kept[-1] + 1 + ends)
    return kept


def _gaps(x: np.ndarray, finite: np.ndarray, stretches: int) -> np.ndarray:
    """Indices of not finite points: where each row of them begins, in each stretch of x the longest one alone."""
    edges = np.diff(np.concatenate([[False], ~finite, [False]]).astype(np.int8))
    firsts, lengths = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    width = (x[-1] - x[0]) / stretches
    if width <= 0 or len(firsts) <= stretches:
        return firsts[:stretches]
    stretch = ((x[firsts] - x[0]) / width).astype(np.int64)
    longest_first = np.lexsort((-lengths, stretch))
    _, chosen = np.unique(stretch[longest_first], return_index=True)
    return firsts[longest_first[chosen]]
