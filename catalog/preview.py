"""Look at a file before anything is stored: format, guessed schema, first rows, a proposed split, and what is odd.

A person corrects the guess; `recast` shows the first rows under the corrected schema without reading the file again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.cast import cast_batch
from catalog.errors import CatalogError
from catalog.infer import guess_schema, split_column, with_date_formats
from catalog.readers import open_source
from catalog.readers.source import Source
from catalog.schema import Schema
from catalog.splits import SplitPlan

GUESS_ROWS = 20_000
GUESS_IMAGES = 48
HEAD_ROWS = 100


@dataclass(frozen=True)
class Preview:
    """What a file holds, before anything is stored."""

    kind: str
    schema: Schema  # guessed; correct it and hand it to `catalog.register.register`
    head: pa.Table  # the first rows in the stored types
    row_count: int
    problems: list[str]  # what a person should look at, as sentences
    description: str  # the format, as it was recognised
    split: SplitPlan  # the split that is proposed
    raw: pa.Table = field(repr=False)  # the rows that were looked at, as they stand in the file
    decimal_comma: bool = False


def preview(source: Path) -> Preview:
    """Look at a file or folder. Raises CatalogError when it cannot be read as data."""
    with told_plainly(source), open_source(source) as opened:
        raw = guessing_rows(opened, source.name)
        schema, split, problems = guess(opened, raw)
        return Preview(
            kind=schema.kind,
            schema=schema,
            head=_cast(raw.slice(0, HEAD_ROWS), schema, opened.decimal_comma),
            row_count=opened.row_count(),
            problems=problems,
            description=opened.description,
            split=split,
            raw=raw,
            decimal_comma=opened.decimal_comma,
        )


def recast(looked: Preview, schema: Schema) -> pa.Table:
    """The first rows as the corrected schema would store them.

    Raises CatalogError naming a value that does not fit, in any of the rows that were looked at.
    """
    return _cast(looked.raw, with_date_formats(schema, looked.raw), looked.decimal_comma).slice(0, HEAD_ROWS)


def guessing_rows(opened: Source, title: str) -> pa.Table:
    """The raw rows that a guess is made from. Raises CatalogError when there is none."""
    raw = opened.head(GUESS_IMAGES if opened.schema else GUESS_ROWS)
    if raw.num_rows == 0:
        raise CatalogError(f"{title} has column names and no rows.", "source")
    return raw


def guess(opened: Source, raw: pa.Table) -> tuple[Schema, SplitPlan, list[str]]:
    """Schema, split and what to look at, from a source and its first rows."""
    if opened.schema is not None:
        schema, problems = opened.schema, _problems_of_labels(raw, opened.schema)
    else:
        schema, problems = guess_schema(raw, opened.decimal_comma)
    return schema, default_split(schema, opened.split_column or split_column(raw)), problems


def default_split(schema: Schema, says_split: str | None = None) -> SplitPlan:
    """The file's own split when it has one, else stratified by class, else random."""
    if says_split is not None:
        return SplitPlan("column", column=says_split)
    if schema.task in ("binary", "multiclass"):
        return SplitPlan("stratified", column=schema.target)
    return SplitPlan("random")


@contextmanager
def told_plainly(source: Path) -> Iterator[None]:
    """Turn an error of the operating system (no permission, gone meanwhile) into a CatalogError."""
    try:
        yield
    except OSError as error:
        raise CatalogError(f"{source} cannot be read: {error.strerror or error}.", "source") from error


def _problems_of_labels(raw: pa.Table, schema: Schema) -> list[str]:
    """Formats that say themselves what their columns are can still hold one class only."""
    labels = pc.unique(raw.column(str(schema.target)))
    if len(labels) > 1:
        return []
    return [f"Every image looked at has the label “{labels[0].as_py()}”: a second class is needed to tell apart."]


def _cast(raw: pa.Table, schema: Schema, decimal_comma: bool) -> pa.Table:
    batches = raw.combine_chunks().to_batches()
    return pa.Table.from_batches([cast_batch(batch, schema, 0, decimal_comma) for batch in batches])
