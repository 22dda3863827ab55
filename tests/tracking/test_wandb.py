"""The W&B mirror: the same points, whoever dies when; trouble with W&B is told and harms nothing."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from db import progress, queue, runs
from db.engine import Database
from db.states import Mirror, Reason, RunState
from pages.parts.mirror_backlog import backlog_words, points_waiting
from scripts import wandb_sync
from tests.source_tree import ROOT
from tests.tracking.wandb_file import history, records
from tracking import wandb_following, wandb_mirror, wandb_state
from tracking.drain import drain
from tracking.journal import Journal, journal_path
from tracking.wandb_following import Follower
from tracking.wandb_state import NO_KEY, Place, backlog, waiting_points, written_folders

CONFIG = {"seed": 3, "model": {"class_path": "a.Model", "init_args": {"learning_rate": 0.01}}}


@pytest.fixture
def mirrored(database: Database, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", os.environ["BANCADA_HOME"])  # no netrc of the machine's own
    with database.writing() as session:
        run_id = runs.create(
            session, name="amber anvil", config=CONFIG, tags=["baseline"], notes="a note", mirror=Mirror.OFFLINE
        )
        assert queue.claim(session, run_id, "here", ["cpu"])
    journal_path(run_id, 1).parent.mkdir(parents=True)
    return run_id


def end(database: Database, run_id: int, state: RunState = RunState.FINISHED) -> None:
    reason = Reason.COMPLETED if state is RunState.FINISHED else Reason.SIGNAL
    with database.writing() as session:
        progress.end(session, run_id, state, reason)


def log(journal: Journal, first: int, count: int) -> dict[int, dict[str, float]]:
    """Log calls; returns them by step."""
    logged: dict[int, dict[str, float]] = {}
    for step in range(first, first + count):
        logged[step] = {"loss": 1 / (step + 1), "epoch": 0.0}
        if step % 10 == 0:
            logged[step] |= {"broken": math.nan, "endless": -math.inf}
        journal.log(logged[step], step, 1.7e9 + step)
    return logged


def state_of(database: Database, run_id: int) -> dict[str, Any]:
    with database.reading() as session:
        return runs.get(session, run_id).wandb or {}


def start(run_id: int, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tracking.wandb_mirror", str(run_id), *more], cwd=ROOT)


def rows_of(run_id: int) -> dict[int, dict[str, Any]]:
    """W&B's step to the row, over all files of the run; a row written twice must be the same."""
    found: dict[int, dict[str, Any]] = {}
    for folder in written_folders(run_id):
        for row in history(next(folder.glob("*.wandb"))):
            row.pop("_runtime")
            row = dict(sorted(row.items()))
            assert str(found.setdefault(row["_step"], row)) == str(row)
    return found


def same(rows: dict[int, dict[str, Any]], logged: dict[int, dict[str, float]]) -> bool:
    expected = [
        {**metrics, "trainer/global_step": step, "_timestamp": 1.7e9 + step} for step, metrics in sorted(logged.items())
    ]
    found = [{name: value for name, value in row.items() if name != "_step"} for _, row in sorted(rows.items())]
    return [dict(sorted(row.items())).__repr__() for row in map(_floats, found)] == [
        dict(sorted(row.items())).__repr__() for row in map(_floats, expected)
    ]


def _floats(row: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in row.items()}


def comes_true(holds: Callable[[], bool], timeout_seconds: float = 40.0) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
def test_the_file_holds_the_same_points_over_a_kill_and_a_second_attempt(database: Database, mirrored: int) -> None:
    """Follow a run at work, kill the mirror, start another, end the run, resume it, and read every file back."""
    journal = Journal(journal_path(mirrored, 1))
    logged = log(journal, 0, 300)
    first = start(mirrored, "--watch", str(os.getpid()))
    assert comes_true(lambda: state_of(database, mirrored).get("points_total", 0) > 0)
    assert comes_true(lambda: (written_folders(mirrored) or [None])[0] is not None)
    first.send_signal(signal.SIGKILL)
    first.wait()
    logged |= log(journal, 300, 50)
    end(database, mirrored, RunState.FAILED)
    assert start(mirrored).wait(60) == 0
    assert same(rows_of(mirrored), logged)
    points = sum(map(len, logged.values()))
    state = state_of(database, mirrored)
    assert (state["mode"], state["state"], state["trouble"]) == ("offline", "waiting", "")
    assert (state["points_total"], state["points_sent"]) == (points, 0)
    messages = list(records(next(written_folders(mirrored)[-1].glob("*.wandb"))))
    (run,) = [message.run for message in messages if message.WhichOneof("record_type") == "run"]
    assert (run.display_name, list(run.tags), run.notes) == ("amber anvil", ["baseline"], "a note")
    config = {update.key: update.value_json for update in run.config.update}
    assert '"learning_rate":0.01' in config["model"]
    (exit_,) = [message.exit for message in messages if message.WhichOneof("record_type") == "exit"]
    assert exit_.exit_code == 1

    with database.writing() as session:
        queue.requeue(session, mirrored, "ana", None, 349)
        assert queue.claim(session, mirrored, "here", ["cpu"])
    logged |= log(Journal(journal_path(mirrored, 2)), 350, 20)
    end(database, mirrored)
    assert start(mirrored).wait(60) == 0
    assert same(rows_of(mirrored), logged)
    with database.reading() as session:
        (waiting,) = backlog(session)
    assert waiting_points(waiting.wandb) == sum(map(len, logged.values()))


@pytest.mark.slow
def test_online_without_a_server_falls_back_to_files(
    database: Database, mirrored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that leads nowhere: the points are in files, and the run's row says why."""
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_MODE", "online")
    for name in wandb_state.PROXIES:
        monkeypatch.delenv(name, raising=False)
    with database.writing() as session:
        run_id = runs.create(session, name="online", config=CONFIG, mirror=Mirror.ONLINE)
        assert queue.claim(session, run_id, "here", ["cpu"])
    journal_path(run_id, 1).parent.mkdir(parents=True)
    logged = log(Journal(journal_path(run_id, 1)), 0, 30)
    end(database, run_id)
    assert start(run_id).wait(100) == 0
    state = state_of(database, run_id)
    assert "cannot be reached" in state["trouble"]
    assert (state["mode"], state["points_sent"]) == ("offline", 0)
    offline = [folder for folder in written_folders(run_id) if folder.name.startswith("offline")]
    assert len(history(next(offline[0].glob("*.wandb")))) == len(logged)


class FakeSink:
    """Keeps what it is given; stands for wandb."""

    trouble = ""
    url = None
    folder = None

    def __init__(self, *, online: bool = False, closes: bool = True) -> None:
        self.online = online
        self.rows: list[tuple[int, int, dict[str, float]]] = []
        self.exit_code: int | None = None
        self._closes = closes

    def log(self, metrics: dict[str, float], step: int, at: float, row: int) -> None:
        assert at > 0
        self.rows.append((row, step, metrics))

    def close(self, exit_code: int) -> bool:
        self.exit_code = exit_code
        return self._closes


def follow(database: Database, run_id: int, sink: FakeSink, watched: int | None = None) -> Place:
    wandb_state.mirror_folder(run_id)
    with database.reading() as session:
        run = runs.get(session, run_id)
    return Follower(database, run, sink, watched).follow()


def test_a_follower_goes_on_where_the_last_one_ended(database: Database, mirrored: int) -> None:
    journal = Journal(journal_path(mirrored, 1))
    log(journal, 0, 5)
    end(database, mirrored, RunState.FAILED)
    first, second = FakeSink(online=True), FakeSink(online=True)
    assert follow(database, mirrored, first).sent == 12
    assert first.exit_code == 1
    journal.log({"loss": 9.0}, 5)
    place = follow(database, mirrored, second)
    assert second.rows == [(5, 5, {"loss": 9.0})]
    assert (place.rows, place.points, place.sent) == (6, 13, 13)
    assert state_of(database, mirrored)["state"] == "sent"
    with database.reading() as session:
        assert backlog(session) == []


def test_what_could_not_be_sent_in_time_waits(database: Database, mirrored: int) -> None:
    log(Journal(journal_path(mirrored, 1)), 0, 5)
    end(database, mirrored)
    sink = FakeSink(online=True, closes=False)
    assert follow(database, mirrored, sink).sent == 0
    assert sink.exit_code == 0
    state = state_of(database, mirrored)
    assert (state["state"], state["points_sent"], state["points_total"]) == ("waiting", 0, 12)
    assert "sync sends the rest" in state["trouble"]


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["raise ImportError('no wandb here')", "import os; os._exit(9)"])
def test_a_wandb_that_cannot_be_imported_leaves_the_run_in_the_backlog(
    database: Database, mirrored: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """A broken installation, and one that takes its process down."""
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "__init__.py").write_text(trouble)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    log(Journal(journal_path(mirrored, 1)), 0, 5)
    drain(database, mirrored, 1)
    end(database, mirrored)
    assert start(mirrored).wait(60) != 0
    assert state_of(database, mirrored).get("state") != "sent"
    with database.reading() as session:
        (waiting,) = backlog(session)
        assert runs.get(session, mirrored).state is RunState.FINISHED
    assert points_waiting(waiting) == 12
    assert "12 points of 1 run" in backlog_words([waiting])

    monkeypatch.delenv("PYTHONPATH")
    assert start(mirrored).wait(60) == 0
    assert len(rows_of(mirrored)) == 5


def test_an_online_mirror_that_was_killed_is_in_the_backlog(database: Database, mirrored: int) -> None:
    """All that it had seen was sent; the rest of the journal was not."""
    wandb_state.say(database, mirrored, mode="online", state="mirroring", points_sent=7, points_total=7)
    log(Journal(journal_path(mirrored, 1)), 0, 5)
    drain(database, mirrored, 1)
    end(database, mirrored)
    with database.reading() as session:
        (waiting,) = backlog(session)
    assert points_waiting(waiting) == 5


def test_a_resumed_run_is_mirrored_although_the_last_mirror_is_still_finishing(
    database: Database, mirrored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_mirror, "WandbRun", lambda *_args, **_more: FakeSink(online=True))
    log(Journal(journal_path(mirrored, 1)), 0, 5)
    end(database, mirrored)
    finishing = FileLock(wandb_state.mirror_folder(mirrored) / "mirror.lock", thread_local=False)
    finishing.acquire()
    with pytest.raises(wandb_mirror.AlreadyMirrored):
        wandb_mirror.mirror(database, mirrored)
    threading.Timer(0.3, finishing.release).start()
    assert wandb_mirror.mirror(database, mirrored, patience_seconds=20).points == 12


def test_one_sync_at_a_time(
    database: Database, mirrored: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setattr(wandb_sync, "unreachable", lambda _url: "")
    monkeypatch.setattr(wandb_state, "SYNC_SECONDS", 0.1)
    end(database, mirrored)
    assert not wandb_state.is_syncing()
    with wandb_state.sync_lock():
        assert wandb_state.is_syncing()
        assert wandb_sync.main([]) == 1
    assert "Another sync is at work" in capsys.readouterr().out
    assert not wandb_state.is_syncing()


def test_a_mirror_does_not_wait_for_ever_for_a_run_that_is_gone(
    database: Database, mirrored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_following, "ORPHAN_SECONDS", 0.1)
    monkeypatch.setattr(wandb_following, "POLL_SECONDS", 0.02)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    log(Journal(journal_path(mirrored, 1)), 0, 1)
    assert follow(database, mirrored, FakeSink(), watched=gone.pid).rows == 1


def test_sync_says_plainly_that_there_is_no_key(
    database: Database, mirrored: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wandb_sync.main([]) == 1
    assert NO_KEY in capsys.readouterr().out
    assert state_of(database, mirrored)["trouble"] == NO_KEY
    with database.writing() as session:
        progress.end(session, mirrored, RunState.FINISHED, Reason.COMPLETED)
        runs.move_to_trash(session, [mirrored], "ana")
    assert wandb_sync.main([]) == 0
    assert "Nothing waits" in capsys.readouterr().out


def test_sync_says_that_there_is_no_network(
    database: Database, mirrored: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setattr(wandb_sync, "server_url", lambda: "http://127.0.0.1:9")
    for name in wandb_state.PROXIES:
        monkeypatch.delenv(name, raising=False)
    assert wandb_sync.main([str(mirrored)]) == 1
    assert "cannot be reached" in capsys.readouterr().out
    assert "cannot be reached" in state_of(database, mirrored)["trouble"]


def test_sync_sends_every_file_once(
    database: Database, mirrored: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """W&B's own tool is the one thing that is not real here: it would need an account."""
    folders = [wandb_state.mirror_folder(mirrored) / f"offline-run-2026010{day}_000000-x" for day in (1, 2)]
    for folder in folders:
        folder.mkdir()
        (folder / "run-x.wandb").touch()
    sent: list[str] = []

    def tool(command: list[str], **_more: object) -> subprocess.CompletedProcess[str]:
        folder = Path(command[-1])
        sent.append(folder.name)
        if len(sent) == 2:
            return subprocess.CompletedProcess(command, 0, "wandb: the server is in a bad mood\n", "")
        (folder / "run-x.wandb.synced").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(wandb_sync.subprocess, "run", tool)
    monkeypatch.setattr(wandb_sync, "mirror", lambda *_args, **_more: Place(points=12, rows=5))
    assert wandb_sync.sync(database, [mirrored]) == 1
    assert "still at work" in state_of(database, mirrored)["trouble"]
    end(database, mirrored)
    assert wandb_sync.sync(database, [mirrored]) == 1
    assert state_of(database, mirrored)["trouble"] == "W&B's tool says: the server is in a bad mood"
    assert wandb_sync.sync(database, [mirrored, 99]) == 1
    state = state_of(database, mirrored)
    assert (state["state"], state["points_sent"], state["trouble"]) == ("sent", 12, "")
    assert sent == [folders[0].name, folders[1].name, folders[1].name]


def test_starting_a_sync_does_not_wait_for_it(
    database: Database, mirrored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    words = wandb_state.start_sync([mirrored])
    assert time.monotonic() - began < 1
    assert comes_true(lambda: state_of(database, mirrored).get("trouble") == NO_KEY)
    assert comes_true(lambda: NO_KEY in words.read_text(encoding="utf-8"))
