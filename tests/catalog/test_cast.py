"""From raw columns to stored ones: what is kept, what counts as missing, and what is refused with its row."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.cast import STORED, as_text, cast_batch, cast_column
from catalog.errors import CatalogError
from catalog.schema import COLUMN_TYPES, Column, ColumnType, Schema

finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"), max_size=30)


def cast(values: list[object], kind: ColumnType, **facts: object) -> list[object]:
    return cast_column(pa.array(values), Column("x", kind, **facts)).to_pylist()


@given(st.lists(st.none() | finite, min_size=1))
def test_numbers_survive_their_way_through_a_text_file(numbers: list[float | None]) -> None:
    written = [None if number is None else repr(number) for number in numbers]

    assert cast_column(pa.array(written, pa.string()), Column("x", "number")).to_pylist() == numbers


@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), min_size=1))
def test_iso_dates_survive(moments: list[dt.datetime]) -> None:
    assert cast([moment.isoformat() for moment in moments], "date") == moments


@given(st.lists(st.none() | texts, min_size=1))
def test_texts_are_kept_to_the_letter_and_blank_ones_are_missing(values: list[str | None]) -> None:
    kept = cast_column(pa.array(values, pa.string()), Column("x", "text")).to_pylist()

    assert kept == [value if value is not None and _is_written(value) else None for value in values]


def _is_written(value: str) -> bool:
    """By Unicode's white space, which is not quite Python's."""
    return bool(value.strip().strip("\x1c\x1d\x1e\x1f")) or any(letter in value for letter in "\x1c\x1d\x1e\x1f")


@settings(max_examples=60)
@given(
    st.lists(st.none() | finite | st.integers(-(2**60), 2**60).map(float), min_size=2, max_size=30),
    st.sampled_from(COLUMN_TYPES),
    st.data(),
)
def test_batches_may_be_cut_anywhere(numbers: list[float | None], kind: ColumnType, data: st.DataObject) -> None:
    """The same rows give the same stored rows, however they came."""
    if kind in ("date", "image"):
        return
    schema = Schema((Column("x", kind),))
    whole = pa.RecordBatch.from_pydict({"x": pa.array(numbers, pa.float64())})
    cut = data.draw(st.integers(1, len(numbers) - 1))

    at_once = cast_batch(whole, schema, 0)
    parts = [cast_batch(whole.slice(0, cut), schema, 0), cast_batch(whole.slice(cut), schema, cut)]

    assert pa.Table.from_batches(parts).to_pylist() == at_once.to_pylist()
    assert at_once.schema.field("x").type == STORED[kind]


@pytest.mark.parametrize("spelling", ["", "  ", "NA", "n/a", "NaN", "null", "?", "-", "#N/A", None])
def test_the_usual_spellings_of_no_value(spelling: str | None) -> None:
    assert cast([spelling, "1"], "number") == [None, 1.0]
    assert cast([spelling, " a "], "category") == [None, "a"]


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        ([1, 2], [1.0, 2.0]),
        ([True, False], [1.0, 0.0]),
        ([1.5, float("nan")], [1.5, None]),
        (["1,234.5", " 7 "], [1234.5, 7.0]),
        ([b"1", b"2"], None),
    ],
)
def test_what_becomes_a_number(values: list[object], stored: list[float | None] | None) -> None:
    if stored is None:
        with pytest.raises(CatalogError):
            cast(values, "number")
    else:
        assert cast(values, "number") == stored


def test_a_decimal_comma() -> None:
    column = cast_column(pa.array(["1.234,5", "7", "-0,25"]), Column("x", "number"), decimal_comma=True)

    assert column.to_pylist() == [1234.5, 7.0, -0.25]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_whole_floats_are_written_as_classes_are(kind: pa.DataType) -> None:
    values = pa.array(np.array([0, 1, -2], dtype=np.float64)).cast(kind, safe=False)

    assert as_text(values).to_pylist() == ["0", "1", "-2"]


def test_floats_as_text_keep_their_own_precision() -> None:
    assert as_text(pa.array([0.1, 3.0, 1e300, np.nan, np.inf, None], pa.float64())).to_pylist() == [
        "0.1", "3", "1e+300", None, None, None,
    ]  # fmt: skip
    assert as_text(pa.array([np.float32(0.1), np.float32(16_777_216)])).to_pylist() == ["0.1", "16777216"]


@pytest.mark.parametrize(
    ("values", "kind", "facts", "words"),
    [
        (["1", "oops", "also"], "number", {}, "row 12: “oops” is not a number \\(1 more like it"),
        (["1", "inf"], "number", {}, "row 12: the value is infinite"),
        ([1.0, float("inf")], "number", {}, "row 12: the value is infinite"),
        (["1", "1e999"], "number", {}, "row 12: the value is infinite"),
        (["2024-01-01", "2024-13-01"], "date", {}, "row 12: “2024-13-01” is not a date"),
        (["31/12/2024", "12/31/2024"], "date", {"format": "%d/%m/%Y"}, "row 12: “12/31/2024” is not a date"),
        (["a", "b"], "image", {}, "holds no image files"),
        (["1", "x" * 500], "number", {}, "row 12: “x{60}…” is not"),
    ],
)
def test_what_does_not_fit_is_named_with_its_row(
    values: list[object], kind: ColumnType, facts: dict[str, str], words: str
) -> None:
    with pytest.raises(CatalogError, match=words) as caught:
        cast_column(pa.array(values), Column("x", kind, **facts), first_row=10)
    assert caught.value.field == "columns"


def test_dates_of_other_types_and_zones() -> None:
    zoned = pa.array([dt.datetime(2024, 7, 1, 12)]).cast(pa.timestamp("ns", "UTC"))

    assert cast_column(zoned, Column("x", "date")).to_pylist() == [dt.datetime(2024, 7, 1, 12)]
    assert cast([dt.date(2024, 7, 1)], "date") == [dt.datetime(2024, 7, 1)]
    assert cast(["2024-07-01T12:00:00+02:00"], "date") == [dt.datetime(2024, 7, 1, 10)]


def test_a_missing_column_is_said_with_those_there_are() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1], "b": [2]})

    with pytest.raises(CatalogError, match="“x” is not in the file, which has: a, b"):
        cast_batch(batch, Schema((Column("x", "number"),)), 0)
