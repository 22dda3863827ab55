"""Curves: the points of a run's metrics, appended by drains and read back by pages.

A series is stored as packed chunks (`db.points`). ``Chunk.number`` is the number of points of the series before the
chunk, so a cursor is a count of points and outlives compaction. When an attempt goes on from a checkpoint, the
points that earlier attempts wrote past its step are superseded: they stay stored, and nobody is shown them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import RowMapping, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from db.chunks import chunk_of, pack_small
from db.curve_summary import Summary, last_value
from db.errors import NotFound
from db.points import Points, as_points, join, unpack
from db.rows import SeriesRow
from db.superseded import limits_of, visible
from db.tables import Attempt, Chunk, Run, Series

LOOSE_CHUNKS = 64  # so many chunks may follow the last packing of a series before they are packed, too
SMALL_POINTS = 4096  # packing while a run writes leaves chunks of this size alone, so that none is rewritten for ever

_SERIES: Table = Series.__table__  # type: ignore[assignment]
_CHUNKS: Table = Chunk.__table__  # type: ignore[assignment]
_SUMMARY = tuple(field.name for field in fields(Summary))
_CHANGED = (*_SUMMARY, "stored", "loose_chunks", "attempt")
_ATTEMPTS: Table = Attempt.__table__  # type: ignore[assignment]
# Statements of a drain, written once: making them at every call costs more than SQLite needs to carry them out.
_LOCK = select(Run.id).where(Run.id == bindparam("of_run")).with_for_update(key_share=True)
_ALL_SERIES = select(_SERIES).where(_SERIES.c.run_id == bindparam("of_run"))
_ADD_CHUNKS = insert(_CHUNKS)
_CHANGE_SERIES = (
    update(_SERIES).where(_SERIES.c.id == bindparam("series_id")).values({name: bindparam(name) for name in _CHANGED})
)
_MOVE_JOURNAL = (
    update(_ATTEMPTS)
    .where(_ATTEMPTS.c.run_id == bindparam("of_run"), _ATTEMPTS.c.number == bindparam("of_attempt"))
    .values(journal_bytes=bindparam("journal_bytes"))
)


@dataclass(frozen=True)
class Curve:
    """Points of one series in the order in which they were written; the arrays are read-only.

    Attributes:
        steps: int64, (points,).
        times: float64 seconds since the epoch, (points,).
        values: float64, (points,); NaN and infinite values are there.
        cursor: give it to the next `read` as ``after`` to get only what came since.
        attempt: the run's newest attempt. When it is another than at the last read, points read earlier may be
            superseded: read from the beginning.
    """

    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray
    cursor: int
    attempt: int = 1


def append(
    session: Session,
    run_id: int,
    attempt: int,
    points: Mapping[str, tuple[Any, Any, Any]],
    journal_bytes: int | None = None,
) -> None:
    """Add points, metric name to (steps, times, values), and how many bytes of the journal they bring in.

    Summaries move along. A handful of statements, however many metrics there are.

    Raises:
        NotFound: when the run is gone.
        ValueError: when the arrays of a metric do not fit together.
    """
    checked = {name: as_points(*arrays) for name, arrays in points.items()}
    given = {name: arrays for name, arrays in checked.items() if len(arrays.steps)}
    _lock(session, run_id)
    if given:
        _add(session, run_id, attempt, given)
    if journal_bytes is not None:
        which = {"of_run": run_id, "of_attempt": attempt}
        session.connection().execute(_MOVE_JOURNAL, {**which, "journal_bytes": journal_bytes})


def read(session: Session, run_id: int, name: str, *, after: int = 0) -> Curve:
    """The points of a series that came after a cursor; all of them by default. Empty when there are none."""
    found = session.execute(
        select(Series.id, Series.stored, Series.attempt.label("known"), Run.attempt)
        .join(Run, Run.id == Series.run_id)
        .where(Series.run_id == run_id, Series.name == name)
    ).first()
    if found is None or found.stored <= after:
        return Curve(*join([]), cursor=after, attempt=max(found.attempt, found.known) if found else 1)
    chunks = session.execute(
        select(Chunk.number, Chunk.attempt, Chunk.count.label("points_in"), Chunk.points)
        .where(Chunk.series_id == found.id, Chunk.number + Chunk.count > after)
        .order_by(Chunk.number)
    ).all()
    newest = max(found.attempt, found.known)
    limits = limits_of(session, [run_id])[run_id] if newest > 1 else {}
    parts = [visible(unpack(row.points, row.points_in), limits.get(row.attempt), after - row.number) for row in chunks]
    return Curve(*join(parts), cursor=chunks[-1].number + chunks[-1].points_in, attempt=newest)


def read_many(session: Session, run_ids: Sequence[int], name: str) -> dict[int, Curve]:
    """One metric of many runs; runs that do not have it are not in the answer."""
    found = session.execute(
        select(Series.run_id, Run.attempt.label("newest"), Series.attempt.label("known"))
        .add_columns(Chunk.number, Chunk.attempt, Chunk.count.label("points_in"), Chunk.points)
        .select_from(Chunk)
        .join(Series, Series.id == Chunk.series_id)
        .join(Run, Run.id == Series.run_id)
        .where(Series.run_id.in_(run_ids), Series.name == name)
        .order_by(Series.run_id, Chunk.number)
    )
    limits: dict[int, dict[int, int]] | None = None
    parts: dict[int, list[Points]] = {}
    ends: dict[int, tuple[int, int]] = {}
    for row in found:
        newest = max(row.newest, row.known)
        if newest > 1 and limits is None:
            limits = limits_of(session, run_ids)
        limit = limits.get(row.run_id, {}).get(row.attempt) if limits else None
        parts.setdefault(row.run_id, []).append(visible(unpack(row.points, row.points_in), limit, 0))
        ends[row.run_id] = row.number + row.points_in, newest
    return {run_id: Curve(*join(several), *ends[run_id]) for run_id, several in parts.items()}


def summaries(session: Session, run_id: int) -> list[SeriesRow]:
    """One row a metric, by name."""
    names = [field.name for field in fields(SeriesRow)]
    found = session.execute(
        select(*(_SERIES.c[name] for name in names), _SERIES.c.last_text)
        .where(_SERIES.c.run_id == run_id, _SERIES.c.stored > 0)
        .order_by(_SERIES.c.name)
    ).mappings()
    return [
        SeriesRow(**{**{n: row[n] for n in names}, "last": last_value(row["last"], row["last_text"])}) for row in found
    ]


def compact(session: Session, run_id: int) -> None:
    """Pack the small chunks of a run's series together; what a reader sees stays the same."""
    _lock(session, run_id)
    for series_id in session.scalars(select(Series.id).where(Series.run_id == run_id)).all():
        pack_small(session, series_id)


def _lock(session: Session, run_id: int) -> None:
    """One writer of a run's curves at a time, also where the database has many (SQLite has one anyway)."""
    if session.connection().execute(_LOCK, {"of_run": run_id}).scalar() is None:
        raise NotFound(f"Run #{run_id} is not there any more; its points have no place to go.")


def _add(session: Session, run_id: int, attempt: int, given: Mapping[str, Points]) -> None:
    known = _series_of(session, run_id)
    others = {row["attempt"] for row in known.values()} - {attempt}
    missing = [{"run_id": run_id, "name": name, "attempt": attempt} for name in given if name not in known]
    if missing:
        session.execute(insert(_SERIES), missing)
        known = _series_of(session, run_id)
    session.connection().execute(
        _ADD_CHUNKS, [chunk_of(known[n]["id"], known[n]["stored"], attempt, arrays) for n, arrays in given.items()]
    )
    states = [_grown(known[name], arrays) for name, arrays in given.items()]
    _update(session, states)
    if others:
        _restate(session, run_id, max(attempt, *others))
    for state in states:
        if state["loose_chunks"] > LOOSE_CHUNKS:
            pack_small(session, state["id"], below=SMALL_POINTS)


def _series_of(session: Session, run_id: int) -> dict[str, RowMapping]:
    found = session.connection().execute(_ALL_SERIES, {"of_run": run_id}).mappings()
    return {row["name"]: row for row in found}


def _update(session: Session, states: Sequence[Mapping[str, Any]]) -> None:
    """Write the states of series, each with its "id" and every name of `_CHANGED`, in one statement."""
    values = [{"series_id": state["id"], **{name: state[name] for name in _CHANGED}} for state in states]
    session.connection().execute(_CHANGE_SERIES, values)


def _grown(row: RowMapping, points: Points) -> dict[str, Any]:
    """The state of a series once the points are added to it."""
    return {
        **row,
        **vars(Summary(**{name: row[name] for name in _SUMMARY}).with_points(points)),
        "stored": row["stored"] + len(points.steps),
        "loose_chunks": row["loose_chunks"] + 1,
    }


def _restate(session: Session, run_id: int, attempt: int) -> None:
    """Make every summary anew: points of other attempts than the newest have come, or are superseded now."""
    states = []
    for name, row in _series_of(session, run_id).items():
        curve = read(session, run_id, name)
        summary = Summary().with_points(Points(curve.steps, curve.times, curve.values))
        states.append({**row, **vars(summary), "attempt": attempt})
    _update(session, states)
