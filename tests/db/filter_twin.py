"""The filter language once more, slow and plain, over dictionaries: what the database's answers are compared with."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from db import filter_values
from db.config_paths import flatten
from db.filter_fields import FIELDS, chosen
from db.filter_tree import And, Comparison, Expression, Not, Or, Value
from db.states import ACTIVE, RunState

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
POSITIVE = {"!=": "=", "!~": "~", "not in": "=", "in": "="}


@dataclass
class Invented:
    """A run: columns of the table, and what lies in others."""

    columns: dict[str, Any]
    tags: set[str]
    curves: dict[str, list[float]]
    pinned: bool
    config: dict[str, Any] = field(default_factory=dict)

    def values_of(self, name: str) -> list[Any]:
        """The values of the config's leaves that a name stands for."""
        leaves = dict(flatten(self.config))
        return [value for key, value in leaves.items() if key == name or key.endswith(f".{name}")]

    def metric(self, name: str, part: str) -> float | None:
        """A metric's last, lowest or highest value; the extremes are over finite values."""
        values = self.curves.get(name, [])
        if part == "last":
            return values[-1] if values else None
        finite = [value for value in values if math.isfinite(value)]
        return {"min": min, "max": max}[part](finite, default=None)  # type: ignore[operator]

    def duration(self, now: datetime) -> float | None:
        """Seconds from start to end, or until now while it runs."""
        start, end = self.columns["started_at"], self.columns["ended_at"]
        end = end or (now if self.columns["state"] in ACTIVE else None)
        return None if start is None or end is None else (end - start).total_seconds()


def matches(expression: Expression, run: Invented, now: datetime) -> bool:
    """Whether a run matches."""
    match expression:
        case Not(item):
            return not matches(item, run, now)
        case And(items):
            return all(matches(item, run, now) for item in items)
        case Or(items):
            return any(matches(item, run, now) for item in items)
        case Comparison():
            sign = POSITIVE.get(expression.operator, expression.operator)
            found = any(_holds(expression, sign, value, run, now) for value in expression.values)
            return found != (expression.operator in ("!=", "!~", "not in"))


def _holds(comparison: Comparison, sign: str, value: Value, run: Invented, now: datetime) -> bool:
    asked = FIELDS[comparison.field]
    mine = run.columns.get(asked.column)
    match asked.kind:
        case "config":
            return _config(run.values_of(comparison.name), sign, value)
        case "metric":
            return _metric(run.metric(comparison.name, comparison.part), sign, value)
        case "tag":
            return not run.tags if value.missing and sign == "=" else any(_text(tag, sign, value) for tag in run.tags)
        case "flag":
            is_so = run.pinned if asked.name == "pinned" else mine and run.columns["state"] is RunState.RUNNING
            return bool(is_so) is filter_values.yes_or_no(value)
        case "choice":
            return mine in chosen(asked, value, contains=sign == "~")
        case "text":
            return not mine if value.missing else mine is not None and _named(asked.name, mine, sign, value)
        case "date":
            return _date(mine, sign, value, now)
        case "duration":
            mine = run.duration(now)
            if value.missing or mine is None:
                return value.missing and mine is None
            wanted = filter_values.seconds(value)
            return abs(mine - wanted) < 0.5 if sign == "=" else ORDER[sign](mine, wanted)
    if value.missing or mine is None:
        return value.missing and mine is None
    return ORDER[sign](mine, (filter_values.size_bytes if asked.kind == "size" else filter_values.number)(value))


def _text(mine: str, sign: str, value: Value) -> bool:
    return value.text.lower() in mine.lower() if sign == "~" else mine.lower() == value.text.lower()


def _named(field_name: str, mine: str, sign: str, value: Value) -> bool:
    if _text(mine, sign, value) or sign == "~":
        return _text(mine, sign, value)
    low, wanted = mine.lower(), value.text.lower()
    return (field_name == "model" and low.endswith(f".{wanted}")) or (
        field_name == "dataset" and low.startswith(f"{wanted}@")
    )


def _date(mine: datetime | None, sign: str, value: Value, now: datetime) -> bool:
    if value.missing or mine is None:
        return value.missing and mine is None
    asked = filter_values.moments(value, now)
    if asked.start == asked.end:
        return ORDER[sign](mine, asked.start)
    place = -1 if mine < asked.start else 1 if mine >= asked.end else 0  # before, after or within the day
    return ORDER[sign](place, 0)


def _config(mine: list[Any], sign: str, value: Value) -> bool:
    if value.missing and sign == "=":
        return all(one in (None, "None") for one in mine)  # the record cannot tell the two from each other
    if sign == "~":
        return any(value.text.lower() in str(one).lower() for one in mine)
    numbers = [float(one) for one in mine if isinstance(one, int | float) and one == one]
    if sign != "=":
        return any(ORDER[sign](one, filter_values.number(value)) for one in numbers)
    try:
        number = None if value.quoted else filter_values.number(value)
    except ValueError:
        number = None
    if number is None:
        return any(str(one).lower() == value.text.lower() for one in mine)
    return number in numbers or value.text in mine


def _metric(mine: float | None, sign: str, value: Value) -> bool:
    if value.missing or mine is None:
        return value.missing and mine is None
    wanted = filter_values.any_number(value)
    return ORDER[sign](mine, wanted) or (sign == "=" and mine != mine and wanted != wanted)
