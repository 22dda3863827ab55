"""The processes of one attempt at a run, watched from outside: who lives, who must be ended, when all is over.

Decides by a monotonic clock that the caller reads, so a clock that is set does no harm. Writes nothing to the database.
"""

import signal
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from db.rows import RunDetail, RunRow
from db.run_config import read_config
from db.states import RunState
from jobs.processes import Identity, is_alive, kill_groups, send
from jobs.run_files import AttemptFiles
from jobs.schedule import process_count

DEFAULT_PROMISE_SECONDS = 60.0


@dataclass(frozen=True)
class Patience:
    """How long a crew is waited for.

    Attributes:
        sibling_seconds: after a rank failed, the others may leave their own last words.
        ending_seconds: after rank 0 ended well, or said how it ended, all its processes must be gone.
        exit_code_seconds: a death is known before its exit code is.
        kill_seconds: from SIGTERM to SIGKILL.
        promise_seconds: past a promised sign of life, before a run counts as stalled.
    """

    sibling_seconds: float = 2.0
    ending_seconds: float = 20.0
    exit_code_seconds: float = 1.5
    kill_seconds: float = 5.0
    promise_seconds: float = 5.0


@dataclass
class Crew:
    """One attempt at a run on this machine.

    Attributes:
        world_size: how many ranks it has.
        processes: rank to process, of those known.
        codes: rank to exit code, of those told by the warm server.
        begun: when this supervisor began to watch, monotonic seconds.
    """

    files: AttemptFiles
    world_size: int
    begun: float
    processes: dict[int, Identity] = field(default_factory=dict)
    codes: dict[int, int] = field(default_factory=dict)
    recorded: bool = False  # whether the processes are in the database
    end_failures: int = 0  # how often its end could not be recorded
    patience: Patience = field(default_factory=Patience)
    _dead_since: dict[int, float] = field(default_factory=dict)
    _said_since: float | None = None
    _stop_since: float | None = None
    _termed_at: float | None = None
    _activity: tuple[datetime | None, int, str] | None = None
    _activity_since: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every rank's process is known."""
        return len(self.processes) >= self.world_size

    def living(self) -> dict[int, Identity]:
        """The ranks that are alive."""
        return {rank: process for rank, process in self.processes.items() if is_alive(process)}

    def look(self, now: float) -> bool:
        """Note the dead, end what must not go on. True when all are dead and their exit codes are known, or late."""
        living = self.living()
        for rank in self.processes.keys() - living.keys():
            self._dead_since.setdefault(rank, now)
        if not living:
            newest = max(self._dead_since.values(), default=now)
            return self._all_codes_known() or now - newest > self.patience.exit_code_seconds
        if self._dead_since:
            self._end_the_rest(living, now)
        self._end_the_silent(living, now)
        return False

    def see_stop(self, row: RunRow, grace_seconds: float, now: float) -> None:
        """Enforce a stop: SIGTERM after the grace time (at once while it starts), SIGKILL some seconds later."""
        if row.stop_requested_at is None:
            return
        self._stop_since = now if self._stop_since is None else self._stop_since
        wait_seconds = 0.0 if row.state is RunState.STARTING else grace_seconds
        if self._termed_at is None and now - self._stop_since >= wait_seconds:
            self._termed_at = now
            send(self.living().values(), signal.SIGTERM)
        term_to_kill = self.patience.kill_seconds if row.state is not RunState.STARTING else max(2.0, grace_seconds)
        if self._termed_at is not None and now - self._termed_at >= term_to_kill:
            self.kill(self.living(), "stop")

    def is_stalled(self, row: RunRow, now: float) -> bool:
        """Whether the run is past its promise of a sign of life, by this machine's own clock."""
        seen = (row.last_activity_at, row.step, row.phase)
        if seen != self._activity:
            self._activity, self._activity_since = seen, now
        if row.state is not RunState.RUNNING:
            return False
        promise = row.next_check_in_seconds or DEFAULT_PROMISE_SECONDS
        return now - self._activity_since > promise + self.patience.promise_seconds

    def kill(self, processes: dict[int, Identity], why: str) -> None:
        """SIGKILL, noted before it is done so that a restarted supervisor knows whose doing it was."""
        if processes:
            self.files.note_kill(processes, why)
            kill_groups(processes.values())

    def _all_codes_known(self) -> bool:
        return all(rank in self.codes or self.files.exit(rank) for rank in self.processes)

    def _end_the_rest(self, living: dict[int, Identity], now: float) -> None:
        first = min(self._dead_since.values())
        if any(self._ended_badly(rank, now) for rank in self._dead_since):
            if now - first >= self.patience.sibling_seconds:
                self.kill(living, "sibling")
        elif 0 in self._dead_since and now - self._dead_since[0] >= self.patience.ending_seconds:
            self.kill(living, "hung")

    def _end_the_silent(self, living: dict[int, Identity], now: float) -> None:
        """A rank 0 that said how it ended, and then hangs, is ended."""
        if 0 not in living or not self.files.outcome_path(0).exists():
            return
        self._said_since = now if self._said_since is None else self._said_since
        if now - self._said_since >= self.patience.ending_seconds:
            self.kill(living, "hung")

    def _ended_badly(self, rank: int, now: float) -> bool:
        outcome = self.files.outcome(rank)
        if outcome is not None:
            return outcome.state in (RunState.FAILED, RunState.LOST)
        seen = self.files.exit(rank)
        code = seen.code if seen else self.codes.get(rank)
        return code != 0 and (code is not None or now - self._dead_since[rank] > self.patience.exit_code_seconds)


def attached(run: RunDetail, now: float, patience: Patience) -> Crew:
    """The crew of a run that is active already: from its row, or from what its processes wrote of themselves."""
    files = AttemptFiles(run.id, run.attempt)
    known = {int(one["rank"]): Identity.from_dict(one) for one in run.processes or ()}
    if known:
        return Crew(files, len(known), now, known, recorded=True, patience=patience)
    names = run.devices or ["cpu"]
    count = len(names) if names[0] != "cpu" else process_count(read_config(run.config).scaling, 0)
    return Crew(files, count, now, patience=patience)


def process_rows(crew: Crew) -> list[dict[str, Any]]:
    """The processes as stored in the run's row."""
    return [{"rank": rank, **process.as_dict()} for rank, process in sorted(crew.processes.items())]
