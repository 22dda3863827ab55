"""Each point of a journal arrives in the database exactly once."""

import threading
from pathlib import Path

import numpy as np
import pytest

from db import curves, runs
from db.engine import Database
from db.errors import NotFound
from tracking.drain import Drain, drain
from tracking.journal import Journal, journal_path
from tracking.journal_reading import LONGEST_RECORD_BYTES


@pytest.fixture
def journal(run_id: int) -> Journal:
    path = journal_path(run_id, 1)
    path.parent.mkdir(parents=True)
    return Journal(path)


def stored(database: Database, run_id: int, name: str = "loss") -> list[int]:
    with database.reading() as session:
        return curves.read(session, run_id, name).steps.tolist()


def test_what_is_new_is_brought_in(database: Database, run_id: int, journal: Journal) -> None:
    assert drain(database, run_id, 1) == 0
    journal.log({"loss": 1.0, "epoch": 0.0}, 1, 100.0)
    assert drain(database, run_id, 1) == 2
    journal.log({"loss": float("nan")}, 2, 101.0)
    journal.log({"loss": float("inf")}, 3, 102.0)
    assert drain(database, run_id, 1) == 2
    assert drain(database, run_id, 1) == 0
    with database.reading() as session:
        curve = curves.read(session, run_id, "loss")
        attempt = runs.attempts(session, run_id)[0]
    assert curve.steps.tolist() == [1, 2, 3]
    assert curve.times.tolist() == [100.0, 101.0, 102.0]
    np.testing.assert_array_equal(curve.values, [1.0, np.nan, np.inf])
    assert attempt.journal_bytes == journal.path.stat().st_size


def test_no_journal_no_points(database: Database, run_id: int) -> None:
    assert drain(database, run_id, 1) == 0


def test_a_torn_tail_waits_for_the_next_writer(database: Database, run_id: int, journal: Journal) -> None:
    journal.log({"loss": 1.0}, 1)
    journal.log({"loss": 2.0}, 2)
    journal.close()
    with journal.path.open("r+b") as file:
        file.truncate(journal.path.stat().st_size - 3)
    assert drain(database, run_id, 1) == 1
    assert drain(database, run_id, 1) == 0
    Journal(journal.path).log({"loss": 3.0}, 3)
    assert drain(database, run_id, 1) == 1
    assert stored(database, run_id) == [1, 3]


def test_a_long_journal_is_brought_in_by_parts(database: Database, run_id: int, journal: Journal) -> None:
    for step in range(30_000):
        journal.log({"loss": 1.0, "epoch": 0.0}, step, 1.0)
    assert drain(database, run_id, 1, most_bytes=2 * LONGEST_RECORD_BYTES) == 60_000
    assert stored(database, run_id) == list(range(30_000))


def test_a_run_that_is_gone_says_so(database: Database, run_id: int, journal: Journal) -> None:
    journal.log({"loss": 1.0}, 1)
    journal_path(run_id, 2).write_bytes(journal.path.read_bytes())
    with pytest.raises(NotFound, match="no attempt 2"):
        drain(database, run_id, 2)


def test_nothing_moves_when_the_transaction_fails(database: Database, run_id: int, journal: Journal) -> None:
    journal.log({"loss": 1.0}, 1)
    way = Drain(run_id, 1)
    with database.reading() as session:
        way.learn(session)
    part = way.read()
    assert part is not None

    def in_vain() -> None:
        with database.writing() as session:
            assert way.store(session, part) == 1
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk is full"):
        in_vain()
    assert stored(database, run_id) == []
    with database.writing() as session:
        assert way.store(session, part) == 1
    assert way.read() is None
    assert stored(database, run_id) == [1]


def test_drainers_that_race_bring_in_each_point_once(database: Database, run_id: int, journal: Journal) -> None:
    """Four drainers and a writer at full speed."""
    written = threading.Event()
    counts: list[int] = []

    def bring_in() -> None:
        count, last = 0, False
        while not last:
            last = written.is_set()
            count += drain(database, run_id, 1)
        counts.append(count)

    drainers = [threading.Thread(target=bring_in) for _ in range(4)]
    for thread in drainers:
        thread.start()
    for step in range(3000):
        journal.log({"loss": 0.5, f"metric {step % 7}": 1.0}, step)
    written.set()
    for thread in drainers:
        thread.join()
    assert sum(counts) == 6000
    assert stored(database, run_id) == list(range(3000))
    with database.reading() as session:
        assert sum(row.count for row in curves.summaries(session, run_id)) == 6000


def test_nobody_else_was_at_work_is_asked_inside_the_transaction(
    database: Database, run_id: int, journal: Journal, tmp_path: Path
) -> None:
    """Both have read the same part before either wrote: the second one writes nothing."""
    journal.log({"loss": 1.0}, 1)
    ways = [Drain(run_id, 1), Drain(run_id, 1)]
    with database.reading() as session:
        for way in ways:
            way.learn(session)
    parts = [way.read() for way in ways]
    for way, part, count in zip(ways, parts, (1, 0), strict=True):
        assert part is not None
        with database.writing() as session:
            assert way.store(session, part) == count
    assert ways[1].read() is None
    assert stored(database, run_id) == [1]
