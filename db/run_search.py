"""Finding runs: filtered, sorted, a page at a time, with the columns of one's choice.

Deleted runs are found with ``trash=True`` alone, archived ones with ``archived=True`` alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from db import filters
from db.duration import duration_seconds
from db.filter_fields import field_named, field_names
from db.filter_sql import Condition, condition_of
from db.filter_tree import FilterError, did_you_mean
from db.rows import RunPage, RunRow
from db.run_names import Names, names_of
from db.run_rows import rows_of, select_runs
from db.run_values import metric_and_part, values_of
from db.states import RunState
from db.tables import ConfigValue, Run, Series
from db.types import utc_now

_NEVER_NULL = frozenset({"id", "created_at", "step", "epoch", "attempt", "folder_bytes"})


def find(
    session: Session,
    query: str = "",
    sort: str = "-created_at",
    offset: int = 0,
    limit: int = 50,
    columns: Sequence[str] = (),
    archived: bool = False,
    trash: bool = False,
) -> RunPage:
    """A page of the runs that match, and how many match in all.

    Args:
        query: in the filter language (`db.filters`).
        sort: a field, ``config.x`` or ``metric.y`` (with ``.min`` or ``.max``); a minus in front for the largest first.
            Runs without a value come last either way; runs that are equal, newest first.
        columns: ``config.x`` and ``metric.y`` (with ``.min`` or ``.max``) to put into the rows' ``values``; None
            where a run has no such value.
        archived: find archived runs instead of the others.
        trash: find deleted runs instead of the others, archived or not.

    Raises:
        FilterError: for a query, a sort or a column that cannot be understood.
    """
    now, names = utc_now(), names_of(session)
    matches = and_(_shelf(archived, trash), _condition(query, names, now))
    order = _order(sort, names, now)
    total = None if query.strip() else _count(session, matches)
    ids, total = _page(session, matches, order, offset, limit, total)
    values = values_of(session, ids, columns, names)
    rows = {row.id: row for row in rows_of(session, RunRow, select_runs(RunRow).where(Run.id.in_(ids)))}
    return RunPage([replace(rows[run_id], values=values[run_id]) for run_id in ids if run_id in rows], total)


def matching_ids(session: Session, query: str, *, archived: bool = False, trash: bool = False) -> list[int]:
    """The ids of all runs that match, newest first; FilterError for a query that cannot be understood."""
    matches = _condition(query, names_of(session) if query.strip() else Names((), ()), utc_now())
    question = select(Run.id).where(_shelf(archived, trash), matches)
    return list(session.scalars(question.order_by(Run.created_at.desc(), Run.id.desc())))


def column_names(session: Session) -> list[str]:
    """Every "config.x" and "metric.y" that can be chosen as a column, sorted by and filtered by."""
    return names_of(session).columns


def _count(session: Session, matches: Condition) -> int:
    return session.scalar(select(func.count()).select_from(Run).where(matches)) or 0


def _page(
    session: Session, matches: Condition, order: list[Any], offset: int, limit: int, total: int | None
) -> tuple[list[int], int]:
    """The ids of a page, and how many runs match; a filter is gone through once for both."""
    question = select(Run.id).where(matches).order_by(*order).offset(offset).limit(limit)
    if total is not None:
        return list(session.scalars(question)), total
    found = session.execute(question.add_columns(func.count().over())).all()
    if not found:  # beyond the last page, there is no row to tell
        return [], _count(session, matches) if offset or not limit else 0
    return [row[0] for row in found], found[0][1]


def _shelf(archived: bool, trash: bool) -> Condition:
    if trash:
        return Run.deleted_at.is_not(None)
    return and_(Run.deleted_at.is_(None), Run.archived_at.is_not(None) if archived else Run.archived_at.is_(None))


def _condition(query: str, names: Names, now: datetime) -> Condition:
    return condition_of(filters.parse(query, names.columns), names, now)


def _order(sort: str, names: Names, now: datetime) -> list[ColumnElement[Any]]:
    wanted = sort.strip()
    falling = wanted.startswith("-")
    keys = _sort_keys(wanted.lstrip("+-").strip(), names, now)
    order: list[ColumnElement[Any]] = []
    for key in keys:
        directed = key.desc() if falling else key.asc()
        order.append(directed if getattr(key, "key", None) in _NEVER_NULL else directed.nulls_last())
    return [*order, Run.id.desc()]


def _sort_keys(name: str, names: Names, now: datetime) -> list[Any]:
    """What is compared first, and what next."""
    first, _, rest = name.partition(".")
    if first == "config" and rest:
        return _config_keys(names.keys_of(rest))
    if first == "metric" and rest:
        metric, part = metric_and_part(rest)
        names.check_metric(metric)
        return [select(getattr(Series, part)).where(Series.run_id == Run.id, Series.name == metric).scalar_subquery()]
    field = field_named(name)
    if field is None:
        hint = did_you_mean(name, [*field_names(), *names.columns])
        raise FilterError(f"Runs cannot be sorted by {name[:60] or 'nothing'}", None, hint)
    if field.name == "status":
        return [case({state: place for place, state in enumerate(RunState)}, value=Run.state)]
    if field.kind == "duration":
        return [duration_seconds(now)]
    if not field.column or field.kind == "flag":
        raise FilterError(f"Runs cannot be sorted by {name[:60]}", None, "Choose a field with one value a run.")
    column = getattr(Run, field.column)
    return [func.nullif(func.lower(column), "")] if field.kind == "text" else [column]


def _config_keys(keys: list[str]) -> list[Any]:
    """Numbers by size first, then texts by the alphabet."""
    own = (ConfigValue.run_id == Run.id, ConfigValue.key.in_(keys))
    text = (ConfigValue.number.is_(None), ConfigValue.text != "None")
    return [
        select(func.min(ConfigValue.number)).where(*own).scalar_subquery(),
        select(func.min(func.lower(ConfigValue.text))).where(*own, *text).scalar_subquery(),
    ]
