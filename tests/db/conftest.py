"""The same record twice: over SQLite and over PostgreSQL."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from db import progress, queue, runs
from db.engine import Database
from db.migrate import upgrade
from db.states import Reason, RunState
from db.tables import Base
from tests.db import postgres

CONFIG: dict[str, Any] = {
    "seed": 1,
    "model": {"class_path": "some.Model", "init_args": {"learning_rate": 1e-3, "wide": True, "name": "x"}},
    "data": {"class_path": "some.Data", "init_args": {"dataset": "iris@2"}},
}
REASONS = {
    RunState.FINISHED: Reason.COMPLETED,
    RunState.FAILED: Reason.EXCEPTION,
    RunState.STOPPED: Reason.STOPPED_BY_USER,
    RunState.LOST: Reason.VANISHED,
}
_numbers = itertools.count()
MakeRun = Callable[..., int]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A server for all tests of this process: a URL with a place for the database's name."""
    with postgres.server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A database on that server that holds nothing yet."""
    name, maintenance = f"test_{next(_numbers)}", postgres_server.format(database="postgres")
    postgres.execute(maintenance, f"CREATE DATABASE {name}")
    yield postgres_server.format(database=name)
    postgres.execute(maintenance, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_record(postgres_server: str) -> Iterator[Database]:
    """A database at the newest version that tests share one after another; emptying is quicker than making."""
    postgres.execute(postgres_server.format(database="postgres"), "CREATE DATABASE shared")
    made = Database(postgres_server.format(database="shared"))
    upgrade(made)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that holds nothing yet, over both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fresh.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database at the newest version without a row, over both kinds."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'record.sqlite'}")
        upgrade(made)
        yield made
        made.close()
        return
    shared: Database = request.getfixturevalue("postgres_record")
    tables = ", ".join(Base.metadata.tables)
    with shared.engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    yield shared


def check_in(session: Any, run_id: int, **facts: Any) -> str | None:
    """A sign of life with what a test does not care about filled in."""
    usual = {"step": 1, "epoch": 0.5, "total_steps": 10, "max_epochs": 5, "samples_per_second": 2.0, "phase": "fit"}
    return progress.check_in(session, run_id, **{**usual, "next_check_in_seconds": 5.0, **facts})


def bring_to(session: Any, run_id: int, state: RunState) -> None:
    """Move a queued run to a state by the ordinary ways."""
    if state is RunState.CANCELLED:
        queue.cancel(session, [run_id], "ana")
    elif state is not RunState.QUEUED:
        assert queue.claim(session, run_id, "here", ["cpu"])
        if state is not RunState.STARTING:
            check_in(session, run_id)
        if state.ended:
            progress.end(session, run_id, state, REASONS[state], "Because.")


@pytest.fixture
def make_run(record: Database) -> MakeRun:
    """``make_run(state, name="x", …)`` makes a run in a state; returns its id."""

    def make(state: RunState = RunState.QUEUED, **facts: Any) -> int:
        with record.writing() as session:
            run_id = runs.create(session, **{"name": "a run", "config": CONFIG, "launched_by": "ana", **facts})
            bring_to(session, run_id, state)
        return run_id

    return make
