"""From a file to an immutable version: look at it first (`catalog.preview`), then store it (`register`).

Everything is read as a stream, a few thousand rows at a time. The database is touched only at the very end, so that a
long registration holds no lock.
"""

import getpass
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog import objects
from catalog.cast import cast_batch
from catalog.errors import CatalogError
from catalog.infer import has_decimal_comma, with_date_formats
from catalog.pictures import check_pictures
from catalog.preview import GUESS_ROWS, default_split, guess, guessing_rows, told_plainly
from catalog.progress import Progress
from catalog.readers import open_source
from catalog.readers.source import Source
from catalog.schema import Schema, check, sort_classes
from catalog.splits import SplitPlan, assign_codes, split_counts
from catalog.versions import NAME, OpenVersion, write_version_file
from catalog.writer import Facts, write_parquet
from db import datasets
from db.engine import Session
from db.errors import RecordError
from db.rows import VersionRow

MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Stored:
    """A content on disk that no version names yet."""

    schema: Schema
    content_hash: str
    row_count: int
    size_bytes: int
    split: dict[str, Any]  # the plan with its counts
    split_file: str


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
    with told_plainly(source), open_source(source) as opened:
        raw = guessing_rows(opened, source.name)
        guessed, proposed, _ = guess(opened, raw)
        wanted = with_date_formats(schema or guessed, raw)
        split = split or default_split(wanted, proposed.column if proposed.method == "column" else None)
        return store_batches(
            _cast(opened, wanted, progress), wanted, split, task_is_guessed=schema is None, title=source.name
        )


def derive(version: OpenVersion, schema: Schema, split: SplitPlan, progress: Progress | None = None) -> Stored:
    """Store the rows of a version under a corrected schema or another split; `publish` makes it the next version.

    Raises CatalogError naming the value that does not fit. Content that stays the same is not stored twice.
    """
    head = version.first_rows(GUESS_ROWS, [column.name for column in version.schema.columns if column.type != "image"])
    wanted = with_date_formats(schema, head)
    batches = _recast(version, wanted, has_decimal_comma(head), progress)
    return store_batches(batches, wanted, split, task_is_guessed=False, title=version.ref)


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
    try:
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
    except RecordError as error:  # a dataset of that name holds another kind of data
        raise CatalogError(str(error), "name") from error
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


def _cast(opened: Source, schema: Schema, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    rows = 0
    for raw, share in opened.batches():
        batch = cast_batch(raw, schema, rows, opened.decimal_comma)
        if opened.schema is None:  # readers of images have looked at each one already
            check_pictures(batch, schema, rows)
        yield batch
        rows += batch.num_rows
        if progress is not None:
            progress(min(share, 0.99), f"{rows:,} rows read")
    if progress is not None:
        progress(1.0, f"{rows:,} rows stored")


def _recast(
    version: OpenVersion, schema: Schema, decimal_comma: bool, progress: Progress | None
) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in version.batches():
        yield cast_batch(batch, schema, rows, decimal_comma)
        rows += batch.num_rows
        if progress is not None:
            progress(min(rows / version.row_count, 0.99), f"{rows:,} of {version.row_count:,} rows")


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
