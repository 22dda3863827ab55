"""One column of raw examples reads the same from an Arrow table and from plain rows, whatever stands in it."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import columns
from features.columns import NO_TIME

FINITE = st.none() | st.floats() | st.integers(-(2**53), 2**53)
TIMES = st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.datetimes()
    | st.times() | st.timedeltas() | st.decimals() | st.complex_numbers() | st.fractions(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)  # fmt: skip


def table_column(values: list[Any], kind: pa.DataType) -> Any:
    return columns.column(pa.table({"a": pa.array(values, kind)}), "a")


@given(st.lists(FINITE))
def test_numbers_of_a_table_and_of_rows_agree(values: list[Any]) -> None:
    from_table, bad = columns.numbers(table_column([None if v is None else float(v) for v in values], pa.float64()))
    from_rows, bad_rows = columns.numbers(values)
    np.testing.assert_array_equal(from_table, from_rows)
    np.testing.assert_array_equal(bad, bad_rows)
    assert not np.isinf(from_rows).any()


@given(st.lists(TIMES))
def test_times_of_a_table_of_rows_and_of_iso_text_agree(values: list[datetime | None]) -> None:
    from_table = columns.times(table_column(values, pa.timestamp("us")))[0]
    np.testing.assert_array_equal(from_table, columns.times(values)[0])
    written = [value.isoformat() if value else None for value in values]
    np.testing.assert_array_equal(from_table, columns.times(written)[0])


@given(st.lists(st.none() | st.text()))
def test_categories_and_texts_of_a_table_and_of_rows_agree(values: list[str | None]) -> None:
    values = [value if value is None else value.encode("utf-8", "replace").decode() for value in values]
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        assert columns.categories(table_column(values, kind)) == columns.categories(values)
        assert columns.texts(table_column(values, kind)) == columns.texts(values) == values


@given(st.lists(ANYTHING, max_size=5))
@settings(max_examples=200)
def test_nothing_that_can_stand_in_a_row_makes_it_fail(values: list[Any]) -> None:
    found, bad = columns.numbers(values)
    assert found.shape == bad.shape == (len(values),)
    moments, not_times = columns.times(values)
    assert (moments[not_times] == NO_TIME).all()
    for label in columns.categories(values):
        assert label is None or label == label.strip() != ""
    for text in columns.texts(values):
        assert text is None or text.encode("utf-8") is not None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([2**62], pa.timestamp("s")),
        ([2**62], pa.timestamp("us")),
        ([2**30], pa.date32()),
        ([2**62], pa.duration("s")),
        ([None, None], pa.null()),
        ([1.5, None], pa.float16()),
        ([True, None], pa.bool_()),
        ([b"\xff", None], pa.binary()),
        ([[1], None], pa.list_(pa.int64())),
        ([{"a": 1}], pa.struct({"a": pa.int64()})),
    ],
    ids=lambda value: str(value) if isinstance(value, pa.DataType) else "",
)
def test_no_arrow_type_makes_it_fail(values: list[Any], kind: pa.DataType) -> None:
    for read in (columns.numbers, columns.times):
        assert len(read(table_column(values, kind))[0]) == len(values)
    for name in (columns.categories, columns.texts):
        assert len(name(table_column(values, kind))) == len(values)


def test_one_and_one_point_zero_are_the_same_category() -> None:
    values = [1, 1.0, "1", " 1 ", np.int64(1), np.float32(1)]
    assert columns.categories(values) == ["1"] * 6
    assert columns.categories(table_column([1, 1], pa.int8())) == ["1", "1"]
    assert columns.categories(table_column([1.0, None, math.nan], pa.float64())) == ["1", None, None]
    assert columns.categories([True, np.bool_(False)]) == ["true", "false"]
    assert columns.categories(["", "  ", None]) == [None, None, None]


def test_what_other_libraries_call_missing_is_missing() -> None:
    import pandas as pd

    empty = [pd.NaT, pd.NA, np.datetime64("NaT"), float("nan"), np.float32("nan"), None]
    found, bad = columns.numbers(empty)
    assert np.isnan(found).all()
    assert not bad.any()
    moments, not_times = columns.times(empty)
    assert (moments == NO_TIME).all()
    assert not not_times.any()
    assert columns.categories(empty) == columns.texts(empty) == [None] * len(empty)


def test_what_cannot_be_read_is_told_apart_from_what_is_missing() -> None:
    values = ["3.5", " 4 ", "abc", "", None, math.inf, date(2020, 1, 1), b"1", 10**400]
    found, bad = columns.numbers(values)
    np.testing.assert_array_equal(found, [3.5, 4.0, *[math.nan] * 7])
    assert bad.tolist() == [False, False, True, False, False, True, True, True, True]


def test_times_are_microseconds_of_utc() -> None:
    noon = datetime(2020, 2, 3, 12, tzinfo=UTC)
    same = [
        noon,
        datetime(2020, 2, 3, 12),
        noon.astimezone(timezone(timedelta(hours=-3))),
        "2020-02-03T12:00:00",
        "2020-02-03T09:00:00-03:00",
    ]
    assert set(columns.times(same)[0]) == {int(noon.timestamp() * 1e6)}
    lisbon = table_column([noon], pa.timestamp("ns", tz="Europe/Lisbon"))
    assert columns.times(lisbon)[0].tolist() == [int(noon.timestamp() * 1e6)]


def test_a_format_reads_dates_that_are_not_iso() -> None:
    found, bad = columns.times(["03/02/2020", "2020-02-03", "31/31/2020", 7], "%d/%m/%Y")
    assert found[0] == found[1] == columns.times([date(2020, 2, 3)])[0][0]
    assert bad.tolist() == [False, False, True, True]


@pytest.mark.parametrize("values", [[5.0, 5.0], [0.1] * 7, [0.0]], ids=["equal", "rounding", "zero"])
def test_the_spread_of_a_constant_is_one(values: list[float]) -> None:
    assert columns.spread(np.array(values))[1] == 1.0


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_spread_is_finite_and_positive_for_any_finite_values(values: list[float]) -> None:
    mean, deviation = columns.spread(np.array(values))
    assert math.isfinite(mean)
    assert math.isfinite(deviation)
    assert deviation > 0


def test_spread_sees_small_values() -> None:
    values = np.array([1e-14, 3e-14])
    assert columns.spread(values) == pytest.approx((2e-14, 1e-14))


def test_a_column_that_is_not_there_is_missing() -> None:
    for examples in (pa.table({"b": [1, 2]}), [{"b": 1}, {"b": 2}]):
        assert np.isnan(columns.numbers(columns.column(examples, "a"))[0]).all()
        assert columns.categories(columns.column(examples, "a")) == [None, None]
