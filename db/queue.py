"""The queue: runs in the state ``queued``, in the order of their positions.

A position is a number with room on both sides, so that moving a run writes one row; all are numbered anew when two
neighbours get too close.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.errors import IllegalMove, check_move
from db.events import add_event, add_events
from db.rows import RunDetail
from db.run_rows import batches, detail, lock_state, lock_states, rows_of, select_runs
from db.states import RunState
from db.tables import Attempt, Checkpoint, Run
from db.texts import cut
from db.types import utc_now

LEAST_GAP = 1e-6
_ORDER = (Run.queue_position, Run.id)
_NOTHING_BEGUN: dict[str, Any] = {
    "stalled": False, "started_at": None, "host": None, "devices": None, "processes": None, "last_activity_at": None,
    "next_check_in_seconds": None, "samples_per_second": None, "phase": "",
}  # fmt: skip
_NOTHING_ENDED: dict[str, Any] = {
    "ended_at": None, "reason": None, "reason_text": "", "failing_rank": None, "last_lines": "", "archived_at": None,
    "stop_requested_at": None, "stop_requested_by": None, "stop_kind": None,
}  # fmt: skip


def queued(session: Session) -> list[RunDetail]:
    """Every waiting run, the next one first."""
    question = select_runs(RunDetail).where(Run.state == RunState.QUEUED, Run.deleted_at.is_(None))
    return rows_of(session, RunDetail, question.order_by(*_ORDER))


def end_position(session: Session) -> float:
    """A position behind every waiting run."""
    last = session.scalar(select(func.max(Run.queue_position)).where(Run.state == RunState.QUEUED))
    return 1.0 if last is None else last + 1.0


def claim(session: Session, run_id: int, host: str, devices: Sequence[str]) -> bool:
    """Take a run out of the queue to start it; of several claimers, exactly one is told True."""
    now = utc_now()
    values = {
        "state": RunState.STARTING, "queue_position": None, "wait_reason": "", **_NOTHING_BEGUN,
        "started_at": now, "host": host, "devices": list(devices),
    }  # fmt: skip
    waits = (Run.id == run_id, Run.state == RunState.QUEUED, Run.deleted_at.is_(None))
    attempt = session.scalar(update(Run).where(*waits).values(**values).returning(Run.attempt))
    if attempt is None:
        return False
    session.execute(update(Attempt).where(*_attempt(run_id, attempt)).values(started_at=now))
    add_event(session, run_id, "", f"attempt {attempt} started on {', '.join(devices)} of {host}")
    return True


def unclaim(session: Session, run_id: int) -> None:
    """Put a run that is starting back to the queue's front: its processes did not come into being.

    Raises:
        IllegalMove: when it is not starting. NotFound: when it is not there.
    """
    check_move(run_id, state := lock_state(session, run_id), RunState.QUEUED)
    if state is not RunState.STARTING:
        raise IllegalMove(f"Run {run_id} is {state.value}; only a run that is starting goes back to the queue.")
    first = session.scalar(select(func.min(Run.queue_position)).where(Run.state == RunState.QUEUED))
    values = {"state": RunState.QUEUED, "queue_position": 1.0 if first is None else first - 1.0, **_NOTHING_BEGUN}
    attempt = session.scalar(update(Run).where(Run.id == run_id).values(**values).returning(Run.attempt))
    session.execute(update(Attempt).where(*_attempt(run_id, attempt or 1)).values(started_at=None))
    add_event(session, run_id, "", "went back to the queue, because its processes could not be made")


def cancel(session: Session, ids: Sequence[int], who: str) -> None:
    """Take runs out of the queue.

    Raises:
        IllegalMove: when one is not queued (any more); then none is cancelled. NotFound: when none is there.
    """
    states = lock_states(session, ids)
    for run_id, state in states.items():
        check_move(run_id, state, RunState.CANCELLED)
    now, ended = utc_now(), RunState.CANCELLED
    values = {"state": ended, "queue_position": None, "wait_reason": "", "ended_at": now}
    for some in batches(list(states)):
        session.execute(update(Run).where(Run.id.in_(some)).values(**values))
        newest = (Attempt.run_id.in_(some), Attempt.ended_at.is_(None))
        session.execute(update(Attempt).where(*newest).values(state=ended, ended_at=now))
    add_events(session, states, who, "taken out of the queue")


def move(session: Session, run_id: int, before: int | None, who: str) -> None:
    """Move a waiting run before another one, or to the queue's end.

    Raises:
        IllegalMove: when one of the two does not wait (any more). NotFound: when it is not there.
    """
    asked = [run_id] if before is None else [run_id, before]
    for one in sorted(asked):
        if lock_state(session, one) is not RunState.QUEUED:
            raise IllegalMove(f"Run {one} is not in the queue any more, so the order was left as it is.")
    if before == run_id:
        return
    position = end_position(session) if before is None else _between(session, run_id, before)
    session.execute(update(Run).where(Run.id == run_id).values(queue_position=position))
    place = "to the queue's end" if before is None else f"before run {before} in the queue"
    add_event(session, run_id, who, f"moved {place}")


def requeue(session: Session, run_id: int, who: str, checkpoint_id: int | None, step: int | None) -> None:
    """Put an ended run to the queue's end as its next attempt, to go on from a checkpoint or from the beginning.

    Raises:
        IllegalMove: when it has not ended, finished, or is in the trash. NotFound: when it is not there.
    """
    state = lock_state(session, run_id)
    check_move(run_id, state, RunState.QUEUED)
    run = detail(session, run_id)
    if not state.ended:
        raise IllegalMove(f"Run {run_id} is {state.value}; stop it before it is queued again.")
    if run.deleted_at is not None:
        raise IllegalMove(f"Run {run_id} is in the trash; restore it first.")
    epoch = session.scalar(select(Checkpoint.epoch).where(Checkpoint.id == checkpoint_id)) if checkpoint_id else None
    values = {
        "state": RunState.QUEUED, "queue_position": end_position(session), "wait_reason": "",
        "attempt": run.attempt + 1, "step": step or 0, "epoch": epoch or 0.0, **_NOTHING_BEGUN, **_NOTHING_ENDED,
    }  # fmt: skip
    session.execute(update(Run).where(Run.id == run_id).values(**values))
    session.add(
        Attempt(
            run_id=run_id,
            number=run.attempt + 1,
            resumed_from_checkpoint_id=checkpoint_id,
            resumed_from_step=step,
        )
    )
    session.flush()
    place = "the beginning" if step is None else f"step {step:,}"
    add_event(session, run_id, who, f"queued again as attempt {run.attempt + 1}, to go on from {place}")


def set_wait_reason(session: Session, run_id: int, text: str) -> None:
    """Say why a run waits; one that left the queue meanwhile is left as it is."""
    waits = (Run.id == run_id, Run.state == RunState.QUEUED)
    session.execute(update(Run).where(*waits).values(wait_reason=cut(text, 2_000)))


def _between(session: Session, run_id: int, before: int) -> float:
    """A position right before a waiting run."""
    for _ in range(2):
        question = select(Run.id, Run.queue_position).where(Run.state == RunState.QUEUED, Run.id != run_id)
        order = session.execute(question.order_by(*_ORDER)).all()
        place = [one for one, _ in order].index(before)
        upper = order[place][1]
        lower = order[place - 1][1] if place else (None if upper is None else upper - 2.0)
        if upper is not None and lower is not None and upper - lower > LEAST_GAP:
            return float((lower + upper) / 2)
        _number_anew(session, [one for one, _ in order])
    raise AssertionError("freshly numbered positions have room between them")


def _number_anew(session: Session, order: list[int]) -> None:
    rows = [{"id": one, "queue_position": float(number)} for number, one in enumerate(order, start=1)]
    session.execute(update(Run), rows)


def _attempt(run_id: int, number: int) -> tuple[Any, Any]:
    return Attempt.run_id == run_id, Attempt.number == number
