"""The recorder: what the run logs arrives, what a person asks is heard, and trouble with the database harms nothing."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest

from db import curves, progress, runs
from db.engine import Database
from db.home import home
from db.rows import RunDetail
from db.states import Reason, RunState
from tracking import recorder as recorder_module
from tracking.drain import drain
from tracking.recorder import Recorder


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in shorter time."""
    monkeypatch.setattr(recorder_module, "FLUSH_SECONDS", 0.02)
    monkeypatch.setattr(recorder_module, "LONGEST_FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(recorder_module, "CHECK_IN_SECONDS", 0.1)
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", (0.05, 0.05, 0.05))


@pytest.fixture
def recorder(database: Database, run_id: int) -> Iterator[Recorder]:
    made = Recorder(database, run_id, 1).start()
    yield made
    made.close()


def run_of(database: Database, run_id: int) -> RunDetail:
    with database.reading() as session:
        return runs.get(session, run_id)


def steps(database: Database, run_id: int, name: str = "loss") -> list[int]:
    with database.reading() as session:
        return curves.read(session, run_id, name).steps.tolist()


def comes_true(holds: Callable[[], bool], timeout_seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_points_and_progress_arrive(database: Database, run_id: int, recorder: Recorder) -> None:
    assert comes_true(lambda: run_of(database, run_id).state is RunState.RUNNING)
    for step in range(100):
        recorder.log({"loss": 1.0 / (step + 1), "epoch": 0.0}, step)
    recorder.progress(step=99, epoch=0.5, total_steps=200, max_epochs=1, samples_per_second=64.0, phase="validate")
    assert comes_true(lambda: run_of(database, run_id).step == 99 and len(steps(database, run_id)) == 100)
    run = run_of(database, run_id)
    assert (run.epoch, run.total_steps, run.max_epochs, run.samples_per_second) == (0.5, 200, 1, 64.0)
    assert run.phase == "validate"


def test_close_brings_in_the_rest(database: Database, run_id: int, recorder: Recorder) -> None:
    for step in range(1000):
        recorder.log({"loss": 0.5}, step)
    recorder.progress(step=999)
    assert recorder.close()
    assert steps(database, run_id) == list(range(1000))
    assert run_of(database, run_id).step == 999
    assert drain(database, run_id, 1) == 0


def test_what_a_person_asks_is_heard(database: Database, run_id: int, recorder: Recorder) -> None:
    assert recorder.asked is None
    assert comes_true(lambda: run_of(database, run_id).state is RunState.RUNNING)
    with database.writing() as session:
        progress.request_stop(session, [run_id], "ana", "pause")

    def heard() -> bool:
        recorder.progress(step=1)
        return recorder.asked == "pause"

    assert comes_true(heard)


def test_a_loop_that_hangs_is_silent(database: Database, run_id: int, recorder: Recorder) -> None:
    """Measuring the machine goes on, but it is no sign of life."""
    recorder.progress(step=3)
    assert comes_true(lambda: recorder._told_moves == recorder._moves)
    seen = run_of(database, run_id).last_activity_at
    recorder.sample({"system/cpu_percent": 5.0})
    assert comes_true(lambda: steps(database, run_id, "system/cpu_percent") == [3])
    time.sleep(0.25)  # nothing can be waited for here: that nothing happens is what is asked
    assert run_of(database, run_id).last_activity_at == seen


def test_a_promise_is_passed_on(database: Database, run_id: int, recorder: Recorder) -> None:
    recorder.promise(300.0)
    assert comes_true(lambda: 290 < (run_of(database, run_id).next_check_in_seconds or 0) <= 300)
    recorder.progress(step=1)
    assert comes_true(lambda: (run_of(database, run_id).next_check_in_seconds or 300) < 290)


def test_a_slow_loop_promises_longer(database: Database, run_id: int) -> None:
    now = [1000.0]
    recorder = Recorder(database, run_id, 1, clock=lambda: now[0])
    for step in range(3):
        now[0] += 20.0
        recorder.progress(step=step)
    assert recorder._promise_seconds(now[0]) == pytest.approx(200.0)
    for step in range(10_000):
        now[0] += 0.3
        recorder.progress(step=step)
    assert recorder._promise_seconds(now[0]) == pytest.approx(10.0)
    recorder.close()


def test_a_busy_database_delays_and_loses_nothing(
    database: Database, run_id: int, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else holds the write lock for a while; logging stays fast, and closing does not wait for it."""
    assert comes_true(lambda: run_of(database, run_id).state is RunState.RUNNING)
    other = sqlite3.connect(home() / "bancada.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    took = []
    for step in range(2000):
        began = time.perf_counter()
        recorder.log({"loss": 0.5}, step)
        took.append(time.perf_counter() - began)
    assert sorted(took)[1000] < 1e-3
    began = time.monotonic()
    assert not recorder.close(timeout_seconds=0.5)
    assert time.monotonic() - began < 2
    assert steps(database, run_id) == []
    other.execute("ROLLBACK")
    other.close()
    assert comes_true(lambda: drain(database, run_id, 1) >= 0 and steps(database, run_id) == list(range(2000)))
    assert recorder._thread is not None
    recorder._thread.join(10)
    assert steps(database, run_id) == list(range(2000))
    assert "waits for the database" in caplog.text


def test_a_database_that_fails_is_tried_again(
    database: Database, run_id: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing = [True]
    check_in = progress.check_in

    def troubled(*args: object, **more: object) -> str | None:
        if failing[0]:
            raise sqlite3.OperationalError("database or disk is full")
        return check_in(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(progress, "check_in", troubled)
    recorder = Recorder(database, run_id, 1).start()
    recorder.log({"loss": 0.5}, 1)
    assert comes_true(lambda: recorder._failures > 2)
    assert caplog.text.count("disk is full") == 1
    failing[0] = False
    assert comes_true(lambda: steps(database, run_id) == [1])
    assert recorder.close()
    assert caplog.text.count("can be written again") == 1


def test_a_run_that_was_ended_by_somebody_else_is_asked_to_stop(
    database: Database, run_id: int, recorder: Recorder
) -> None:
    """Its points are still kept: they were logged."""
    assert comes_true(lambda: run_of(database, run_id).state is RunState.RUNNING)
    with database.writing() as session:
        progress.end(session, run_id, RunState.LOST, Reason.VANISHED, reason_text="seen as dead")
    recorder.log({"loss": 0.5}, 7)
    assert comes_true(lambda: recorder.asked == "stop")
    assert comes_true(lambda: steps(database, run_id) == [7])
    assert run_of(database, run_id).state is RunState.LOST


def test_a_wall_clock_that_jumps_does_no_harm(
    database: Database, run_id: int, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three days back in the middle: points keep their order, signs of life go on."""
    real = time.time
    for step in range(10):
        if step == 5:
            monkeypatch.setattr(time, "time", lambda: real() - 3 * 86_400)
        recorder.log({"loss": 0.5}, step)
        recorder.progress(step=step)
    assert comes_true(lambda: steps(database, run_id) == list(range(10)))
    assert comes_true(lambda: run_of(database, run_id).step == 9)
    with database.reading() as session:
        times = curves.read(session, run_id, "loss").times
    assert times[5] - times[4] == pytest.approx(-3 * 86_400, abs=60)


def test_a_forked_child_leaves_the_recorder_alone(database: Database, run_id: int, recorder: Recorder) -> None:
    recorder.log({"loss": 0.5}, 1)
    child = os.fork()
    if child == 0:
        recorder.log({"loss": 9.0}, 2)
        recorder.progress(step=50)
        recorder.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    recorder.log({"loss": 0.5}, 3)
    recorder.progress(step=3)
    assert recorder.close()
    assert steps(database, run_id) == [1, 3]
    assert run_of(database, run_id).step == 3
