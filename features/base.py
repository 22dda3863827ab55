"""What all features have in common: fit once, transform anything, save as plain JSON, know one's own fingerprint."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, cast, get_args

import numpy as np
import pyarrow as pa

from features.columns import Examples
from features.errors import FeaturesError
from features.targets import Target, Task

__all__ = ["ColumnLike", "Features", "FeaturesError", "Odd", "SchemaLike", "fit_target", "load"]

FORMAT = 1
_FILE = "features.json"
_KINDS = {
    "text": "features.text.TextFeatures",
    "table": "features.tables.TableFeatures",
    "images": "features.images.ImageFeatures",
}


class ColumnLike(Protocol):
    """A column of a dataset's schema."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def role(self) -> str: ...


class SchemaLike(Protocol):
    """A dataset's schema, as `catalog.schema.Schema` has it."""

    @property
    def columns(self) -> Sequence[Any]: ...
    @property
    def task(self) -> str | None: ...
    @property
    def target(self) -> str | None: ...
    @property
    def classes(self) -> Sequence[str] | None: ...


@dataclass(frozen=True)
class Odd:
    """Something unusual in one raw example. It never stops a transform; whoever asks gets it as data.

    Attributes:
        row: Position in the batch, from 0.
        column: Name of the column.
        what: For a person, such as "is not a number".
    """

    row: int
    column: str
    what: str

    def __str__(self) -> str:
        return f"row {self.row + 1}: {self.column} {self.what}"


def fit_target(table: pa.Table, schema: SchemaLike) -> Target:
    """The target that a schema names, learned from the training split.

    Raises:
        FeaturesError: when the schema names none, or there is nothing to learn from.
    """
    if schema.target is None or schema.task not in get_args(Task):
        raise FeaturesError("The dataset has no target; choose one in its schema.")
    return Target.fit(table, schema.target, cast(Task, schema.task), schema.classes)


class Features(ABC):
    """A fitted way from raw examples to arrays. Immutable once fitted, so threads may share it.

    Attributes:
        kind: "text", "table" or "images".
        target: How labels become numbers and numbers become labels again.
    """

    kind: ClassVar[str]
    target: Target

    @classmethod
    @abstractmethod
    def fit(cls, table: pa.Table, schema: SchemaLike, **options: Any) -> Self:
        """Features learned from the training split alone.

        Raises:
            FeaturesError: when the schema leaves nothing to learn from.
        """

    @abstractmethod
    def transform(self, examples: Examples, odd: list[Odd] | None = None) -> dict[str, np.ndarray]:
        """Model inputs of a batch, each array ``(examples, ...)``; the same for a table and for its rows. Never raises
        over a value: what cannot be read counts as missing.

        Args:
            examples: Raw examples.
            odd: A list that gets what was unusual; None when nobody asks (faster).
        """

    @abstractmethod
    def inputs(self) -> dict[str, dict[str, Any]]:
        """Name to ``{"shape": [None, ...], "dtype": ..., and what a model must know to be built}``; None = batch."""

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Everything learned, as plain JSON values. Equal content means equal arrays."""

    @classmethod
    @abstractmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `content`."""

    def targets(self, examples: Examples) -> np.ndarray:
        """``(examples,)``: int64 class numbers, -1 where the label is missing or unknown; or float32 standardised
        values, NaN where missing."""
        return self.target.encode(examples)

    def warnings(self, examples: Examples) -> list[str]:
        """What is unusual in these examples, one sentence each."""
        odd: list[Odd] = []
        self.transform(examples, odd)
        return [str(item) for item in odd]

    def signature(self) -> dict[str, Any]:
        """Plain JSON: ``inputs`` (names, shapes, types), ``outputs`` (task, classes or unit) and the fingerprint."""
        return {
            "kind": self.kind,
            "inputs": self.inputs(),
            "outputs": self.target.outputs(),
            "features": self.fingerprint,
        }

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical content, in hexadecimal."""
        content = {"kind": self.kind, "format": FORMAT, **self.content()}
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Write ``features.json`` (and what a kind adds to it) into the folder, which is made when it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        values = {"kind": self.kind, "format": FORMAT, "fingerprint": self.fingerprint, "content": self.content()}
        (folder / _FILE).write_text(json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False), "utf-8")


def load(folder: Path) -> Features:
    """The features saved in a folder, checked against their fingerprint.

    Raises:
        FeaturesError: when the file is missing, broken, changed or of a newer format.
    """
    path = folder / _FILE
    try:
        values = json.loads(path.read_text("utf-8"))
        kind, format_number, fingerprint = values["kind"], values["format"], values["fingerprint"]
        content = values["content"]
    except FileNotFoundError:
        raise FeaturesError(f"There are no features in {folder}: {_FILE} is missing.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FeaturesError(f"{path} cannot be read ({error}); take the folder from another checkpoint.") from error
    if format_number != FORMAT or kind not in _KINDS:
        raise FeaturesError(f"{path} was written by another version (kind {kind}, format {format_number}); update.")
    module, _, name = _KINDS[kind].rpartition(".")
    try:
        features: Features = getattr(import_module(module), name).from_content(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise FeaturesError(
            f"{path} lacks what {kind} features need ({error!r}); take it from the checkpoint."
        ) from error
    if features.fingerprint != fingerprint:
        raise FeaturesError(f"{path} was changed after training: its fingerprint differs. Take it from the checkpoint.")
    return features
