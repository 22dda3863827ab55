"""What the columns of a dataset are: types, roles, the target and the task.

A schema is plain data: it is guessed from a file (`catalog.infer`), corrected by a person, stored with the version and
read by `features` and the data modules. Knows no file.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from catalog.errors import CatalogError

ColumnType = Literal["number", "category", "date", "text", "image", "id"]
Role = Literal["feature", "target", "ignore"]
Task = Literal["binary", "multiclass", "regression"]
Kind = Literal["text", "table", "images"]

COLUMN_TYPES: tuple[ColumnType, ...] = get_args(ColumnType)
ROLES: tuple[Role, ...] = get_args(Role)
TASKS: tuple[Task, ...] = get_args(Task)
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True)
class Column:
    """One column: its type, what it is used for, and what was counted when the version was stored."""

    name: str
    type: ColumnType
    role: Role = "feature"
    missing: int = 0  # rows without a value
    distinct: int | None = None  # different values of a category column; None where not counted
    format: str = ""  # strptime format of a date column that is not ISO 8601


@dataclass(frozen=True)
class Schema:
    """The columns of a version in file order, the target's name, and what is predicted.

    ``classes`` are the target's values in the order of their numbers in a model (binary: the second is the positive
    one); empty for regression and until the whole data was read.
    """

    columns: tuple[Column, ...]
    task: Task | None = None
    target: str | None = None
    classes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Every column's name, in order."""
        return [column.name for column in self.columns]

    @property
    def features(self) -> list[Column]:
        """The columns that a model sees."""
        return [column for column in self.columns if column.role == "feature"]

    @property
    def kind(self) -> Kind:
        """``images`` when an image is a feature, else ``text`` when a text is, else ``table``."""
        types = {column.type for column in self.features}
        if "image" in types:
            return "images"
        return "text" if "text" in types else "table"

    def column(self, name: str) -> Column:
        """The column of that name. Raises CatalogError with the names there are."""
        for column in self.columns:
            if column.name == name:
                return column
        raise CatalogError(f"There is no column “{name}”. The columns are: {', '.join(self.names)}.")

    def with_target(self, name: str, task: Task) -> "Schema":
        """The same columns with another target; a former target becomes a feature again."""
        self.column(name)
        columns = []
        for column in self.columns:
            if column.name == name:
                columns.append(replace(column, role="target", type="number" if task == "regression" else "category"))
            else:
                columns.append(replace(column, role="feature") if column.role == "target" else column)
        return Schema(tuple(columns), task, name)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "columns": [asdict(column) for column in self.columns],
            "task": self.task,
            "target": self.target,
            "classes": list(self.classes),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Schema":
        """Back from `to_dict`."""
        columns = tuple(Column(**column) for column in stored["columns"])
        return cls(columns, stored.get("task"), stored.get("target"), tuple(stored.get("classes") or ()))


def check(schema: Schema) -> None:
    """Raise CatalogError on the first thing in a corrected schema that cannot be."""
    for column in schema.columns:
        if column.type not in COLUMN_TYPES or column.role not in ROLES:
            raise CatalogError(f"Column “{column.name}” has an unknown type or role: {column.type}, {column.role}.")
    targets = [column.name for column in schema.columns if column.role == "target"]
    if not targets or schema.target is None:
        raise CatalogError("No target: give one column the role “target”, the one that is to be predicted.", "target")
    if len(targets) > 1:
        raise CatalogError(f"There can be one target, and {len(targets)} are marked: {', '.join(targets)}.", "target")
    if targets[0] != schema.target:
        raise CatalogError(f"The target is “{schema.target}”, but the role is on “{targets[0]}”.", "target")
    _check_target_type(schema, schema.column(targets[0]))
    if not schema.features:
        raise CatalogError("No column is left to predict from: give at least one the role “feature”.", "columns")


def _check_target_type(schema: Schema, target: Column) -> None:
    if schema.task not in TASKS:
        raise CatalogError("Choose what is predicted: binary, multiclass or regression.", "task")
    wanted = "number" if schema.task == "regression" else "category"
    if target.type != wanted:
        raise CatalogError(
            f"For {schema.task} the target must be a {wanted}, and “{target.name}” is a {target.type}: "
            "change its type or the task.",
            "target",
        )


def sort_classes(values: Iterable[str]) -> tuple[str, ...]:
    """Class names in a stable order: by number when all are whole numbers, else by text."""
    names = list(values)
    if all(WHOLE_NUMBER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))
