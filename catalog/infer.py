"""Guess a schema from the first rows of raw data: types, roles, target and task. A person corrects it afterwards."""

import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from catalog.cast import (
    COMMA_NUMBER,
    PLAIN_NUMBER,
    POINT_THOUSANDS,
    as_text,
    guess_date_format,
    holds_bytes,
    plain_numbers,
    without_missing,
)
from catalog.schema import Column, Schema, Task
from catalog.splits import SPELLINGS

TARGET_NAMES = (
    "target", "label", "labels", "class", "classe", "rótulo", "rotulo", "y", "sentiment", "sentimento", "outcome",
    "category", "categoria", "quality", "price", "preço", "preco",
)  # fmt: skip
ID_NAME = re.compile(
    r"(^|_)(id|uuid|index|row|file|filename|path)$|^(Unnamed: ?\d+|column_1|__index_level_\d+__)$", re.IGNORECASE
)
MOST_CLASSES_OF_NUMBERS = 20
MOSTLY = 0.9
MANY_LINES = 100  # in one value: more likely a quote that is never closed
IMAGE_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*")


def has_decimal_comma(head: pa.Table) -> bool:
    """Whether numbers are written 1.234,5: some column is all such numbers, and not all look like 1,234."""
    for column in head.columns:
        texts = _texts(column)
        if texts is None or not len(texts):
            continue
        with_comma = texts.filter(pc.match_substring(texts, ","))
        if not len(with_comma) or not pc.all(pc.match_substring_regex(texts, COMMA_NUMBER)).as_py():
            continue
        if not pc.all(pc.match_substring_regex(with_comma, POINT_THOUSANDS)).as_py():
            return True
    return False


def guess_schema(head: pa.Table, decimal_comma: bool = False) -> tuple[Schema, list[str]]:
    """A schema for the rows that ``head`` begins, and what a person should look at, as sentences."""
    problems: list[str] = []
    columns = [_guess_column(name, head.column(name), decimal_comma, problems) for name in head.column_names]
    has_text_or_image = any(column.type in ("text", "image") and column.role == "feature" for column in columns)
    target = _guess_target(columns)
    if target is None:
        problems.append("No target was recognised: choose the column that is to be predicted.")
        return Schema(tuple(columns)), problems
    if has_text_or_image:
        columns = [
            replace(c, role="ignore") if c.type not in ("text", "image") and c.name != target else c for c in columns
        ]
    task = guess_task(head.column(target), next(c for c in columns if c.name == target), decimal_comma)
    return Schema(tuple(columns)).with_target(target, task), problems


def guess_task(raw: pa.ChunkedArray, column: Column, decimal_comma: bool = False) -> Task:
    """What predicting the column would be: a few different values make classes, many numbers make a regression."""
    texts = without_missing(as_text(raw.combine_chunks()))
    distinct = pc.count_distinct(texts, mode="only_valid").as_py()
    if column.type == "number":
        numbers = plain_numbers(texts, decimal_comma).cast(pa.float64())
        whole = pc.all(pc.equal(numbers, pc.floor(numbers))).as_py()
        if not whole or distinct > MOST_CLASSES_OF_NUMBERS:
            return "regression"
    return "binary" if distinct <= 2 else "multiclass"


def _guess_column(name: str, raw: pa.ChunkedArray, decimal_comma: bool, problems: list[str]) -> Column:
    kind = raw.type
    if _holds_images(raw):
        return Column(name, "image")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Column(name, "date")
    if pa.types.is_boolean(kind) or pa.types.is_dictionary(kind):
        return Column(name, "category")
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Column(name, "number")
    if pa.types.is_nested(kind) or holds_bytes(kind):
        problems.append(f"Column “{name}” holds {kind}, which is set aside.")
        return Column(name, "text", "ignore")
    texts = without_missing(as_text(raw.combine_chunks())).drop_null()
    if not len(texts):
        problems.append(f"Column “{name}” has no value in the first {len(raw)} rows and is set aside.")
        return Column(name, "category", "ignore")
    if pc.count_distinct(texts).as_py() == 1 and len(texts) == len(raw) > 1:
        problems.append(f"Column “{name}” has the same value in every row looked at (“{_short(texts[0].as_py())}”).")
    lines = pc.max(pc.count_substring(texts, "\n")).as_py()
    if lines > MANY_LINES:
        problems.append(f"A value of the column “{name}” goes over {lines:,} lines: is a quote never closed there?")
    return _guess_from_texts(name, texts, decimal_comma, problems)


def _guess_from_texts(name: str, texts: pa.Array, decimal_comma: bool, problems: list[str]) -> Column:
    distinct = pc.count_distinct(texts).as_py()
    numeric = pc.match_substring_regex(plain_numbers(texts, decimal_comma), PLAIN_NUMBER)
    share = pc.mean(numeric.cast(pa.int8())).as_py()
    if share == 1:
        return _number_or_id(name, texts, distinct)
    date_format = guess_date_format(texts)
    if date_format is not None:
        return Column(name, "date", format=date_format)
    if share >= MOSTLY:
        odd = texts.filter(pc.invert(numeric))
        problems.append(
            f"Column “{name}” mixes numbers with text: {len(odd)} of {len(texts)} values are not numbers, such as "
            f"“{_short(odd[0].as_py())}”. It is taken as a category."
        )
        return Column(name, "category")
    words = pc.mean(pc.count_substring(texts, " ")).as_py() + 1
    if words >= 3.5 and distinct > min(20, len(texts) / 4):
        return Column(name, "text")
    if distinct == len(texts) >= 20:
        return Column(name, "text", "ignore") if words > 1.5 else Column(name, "id", "ignore")
    return Column(name, "category", "ignore" if len(texts) >= 50 and distinct > len(texts) / 2 else "feature")


def _number_or_id(name: str, texts: pa.Array, distinct: int) -> Column:
    whole = pc.all(pc.match_substring_regex(texts, r"^\d+$")).as_py()
    if ID_NAME.search(name) and distinct == len(texts) and whole:
        return Column(name, "id", "ignore")
    return Column(name, "number")


def _guess_target(columns: list[Column]) -> str | None:
    usable = [c for c in columns if c.type in ("number", "category") and c.role != "ignore"]
    names = {column.name.strip().lower(): column.name for column in usable}
    for name in TARGET_NAMES:
        if name in names:
            return names[name]
    last = columns[-1] if columns else None
    return last.name if last in usable and len(columns) > 1 else None


def with_date_formats(schema: Schema, head: pa.Table) -> Schema:
    """The schema with a format for each date column that has none and whose texts are not ISO 8601."""
    columns = []
    for column in schema.columns:
        if column.type == "date" and not column.format and column.name in head.column_names:
            texts = _texts(head.column(column.name))
            column = replace(column, format=(guess_date_format(texts) if texts is not None else "") or "")
        columns.append(column)
    return replace(schema, columns=tuple(columns))


def split_column(head: pa.Table) -> str | None:
    """The column that already says train, validation or test in every row, if there is one."""
    for name in head.column_names:
        texts = _texts(head.column(name))
        if texts is None or name.strip().lower() not in ("split", "partition", "subset", "fold", "set"):
            continue
        values = {value.lower() for value in pc.unique(texts).to_pylist()}
        if len(values) > 1 and values <= set(SPELLINGS):
            return name
    return None


def _texts(column: pa.ChunkedArray) -> pa.Array | None:
    """The trimmed values of a raw text column; None when it is of another type."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return None
    return without_missing(column.combine_chunks().cast(pa.string())).drop_null()


def _holds_images(raw: pa.ChunkedArray) -> bool:
    kind = raw.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        raw = pc.struct_field(raw, "bytes")
    if not holds_bytes(raw.type):
        return False
    first = raw.slice(0, 50).drop_null().to_pylist()
    return bool(first) and all(value.startswith(IMAGE_SIGNATURES) for value in first)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
