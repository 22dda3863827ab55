"""Training without a supervisor: makes the run's row and its ranks, shows rank 0's log, writes down how it ended.

The ranks are forked from this process once torch is imported, each in a session of its own, and write the same files
as under the supervisor; one that is at work on this machine watches them, too.
"""

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from db import checkpoints, progress, queue, runs
from db.attempt_paths import AttemptPaths
from db.engine import connect, forget_connections
from db.errors import IllegalMove
from db.json_files import read_json, write_json
from db.machine import free_port, host_name, usable_cores
from db.run_config import RunConfig, read_config
from db.states import EXIT_NO_ROOM, NO_ROOM, Reason, RunState
from tracking.drain import drain
from training.rank import main as rank_main
from training.strategies import choose_devices

TICK_SECONDS = 0.05
SIBLING_SECONDS = 3.0
LAST_LINES = 40
EXIT_CODES = {RunState.FINISHED: 0, RunState.STOPPED: 3}


def train_alone(config: RunConfig, facts: dict[str, Any]) -> int:
    """Train in processes of our own; returns the exit code: 0 finished, 1 failed, 3 stopped."""
    devices, world_size = choose_devices(config.scaling)
    with connect().writing() as session:  # one transaction: a supervisor must not see it queued
        run_id = runs.create(session, config=config.to_dict(), **facts)
        queue.claim(session, run_id, host_name(), devices)
    return _work(Alone(run_id, 1, world_size, devices), config)


def resume_alone(run_id: int, who: str) -> int:
    """Go on with a run that ended, from its last checkpoint or else from the beginning; returns the exit code.

    Raises:
        RecordError: when it is not there, has not ended, or finished. ConfigError: when its config is not valid now.
    """
    with connect().reading() as session:
        config = read_config(runs.get(session, run_id).config)
    devices, world_size = choose_devices(config.scaling)
    with connect().writing() as session:  # one transaction: a supervisor must not see it queued
        saved = checkpoints.resumable(session, run_id)
        queue.requeue(session, run_id, who, saved.id if saved else None, saved.step if saved else None)
        queue.claim(session, run_id, host_name(), devices)
        attempt = runs.get(session, run_id).attempt
    print(f"going on from {f'step {saved.step:,}' if saved else 'the beginning: there is no checkpoint'}")
    return _work(Alone(run_id, attempt, world_size, devices), config)


def _work(crew: "Alone", config: RunConfig) -> int:
    crew.start(config)
    return EXIT_CODES.get(crew.watch(), 1)


@dataclass
class Alone:
    """The ranks of one run, and this process that waits for them."""

    run_id: int
    attempt: int
    world_size: int
    devices: list[str]
    pids: dict[int, int] = field(default_factory=dict)
    codes: dict[int, int] = field(default_factory=dict)
    _asked: int = 0
    _shown: int = 0
    _first_death: float | None = None

    @property
    def files(self) -> AttemptPaths:
        """Where the attempt's files lie."""
        return AttemptPaths(self.run_id, self.attempt)

    def start(self, config: RunConfig) -> None:
        """Make the folder, the config file and the ranks."""
        folder = self.files.folder
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
        print(f"run {self.run_id} in {folder}", flush=True)
        port = free_port()
        for rank in range(self.world_size):
            pid = os.fork()
            if pid == 0:
                self._become_rank(rank, port)
            self.pids[rank] = pid
        rows = [
            {"rank": rank, "pid": pid, "started": psutil.Process(pid).create_time()} for rank, pid in self.pids.items()
        ]
        for row in rows:  # a supervisor that finds the run claimed and no process would take it for lost
            write_json(self.files.note_path(int(row["rank"])), row)
        with connect().writing() as session:
            progress.set_processes(session, self.run_id, rows)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)

    def watch(self) -> RunState:
        """Show the log of rank 0 until all ranks have ended; record the end."""
        while len(self.codes) < self.world_size:
            self._reap()
            self._end_the_rest()
            self._show()
            time.sleep(TICK_SECONDS)
        self._show()
        return self._record()

    def _become_rank(self, rank: int, port: int) -> None:
        """In the child: its own session and log, then the same code as under a supervisor. Does not return."""
        code = 1
        try:
            os.setsid()
            log = os.open(self.files.log(rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for number in (1, 2):
                os.dup2(log, number)
            for stream in (sys.stdout, sys.stderr):
                stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
            numbers = [name.partition(":")[2] for name in self.devices if name != "cpu"]
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(numbers)
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // self.world_size)))
            forget_connections()
            rank_main(self.run_id, rank, self.world_size, self.attempt, port)
            code = 0
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """The first time gently, the second time by force."""
        self._asked += 1
        if self._asked == 1:
            print("stopping: a checkpoint is saved (once more to stop by force)", flush=True)
        self._send(signal.SIGTERM if self._asked == 1 else signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for rank, pid in self.pids.items():
            if rank not in self.codes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _reap(self) -> None:
        for rank, pid in self.pids.items():
            if rank in self.codes:
                continue
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self.codes[rank] = os.waitstatus_to_exitcode(status)
                write_json(self.files.exit_path(rank), {"code": self.codes[rank], "at": time.time()})

    def _end_the_rest(self) -> None:
        """When one rank has failed, the others wait for it in vain."""
        if not any(self.codes.values()):
            return
        self._first_death = self._first_death or time.monotonic()
        if time.monotonic() - self._first_death > SIBLING_SECONDS:
            self._send(signal.SIGKILL)

    def _show(self) -> None:
        path = self.files.log(0)
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._shown)
            data = file.read()
        self._shown += len(data)
        sys.stdout.write(data.decode("utf-8", errors="replace"))
        sys.stdout.flush()

    def _record(self) -> RunState:
        """Bring in the journal's tail and write the end; a supervisor may have been faster."""
        drain(connect(), self.run_id, self.attempt)
        state, reason, text, rank, at = self._verdict()
        try:
            with connect().writing() as session:
                lines = "" if rank is None else _last_lines(self.files.log(rank))
                progress.end(session, self.run_id, state, reason, text, rank, lines, at)
        except IllegalMove:
            with connect().reading() as session:
                return runs.get(session, self.run_id).state
        if rank:
            print(f"rank {rank} failed first; its log is {self.files.log(rank)}")
        return state

    def _verdict(self) -> tuple[RunState, Reason, str, int | None, datetime]:
        """(state, reason, sentence, failing rank, when) from what the ranks left."""
        said = {rank: found for rank in self.pids if (found := read_json(self.files.outcome_path(rank))) is not None}
        failed = {rank: one for rank, one in said.items() if one["state"] == RunState.FAILED}
        if 0 in said and 0 not in failed:
            failed = {}
        silent = [rank for rank in self.pids if rank not in said and self.codes[rank]]
        first: int | None = min(failed, key=lambda rank: failed[rank]["at"], default=None)
        if first is None and (0 in said or not silent):
            first = 0
        if first is not None and first in said:
            word = said[first]
            failing = first if first in failed else None
            at = datetime.fromisoformat(word["at"])
            return RunState(word["state"]), Reason(word["reason"]), word["text"], failing, at
        rank = silent[0] if silent else 0
        now = datetime.now(UTC)
        if self._asked:
            return RunState.STOPPED, Reason.STOPPED_BY_USER, "Stopped by force.", None, now
        if self.codes[rank] < 0:
            text = f"Rank {rank} was killed by {signal.Signals(-self.codes[rank]).name}."
            return RunState.FAILED, Reason.SIGNAL, text, rank, now
        if self.codes[rank] == EXIT_NO_ROOM:
            return RunState.FAILED, Reason.DISK_FULL, NO_ROOM, rank, now
        return RunState.FAILED, Reason.EXCEPTION, f"Rank {rank} ended with code {self.codes[rank]}.", rank, now


def _last_lines(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return "\n".join([line for line in lines if line.strip()][-LAST_LINES:])
