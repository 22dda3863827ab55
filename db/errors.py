"""What the record refuses; every message is a sentence for a person."""

from db.states import RunState


class RecordError(Exception):
    """Something that the record cannot do; the message says what, and what to do next."""


class NotFound(RecordError):
    """It is not there (any more)."""


class IllegalMove(RecordError):
    """It cannot be done in the state that the run is in."""


class BadValue(RecordError):
    """A value that cannot be kept, such as a name that is too long."""


_STANDS = {
    RunState.QUEUED: "waits in the queue",
    RunState.STARTING: "is starting",
    RunState.RUNNING: "is running",
    RunState.FINISHED: "has finished",
    RunState.FAILED: "has failed",
    RunState.STOPPED: "was stopped",
    RunState.LOST: "was lost",
    RunState.CANCELLED: "was cancelled",
}


def check_move(run_id: int, state: RunState, to: RunState) -> None:
    """Raise IllegalMove, with what can be done instead, unless a run in ``state`` may become ``to``."""
    if not state.may_become(to):
        raise IllegalMove(f"Run {run_id} {_STANDS[state]}{_instead(state, to)}.")


def _instead(state: RunState, to: RunState) -> str:
    if to is RunState.CANCELLED:
        return " and is not in the queue any more" + ("; stop it instead" if state.active else "")
    if to is RunState.QUEUED:
        if state is RunState.FINISHED:
            return "; clone it to train further"
        return "; it is there already" if state is RunState.QUEUED else "; stop it before it is queued again"
    if to.ended:
        return "; its end is recorded already" if state.ended else "; only a run that was started can end so"
    return f" and cannot be {to.value}" + ("; resume it first" if state.ended else "")
