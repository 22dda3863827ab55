"""Labels become numbers and come back."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import FeaturesError
from features.targets import Target


def labels(*values: Any) -> pa.Table:
    return pa.table({"label": pa.array(values)})


def test_classes_follow_the_schema_or_their_natural_order() -> None:
    assert Target.fit(labels("b", "a", "b"), "label", "binary").classes == ("a", "b")
    assert Target.fit(labels("10", "9", "2"), "label", "multiclass").classes == ("2", "9", "10")
    given_order = Target.fit(labels("b", "a", "b"), "label", "multiclass", ("b", "c", "a"))
    assert given_order.classes == ("b", "c", "a")
    assert given_order.class_counts == (2, 0, 1)


def test_a_label_that_is_missing_or_unknown_is_minus_one() -> None:
    target = Target.fit(labels("a", "b"), "label", "binary")
    codes = target.encode([{"label": "b"}, {"label": "a"}, {"label": "z"}, {"label": None}, {}])
    assert codes.tolist() == [1, 0, -1, -1, -1]
    assert codes.dtype == np.int64


def test_numbers_as_classes_match_however_they_are_written() -> None:
    target = Target.fit(labels(1, 2, 3), "label", "multiclass")
    assert target.encode([{"label": "2"}, {"label": 2.0}, {"label": 2}]).tolist() == [1, 1, 1]


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20))
def test_values_are_standardised_and_restored(values: list[float]) -> None:
    target = Target.fit(pa.table({"label": values}), "label", "regression")
    standard = target.encode(pa.table({"label": values}))
    assert standard.dtype == np.float32
    tolerance = 1e-6 * max(abs(value) for value in values) + 1e-30
    np.testing.assert_allclose(target.restore(standard), values, rtol=1e-5, atol=tolerance)


def test_a_value_that_is_missing_or_no_number_is_nan() -> None:
    target = Target.fit(pa.table({"label": [1.0, 3.0]}), "label", "regression")
    standard = target.encode([{"label": 2.0}, {"label": None}, {"label": "much"}, {"label": math.inf}, {}])
    np.testing.assert_array_equal(standard, np.array([0, *[np.nan] * 4], dtype=np.float32))


def test_a_value_too_large_for_32_bits_is_no_usable_target() -> None:
    target = Target.fit(pa.table({"label": [1.0, 3.0]}), "label", "regression")
    assert not np.isfinite(target.encode([{"label": 1e300}])).any()


def test_a_constant_target_does_not_divide_by_nearly_zero() -> None:
    target = Target.fit(pa.table({"label": [0.1] * 7}), "label", "regression")
    assert target.deviation == 1.0


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_outputs_bring_the_target_back(task: Any) -> None:
    table = pa.table({"label": [1.5, 2.5, 2.5]}) if task == "regression" else labels("a", "b", "b")
    target = Target.fit(table, "label", task)
    assert Target.from_outputs(target.outputs()) == target
    assert target.outputs()["task"] == task


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_nothing_to_learn_from_is_an_error_that_says_what_to_do(task: Any) -> None:
    empty = pa.table({"label": pa.array([None, None], pa.float64() if task == "regression" else pa.string())})
    with pytest.raises(FeaturesError, match="choose another"):
        Target.fit(empty, "label", task)
