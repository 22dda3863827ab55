"""Who is ended when, by a clock that the test turns."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.states import RunState
from jobs.crew import Crew, Patience
from jobs.processes import Identity, identify, is_alive
from jobs.run_files import AttemptFiles, last_lines

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(**changes: Any) -> Any:
    facts = {
        "id": 1,
        "state": RunState.RUNNING,
        "step": 1,
        "phase": "fit",
        "last_activity_at": NOON,
        "next_check_in_seconds": 10.0,
        "stop_requested_at": None,
    }
    return SimpleNamespace(**{**facts, **changes})


@pytest.fixture
def files(bancada_home: Path) -> AttemptFiles:
    del bancada_home
    made = AttemptFiles(1, 1)
    made.prepare()
    return made


@pytest.fixture
def sleeper() -> Iterator[Identity]:
    """A process in a session of its own that only waits."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    found = identify(process.pid)
    assert found is not None
    yield found
    process.kill()
    process.wait()


def test_stalled_is_past_the_promise_by_our_own_clock(files: AttemptFiles) -> None:
    crew = Crew(files, 1, 0.0, patience=Patience(promise_seconds=5))
    assert not crew.is_stalled(row(), 100.0)
    assert not crew.is_stalled(row(), 114.9)
    assert crew.is_stalled(row(), 115.1)
    # A new sign of life, with a longer promise.
    again = row(last_activity_at=NOON + timedelta(seconds=20), next_check_in_seconds=300.0)
    assert not crew.is_stalled(again, 120.0)
    assert not crew.is_stalled(again, 400.0)
    assert crew.is_stalled(again, 430.0)


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_is_set_makes_nothing_stalled(files: AttemptFiles, jump: timedelta) -> None:
    crew = Crew(files, 1, 0.0)
    assert not crew.is_stalled(row(), 100.0)
    assert not crew.is_stalled(row(last_activity_at=NOON + jump), 101.0)
    assert not crew.is_stalled(row(last_activity_at=NOON + jump), 105.0)


def test_a_run_that_is_starting_is_not_stalled(files: AttemptFiles) -> None:
    crew = Crew(files, 1, 0.0)
    crew.is_stalled(row(state=RunState.STARTING), 0.0)
    assert not crew.is_stalled(row(state=RunState.STARTING), 1e6)


def test_nothing_is_sent_before_the_grace_is_over(files: AttemptFiles, sleeper: Identity) -> None:
    crew = Crew(files, 1, 0.0, {0: sleeper})
    asked = row(stop_requested_at=NOON)
    crew.see_stop(asked, 30.0, 0.0)
    crew.see_stop(asked, 30.0, 29.0)
    assert is_alive(sleeper)
    assert files.kills() == {}


def test_the_exit_code_is_waited_for_only_so_long(files: AttemptFiles, sleeper: Identity) -> None:
    gone = Identity(sleeper.pid, sleeper.started, (sleeper.ticks or 0) + 1, sleeper.boot)
    crew = Crew(files, 1, 0.0, {0: gone})
    assert not is_alive(gone), "a reused pid is another process"
    assert not crew.look(0.0)
    assert crew.look(2.0)
    crew.codes[0] = 0
    assert crew.look(0.1)


def test_a_process_of_an_earlier_boot_is_gone(sleeper: Identity) -> None:
    assert not is_alive(Identity(sleeper.pid, sleeper.started, sleeper.ticks, "another boot"))


def test_without_ticks_the_start_time_has_to_do(sleeper: Identity) -> None:
    assert is_alive(Identity(sleeper.pid, sleeper.started))
    assert not is_alive(Identity(sleeper.pid, sleeper.started - 60))


def test_last_lines_reads_only_the_end_and_the_last_state_of_a_progress_bar(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 200_000 + b"\nfirst\n  1%\r 50%\r100%\n\nlast \xff\n")
    assert last_lines(path, 2) == "100%\nlast \N{REPLACEMENT CHARACTER}"
    assert last_lines(tmp_path / "none") == ""


def test_the_files_of_an_attempt_that_never_began_are_cleared(files: AttemptFiles) -> None:
    for path in (files.outcome_path(0), files.exit_path(0), files.note_path(0)):
        path.write_text("{}", encoding="utf-8")
    files.note_kill([0], "stop")
    other = AttemptFiles(1, 2)
    other.exit_path(0).write_text('{"code": 0, "at": 1}', encoding="utf-8")
    files.clear()
    assert files.outcome(0) is None
    assert files.kills() == {}
    assert not files.note_path(0).exists()
    assert other.exit(0) is not None


def test_half_an_outcome_is_no_outcome(files: AttemptFiles) -> None:
    files.outcome_path(0).write_text('{"state": "finish', encoding="utf-8")
    assert files.outcome(0) is None
    files.outcome_path(0).write_text('{"state": "unheard of", "reason": "x", "at": 1}', encoding="utf-8")
    assert files.outcome(0) is None
