"""One real supervisor with one warm server for all tests of training: importing torch takes seconds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.samples import load_sample
from db import checkpoints, curves, settings
from db.engine import connect
from db.home import PROJECT_ROOT, run_folder
from db.migrate import upgrade
from db.rows import CheckpointRow, RunDetail
from db.run_config import read_config
from db.states import RunState
from jobs import control, place
from jobs.launch import launch
from jobs.logs import log_path
from tests.jobs.conftest import World, wait_for

IRIS = {"class_path": "lightning_modules.tabular.TableData", "init_args": {"dataset": "iris", "batch_size": 16}}
MINE = "tests.training.mine."
SAMPLES = ("iris",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in one process of pytest-xdist, so that they share the supervisor."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("training"))


class Lab(World):
    """A world whose ranks really train."""

    def start(self, names: str = "") -> int:
        """The real supervisor."""
        assert not names
        with log_path().open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "jobs"], cwd=PROJECT_ROOT, stdout=output, stderr=output, start_new_session=True
            )
        self._processes.append(process)
        wait_for(lambda: (place.holder() or {}).get("pid") == process.pid)
        return process.pid

    def launch(self, model: str, *, data: Any = None, name: str = "test", scaling: Any = None, **trainer: Any) -> int:
        """Queue a run; ``model`` is a class of `mine` or a path, perhaps with arguments after it."""
        path, _, arguments = model.partition(" ")
        config = read_config(
            {
                "seed": 7,
                "model": {"class_path": path if "." in path else MINE + path, "init_args": _arguments(arguments)},
                "data": data or IRIS,
                "trainer": {"max_epochs": 2, "test_after_fit": False, **trainer},
                "scaling": {"accelerator": "cpu", **(scaling or {})},
            }
        )
        with self.database.writing() as session:
            return launch(session, config, name=name, who="test")

    def train(self, model: str, **options: Any) -> RunDetail:
        """Queue a run and wait for its end."""
        return self.wait_ended(self.launch(model, **options))

    def resume(self, run_id: int) -> RunDetail:
        """Let a run go on and wait for its end."""
        with self.database.writing() as session:
            control.resume(session, run_id, "test")
        return self.wait_ended(run_id)

    def ask(self, run_id: int, kind: str) -> RunDetail:
        """Stop or pause a run and wait for its end."""
        with self.database.writing() as session:
            (control.pause if kind == "pause" else control.stop)(session, [run_id], "ana")
        return self.wait_ended(run_id)

    def wait_ended(self, run_id: int) -> RunDetail:
        """Wait until the run has ended; the supervisor's own warming up included."""
        wait_for(lambda: self.run(run_id).state.ended, 120.0)
        return self.run(run_id)

    def finished(self, run: RunDetail) -> RunDetail:
        """The run, which must have finished."""
        assert run.state is RunState.FINISHED, f"{run.reason_text}\n{run.last_lines}"
        return run

    def curve(self, run_id: int, name: str = "train_loss") -> tuple[np.ndarray, np.ndarray]:
        """(steps, values) as pages see them."""
        with self.database.reading() as session:
            found = curves.read(session, run_id, name)
        return found.steps, found.values

    def checkpoints(self, run_id: int) -> list[CheckpointRow]:
        """Those whose files are there."""
        with self.database.reading() as session:
            return checkpoints.of_run(session, run_id)

    def log(self, run_id: int, rank: int = 0, attempt: int = 1) -> str:
        """What a rank printed."""
        return (run_folder(run_id) / "logs" / f"attempt-{attempt}-rank-{rank}.log").read_text(encoding="utf-8")


def _arguments(text: str) -> dict[str, Any]:
    pairs = (pair.partition("=") for pair in text.split())
    return {name: _number(value) for name, _, value in pairs}


def _number(text: str) -> Any:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Lab]]:
    """The data folder and the supervisor over it."""
    home = tmp_path_factory.mktemp("training") / "bancada-data"
    with pytest.MonkeyPatch.context() as patch:
        _go_home(patch, home)
        upgrade(connect())
        lab = Lab(connect())
        with connect().writing() as session:
            settings.write(session, "test", max_cpu_runs=4, stop_grace_seconds=20.0)
            for sample in SAMPLES:
                load_sample(session, sample, "test", None)
        lab.start()
    yield home, lab
    with pytest.MonkeyPatch.context() as patch:
        _go_home(patch, home)
        lab.clear()


@pytest.fixture
def lab(shared_lab: tuple[Path, Lab], monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The shared lab, with the environment pointing to its data folder."""
    home, made = shared_lab
    _go_home(monkeypatch, home)
    made.database = connect()
    return made


def _go_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.setenv("BANCADA_HOME", str(home))
    patch.delenv("BANCADA_DATABASE_URL", raising=False)
    patch.setenv("WANDB_MODE", "offline")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
