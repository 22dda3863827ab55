"""From a file to an immutable version: look at it first (`preview`), then store it (`register`).

Everything is read as a stream, a few thousand rows at a time. The database is touched only at the very end, so that a
long registration holds no lock.
"""

import getpass
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from db.rows import VersionRow

from catalog import objects
from catalog.cast import cast_batch
from catalog.errors import CatalogError
from catalog.infer import guess_schema, split_column
from catalog.readers import open_source
from catalog.readers.source import Source
from catalog.schema import Schema, check, sort_classes
from catalog.splits import SplitPlan, assign_codes, split_counts
from catalog.versions import NAME, OpenVersion, write_version_file
from catalog.writer import Facts, write_parquet
from db import datasets
from db.engine import Session

Progress = Callable[[float, str], None]  # share done (0 to 1) and what is being done

GUESS_ROWS = 20_000
GUESS_IMAGES = 48
HEAD_ROWS = 100
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Preview:
    """What a file holds, before anything is stored."""

    kind: str
    schema: Schema  # guessed; correct it and hand it to `register`
    head: pa.Table  # the first rows in the stored types
    row_count: int
    problems: list[str]  # what a person should look at, as sentences
    description: str  # the format, as it was recognised
    split: SplitPlan  # the split that is proposed


@dataclass(frozen=True)
class Stored:
    """A content on disk that no version names yet."""

    schema: Schema
    content_hash: str
    row_count: int
    size_bytes: int
    split: dict[str, Any]  # the plan with its counts
    split_file: str


def preview(source: Path) -> Preview:
    """Look at a file or folder: format, guessed schema, first rows, what to look at. Raises CatalogError."""
    with open_source(source) as opened:
        raw = opened.head(GUESS_IMAGES if opened.schema else GUESS_ROWS)
        if raw.num_rows == 0:
            raise CatalogError(f"{source.name} has column names and no rows.", "source")
        schema, problems = _schema_of(opened, raw)
        batch = raw.slice(0, HEAD_ROWS).combine_chunks().to_batches()[0]
        head = pa.Table.from_batches([cast_batch(batch, schema, 0, opened.decimal_comma)])
        row_count = opened.row_count()
        plan = default_split(schema, opened.split_column or split_column(raw))
        return Preview(schema.kind, schema, head, row_count, problems, opened.description, plan)


def register(
    session: Session,
    source: Path,
    *,
    name: str,
    sheet: Mapping[str, Any],
    schema: Schema | None = None,
    split: SplitPlan | None = None,
    note: str = "",
    who: str = "",
    progress: Progress | None = None,
) -> VersionRow:
    """Store a file or folder as the next version of the dataset ``name`` and make it openable.

    Without ``schema`` or ``split`` they are guessed. The same content, schema and split give the version that is
    already there. Raises CatalogError; then nothing is left behind.
    """
    check_name(name)
    stored = store(source, schema=schema, split=split, progress=progress)
    return publish(session, stored, name=name, sheet=sheet, note=note, who=who)


def store(
    source: Path, *, schema: Schema | None = None, split: SplitPlan | None = None, progress: Progress | None = None
) -> Stored:
    """Write the content of a file or folder into the data folder. The long part of `register`; no database."""
    with open_source(source) as opened:
        if schema is None or split is None:
            raw = opened.head(GUESS_IMAGES if opened.schema else GUESS_ROWS)
            guessed = schema is None
            schema = schema or _schema_of(opened, raw)[0]
            split = split or default_split(schema, opened.split_column or split_column(raw))
        else:
            guessed = False
        return store_batches(_cast(opened, schema, progress), schema, split, task_is_guessed=guessed, title=source.name)


def store_batches(
    batches: Iterator[pa.RecordBatch], schema: Schema, split: SplitPlan, *, task_is_guessed: bool, title: str
) -> Stored:
    """Write batches in the stored types as a content with its split."""
    check(schema)
    with objects.incoming() as folder:
        facts = write_parquet(batches, schema, folder / objects.DATA_FILE)
        if facts.rows == 0:
            raise CatalogError(f"{title} has no rows.", "source")
        complete = _completed(schema, facts, task_is_guessed)
        codes = _split_codes(folder / objects.DATA_FILE, complete, split)
        size_bytes = (folder / objects.DATA_FILE).stat().st_size
        content_hash = objects.publish(folder)
        split_file = objects.write_split(content_hash, codes)
    described = split.to_dict() | {"counts": split_counts(codes)}
    return Stored(complete, content_hash, facts.rows, size_bytes, described, split_file)


def publish(
    session: Session, stored: Stored, *, name: str, sheet: Mapping[str, Any], note: str = "", who: str = ""
) -> VersionRow:
    """Give a stored content a name and a number: one short write to the database, one small file."""
    check_name(name)
    row = datasets.add_version(
        session,
        name=name,
        kind=stored.schema.kind,
        sheet=dict(sheet),
        content_hash=stored.content_hash,
        row_count=stored.row_count,
        size_bytes=stored.size_bytes,
        schema=stored.schema.to_dict(),
        split=stored.split,
        note=note,
        created_by=who or getpass.getuser(),
    )
    version = OpenVersion(
        ref=f"{name}@{row.number}",
        kind=stored.schema.kind,
        schema=stored.schema,
        content_hash=stored.content_hash,
        row_count=stored.row_count,
        split_counts=stored.split["counts"],
        split_file=stored.split_file,
    )
    write_version_file(version, stored.split)
    return row


def check_name(name: str) -> None:
    """Raise CatalogError when a dataset cannot be called so."""
    if not NAME.fullmatch(name):
        raise CatalogError(
            f"“{name}” cannot be a dataset's name: use up to 100 small letters, digits, dots, dashes and underscores, "
            "starting with a letter or digit, such as reviews-pt.",
            "name",
        )


def default_split(schema: Schema, says_split: str | None = None) -> SplitPlan:
    """The file's own split when it has one, else stratified by class, else random."""
    if says_split is not None:
        return SplitPlan("column", column=says_split)
    if schema.task in ("binary", "multiclass"):
        return SplitPlan("stratified", column=schema.target)
    return SplitPlan("random")


def _schema_of(opened: Source, raw: pa.Table) -> tuple[Schema, list[str]]:
    if opened.schema is not None:
        return opened.schema, []
    return guess_schema(raw, opened.decimal_comma)


def _cast(opened: Source, schema: Schema, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch, share in opened.batches():
        yield cast_batch(batch, schema, rows, opened.decimal_comma)
        rows += batch.num_rows
        if progress is not None:
            progress(min(share, 0.99), f"{rows:,} rows read")
    if progress is not None:
        progress(1.0, f"{rows:,} rows stored")


def _completed(schema: Schema, facts: Facts, task_is_guessed: bool) -> Schema:
    """The schema with what was counted: missing values, different values, classes."""
    columns = tuple(
        replace(
            column,
            missing=facts.missing[column.name],
            distinct=len(facts.values[column.name]) if column.name in facts.values else None,
        )
        for column in schema.columns
    )
    if schema.task == "regression":
        return replace(schema, columns=columns, classes=())
    classes = sort_classes(facts.values[str(schema.target)])
    if len(classes) < 2:
        raise CatalogError(
            f"The target “{schema.target}” has one class (“{classes[0]}” in all {facts.rows} rows), so there is "
            "nothing to tell apart. Choose another target or add examples of another class.",
            "target",
        )
    if len(classes) > MOST_CLASSES:
        raise CatalogError(f"The target “{schema.target}” has more than {MOST_CLASSES} classes.", "target")
    task = schema.task
    if task == "binary" and len(classes) > 2:
        if not task_is_guessed:
            shown = ", ".join(classes[:5])
            raise CatalogError(f"The target has {len(classes)} classes ({shown} …): choose multiclass.", "task")
        task = "multiclass"
    return replace(schema, columns=columns, task=task, classes=classes)


def _split_codes(path: Path, schema: Schema, plan: SplitPlan) -> np.ndarray:
    if plan.method == "stratified" and plan.column is None:
        plan = replace(plan, column=schema.target)
    if plan.column is not None:
        schema.column(plan.column)
    needed = plan.column or schema.target or schema.names[0]
    return assign_codes(pq.read_table(path, columns=[needed]), plan)
