"""From the tree of a filter to a condition on the table ``runs``. Every value is a bound parameter.

Conditions are true or false and never NULL, so that ``not`` means what it says: ``a != b`` is ``not a = b``, and runs
that have no value match it.
"""

import math
import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, false, func, literal, not_, or_, select, true

from db import filter_values
from db.duration import duration_seconds
from db.filter_fields import FIELDS, Field, chosen
from db.filter_tree import And, Comparison, Expression, Not, Or, Value
from db.run_names import Names
from db.states import RunState
from db.tables import Checkpoint, ConfigValue, Run, RunTag, Series

Condition = ColumnElement[bool]

_NEGATED = {"!=": "=", "!~": "~", "not in": "in"}
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def condition_of(expression: Expression, names: Names, now: datetime) -> Condition:
    """What a run must be to match.

    Raises:
        FilterError: for a config value or metric that no run has.
    """
    match expression:
        case Not(item):
            return not_(condition_of(item, names, now))
        case And(items):
            return and_(true(), *(condition_of(item, names, now) for item in items))
        case Or(items):
            return or_(*(condition_of(item, names, now) for item in items))
        case Comparison():
            asked = _NEGATED.get(expression.operator, expression.operator)
            sign = "=" if asked == "in" else asked
            found = or_(*(_holds(expression, sign, value, names, now) for value in expression.values))
            return not_(found) if expression.operator in _NEGATED else found


def _holds(comparison: Comparison, sign: str, value: Value, names: Names, now: datetime) -> Condition:
    field = FIELDS[comparison.field]
    column = getattr(Run, field.column) if field.column else None
    match field.kind:
        case "config":
            return _config(names.keys_of(comparison.name, comparison.position), sign, value)
        case "metric":
            names.check_metric(comparison.name, comparison.position)
            return _metric(comparison.name, comparison.part, sign, value)
        case "tag":
            return _tag(sign, value)
        case "flag":
            return _flag(field, filter_values.yes_or_no(value))
        case "choice":
            return _choice(column, chosen(field, value, contains=sign == "~"))
    if value.missing:
        return _missing(duration_seconds(now) if column is None else column, field)
    match field.kind:
        case "date":
            return _date(column, sign, value, now)
        case "duration":
            return _duration(duration_seconds(now), sign, filter_values.seconds(value))
        case "size":
            return _number(column, sign, filter_values.size_bytes(value))
        case "number":
            return _number(column, sign, filter_values.number(value))
    return _text(column, field, sign, value.text)


def _number(column: Any, sign: str, number: float) -> Condition:
    # as a float on both sides: PostgreSQL would otherwise round 3.5 to an integer column's type
    return and_(column.is_not(None), _ORDER[sign](column, literal(number, Float())))


def _duration(column: Any, sign: str, seconds: float) -> Condition:
    """Equal means to the second: nobody knows a duration more exactly."""
    if sign == "=":
        return and_(_number(column, ">=", seconds - 0.5), _number(column, "<", seconds + 0.5))
    return _number(column, sign, seconds)


def _missing(column: Any, field: Field) -> Condition:
    return or_(column.is_(None), column == "") if field.kind == "text" else column.is_(None)


def _text(column: Any, field: Field, sign: str, text: str) -> Condition:
    low, wanted = func.lower(column), text.lower()
    if sign == "~":
        found = low.contains(wanted, autoescape=True)
    elif field.name == "model":
        found = or_(low == wanted, low.endswith(f".{wanted}", autoescape=True))
    elif field.name == "dataset":
        found = or_(low == wanted, low.startswith(f"{wanted}@", autoescape=True))
    else:
        found = low == wanted
    return and_(column.is_not(None), found)


def _choice(column: Any, members: frozenset[Any]) -> Condition:
    known = members - {None}
    found = and_(column.is_not(None), column.in_(known)) if known else false()
    return or_(found, column.is_(None)) if None in members else found


def _date(column: Any, sign: str, value: Value, now: datetime) -> Condition:
    asked = filter_values.moments(value, now)
    exact = asked.start == asked.end
    found = {
        "=": and_(column >= asked.start, column < asked.end),
        "<": column < asked.start,
        "<=": column <= asked.end if exact else column < asked.end,
        ">": column > asked.end if exact else column >= asked.end,
        ">=": column >= asked.start,
    }[sign]
    return and_(column.is_not(None), found)


def _flag(field: Field, wanted: bool) -> Condition:
    if field.name == "pinned":
        pinned = select(Checkpoint.run_id).where(Checkpoint.pinned, Checkpoint.deleted_at.is_(None))
        found: Condition = Run.id.in_(pinned)
    else:
        found = and_(Run.stalled, Run.state == RunState.RUNNING)
    return found if wanted else not_(found)


def _tag(sign: str, value: Value) -> Condition:
    tagged = select(RunTag.run_id)
    if sign == "=" and value.missing:
        return Run.id.not_in(tagged)
    low, wanted = func.lower(RunTag.tag), value.text.lower()
    return Run.id.in_(tagged.where(low.contains(wanted, autoescape=True) if sign == "~" else low == wanted))


def _config(keys: list[str], sign: str, value: Value) -> Condition:
    rows = select(ConfigValue.run_id).where(ConfigValue.key.in_(keys))
    text = func.lower(ConfigValue.text)
    if value.missing and sign == "=":
        return Run.id.not_in(rows.where(or_(ConfigValue.number.is_not(None), ConfigValue.text != "None")))
    if sign == "~":
        return Run.id.in_(rows.where(text.contains(value.text.lower(), autoescape=True)))
    if sign != "=":
        return Run.id.in_(rows.where(_number(ConfigValue.number, sign, filter_values.number(value))))
    number = _as_number(value)
    if number is None:
        return Run.id.in_(rows.where(text == value.text.lower()))
    written = and_(ConfigValue.number.is_(None), ConfigValue.text == value.text)  # "007" may be somebody's name
    return Run.id.in_(rows.where(or_(ConfigValue.number == number, written)))


def _as_number(value: Value) -> float | None:
    """The number that an unquoted value is; None for a text."""
    try:
        number = None if value.quoted else float(value.text)
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _metric(name: str, part: str, sign: str, value: Value) -> Condition:
    column = getattr(Series, part)
    rows = select(Series.run_id).where(Series.name == name)
    if value.missing:
        known = or_(column.is_not(None), Series.last_text.is_not(None)) if part == "last" else column.is_not(None)
        return Run.id.not_in(rows.where(known))
    number, compare = filter_values.any_number(value), _ORDER[sign]
    if math.isfinite(number):
        found = _number(column, sign, number)
    else:  # all finite numbers compare alike with an infinite one
        found = column.is_not(None) if compare(0.0, number) else false()
    if part == "last":
        texts = [text for text in ("inf", "-inf") if compare(float(text), number)]
        texts += ["nan"] if sign == "=" and math.isnan(number) else []
        found = or_(found, Series.last_text.in_(texts)) if texts else found
    return Run.id.in_(rows.where(found))
