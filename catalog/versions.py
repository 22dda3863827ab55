"""Open a version of a dataset from the data folder alone: no database is asked.

``data/versions/<name>@<n>.json`` says which content and which split a version is made of.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import CatalogError, VersionNotFound
from catalog.objects import DATA_FILE, object_folder, write_json
from catalog.schema import Kind, Schema
from catalog.splits import SPLITS, SplitName
from db.home import data_folder

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
REF = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]{0,99})(@(?P<number>[1-9]\d*))?")


@dataclass(frozen=True)
class OpenVersion:
    """One immutable version: what it is, and its rows by split. Rows are numbered from 0 in stored order."""

    ref: str  # "name@3"
    kind: Kind
    schema: Schema
    content_hash: str
    row_count: int
    split_counts: dict[str, int]
    split_file: str = field(repr=False, default="")

    @property
    def path(self) -> Path:
        """The Parquet file with every row."""
        return object_folder(self.content_hash) / DATA_FILE

    @cached_property
    def codes(self) -> np.ndarray:
        """The split of every row as uint8 numbers into `catalog.splits.SPLITS`, shape (rows,)."""
        path = object_folder(self.content_hash) / self.split_file
        try:
            codes: np.ndarray = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise CatalogError(f"The split of {self.ref} cannot be read ({error}): register the data again.") from error
        if len(codes) != self.row_count:
            raise CatalogError(f"The split of {self.ref} is not of its data: register the data again.")
        return codes

    def ids(self, split: SplitName) -> np.ndarray:
        """Row numbers of a split, rising, int64, shape (rows of the split,)."""
        return np.flatnonzero(self.codes == SPLITS.index(split)).astype(np.int64)

    def table(self, split: SplitName, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a split in the order of `ids`, with all columns or those named.

        Reads one row group at a time, so that memory stays near the size of the split.
        Raises CatalogError when the file is missing or broken, or a column is not there.
        """
        return self.rows(self.ids(split), columns)

    def rows(self, ids: Sequence[int] | np.ndarray, columns: Sequence[str] | None = None) -> pa.Table:
        """Some rows by number, in rising order; only the row groups they lie in are read. Raises like `table`."""
        for name in columns or ():
            self.schema.column(name)
        with self._told_plainly():
            wanted = np.unique(np.asarray(ids, dtype=np.int64))
            return self._rows(wanted, list(columns) if columns is not None else None)

    def first_rows(self, count: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The first rows in stored order, whatever their split."""
        return self.rows(np.arange(min(count, self.row_count)), columns)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every row in stored order, a row group at a time."""
        with self._told_plainly(), pq.ParquetFile(self.path, memory_map=True) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group).to_batches()

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise CatalogError(
                f"The data of {self.ref} is missing ({self.path}). Register it again; equal data gets its old place."
            ) from error
        except (OSError, pa.ArrowException) as error:
            raise CatalogError(f"The data of {self.ref} is broken ({error}): register it again.") from error

    def _rows(self, ids: np.ndarray, columns: list[str] | None) -> pa.Table:
        with pq.ParquetFile(self.path, memory_map=True) as file:
            parts, start = [], 0
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                inside = ids[np.searchsorted(ids, start) : np.searchsorted(ids, stop)] - start
                if len(inside):
                    rows = file.read_row_group(group, columns=columns)
                    parts.append(rows if len(inside) == rows.num_rows else rows.take(pa.array(inside)))
                start = stop
            if not parts:
                schema = file.schema_arrow
                return schema.empty_table() if columns is None else schema.empty_table().select(columns)
        return pa.concat_tables(parts)


def open_version(ref: str) -> OpenVersion:
    """The version that ``name@3`` names; ``name`` alone means the newest. Raises VersionNotFound."""
    match = REF.fullmatch(ref)
    if match is None:
        raise VersionNotFound(f"“{ref}” is no dataset reference; write name or name@3.", "dataset")
    name, number = match["name"], match["number"]
    numbers = version_numbers(name)
    if not numbers:
        raise VersionNotFound(f"There is no dataset “{name}” here; {_what_there_is()}.", "dataset")
    if number is not None and int(number) not in numbers:
        raise VersionNotFound(f"“{name}” has no version {number}; it has {_listed(numbers)}.", "dataset")
    return read_version_file(version_path(name, int(number or numbers[-1])))


def version_path(name: str, number: int) -> Path:
    """The small file that makes a version openable."""
    return data_folder() / "versions" / f"{name}@{number}.json"


def version_numbers(name: str) -> list[int]:
    """The versions of a dataset in this data folder, rising."""
    found = (path.stem.rpartition("@") for path in (data_folder() / "versions").glob(f"{name}@*.json"))
    return sorted(int(number) for stem, _, number in found if stem == name and number.isdigit())


def write_version_file(version: OpenVersion, split: dict[str, Any]) -> None:
    """Make a version openable; ``split`` is its plan with the counts."""
    name, _, number = version.ref.rpartition("@")
    content = {
        "ref": version.ref,
        "kind": version.kind,
        "content_hash": version.content_hash,
        "row_count": version.row_count,
        "split": split | {"file": version.split_file},
        "schema": version.schema.to_dict(),
    }
    write_json(version_path(name, int(number)), content)


def read_version_file(path: Path) -> OpenVersion:
    """Back from `write_version_file`. Raises CatalogError when the file is not one."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return OpenVersion(
            ref=stored["ref"],
            kind=stored["kind"],
            schema=Schema.from_dict(stored["schema"]),
            content_hash=stored["content_hash"],
            row_count=stored["row_count"],
            split_counts=stored["split"]["counts"],
            split_file=stored["split"]["file"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogError(f"{path} cannot be read ({error}): register the data again.") from error


def _what_there_is() -> str:
    names = sorted({path.stem.rpartition("@")[0] for path in (data_folder() / "versions").glob("*@*.json")})
    if not names:
        return "none was registered yet: load a sample or register a file on the Data page"
    return f"there are: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[-8:]))
