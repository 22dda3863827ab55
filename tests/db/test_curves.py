"""Curves: whatever is written comes back, in any portions, over packing, resumes and cursors."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from db import chunks, curves, runs
from db.curves import Curve
from db.engine import Database, Session
from db.errors import NotFound
from db.migrate import upgrade
from db.points import as_points, join, pack, unpack
from db.rows import SeriesRow
from db.tables import Attempt, Chunk, Run, Series
from tests.db.conftest import CONFIG

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
STEPS = st.integers(-(2**63), 2**63 - 1)
ANY_FLOAT = st.floats(width=64)
SMALL_STEPS = st.integers(0, 30)
PORTION = st.lists(st.tuples(SMALL_STEPS, ANY_FLOAT), min_size=1, max_size=6)
ACT = st.one_of(
    st.tuples(st.just("append"), PORTION),
    st.tuples(st.just("append"), PORTION),
    st.tuples(st.just("compact"), st.none()),
    st.tuples(st.just("resume"), SMALL_STEPS),
    st.tuples(st.just("look"), st.none()),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all examples of a property; each example makes a run of its own."""
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('curves') / 'record.sqlite'}")
    upgrade(made)
    yield made
    made.close()


@pytest.fixture
def packs_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packing begins after a handful of points."""
    _pack_early(monkeypatch)


def _pack_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "LOOSE_CHUNKS", 2)
    monkeypatch.setattr(curves, "SMALL_POINTS", 9)
    monkeypatch.setattr(chunks, "PACKED_POINTS", 12)


def make_run(database: Database) -> int:
    with database.writing() as session:
        return runs.create(session, name="curves", config=CONFIG)


def resume(session: Session, run_id: int, number: int, step: int | None, *, claimed: bool = True) -> None:
    """The next attempt, as a resume from a checkpoint at ``step`` leaves it."""
    started = session.scalar(select(Run.created_at).where(Run.id == run_id)) if claimed else None
    row = {"run_id": run_id, "number": number, "resumed_from_step": step, "started_at": started}
    session.execute(insert(Attempt).values(**row))
    session.execute(update(Run).where(Run.id == run_id).values(attempt=number))


def add(database: Database, run_id: int, attempt: int, points: list[tuple[int, float]], name: str = "loss") -> None:
    steps, values = [step for step, _ in points], [value for _, value in points]
    with database.writing() as session:
        curves.append(session, run_id, attempt, {name: (steps, [float(step) for step in range(len(steps))], values)})


def read(database: Database, run_id: int, name: str = "loss", after: int = 0) -> Curve:
    with database.reading() as session:
        return curves.read(session, run_id, name, after=after)


def summary(database: Database, run_id: int, name: str = "loss") -> SeriesRow:
    with database.reading() as session:
        return next(row for row in curves.summaries(session, run_id) if row.name == name)


def assert_same(found: np.ndarray, expected: Any) -> None:
    np.testing.assert_array_equal(found, np.asarray(expected, found.dtype))


def expected_summary(points: list[tuple[int, float]]) -> dict[str, Any]:
    """The slow and plain way to a summary."""
    finite = [(step, value) for step, value in points if np.isfinite(value)]
    low = min(finite, key=lambda point: point[1], default=(None, None))
    high = max(finite, key=lambda point: point[1], default=(None, None))
    return {
        "count": len(points),
        "first_step": points[0][0] if points else None,
        "last_step": points[-1][0] if points else None,
        "last": points[-1][1] if points else None,
        "min": low[1],
        "min_step": low[0],
        "max": high[1],
        "max_step": high[0],
        "not_finite": len(points) - len(finite),
    }


def assert_summary(row: SeriesRow, points: list[tuple[int, float]]) -> None:
    for name, value in expected_summary(points).items():
        found = getattr(row, name)
        assert found == value or (value != value and found != found), (name, found, value)


@settings(PATIENT)
@given(st.lists(st.tuples(STEPS, ANY_FLOAT, ANY_FLOAT)))
def test_every_number_survives_packing(points: list[tuple[int, float, float]]) -> None:
    arrays = as_points(*([list(column) for column in zip(*points, strict=True)] or [[], [], []]))
    back = unpack(pack(arrays), len(points))
    for before, after in zip(arrays, back, strict=True):
        assert before.tobytes() == after.tobytes()


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="of one length"):
        as_points([1, 2], [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="flat"):
        as_points([[1]], [[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="3 points has 24 bytes instead of 72"):
        unpack(bytes(24), 3)


def test_nobody_can_change_what_others_read() -> None:
    for parts in ([], [as_points([1], [1.0], [1.0])], [as_points([1], [1.0], [1.0])] * 2):
        assert not join(parts).values.flags.writeable


@settings(PATIENT, max_examples=120)
@given(st.lists(ACT, max_size=25))
def test_any_order_of_writing_packing_and_resuming(shared: Database, acts: list[tuple[str, Any]]) -> None:
    """Beside a plain list: what `read` gives, what cursors give, and what the summary says."""
    with pytest.MonkeyPatch.context() as patch:
        _pack_early(patch)
        run_id, attempt, cursor = make_run(shared), 1, 0
        written: list[tuple[int, int, float]] = []  # (attempt, step, value)
        limits: dict[int, int] = {}
        followed: list[tuple[int, float]] = []
        for act, given_ in acts:
            if act == "append":
                add(shared, run_id, attempt, given_)
                written += [(attempt, step, value) for step, value in given_]
            elif act == "compact":
                with shared.writing() as session:
                    curves.compact(session, run_id)
            elif act == "resume":
                limits = {old: min(limits.get(old, given_), given_) for old in range(1, attempt + 1)}
                attempt += 1
                with shared.writing() as session:
                    resume(session, run_id, attempt, given_)
            left = [(step, value) for number, step, value in written if step <= limits.get(number, step)]
            if act == "look" or act == "append":
                new = read(shared, run_id, after=cursor)
                assert new.attempt == (attempt if written else 1)
                followed += zip(new.steps.tolist(), new.values.tolist(), strict=True)
                cursor = new.cursor
                assert cursor == len(written)
            if act == "resume":
                followed, cursor = [], 0
            whole = read(shared, run_id)
            assert_same(whole.steps, [step for step, _ in left])
            assert_same(whole.values, [value for _, value in left])
            if act == "append":
                assert_summary(summary(shared, run_id), left)
                assert_same(np.array([value for _, value in followed]), [value for _, value in left])


@settings(PATIENT, max_examples=40)
@given(PORTION, st.lists(st.integers(0, 6), max_size=8))
def test_portions_do_not_matter(shared: Database, points: list[tuple[int, float]], cuts: list[int]) -> None:
    run_id = make_run(shared)
    edges = [0, *sorted(cuts), len(points)]
    add(shared, run_id, 1, points, "whole")
    for start, end in itertools.pairwise(edges):
        if points[start:end]:
            add(shared, run_id, 1, points[start:end], "parts")
    assert_same(read(shared, run_id, "parts").values, read(shared, run_id, "whole").values)
    assert_summary(summary(shared, run_id, "whole"), points)
    assert_summary(summary(shared, run_id, "parts"), points)


def test_over_both_databases(record: Database, packs_early: None) -> None:
    run_id = make_run(record)
    for first in range(0, 60, 3):
        steps = np.arange(first, first + 3)
        values = np.where(steps % 7 == 0, np.nan, np.where(steps % 11 == 0, -np.inf, steps * 0.5))
        with record.writing() as session:
            curves.append(session, run_id, 1, dict.fromkeys(("a", "b"), (steps, steps * 1.0, values)), first * 10)
    whole = read(record, run_id, "b")
    assert_same(whole.steps, np.arange(60))
    assert_same(whole.times, np.arange(60.0))
    assert (np.isnan(whole.values).sum(), np.isneginf(whole.values).sum(), whole.cursor) == (9, 5, 60)
    row = summary(record, run_id, "a")
    assert (row.count, row.last, row.min, row.min_step, row.max, row.not_finite) == (60, 29.5, 0.5, 1, 29.5, 14)
    with record.writing() as session:
        assert session.scalar(select(Attempt.journal_bytes).where(Attempt.run_id == run_id)) == 570
        assert session.scalar(select(func.count()).select_from(Chunk)) < 2 * 12  # packed while it was written
        curves.compact(session, run_id)
        assert session.scalar(select(func.count()).select_from(Chunk)) < 2 * 8
    assert_same(read(record, run_id, "b").values, whole.values)
    assert_same(read(record, run_id, "b", after=31).steps, np.arange(31, 60))


def test_a_last_value_that_is_no_number_is_told(record: Database) -> None:
    run_id = make_run(record)
    for value in (1.0, float("inf"), float("-inf"), float("nan")):
        add(record, run_id, 1, [(1, value)])
        found = summary(record, run_id).last
        assert found == value or (found != found and value != value)
    add(record, run_id, 1, [(2, 3.0)])
    assert (summary(record, run_id).last, summary(record, run_id).max) == (3.0, 3.0)


def test_a_resume_takes_back_what_came_after_its_checkpoint(record: Database) -> None:
    run_id = make_run(record)
    points = [(step, float(step)) for step in range(100)]
    add(record, run_id, 1, points)
    add(record, run_id, 1, points, "only before")
    with record.writing() as session:
        resume(session, run_id, 2, 59)
    assert read(record, run_id).steps[-1] == 59
    assert read(record, run_id).attempt == 2
    add(record, run_id, 2, [(60, -1.0), (61, float("nan"))])
    found = read(record, run_id)
    assert found.steps.tolist() == list(range(62))
    assert_summary(summary(record, run_id), [*points[:60], (60, -1.0), (61, float("nan"))])
    assert_summary(summary(record, run_id, "only before"), points[:60])
    with record.writing() as session:
        curves.compact(session, run_id)
    assert_same(read(record, run_id).steps, found.steps)
    assert read(record, run_id, after=found.cursor).steps.tolist() == []
    with record.reading() as session:
        many = curves.read_many(session, [run_id, 999], "loss")
    assert_same(many[run_id].values, found.values)
    assert (list(many), many[run_id].cursor, many[run_id].attempt) == ([run_id], 102, 2)


def test_points_of_an_earlier_attempt_that_come_late(record: Database) -> None:
    """The supervisor brings in the tail of a journal after the run has gone on."""
    run_id = make_run(record)
    add(record, run_id, 1, [(1, 1.0), (2, 2.0)])
    with record.writing() as session:
        resume(session, run_id, 2, 3)
    add(record, run_id, 2, [(4, 4.0)])
    add(record, run_id, 1, [(3, 3.0), (4, 99.0)])
    add(record, run_id, 1, [(4, 99.0)], "another")
    assert sorted(read(record, run_id).values.tolist()) == [1.0, 2.0, 3.0, 4.0]
    assert summary(record, run_id).max == 4.0
    assert summary(record, run_id, "another").count == 0
    add(record, run_id, 2, [(5, 5.0)])
    assert (summary(record, run_id).count, summary(record, run_id).last) == (5, 5.0)


def test_an_attempt_that_never_started_takes_nothing_back(record: Database) -> None:
    run_id = make_run(record)
    add(record, run_id, 1, [(1, 1.0), (2, 2.0)])
    with record.writing() as session:
        resume(session, run_id, 2, 1, claimed=False)
    assert read(record, run_id).steps.tolist() == [1, 2]
    with record.writing() as session:
        resume(session, run_id, 3, None)
    assert read(record, run_id).steps.tolist() == []  # begun anew, from no checkpoint


def test_what_is_not_there(record: Database) -> None:
    run_id = make_run(record)
    nothing = read(record, run_id, after=7)
    assert (len(nothing.steps), nothing.cursor) == (0, 7)
    with record.reading() as session:
        assert curves.summaries(session, run_id) == []
        assert curves.read_many(session, [run_id], "loss") == {}
    add(record, run_id, 1, [])
    with pytest.raises(NotFound, match="#4711"):
        add(record, 4711, 1, [(1, 1.0)])


def test_two_writers_and_a_reader_at_once(record: Database, packs_early: None) -> None:
    """No point is lost, doubled or out of its writer's order, and the reader's cursor meets each one once."""
    run_id, portions = make_run(record), 25
    failures: list[Exception] = []

    def write(sign: int) -> None:
        try:
            for number in range(portions):
                add(record, run_id, 1, [(number, sign * (number * 2 + 1.0)), (number, sign * (number * 2 + 2.0))])
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    writers = [threading.Thread(target=write, args=(sign,)) for sign in (1, -1)]
    for writer in writers:
        writer.start()
    followed, cursor = [], 0
    while len(followed) < portions * 4 and not failures:
        new = read(record, run_id, after=cursor)
        followed += new.values.tolist()
        cursor = new.cursor
    for writer in writers:
        writer.join()
    assert not failures
    assert [value for value in followed if value > 0] == [float(number) for number in range(1, portions * 2 + 1)]
    assert [-value for value in followed if value < 0] == [float(number) for number in range(1, portions * 2 + 1)]
    assert followed == read(record, run_id).values.tolist()


def test_a_drain_of_many_metrics_takes_few_statements(shared: Database) -> None:
    from sqlalchemy import event

    run_id, said = make_run(shared), []
    points = {f"metric {number}": ([1, 2], [1.0, 2.0], [1.0, 2.0]) for number in range(40)}
    with shared.writing() as session:
        curves.append(session, run_id, 1, points, 10)
    event.listen(shared.engine, "before_cursor_execute", lambda *given_: said.append(given_[2]))
    with shared.writing() as session:
        curves.append(session, run_id, 1, points, 20)
    assert len(said) <= 7, said


def test_a_long_live_curve_has_few_chunks(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "SMALL_POINTS", 64)
    run_id = make_run(shared)
    for step in range(400):
        with shared.writing() as session:
            curves.append(session, run_id, 1, {"loss": ([step], [1.0], [float(step)])})
    with shared.reading() as session:
        count = session.scalar(select(func.count()).select_from(Chunk).join(Series).where(Series.run_id == run_id))
    assert count <= curves.LOOSE_CHUNKS + 400 // 64 + 2
    assert read(shared, run_id).values.tolist() == [float(step) for step in range(400)]
