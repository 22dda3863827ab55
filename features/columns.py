"""Reading one column of raw examples: the same values from an Arrow table and from plain rows.

Arrow columns take a vectorised way; rows and odd types are read value by value. Both ways agree to the bit, which is
what keeps training (tables) and serving (rows) alike.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Examples: TypeAlias = pa.Table | Sequence[Mapping[str, Any]]
"""A batch of raw examples: an Arrow table, or rows as plain mappings. A column that is not there counts as missing."""

NO_TIME = np.iinfo(np.int64).min
"""Stands for a missing time."""

Column: TypeAlias = pa.ChunkedArray | list[Any]


def count(examples: Examples) -> int:
    """How many examples a batch has."""
    return examples.num_rows if isinstance(examples, pa.Table) else len(examples)


def column(examples: Examples, name: str) -> Column:
    """One column; all missing when the examples do not have it."""
    if isinstance(examples, pa.Table):
        if name not in examples.column_names:
            return [None] * examples.num_rows
        values = examples.column(name)
        return pc.cast(values, values.type.value_type) if pa.types.is_dictionary(values.type) else values
    return [row.get(name) for row in examples]


def numbers(values: Column) -> tuple[np.ndarray, np.ndarray]:
    """A column as numbers.

    Returns:
        float64 ``(examples,)`` with NaN where there is none, and bool ``(examples,)``: there was something unreadable.
    """
    if isinstance(values, pa.ChunkedArray) and _is_numeric(values.type):
        found = np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(), dtype=np.float64).copy()
        bad = np.isinf(found)
    else:
        read = [_number(value) for value in plain(values)]
        found = np.array([number for number, _ in read], dtype=np.float64)
        bad = np.array([wrong for _, wrong in read], dtype=bool)
    found[bad] = np.nan
    return found, bad


def times(values: Column, text_format: str = "") -> tuple[np.ndarray, np.ndarray]:
    """A column as times. Text is in the given `datetime.strptime` format, or ISO 8601.

    Returns:
        int64 ``(examples,)`` microseconds since 1970 UTC with `NO_TIME` where there is none, and bool ``(examples,)``:
        there was something unreadable.
    """
    if isinstance(values, pa.ChunkedArray) and (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        unit = pa.timestamp("us", tz=values.type.tz if pa.types.is_timestamp(values.type) else None)
        moments = pc.cast(pc.cast(values, unit, safe=False), pa.int64())
        return moments.fill_null(NO_TIME).to_numpy().astype(np.int64), np.zeros(len(values), dtype=bool)
    read = [_time(value, text_format) for value in plain(values)]
    return np.array([moment for moment, _ in read], dtype=np.int64), np.array([bad for _, bad in read], dtype=bool)


def categories(values: Column) -> list[str | None]:
    """A column as category names; None where missing. ``1``, ``1.0`` and ``"1"`` are the same category."""
    return _by_unique(values, category)


def texts(values: Column) -> list[str | None]:
    """A column as clean text; None where missing."""
    return [_text(value) for value in plain(values)]


def spread(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of finite float64 values; 1.0 stands for the deviation of a constant."""
    largest = float(np.abs(values).max())
    scale = max(1.0, largest / 1e150)  # squares of larger values would overflow
    mean, deviation = float((values / scale).mean()) * scale, float((values / scale).std()) * scale
    return mean, deviation if deviation > 1e-12 * largest else 1.0


def plain(values: Column) -> list[Any]:
    """The column's values as Python objects."""
    if not isinstance(values, pa.ChunkedArray):
        return values
    if pa.types.is_timestamp(values.type) and values.type.unit == "ns":
        values = pc.cast(values, pa.timestamp("us", tz=values.type.tz), safe=False)
    try:
        found: list[Any] = values.to_pylist()
    except (OverflowError, ValueError):  # a time that Python's own types cannot hold
        found = [_as_python(scalar) for scalar in values]
    return found


def is_missing(value: Any) -> bool:
    """Whether a value stands for nothing: None, NaN, or the NaT and NA of other libraries."""
    if value is None or isinstance(value, str | bytes):
        return value is None
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return type(value).__name__ in ("NaTType", "NAType") or (isinstance(value, np.datetime64) and bool(np.isnat(value)))


def category(value: Any) -> str | None:
    """The name of one category, or None when the value is missing."""
    if is_missing(value):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        value = int(value) if math.isfinite(value) and value == int(value) else float(value)
    name = _text(value)
    return name.strip() or None if name is not None else None


def _by_unique(values: Column, read: Callable[[Any], str | None]) -> list[str | None]:
    if isinstance(values, pa.ChunkedArray) and not pa.types.is_nested(values.type) and len(values):
        coded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        names = np.array([*map(read, plain(pa.chunked_array([coded.dictionary]))), None], dtype=object)
        found: list[str | None] = names[coded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)].tolist()
        return found
    return [read(value) for value in plain(values)]


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _as_python(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return scalar.cast(pa.string()).as_py()


def _number(value: Any) -> tuple[float, bool]:
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        return math.nan, False
    if isinstance(value, date | bytes | bytearray | memoryview):
        return math.nan, True
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan, True
    return number, math.isinf(number)


def _time(value: Any, text_format: str) -> tuple[int, bool]:
    if is_missing(value):
        return NO_TIME, False
    if isinstance(value, str):
        if not value.strip():
            return NO_TIME, False
        try:
            value = _moment(value.strip(), text_format)
        except (ValueError, OverflowError):
            return NO_TIME, True
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds, False
    if isinstance(value, date):
        return (value.toordinal() - date(1970, 1, 1).toordinal()) * 86_400_000_000, False
    return NO_TIME, True


def _moment(text: str, text_format: str) -> datetime:
    if text_format:
        with suppress(ValueError):
            return datetime.strptime(text, text_format)
    return datetime.fromisoformat(text)


def _text(value: Any) -> str | None:
    if is_missing(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value).encode("utf-8", "replace").decode("utf-8")
