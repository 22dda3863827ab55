"""Table columns to numbers and category numbers, with everything learned from the training split.

A number: missing becomes the median, then standardised; beside it an indicator when the training split had gaps.
A date: days since the mean date, and month, weekday and hour as points on circles.
A category: 0 unknown, 1 missing, from 2 on by frequency.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import pyarrow as pa

from features.base import ColumnLike, Features, FeaturesError, Odd, SchemaLike, fit_target
from features.columns import NO_TIME, Examples, categories, column, count, numbers, spread, times
from features.targets import Target

UNKNOWN, MISSING, FIRST_CATEGORY = 0, 1, 2
FARTHEST_DEVIATIONS = 30.0
"""A standardised number is cut here: a value in a wrong unit must not blow up a model."""

_DAY = 86_400_000_000  # microseconds
_CIRCLES = ("month", "weekday", "hour")


@dataclass(frozen=True)
class NumberColumn:
    """A numeric column. ``indicator``: the training split had gaps, so a gap says something."""

    name: str
    median: float
    mean: float
    deviation: float
    indicator: bool


@dataclass(frozen=True)
class DateColumn:
    """Dates or times. ``mean`` and ``deviation`` in days since 1970; ``hours``: the time of day varies; ``format``: of
    text that is not ISO 8601, as `datetime.strptime` reads it."""

    name: str
    mean: float
    deviation: float
    hours: bool
    format: str = ""


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories, the most frequent first."""

    name: str
    categories: tuple[str, ...]


LearnedColumn: TypeAlias = NumberColumn | DateColumn | CategoryColumn


class TableFeatures(Features):
    """Columns as ``numbers``, float32 ``(examples, n)``, and ``categories``, int64 ``(examples, c)``; an input with no
    columns is left out."""

    kind: ClassVar[str] = "table"

    def __init__(
        self,
        number_columns: Sequence[NumberColumn],
        date_columns: Sequence[DateColumn],
        category_columns: Sequence[CategoryColumn],
        left_out: Mapping[str, str],
        target: Target,
    ) -> None:
        self.number_columns = tuple(number_columns)
        self.date_columns = tuple(date_columns)
        self.category_columns = tuple(category_columns)
        self.left_out = dict(left_out)
        self.target = target
        self._category_numbers = [
            {name: number for number, name in enumerate(c.categories, FIRST_CATEGORY)} for c in self.category_columns
        ]

    @classmethod
    def fit(cls, table: pa.Table, schema: SchemaLike, *, max_categories: int = 1000, **_: Any) -> Self:
        """Learn medians, deviations and categories from the training split.

        Args:
            table: The training split.
            schema: The dataset's schema.
            max_categories: The most frequent categories of a column that are kept; rarer ones count as unknown.
        """
        target = fit_target(table, schema)
        found: dict[str, list[Any]] = {"number": [], "date": [], "category": []}
        left_out: dict[str, str] = {}
        for item in schema.columns:
            if item.role != "feature" or item.name == schema.target:
                continue
            learned = _learn(item, table, max_categories)
            if isinstance(learned, str):
                left_out[item.name] = learned
            else:
                found[item.type].append(learned)
        if not any(found.values()):
            raise FeaturesError("No number, date or category has the role feature; correct the dataset's schema.")
        return cls(found["number"], found["date"], found["category"], left_out, target)

    def transform(self, examples: Examples, odd: list[Odd] | None = None) -> dict[str, np.ndarray]:
        """``{"numbers": float32 (examples, n), "categories": int64 (examples, c)}``."""
        rows = count(examples)
        arrays: dict[str, np.ndarray] = {}
        parts = [part for item in self.number_columns for part in _number_parts(item, examples, odd)]
        parts += [part for item in self.date_columns for part in _date_parts(item, examples, odd)]
        if parts:
            arrays["numbers"] = np.stack(parts, axis=1).astype(np.float32).reshape(rows, len(parts))
        codes = [
            _category_codes(item, known, examples, odd)
            for item, known in zip(self.category_columns, self._category_numbers, strict=True)
        ]
        if codes:
            arrays["categories"] = np.stack(codes, axis=1).reshape(rows, len(codes))
        return arrays

    def number_names(self) -> list[str]:
        """What each place of ``numbers`` holds."""
        names = []
        for item in self.number_columns:
            names += [item.name, *([f"{item.name} is missing"] if item.indicator else [])]
        for date_item in self.date_columns:
            circles = _CIRCLES if date_item.hours else _CIRCLES[:-1]
            names += [date_item.name, f"{date_item.name} is missing"]
            names += [f"{date_item.name} {circle} {part}" for circle in circles for part in ("sine", "cosine")]
        return names

    def inputs(self) -> dict[str, dict[str, Any]]:
        """``numbers`` with the meaning of each place, ``categories`` with the size of each column's vocabulary."""
        found: dict[str, dict[str, Any]] = {}
        if names := self.number_names():
            found["numbers"] = {"shape": [None, len(names)], "dtype": "float32", "names": names}
        if self.category_columns:
            found["categories"] = {
                "shape": [None, len(self.category_columns)],
                "dtype": "int64",
                "names": [item.name for item in self.category_columns],
                "sizes": [len(item.categories) + FIRST_CATEGORY for item in self.category_columns],
            }
        return found

    def content(self) -> dict[str, Any]:
        """What was learned of each column, and the target."""
        return {
            "numbers": [asdict(item) for item in self.number_columns],
            "dates": [asdict(item) for item in self.date_columns],
            "categories": [{"name": c.name, "categories": list(c.categories)} for c in self.category_columns],
            "left_out": self.left_out,
            "target": self.target.outputs(),
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `content`."""
        return cls(
            [NumberColumn(**item) for item in content["numbers"]],
            [DateColumn(**item) for item in content["dates"]],
            [CategoryColumn(item["name"], tuple(item["categories"])) for item in content["categories"]],
            content["left_out"],
            Target.from_outputs(content["target"]),
        )


def _learn(item: ColumnLike, table: pa.Table, max_categories: int) -> LearnedColumn | str:
    """What the training split says of a column, or why the column is left out."""
    name, kind, values = item.name, item.type, column(table, item.name)
    if kind == "number":
        found = numbers(values)[0]
        present = found[~np.isnan(found)]
        if not len(present):
            return "has no number in the training split"
        median = float(np.median(present))
        filled = np.where(np.isnan(found), median, found)
        mean, deviation = spread(filled)
        return NumberColumn(name, median, mean, deviation, len(present) < len(found))
    if kind == "date":
        date_format = getattr(item, "format", "")
        moments = times(values, date_format)[0]
        moments = moments[moments != NO_TIME]
        if not len(moments):
            return "has no date in the training split"
        return DateColumn(name, *spread(moments / _DAY), bool(np.any(moments % _DAY)), date_format)
    if kind == "category":
        counted = Counter(label for label in categories(values) if label is not None)
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        return CategoryColumn(name, tuple(label for label, _ in ranked[:max_categories]))
    return f"is {kind}, which a table model does not read"


def _standardised(values: np.ndarray, item: NumberColumn | DateColumn, odd: list[Odd] | None) -> np.ndarray:
    with np.errstate(over="ignore"):
        scaled = (values - item.mean) / item.deviation
    if odd is not None:
        for row in np.flatnonzero(np.abs(scaled) > FARTHEST_DEVIATIONS).tolist():
            odd.append(Odd(row, item.name, "is very far from everything in the training data; is the unit right?"))
    return np.clip(scaled, -FARTHEST_DEVIATIONS, FARTHEST_DEVIATIONS)


def _number_parts(item: NumberColumn, examples: Examples, odd: list[Odd] | None) -> list[np.ndarray]:
    found, bad = numbers(column(examples, item.name))
    gaps = np.isnan(found)
    if odd is not None:
        odd.extend(Odd(row, item.name, "is not a finite number") for row in np.flatnonzero(bad).tolist())
        if not item.indicator:
            surprising = np.flatnonzero(gaps & ~bad).tolist()
            odd.extend(Odd(row, item.name, "is missing, which never happened in training") for row in surprising)
    scaled = _standardised(np.where(gaps, item.median, found), item, odd)
    return [scaled, gaps.astype(np.float64)] if item.indicator else [scaled]


def _date_parts(item: DateColumn, examples: Examples, odd: list[Odd] | None) -> list[np.ndarray]:
    moments, bad = times(column(examples, item.name), item.format)
    gaps = moments == NO_TIME
    if odd is not None:
        odd.extend(Odd(row, item.name, "is not a date") for row in np.flatnonzero(bad).tolist())
    filled = np.where(gaps, 0, moments)
    days = np.where(gaps, item.mean, filled / _DAY)
    months = filled.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64) % 12
    turns = [months / 12, (filled // _DAY + 3) % 7 / 7, filled % _DAY / _DAY][: 3 if item.hours else 2]
    circles = [np.where(gaps, 0.0, wave(turn * 2 * np.pi)) for turn in turns for wave in (np.sin, np.cos)]
    return [_standardised(days, item, odd), gaps.astype(np.float64), *circles]


def _category_codes(
    item: CategoryColumn, known: Mapping[str, int], examples: Examples, odd: list[Odd] | None
) -> np.ndarray:
    labels = categories(column(examples, item.name))
    codes = [MISSING if label is None else known.get(label, UNKNOWN) for label in labels]
    if odd is not None:
        odd.extend(
            Odd(row, item.name, f"is {_short(labels[row])}, which was not in the training data")
            for row, code in enumerate(codes)
            if code == UNKNOWN
        )
    return np.array(codes, dtype=np.int64)


def _short(label: str | None) -> str:
    text = repr(label)
    return text if len(text) <= 60 else f"{text[:57]}…'"
