"""The promises of the README, held against a real dashboard, a real supervisor and real training.

A model counts its own points in a file (`scripts.benchmarks.witness`), so what is gone cannot hide.
"""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from catalog.samples import load_sample
from db import checkpoints, curves, runs
from db.engine import Database, connect, forget_connections
from db.rows import RunDetail
from db.run_config import read_config
from db.states import Reason, RunState
from jobs import control
from jobs.launch import launch
from scripts.dashboard_process import Dashboard, dashboard
from tests.jobs.conftest import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("promises")]
HOLD_SECONDS = 10.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of its own, whose death harms no other test."""
    folder = tmp_path_factory.mktemp("promises") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BANCADA_HOME", str(folder))
        patch.delenv("BANCADA_DATABASE_URL", raising=False)
        with dashboard(folder) as running:
            with connect().writing() as session:
                load_sample(session, "breast-cancer", "tests", None)
            yield running
        connect().close()
        forget_connections()


@pytest.fixture
def record(served: Dashboard) -> Database:
    """The dashboard's database."""
    return connect()


def launch_witnessed(record: Database, witness: Path) -> int:
    """A run without end that counts its points in a file."""
    config = read_config(
        {
            "model": {
                "class_path": "scripts.benchmarks.witness.WitnessedModel",
                "init_args": {"witness": str(witness)},
            },
            "data": {"class_path": "lightning_modules.tabular.TableData", "init_args": {"dataset": "breast-cancer"}},
            "trainer": {"max_epochs": 100_000, "checkpoint": {"every_n_steps": 25}},
            "scaling": {"strategy": "single", "accelerator": "cpu", "devices": 1},
        }
    )
    with record.writing() as session:
        return launch(session, config, name="witnessed", who="tests")


def witnessed(witness: Path) -> int:
    """How many points the model has logged."""
    return witness.stat().st_size // 8 if witness.exists() else 0


def row(record: Database, run_id: int) -> RunDetail:
    with record.reading() as session:
        return runs.get(session, run_id)


def steps(record: Database, run_id: int) -> np.ndarray:
    with record.reading() as session:
        return curves.read(session, run_id, "witnessed").steps


def kill_everything(home: Path) -> None:
    """kill -9 of every process that works in a data folder: server, supervisor, warm server, ranks."""
    doomed = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("BANCADA_HOME") == str(home):
                doomed.append(process)
    for process in doomed:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(doomed, timeout=10)


def test_a_database_that_is_busy_for_ten_seconds_stops_no_run_and_loses_no_point(
    served: Dashboard, record: Database, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    run_id = launch_witnessed(record, witness)
    wait_for(lambda: witnessed(witness) > 50, 90.0)
    holder = sqlite3.connect(served.data_folder / "bancada.sqlite", isolation_level=None, timeout=30.0)
    holder.execute("BEGIN IMMEDIATE")
    before, began = witnessed(witness), time.monotonic()
    wait_for(lambda: time.monotonic() - began > HOLD_SECONDS)
    during = witnessed(witness) - before
    holder.execute("COMMIT")
    holder.close()
    assert during > 50, "training waited for the database"

    wait_for(lambda: len(steps(record, run_id)) >= before + during)
    with record.writing() as session:
        control.stop(session, [run_id], "tests")
    wait_for(lambda: row(record, run_id).state.ended)
    run = row(record, run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)
    assert len(steps(record, run_id)) == witnessed(witness)


def test_everything_killed_at_once_loses_no_point_and_tells_the_truth_after_the_next_start(
    served: Dashboard, record: Database, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    run_id = launch_witnessed(record, witness)
    wait_for(lambda: witnessed(witness) > 120, 90.0)
    kill_everything(served.data_folder)
    logged = witnessed(witness)
    assert row(record, run_id).state is RunState.RUNNING  # nobody was left to say otherwise

    with dashboard(served.data_folder) as again:
        wait_for(lambda: row(record, run_id).state.ended, 10.0)  # within ten seconds of the first healthy answer
        run = row(record, run_id)
        assert run.state in (RunState.LOST, RunState.FAILED)
        assert run.reason_text
        found = steps(record, run_id)
        assert len(found) == logged
        assert (np.diff(found) == 1).all()

        with record.reading() as session:
            saved = checkpoints.latest(session, run_id)
        assert saved is not None
        assert 0 < saved.step <= logged
        with record.writing() as session:
            said = control.resume(session, run_id, "tests")
        assert f"{saved.step:,}" in said
        wait_for(lambda: row(record, run_id).step > run.step + 20, 90.0)
        os.kill(again.process.pid, signal.SIGKILL)  # the server alone: the run does not notice
        step = row(record, run_id).step
        wait_for(lambda: row(record, run_id).step > step + 20)
        assert row(record, run_id).state is RunState.RUNNING
        assert (np.diff(steps(record, run_id)) == 1).all()
