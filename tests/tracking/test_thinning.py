"""Few points, every extreme: and the moving average is the one it says it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.smoothing import smoothed
from tracking.thinning import thin

POINTS = 40


@st.composite
def long_curves(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Ascending x with equal ones and jumps among them, and y with spikes, NaN and infinities."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(POINTS + 1, 3000))
    steps = random.choice([0.0, 1.0, 1.0, 50.0], size=count) if draw(st.booleans()) else np.ones(count)
    y = random.normal(size=count)
    for value in (1e6, -1e6, np.nan, np.inf, -np.inf):
        y[random.integers(0, count, size=draw(st.integers(0, 4)))] = value
    share = draw(st.sampled_from([0.0, 0.0, 0.5, 1.0]))
    y[random.random(count) < share] = np.nan
    return np.cumsum(steps), y


@settings(max_examples=200, deadline=None)
@given(long_curves())
def test_every_stretch_keeps_its_extremes(curve: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = curve
    kept = thin(x, y, POINTS)
    assert len(kept) <= 1.5 * POINTS + 3
    assert (np.diff(kept) > 0).all()
    finite = np.isfinite(y)
    if not finite.any():
        return
    shown = kept[finite[kept]]
    assert y[shown].max() == y[finite].max()
    assert y[shown].min() == y[finite].min()
    assert {np.flatnonzero(finite)[0], np.flatnonzero(finite)[-1]} <= set(shown.tolist())
    reach = (x[finite][-1] - x[finite][0]) / (POINTS // 4)
    for place in np.flatnonzero(finite):  # what is left out has something as high and as low within a stretch
        near = shown[np.abs(x[shown] - x[place]) <= reach * 1.0001]
        assert y[near].max() >= y[place] >= y[near].min()


@settings(max_examples=100, deadline=None)
@given(long_curves())
def test_gaps_stay_gaps(curve: tuple[np.ndarray, np.ndarray]) -> None:
    """Where a long row of values is not finite, no line is drawn across it."""
    x, y = curve
    y = y.copy()
    middle = len(y) // 2
    y[[middle - 1, middle + len(y) // 4]] = 0.0
    y[middle : middle + len(y) // 4] = np.nan
    kept = thin(x, y, POINTS)
    inside = (kept >= middle) & (kept < middle + len(y) // 4)
    assert inside.any()
    assert np.isnan(y[kept[inside]]).all()


def test_few_points_are_all_kept() -> None:
    assert thin(np.arange(5.0), np.full(5, np.nan), 5).tolist() == [0, 1, 2, 3, 4]
    assert thin(np.empty(0), np.empty(0), 5).tolist() == []
    assert len(thin(np.zeros(100), np.arange(100.0), 8)) <= 8


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")) | st.just(float("inf")), max_size=300),
    st.sampled_from([0.05, 0.5, 0.9, 0.99, 0.9999]),
)
def test_smoothing_is_the_debiased_moving_average(values: list[float], weight: float) -> None:
    expected, above, below = [], 0.0, 0.0
    for value in values:
        if np.isfinite(value):
            above, below = above * weight + value, below * weight + 1
            value = above / below
        expected.append(value)
    np.testing.assert_allclose(smoothed(np.array(values), weight), expected, rtol=1e-6, atol=1e-6)


def test_a_weight_that_forgets_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="weight"):
        smoothed(np.array([1.0, 5.0]), 1.0)
