"""Chunks as they are stored, and how small ones are packed together."""

from typing import Any

from sqlalchemy import RowMapping, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from db.points import Points, join, pack, unpack
from db.tables import Chunk, Series

PACKED_POINTS = 50_000

_SERIES: Table = Series.__table__  # type: ignore[assignment]
_CHUNKS: Table = Chunk.__table__  # type: ignore[assignment]


def chunk_of(series_id: int, number: int, attempt: int, points: Points) -> dict[str, Any]:
    """The columns of a chunk; ``number`` points of the series come before it."""
    return {
        "series_id": series_id,
        "number": number,
        "attempt": attempt,
        "count": len(points.steps),
        "first_step": int(points.steps.min()),
        "last_step": int(points.steps.max()),
        "points": pack(points),
    }


def pack_small(session: Session, series_id: int, below: int = PACKED_POINTS) -> None:
    """Join neighbours of the same attempt that have fewer than ``below`` points each, up to `PACKED_POINTS`."""
    found = session.execute(
        select(_CHUNKS).where(_CHUNKS.c.series_id == series_id, _CHUNKS.c.count < below).order_by(_CHUNKS.c.number)
    ).mappings()
    for group in _neighbours(list(found)):
        first, last = group[0], group[-1]
        whole = join([unpack(row["points"], row["count"]) for row in group])
        numbers = _CHUNKS.c.number.between(first["number"], last["number"])
        session.execute(delete(_CHUNKS).where(_CHUNKS.c.series_id == series_id, numbers))
        session.execute(insert(_CHUNKS), [chunk_of(series_id, first["number"], first["attempt"], whole)])
    session.execute(update(_SERIES).where(_SERIES.c.id == series_id).values(loose_chunks=0))


def _neighbours(rows: list[RowMapping]) -> list[list[RowMapping]]:
    """Groups of two and more chunks that may become one."""
    groups: list[list[RowMapping]] = []
    room = 0
    for row in rows:
        last = groups[-1][-1] if groups else None
        follows = (
            last is not None and last["number"] + last["count"] == row["number"] and last["attempt"] == row["attempt"]
        )
        if follows and row["count"] <= room:
            groups[-1].append(row)
            room -= row["count"]
        else:
            groups.append([row])
            room = PACKED_POINTS - row["count"]
    return [group for group in groups if len(group) > 1]
