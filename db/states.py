"""The states of a run and the moves between them.

::

    queued ──► starting ──► running ──► finished | failed | stopped | lost
      │            └──────────────────► failed | stopped | lost
      └──► cancelled
    stopped | failed | lost | cancelled ──► queued        (resume: the same run goes on as its next attempt)

The launch makes a run ``queued``. Rank 0 of the training process moves ``starting`` to ``running`` at its first
check-in and leaves its outcome in the run's folder. The supervisor (``jobs``) makes every other move; a page only asks
(``stop_requested_at``). A run started without a supervisor (``python -m training FILE``) moves itself. ``stalled`` is a
flag on a running run, not a state.
"""

from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """True when no process works on the run and none will unless it is resumed."""
        return self in ENDED

    @property
    def active(self) -> bool:
        """True while processes of the run exist or are being made."""
        return self in ACTIVE

    def may_become(self, other: "RunState") -> bool:
        """Whether the move is legal."""
        return other in MOVES[self]


class Reason(StrEnum):
    """Why a run ended the way it did: the class of its ending."""

    COMPLETED = "completed"
    EARLY_STOPPED = "early stopped"
    PAUSED = "paused"
    STOPPED_BY_USER = "stopped by user"
    OUT_OF_MEMORY = "out of memory"
    NOT_FINITE = "loss is not finite"
    DISK_FULL = "disk full"
    DATA_ERROR = "data error"
    CONFIG_ERROR = "config error"
    EXCEPTION = "exception"
    SIGNAL = "killed by a signal"
    VANISHED = "process vanished"


class Relation(StrEnum):
    """What a run is to its parent run."""

    CLONE = "clone"
    RETRY = "retry"


class Mirror(StrEnum):
    """Where a run's record is mirrored."""

    OFF = "off"
    OFFLINE = "offline"
    ONLINE = "online"


# How a rank ends that has no room to write how it ended; its exit code is all that it can leave.
EXIT_NO_ROOM = 73
NO_ROOM = (
    "The disk is full: not even how it ended could be written. Checkpoints that were there are whole. Make room "
    "(empty the trash, delete checkpoints) and resume."
)

ACTIVE = frozenset({RunState.STARTING, RunState.RUNNING})
ENDED = frozenset({RunState.FINISHED, RunState.FAILED, RunState.STOPPED, RunState.LOST, RunState.CANCELLED})
MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.STARTING, RunState.CANCELLED}),
    RunState.STARTING: frozenset(
        {RunState.RUNNING, RunState.FINISHED, RunState.FAILED, RunState.STOPPED, RunState.LOST, RunState.QUEUED}
    ),
    RunState.RUNNING: frozenset({RunState.FINISHED, RunState.FAILED, RunState.STOPPED, RunState.LOST}),
    RunState.FINISHED: frozenset(),
    RunState.FAILED: frozenset({RunState.QUEUED}),
    RunState.STOPPED: frozenset({RunState.QUEUED}),
    RunState.LOST: frozenset({RunState.QUEUED}),
    RunState.CANCELLED: frozenset({RunState.QUEUED}),
}
RESUMABLE = frozenset(state for state in ENDED if RunState.QUEUED in MOVES[state])
