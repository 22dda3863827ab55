"""A real supervisor process with fake ranks, in a data folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import psutil
import pytest

from db import runs, settings
from db.engine import Database, after_commit
from db.home import PROJECT_ROOT
from db.rows import RunDetail
from db.states import RunState
from jobs import place
from jobs.logs import log_path
from jobs.wake import wake

PATIENCE_SECONDS = 30.0
T = TypeVar("T")


def wait_for(find: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """The first true answer; the log of the supervisor is shown when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        if time.monotonic() > deadline:
            log = log_path().read_text(encoding="utf-8", errors="replace") if log_path().exists() else "no log"
            raise AssertionError(f"it did not come true in {seconds} s; the supervisor's log:\n{log[-6000:]}")
        time.sleep(0.02)
    return found


class World:
    """The database, the supervisor process, and short ways to ask both."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, names: str = "NAMES") -> int:
        """Start a supervisor and wait until it has the place; returns its pid."""
        with log_path().open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "jobs", "--names", f"tests.jobs.fake_names:{names}"],
                cwd=PROJECT_ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._processes.append(process)
        wait_for(lambda: (place.holder() or {}).get("pid") == process.pid)
        return process.pid

    def kill_supervisor(self) -> None:
        """kill -9, and only the supervisor."""
        self._processes[-1].kill()
        self._processes[-1].wait()

    def end_supervisor(self) -> int:
        """SIGTERM; returns the exit code."""
        self._processes[-1].terminate()
        return self._processes[-1].wait(PATIENCE_SECONDS)

    def wait_supervisor(self) -> int:
        """Wait until it ends by itself; returns the exit code."""
        return self._processes[-1].wait(PATIENCE_SECONDS)

    def queue(self, *acts: str, processes: int = 1, name: str = "fake") -> int:
        """A queued run whose ranks do these acts."""
        scaling = {"accelerator": "cpu", "devices": processes, "strategy": "ddp" if processes > 1 else "single"}
        config = {
            "seed": 1,
            "model": {"class_path": "fake.Model", "init_args": {"acts": list(acts)}},
            "data": {"class_path": "fake.Data", "init_args": {}},
            "trainer": {},
            "scaling": scaling,
        }
        with self.database.writing() as session:
            run_id = runs.create(session, name=name, config=config, launched_by="test")
            after_commit(session, wake)
        return run_id

    def set(self, **changes: object) -> None:
        """Change the settings."""
        with self.database.writing() as session:
            settings.write(session, "test", **changes)

    def run(self, run_id: int) -> RunDetail:
        """The run's row."""
        with self.database.reading() as session:
            return runs.get(session, run_id)

    def wait_state(self, run_id: int, *states: RunState) -> RunDetail:
        """Wait until the run is in one of these states."""
        wait_for(lambda: self.run(run_id).state in states)
        return self.run(run_id)

    def wait_running(self, run_id: int) -> list[int]:
        """Wait until the run checks in; returns the pids of its ranks, in order."""
        self.wait_state(run_id, RunState.RUNNING)
        wait_for(lambda: self.run(run_id).processes)
        return [int(one["pid"]) for one in self.run(run_id).processes or ()]

    def wait_ended(self, run_id: int) -> RunDetail:
        """Wait until the run has ended."""
        wait_for(lambda: self.run(run_id).state.ended)
        return self.run(run_id)

    def clear(self) -> None:
        """End every process of this world: they all carry its data folder in their environment."""
        home = os.environ["BANCADA_HOME"]
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get("BANCADA_HOME") == home:
                    process.send_signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """A fresh world; nothing of it is left afterwards."""
    made = World(database)
    yield made
    made.clear()
