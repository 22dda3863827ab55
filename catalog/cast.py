"""Raw columns become stored columns: one Arrow type for each column type, missing values as nulls.

Stored types: number = float64, date = timestamp[us], category, text and id = string, image = binary.
Knows no file; a row in a message is counted from 1.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CatalogError
from catalog.schema import Column, Schema

STORED: dict[str, pa.DataType] = {
    "number": pa.float64(),
    "category": pa.string(),
    "date": pa.timestamp("us"),
    "text": pa.string(),
    "id": pa.string(),
    "image": pa.binary(),
}
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A", "?", "-")
DATE_FORMATS = (
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d",
)
PLAIN_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
DATE_SHAPE = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}.*)?$"
POINT_THOUSANDS = r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$"
COMMA_NUMBER = r"^[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"


def stored_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of the file that holds a version."""
    return pa.schema([(column.name, STORED[column.type]) for column in schema.columns])


def cast_batch(batch: pa.RecordBatch, schema: Schema, first_row: int, decimal_comma: bool = False) -> pa.RecordBatch:
    """A raw batch in the stored types, with the schema's columns alone and in its order.

    ``first_row`` is the number of rows before the batch. Raises CatalogError naming column, row and value.
    """
    arrays = []
    for column in schema.columns:
        if column.name not in batch.schema.names:
            raise CatalogError(
                f"The column “{column.name}” is not in the file, which has: {', '.join(batch.schema.names[:20])}.",
                "columns",
            )
        arrays.append(cast_column(batch.column(column.name), column, first_row, decimal_comma))
    return pa.record_batch(arrays, schema=stored_schema(schema))


def cast_column(raw: pa.Array, column: Column, first_row: int = 0, decimal_comma: bool = False) -> pa.Array:
    """One raw column in its stored type."""
    convert: dict[str, Callable[[], pa.Array]] = {
        "number": lambda: _numbers(raw, column, first_row, decimal_comma),
        "date": lambda: _dates(raw, column, first_row),
        "category": lambda: without_missing(as_text(raw)),
        "text": lambda: _without_empty(as_text(raw)),
        "id": lambda: _without_empty(as_text(raw)),
        "image": lambda: _images(raw, column),
    }
    return convert[column.type]()


def as_text(raw: pa.Array) -> pa.Array:
    """Any raw column as strings; whole floats have no “.0”, lists and structs become JSON-like text."""
    kind = raw.type
    if pa.types.is_dictionary(kind):
        return as_text(raw.dictionary_decode())
    if pa.types.is_string(kind):
        return raw
    if pa.types.is_boolean(kind):
        return pc.if_else(raw, "true", "false")
    if pa.types.is_floating(kind):
        return _floats_as_text(raw)
    if pa.types.is_nested(kind) or holds_bytes(kind):
        return pa.array([None if value is None else str(value) for value in raw.to_pylist()], pa.string())
    return raw.cast(pa.string())


def _floats_as_text(raw: pa.Array) -> pa.Array:
    """Each value by itself, so that the same number has the same text in every batch; NaN and infinity are missing."""
    if pa.types.is_float16(raw.type):
        raw = raw.cast(pa.float32())
    raw = pc.if_else(pc.is_finite(raw), raw, None)
    numbers = raw.cast(pa.float64())
    whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), 2.0**53))
    return pc.if_else(whole, pc.if_else(whole, numbers, 0.0).cast(pa.int64()).cast(pa.string()), raw.cast(pa.string()))


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's kinds of raw bytes."""
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def without_missing(texts: pa.Array) -> pa.Array:
    """Trimmed strings, with the usual spellings of “no value” as nulls."""
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.is_in(texts, _missing()), None, texts)


@lru_cache(maxsize=1)
def _missing() -> pa.Array:
    """Not made at import: the first array that is made from a list imports pandas, which takes a second."""
    return pa.array(MISSING, pa.string())


def plain_numbers(texts: pa.Array, decimal_comma: bool) -> pa.Array:
    """Trimmed number texts in the spelling that a cast reads: no thousands mark, a point before decimals."""
    if decimal_comma:
        comma = pc.match_substring_regex(texts, COMMA_NUMBER)
        swapped = pc.replace_substring(pc.replace_substring(texts, ".", ""), ",", ".")
        return pc.if_else(comma, swapped, texts)
    grouped = pc.match_substring_regex(texts, POINT_THOUSANDS)
    return pc.if_else(grouped, pc.replace_substring(texts, ",", ""), texts)


def parse_dates(texts: pa.Array, date_format: str) -> pa.Array:
    """Date texts by a strptime format, or ISO 8601 when it is empty; raises pa.ArrowInvalid on the first misfit."""
    if date_format:
        return pc.strptime(texts, format=date_format, unit="us", error_is_null=False)
    try:
        return texts.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return texts.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us"))


def _without_empty(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)


def _numbers(raw: pa.Array, column: Column, first_row: int, decimal_comma: bool) -> pa.Array:
    if pa.types.is_integer(raw.type) or pa.types.is_floating(raw.type) or pa.types.is_decimal(raw.type):
        numbers = raw.cast(pa.float64(), safe=False)
    elif pa.types.is_boolean(raw.type):
        numbers = raw.cast(pa.int8()).cast(pa.float64())
    else:
        numbers = _parsed_numbers(as_text(raw), column, first_row, decimal_comma)
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    infinite = pc.is_inf(numbers)
    if pc.any(infinite).as_py():
        row = first_row + pc.index(infinite, True).as_py() + 1
        raise CatalogError(
            f"Column “{column.name}”, row {row}: the value is infinite, which no model can use. Correct or empty it.",
            "columns",
        )
    return numbers


def _parsed_numbers(texts: pa.Array, column: Column, first_row: int, decimal_comma: bool) -> pa.Array:
    texts = without_missing(texts)
    plain = plain_numbers(texts, decimal_comma)
    try:
        return plain.cast(pa.float64())
    except pa.ArrowInvalid as error:
        bad = pc.invert(pc.fill_null(pc.match_substring_regex(plain, PLAIN_NUMBER), True))
        raise CatalogError(_misfit(column, "a number", bad, texts, first_row), "columns") from error


def _dates(raw: pa.Array, column: Column, first_row: int) -> pa.Array:
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        return raw.cast(pa.timestamp("us", getattr(raw.type, "tz", None)), safe=False).cast(pa.timestamp("us"))
    texts = without_missing(as_text(raw))
    try:
        return parse_dates(texts, column.format)
    except pa.ArrowInvalid as error:
        bad = pa.array([_no_date(text, column.format) for text in texts.to_pylist()])
        raise CatalogError(_misfit(column, "a date", bad, texts, first_row), "columns") from error


def guess_date_format(texts: pa.Array) -> str | None:
    """The format that reads every non-null text: empty for ISO 8601, None when there is none. Day comes first."""
    present = texts.drop_null()
    if not len(present) or not pc.all(pc.match_substring_regex(present, DATE_SHAPE)).as_py():
        return None
    for date_format in ("", *DATE_FORMATS):
        try:
            parse_dates(present, date_format)
        except pa.ArrowInvalid:
            continue
        return date_format
    return None


def _no_date(text: str | None, date_format: str) -> bool:
    if text is None:
        return False
    try:
        parse_dates(pa.array([text]), date_format)
    except pa.ArrowInvalid:
        return True
    return False


def _images(raw: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_struct(raw.type) and raw.type.get_field_index("bytes") >= 0:
        raw = pc.struct_field(raw, "bytes")
    if holds_bytes(raw.type):
        raw = raw.cast(pa.binary())
    if not pa.types.is_binary(raw.type):
        raise CatalogError(f"Column “{column.name}” holds no image files ({raw.type}).", "columns")
    return raw


def _misfit(column: Column, wanted: str, bad: pa.Array, texts: pa.Array, first_row: int) -> str:
    index = pc.index(bad, True).as_py()
    value: Any = texts[index].as_py() if index >= 0 else "?"
    count = pc.sum(bad).as_py() or 1
    shown = value if len(str(value)) <= 60 else f"{str(value)[:60]}…"
    others = f" ({count - 1} more like it nearby)" if count > 1 else ""
    return (
        f"Column “{column.name}”, row {first_row + index + 1}: “{shown}” is not {wanted}{others}. "
        "Correct the file, or choose another type for the column."
    )
