"""How far a run is, what was asked of it, and its end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from db.errors import IllegalMove, check_move
from db.events import add_event, add_events
from db.run_rows import batches, lock_state, lock_states
from db.states import ACTIVE, Reason, RunState
from db.tables import Attempt, Run
from db.texts import cut, cut_front
from db.types import utc_now

REASON_CHARACTERS = 2_000
LAST_LINES_CHARACTERS = 100_000
KINDS = ("stop", "pause")
_RUNS: Table = Run.__table__  # type: ignore[assignment]
_TOLD = (
    "state", "stalled", "last_activity_at", "step", "epoch", "total_steps", "max_epochs", "samples_per_second", "phase",
    "next_check_in_seconds",
)  # fmt: skip
# Written once and not at every call: making a statement costs more than SQLite needs to carry it out.
_CHECK_IN = (
    update(_RUNS)
    .where(_RUNS.c.id == bindparam("of_run"), _RUNS.c.state.in_(ACTIVE))
    .where(_RUNS.c.attempt == func.coalesce(bindparam("of_attempt", type_=Integer), _RUNS.c.attempt))
    .values({name: bindparam(name) for name in _TOLD})
    .returning(_RUNS.c.id, _RUNS.c.stop_kind)
)


def check_in(
    session: Session,
    run_id: int,
    *,
    step: int,
    epoch: float,
    total_steps: int | None,
    max_epochs: int | None,
    samples_per_second: float | None,
    phase: str,
    next_check_in_seconds: float,
    attempt: int | None = None,
) -> str | None:
    """A sign of life of a run, which makes a starting one running; one statement, about twice a second for each run.

    Args:
        next_check_in_seconds: the promise when the next one comes at the latest.
        attempt: the attempt that speaks, when it knows; one that was followed by another is refused.

    Returns:
        What a person asked of the run: "stop", "pause" or None.

    Raises:
        IllegalMove: when the run has ended meanwhile, or is another attempt's. NotFound: when it is gone.
    """
    values = {
        "state": RunState.RUNNING, "stalled": False, "last_activity_at": utc_now(), "step": step, "epoch": epoch,
        "total_steps": total_steps, "max_epochs": max_epochs, "samples_per_second": samples_per_second,
        "phase": phase, "next_check_in_seconds": next_check_in_seconds,
    }  # fmt: skip
    which = {"of_run": run_id, "of_attempt": attempt}
    asked = session.connection().execute(_CHECK_IN, {**values, **which}).first()
    if asked is None:
        check_move(run_id, lock_state(session, run_id), RunState.RUNNING)
        raise IllegalMove(f"Run {run_id} is worked on by another attempt.")
    return asked.stop_kind


def end(
    session: Session,
    run_id: int,
    state: RunState,
    reason: Reason,
    reason_text: str = "",
    failing_rank: int | None = None,
    last_lines: str = "",
    at: datetime | None = None,
) -> None:
    """Record how a run and its newest attempt ended, exactly once.

    Args:
        at: when; by default now, and for a lost run its last sign of life. Never before it was started.

    Raises:
        IllegalMove: when it has ended already, or was never started. NotFound: when it is not there.
    """
    before = lock_state(session, run_id)
    check_move(run_id, before, state)
    if not state.ended or state is RunState.CANCELLED:
        raise IllegalMove(f"Run {run_id} cannot end as {state.value}.")
    times = session.execute(select(Run.attempt, Run.started_at, Run.last_activity_at).where(Run.id == run_id)).one()
    last = times.last_activity_at if state is RunState.LOST else None
    ended_at = max(at or last or utc_now(), times.started_at or datetime.min.replace(tzinfo=utc_now().tzinfo))
    values = {
        "state": state, "stalled": False, "ended_at": ended_at, "reason": reason, "failing_rank": failing_rank,
        "reason_text": cut(reason_text, REASON_CHARACTERS), "next_check_in_seconds": None,
        "last_lines": cut_front(last_lines, LAST_LINES_CHARACTERS),
    }  # fmt: skip
    session.execute(update(Run).where(Run.id == run_id).values(**values))
    newest = (Attempt.run_id == run_id, Attempt.number == times.attempt)
    session.execute(update(Attempt).where(*newest).values(state=state, reason=reason, ended_at=ended_at))
    add_event(session, run_id, "", f"{state.value}: {reason.value}")


def request_stop(session: Session, ids: Sequence[int], who: str, kind: str) -> None:
    """Ask active runs to end; ended ones stay as they are. A stop replaces an earlier pause, and nothing replaces it.

    Args:
        kind: "stop" or "pause".

    Raises:
        IllegalMove: when one still waits in the queue. NotFound: when none is there.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; it can be {' or '.join(KINDS)}")
    states = lock_states(session, ids)
    waiting = [run_id for run_id, state in states.items() if state is RunState.QUEUED]
    if waiting:
        raise IllegalMove(f"Run {waiting[0]} still waits in the queue; cancel it instead.")
    open_to = Run.stop_kind.is_(None) if kind == "pause" else Run.stop_kind.is_distinct_from("stop")
    values = {"stop_requested_at": utc_now(), "stop_requested_by": who[:200], "stop_kind": kind}
    asked: list[int] = []
    for some in batches(list(states)):
        active = (Run.id.in_(some), Run.state.in_(ACTIVE), open_to)
        asked += session.scalars(update(Run).where(*active).values(**values).returning(Run.id))
    add_events(session, sorted(asked), who, f"asked to {kind}")


def set_stalled(session: Session, run_id: int, stalled: bool) -> None:
    """Flag a running run that is past its promise, or take the flag away; other runs are left as they are."""
    running = (Run.id == run_id, Run.state == RunState.RUNNING, Run.stalled != stalled)
    changed = session.scalar(update(Run).where(*running).values(stalled=stalled).returning(Run.id))
    if changed is not None:
        add_event(session, run_id, "", "stalled: no sign of life in the promised time" if stalled else "goes on")


def set_processes(session: Session, run_id: int, processes: Sequence[dict[str, Any]]) -> None:
    """The processes of the newest attempt, as {"rank", "pid", "started", ...} each."""
    session.execute(update(Run).where(Run.id == run_id).values(processes=list(processes)))


def set_folder_bytes(session: Session, run_id: int, folder_bytes: int) -> None:
    """The size of the run's folder, as just measured."""
    session.execute(update(Run).where(Run.id == run_id).values(folder_bytes=folder_bytes))
