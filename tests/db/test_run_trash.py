"""The trash: there and back, and gone for good."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from db import checkpoints, progress, runs
from db.engine import Database, Session
from db.errors import IllegalMove, NotFound
from db.states import Mirror, RunState
from db.tables import Attempt, Base, Checkpoint, Chunk, ConfigValue, Event, Run, RunTag, Series
from tests.db.conftest import CONFIG, MakeRun

OF_RUNS = (Attempt, Checkpoint, Chunk, ConfigValue, Event, Run, RunTag, Series)


def count(session: Session, table: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_there_and_back(record: Database, make_run: MakeRun) -> None:
    ended, waiting = make_run(RunState.FINISHED), make_run()
    with record.writing() as session:
        assert runs.move_to_trash(session, [ended, waiting], "ana") == [ended, waiting]
        assert runs.move_to_trash(session, [ended], "ben") == []
        assert runs.get(session, waiting).state is RunState.CANCELLED
        assert runs.trash_older_than(session, 0) == [ended, waiting]
        assert runs.trash_older_than(session, 3600) == []
        runs.restore(session, [ended, waiting], "ben")
        runs.restore(session, [ended], "ben")
        assert runs.trash_older_than(session, 0) == []
        assert runs.get(session, ended).deleted_at is None
        told = [(event.who, event.what) for event in runs.events(session, ended)][-2:]
    assert told == [("ana", "moved to the trash"), ("ben", "restored from the trash")]


@pytest.mark.parametrize("state", [RunState.STARTING, RunState.RUNNING])
def test_an_active_run_keeps_all_from_the_trash(record: Database, make_run: MakeRun, state: RunState) -> None:
    ended, active = make_run(RunState.FINISHED), make_run(state)
    with pytest.raises(IllegalMove, match=f"Run {active} .{state.value}.*stop it first"), record.writing() as session:
        runs.move_to_trash(session, [ended, active], "ana")
    with record.reading() as session:
        assert runs.trash_older_than(session, 0) == []


def test_age_counts_from_the_deletion(record: Database, make_run: MakeRun) -> None:
    old, new = make_run(RunState.FAILED), make_run(RunState.FAILED)
    with record.writing() as session:
        runs.move_to_trash(session, [old, new], "ana")
        week_ago = datetime.now(UTC) - timedelta(days=7, seconds=1)
        session.execute(update(Run).where(Run.id == old).values(deleted_at=week_ago))
        assert runs.trash_older_than(session, 7 * 86_400) == [old]


def test_only_what_is_in_the_trash_is_purged(record: Database, make_run: MakeRun) -> None:
    """A run that was restored between the look and the deed stays."""
    gone, restored, running = make_run(RunState.FINISHED), make_run(RunState.FINISHED), make_run(RunState.RUNNING)
    child = make_run(parent_id=gone)
    with record.writing() as session:
        runs.move_to_trash(session, [gone, restored], "ana")
        runs.restore(session, [restored], "ana")
        assert runs.purge(session, [gone, restored, running, 999]) == [gone]
        with pytest.raises(NotFound, match="deleted for good"):
            runs.get(session, gone)
        assert runs.get(session, restored).state is RunState.FINISHED
        assert runs.get(session, child).parent_id is None


def test_sizes_are_summed(record: Database, make_run: MakeRun) -> None:
    ids = [make_run() for _ in range(3)]
    with record.writing() as session:
        for run_id in ids:
            progress.set_folder_bytes(session, run_id, 3 * 2**40)
        assert runs.bytes_of(session, ids) == 9 * 2**40
        assert runs.bytes_of(session, []) == 0


def fill(session: Session, run_count: int, series_of_each: int, chunks_of_each: int) -> list[int]:
    """Ended runs in the trash with everything that hangs on a run."""
    usual: dict[str, Any] = {
        "name": "x", "state": RunState.FINISHED, "config": CONFIG, "model_class": "m", "mirror": Mirror.OFF,
        "deleted_at": datetime.now(UTC),
    }  # fmt: skip
    session.execute(insert(Run), [usual] * run_count)
    ids = list(session.scalars(select(Run.id).order_by(Run.id)))
    session.execute(insert(Series), [{"run_id": one, "name": f"m{n}"} for one in ids for n in range(series_of_each)])
    series = session.scalars(select(Series.id)).all()
    chunk = {"attempt": 1, "count": 1, "first_step": 1, "last_step": 1, "points": b"x" * 24}
    session.execute(
        insert(Chunk), [{"series_id": one, "number": n, **chunk} for one in series for n in range(chunks_of_each)]
    )
    of_each: dict[type[Base], dict[str, Any]] = {
        Attempt: {"number": 1}, RunTag: {"tag": "t"}, ConfigValue: {"key": "a.b", "leaf": "b", "text": "1"},
        Event: {"what": "launched"},
    }  # fmt: skip
    for table, values in of_each.items():
        session.execute(insert(table), [{"run_id": run_id, **values} for run_id in ids])
    return ids


def test_a_full_trash_is_emptied_without_a_rest(record: Database) -> None:
    """More runs than fit into one statement; nothing that hung on them is left."""
    with record.writing() as session:
        ids = fill(session, 450, 4, 5)
        checkpoints.register(
            session, ids[0], path="x", step=1, epoch=0, metric=None, metric_value=None, size_bytes=1, sha256=""
        )
        assert all(count(session, table) for table in OF_RUNS)
    began = time.monotonic()
    with record.writing() as session:
        assert runs.purge(session, ids) == ids
        assert {table.__tablename__: count(session, table) for table in OF_RUNS} == {
            table.__tablename__: 0 for table in OF_RUNS
        }
    assert time.monotonic() - began < 15


def test_thousands_of_ids_are_no_trouble(record: Database, make_run: MakeRun) -> None:
    """A person selects all runs of a large table."""
    run_id = make_run(RunState.FINISHED)
    ids = [run_id, *range(100_000, 105_000)]
    with record.writing() as session:
        runs.add_tags(session, ids, ["a"], "ana")
        runs.archive(session, ids, "ana")
        assert runs.bytes_of(session, ids) == 0
        assert runs.move_to_trash(session, ids, "ana") == [run_id]
        runs.restore(session, ids, "ana")
        runs.move_to_trash(session, ids, "ana")
        assert runs.purge(session, ids) == [run_id]
