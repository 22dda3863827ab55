"""Which points of earlier attempts no longer count, because a later attempt went on from before them."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.points import Points
from db.tables import Attempt, Chunk, Series


def limits_of(session: Session, run_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """Per run, the last step that counts of each attempt that later ones supersede in part.

    An attempt that was cancelled in the queue supersedes nothing. One that went on from no checkpoint began anew.
    """
    wrote = select(Chunk.number).join(Series, Series.id == Chunk.series_id)
    wrote = wrote.where(Series.run_id == Attempt.run_id, Chunk.attempt == Attempt.number)
    found = session.execute(
        select(Attempt.run_id, Attempt.number, Attempt.resumed_from_step)
        .where(Attempt.run_id.in_(run_ids))
        .where(or_(Attempt.started_at.is_not(None), Attempt.journal_bytes > 0, wrote.exists()))
        .order_by(Attempt.run_id, Attempt.number.desc())
    )
    found_limits: dict[int, dict[int, int]] = {run_id: {} for run_id in run_ids}
    lowest: dict[int, int] = {}
    for row in found:
        if row.run_id in lowest:
            found_limits[row.run_id][row.number] = lowest[row.run_id]
        step = -1 if row.resumed_from_step is None else row.resumed_from_step
        lowest[row.run_id] = min(step, lowest.get(row.run_id, step))
    return found_limits


def visible(points: Points, limit: int | None, skip: int) -> Points:
    """Without the first ``skip`` points, and without those past the ``limit`` on steps."""
    if skip > 0:
        points = points.chosen(slice(skip, None))
    if limit is None or not len(points.steps) or points.steps.max() <= limit:
        return points
    return points.chosen(points.steps <= limit)
