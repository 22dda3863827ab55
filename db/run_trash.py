"""The trash: runs that were deleted and can be restored, until they are purged. The files are `jobs.trash`'s."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db import queue
from db.errors import IllegalMove
from db.events import add_events
from db.run_rows import batches, lock_states
from db.states import ACTIVE, RunState
from db.tables import Run
from db.types import utc_now


def move_to_trash(session: Session, ids: Sequence[int], who: str) -> list[int]:
    """Move runs to the trash; queued ones leave the queue. Returns those that were not there before.

    Raises:
        IllegalMove: when one is active; nothing is moved. NotFound: when none is there.
    """
    states = lock_states(session, ids)
    active = [run_id for run_id, state in states.items() if state.active]
    if active:
        names = ", ".join(f"{run_id} ({states[run_id].value})" for run_id in active[:5])
        more = f" and {len(active) - 5} more" if len(active) > 5 else ""
        raise IllegalMove(f"Run {names}{more} cannot be deleted while it is worked on; stop it first.")
    waiting = [run_id for run_id, state in states.items() if state is RunState.QUEUED]
    if waiting:
        queue.cancel(session, waiting, who)
    moved: list[int] = []
    for some in batches(list(states)):
        kept = (Run.id.in_(some), Run.deleted_at.is_(None))
        moved += session.scalars(update(Run).where(*kept).values(deleted_at=utc_now()).returning(Run.id))
    add_events(session, sorted(moved), who, "moved to the trash")
    return sorted(moved)


def restore(session: Session, ids: Sequence[int], who: str) -> None:
    """Take runs out of the trash; others stay as they are. NotFound when none is there."""
    restored: list[int] = []
    for some in batches(list(lock_states(session, ids))):
        trashed = (Run.id.in_(some), Run.deleted_at.is_not(None))
        restored += session.scalars(update(Run).where(*trashed).values(deleted_at=None).returning(Run.id))
    add_events(session, sorted(restored), who, "restored from the trash")


def trash_older_than(session: Session, seconds: float) -> list[int]:
    """Runs that have been in the trash for longer than this; all of it for 0, whatever a clock says."""
    question = select(Run.id).where(Run.deleted_at.is_not(None))
    if seconds > 0:
        question = question.where(Run.deleted_at < utc_now() - timedelta(seconds=seconds))
    return list(session.scalars(question.order_by(Run.id)))


def purge(session: Session, ids: Sequence[int]) -> list[int]:
    """Delete runs of the trash for good, with everything recorded of them; returns those that are gone now.

    A run that was restored meanwhile, or is worked on, is left as it is.
    """
    gone: list[int] = []
    for some in batches(sorted(set(ids)), 200):
        doomed = (Run.id.in_(some), Run.deleted_at.is_not(None), Run.state.not_in(ACTIVE))
        gone += session.scalars(delete(Run).where(*doomed).returning(Run.id))
    return sorted(gone)


def bytes_of(session: Session, ids: Sequence[int]) -> int:
    """What the folders of runs take on the disk, as last measured."""
    sizes = (
        session.scalar(select(func.coalesce(func.sum(Run.folder_bytes), 0)).where(Run.id.in_(some)))
        for some in batches(ids)
    )
    return sum(int(size or 0) for size in sizes)
