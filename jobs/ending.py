"""Why did it end? What is known of the ranks becomes a state, a reason and a sentence. Pure: no files, no database."""

import signal
from dataclasses import dataclass
from datetime import UTC, datetime

from db.states import EXIT_NO_ROOM, NO_ROOM, Reason, RunState
from jobs.rank_process import COULD_NOT_LOG
from jobs.run_files import Exit, Outcome

_SIGNALS = {
    int(signal.SIGKILL): "Somebody or the system ended it (kill -9, or too little memory).",
    int(signal.SIGSEGV): "A compiled library crashed; the log's end shows where.",
    int(signal.SIGBUS): "Often a full disk or too little shared memory; see the log's end.",
    int(signal.SIGABRT): "A compiled library gave up; the log's end shows why.",
}


@dataclass(frozen=True)
class RankEnd:
    """What is known of the end of one rank.

    Attributes:
        killed: why the supervisor killed it ("sibling", "stop", "hung"), or empty.
    """

    rank: int
    outcome: Outcome | None = None
    exit: Exit | None = None
    killed: str = ""

    @property
    def failed(self) -> bool:
        """Whether this rank's end was a failure of its own."""
        if self.outcome is not None:
            return self.outcome.state in (RunState.FAILED, RunState.LOST)
        return not self.killed

    @property
    def at(self) -> datetime | None:
        """When it ended, as far as known."""
        if self.outcome is not None:
            return self.outcome.at
        return self.exit.at if self.exit else None


@dataclass(frozen=True)
class Circumstances:
    """What was so when the ranks ended.

    Attributes:
        stop_by: who asked the run to stop, if anybody did.
        stop_kind: "stop" or "pause".
        memory_killer: whether the system's out-of-memory killer took a process meanwhile.
        rebooted: whether the machine was started anew since.
        last_activity: the run's last sign of life.
    """

    stop_by: str | None = None
    stop_kind: str | None = None
    memory_killer: bool = False
    rebooted: bool = False
    last_activity: datetime | None = None


@dataclass(frozen=True)
class Verdict:
    """How a run ended. ``rank`` is the first failing one; None when none failed."""

    state: RunState
    reason: Reason
    text: str
    rank: int | None
    at: datetime


def judge(ends: list[RankEnd], around: Circumstances) -> Verdict:
    """The end of a run from the ends of its ranks (at least one)."""
    failing = _first_failing(ends)
    if failing is None:
        return _without_failure(ends, around)
    if failing.outcome is not None:
        word = failing.outcome
        return Verdict(word.state, word.reason, word.text, failing.rank, word.at)
    if failing.exit is None:
        return _vanished(failing, around)
    if failing.exit.code < 0:
        return _killed(failing.rank, failing.exit, around)
    return _gone_with_code(failing.rank, failing.exit)


def _first_failing(ends: list[RankEnd]) -> RankEnd | None:
    """The failing rank that ended first. One whose end nobody saw is taken for the first: the others fell over it."""
    failing = [end for end in ends if end.failed]
    if ends[0].rank == 0 and ends[0].outcome is not None and not ends[0].failed:
        return None  # rank 0 records: when it says that all is well, a crash while tidying up changes nothing
    return min(failing, key=_order, default=None)


def _order(end: RankEnd) -> tuple[bool, float, int]:
    return end.at is not None, end.at.timestamp() if end.at else 0.0, end.rank


def _without_failure(ends: list[RankEnd], around: Circumstances) -> Verdict:
    word = next((end.outcome for end in ends if end.outcome is not None), None)
    if word is not None:
        text = word.text
        if word.reason in (Reason.STOPPED_BY_USER, Reason.PAUSED) and around.stop_by and around.stop_by not in text:
            text = f"{text.rstrip('.') or word.reason.value.capitalize()}, asked by {around.stop_by}."
        return Verdict(word.state, word.reason, text, None, word.at)
    at = max((end.at for end in ends if end.at), default=None) or around.last_activity or datetime.now(UTC)
    if any(end.killed == "stop" for end in ends):
        who = around.stop_by or "a user"
        asked = "Pause" if around.stop_kind == "pause" else "Stop"
        text = f"{asked} asked by {who}: it did not end by itself in time, so it was ended by force."
        return Verdict(RunState.STOPPED, Reason.STOPPED_BY_USER, text, None, at)
    return Verdict(
        RunState.FAILED, Reason.SIGNAL, "It hung while ending, so the supervisor ended its processes.", ends[0].rank, at
    )


def _killed(rank: int, exit_: Exit, around: Circumstances) -> Verdict:
    number = -exit_.code
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if around.stop_by and number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        text = f"Stopped by {around.stop_by} before it could save a checkpoint."
        return Verdict(RunState.STOPPED, Reason.STOPPED_BY_USER, text, None, exit_.at)
    if number == signal.SIGKILL and around.memory_killer:
        text = (
            f"Probably out of memory: rank {rank} got {name} while the system's out-of-memory killer was at work. "
            "This is a guess; a smaller batch needs less memory."
        )
        return Verdict(RunState.FAILED, Reason.OUT_OF_MEMORY, text, rank, exit_.at)
    what = _SIGNALS.get(number, "Nobody asked it to stop from here.")
    return Verdict(RunState.FAILED, Reason.SIGNAL, f"Rank {rank} was killed by {name}. {what}", rank, exit_.at)


def _gone_with_code(rank: int, exit_: Exit) -> Verdict:
    if exit_.code == EXIT_NO_ROOM:
        return Verdict(RunState.FAILED, Reason.DISK_FULL, NO_ROOM, rank, exit_.at)
    if exit_.code == COULD_NOT_LOG:
        text = f"Rank {rank} could not open its log file: the disk is full, or the data folder cannot be written."
        return Verdict(RunState.FAILED, Reason.DISK_FULL, text, rank, exit_.at)
    if exit_.code == 0:
        text = f"Rank {rank} ended without saying how; the end of its log may tell."
        return Verdict(RunState.LOST, Reason.VANISHED, text, rank, exit_.at)
    text = f"Rank {rank} ended with exit code {exit_.code} and no error of its own; see the end of its log."
    return Verdict(RunState.FAILED, Reason.EXCEPTION, text, rank, exit_.at)


def _vanished(end: RankEnd, around: Circumstances) -> Verdict:
    at = around.last_activity or datetime.now(UTC)
    if around.rebooted:
        text = "The machine was started anew while the run was at work. Resume goes on from its last checkpoint."
    else:
        text = (
            f"The process of rank {end.rank} is gone and nobody saw it end: it was killed together with what watches "
            "over it, or the machine went down. Resume goes on from its last checkpoint."
        )
    return Verdict(RunState.LOST, Reason.VANISHED, text, end.rank, at)
