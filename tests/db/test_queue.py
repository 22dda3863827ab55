"""The queue: order, claims that race, and the way back into it."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from sqlalchemy import select, update

from db import checkpoints, progress, queue, runs
from db.engine import Database
from db.errors import IllegalMove, NotFound
from db.states import Reason, RunState
from db.tables import Run
from tests.db.conftest import REASONS, MakeRun, check_in


def order(record: Database) -> list[int]:
    with record.reading() as session:
        return [run.id for run in queue.queued(session)]


def try_to_become(record: Database, run_id: int, state: RunState, to: RunState, sentences: list[str]) -> bool:
    """Whether the record makes the move; when not, it says why."""
    try:
        with record.writing() as session:
            if to is RunState.QUEUED:
                if state is RunState.STARTING:
                    queue.unclaim(session, run_id)
                else:
                    queue.requeue(session, run_id, "ana", None, None)
            elif to is RunState.STARTING:
                return queue.claim(session, run_id, "here", ["cpu"])
            elif to is RunState.RUNNING:
                check_in(session, run_id)
            elif to is RunState.CANCELLED:
                queue.cancel(session, [run_id], "ana")
            else:
                progress.end(session, run_id, to, REASONS[to])
    except IllegalMove as refused:
        sentences.append(str(refused))
        return False
    return True


def test_every_move_is_made_or_refused_as_the_states_say(record: Database, make_run: MakeRun) -> None:
    for state in RunState:
        for to in RunState:
            run_id = make_run(state)
            sentences: list[str] = []
            made = try_to_become(record, run_id, state, to, sentences)
            assert all(one.startswith(f"Run {run_id} ") and one.endswith(".") for one in sentences)
            with record.reading() as session:
                now = runs.get(session, run_id).state
            if (state, to) == (RunState.RUNNING, RunState.RUNNING):
                assert made, "a running run checks in again and again"
            else:
                assert (state, to, made) == (state, to, state.may_become(to))
            assert now is (to if made else state)


def test_of_many_claimers_exactly_one_gets_the_run(record: Database, make_run: MakeRun) -> None:
    ids = [make_run() for _ in range(5)]

    def claim(number: int) -> list[int]:
        mine = []
        for run_id in ids:
            with record.writing() as session:
                if queue.claim(session, run_id, f"host-{number}", ["cpu"]):
                    mine.append(run_id)
        return mine

    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(claim, range(8)))
    assert sorted(run_id for mine in claimed for run_id in mine) == ids
    with record.reading() as session:
        for number, mine in enumerate(claimed):
            assert all(runs.get(session, run_id).host == f"host-{number}" for run_id in mine)


def test_a_claimed_run_knows_where_it_is(record: Database, make_run: MakeRun) -> None:
    run_id = make_run()
    with record.writing() as session:
        queue.set_wait_reason(session, run_id, "the CPU is busy")
        assert queue.claim(session, run_id, "here", ["cuda:0", "cuda:1"])
        queue.set_wait_reason(session, run_id, "too late")
        run, (attempt,) = runs.get(session, run_id), runs.attempts(session, run_id)
    assert (run.state, run.host, run.devices) == (RunState.STARTING, "here", ["cuda:0", "cuda:1"])
    assert (run.wait_reason, run.queue_position) == ("", None)
    assert attempt.started_at == run.started_at is not None


def test_a_run_whose_processes_could_not_be_made_is_the_next_one_again(record: Database, make_run: MakeRun) -> None:
    first, second = make_run(), make_run()
    with record.writing() as session:
        queue.claim(session, first, "here", ["cpu"])
        queue.unclaim(session, first)
        run, attempts = runs.get(session, first), runs.attempts(session, first)
    assert order(record) == [first, second]
    assert (run.host, run.devices, run.started_at, run.attempt) == (None, None, None, 1)
    assert [one.started_at for one in attempts] == [None]


def test_the_order_is_the_one_that_was_asked_for(record: Database, make_run: MakeRun) -> None:
    """Against a plain list, move by move."""
    expected = [make_run() for _ in range(6)]
    draw = random.Random(5)
    with record.writing() as session:
        for _ in range(60):
            run_id, before = draw.sample([*expected, None], 2)
            if run_id is None:
                continue
            queue.move(session, run_id, before, "ana")
            expected.remove(run_id)
            expected.insert(expected.index(before) if before else len(expected), run_id)
            assert [run.id for run in queue.queued(session)] == expected


def test_positions_are_numbered_anew_before_they_get_too_close(record: Database, make_run: MakeRun) -> None:
    """Two runs that take turns in the same gap halve it each time: after 50 times it would be gone."""
    first, second, last = make_run(), make_run(), make_run()
    with record.writing() as session:
        for _ in range(60):
            queue.move(session, last, second, "ana")
            second, last = last, second
        positions = session.scalars(select(Run.queue_position).order_by(Run.queue_position)).all()
    assert order(record) == [first, second, last]
    assert min(b - a for a, b in pairwise(positions)) >= queue.LEAST_GAP / 2


def test_equal_positions_go_by_age_and_can_be_moved_between(record: Database, make_run: MakeRun) -> None:
    """Two launches at the same moment may be given the same place."""
    ids = [make_run() for _ in range(4)]
    with record.writing() as session:
        session.execute(update(Run).values(queue_position=1.0))
    assert order(record) == ids
    with record.writing() as session:
        queue.move(session, ids[3], ids[1], "ana")
    assert order(record) == [ids[0], ids[3], ids[1], ids[2]]


def test_only_waiting_runs_are_moved(record: Database, make_run: MakeRun) -> None:
    waiting, running = make_run(), make_run(RunState.RUNNING)
    for pair in ((running, waiting), (waiting, running), (running, None)):
        with pytest.raises(IllegalMove, match=f"Run {running} is not in the queue"), record.writing() as session:
            queue.move(session, *pair, "ana")
    with pytest.raises(NotFound), record.writing() as session:
        queue.move(session, 999, None, "ana")
    with record.writing() as session:
        queue.move(session, waiting, waiting, "ana")
    assert order(record) == [waiting]


def test_cancelling_takes_all_or_none(record: Database, make_run: MakeRun) -> None:
    first, second, running = make_run(), make_run(), make_run(RunState.RUNNING)
    with pytest.raises(IllegalMove, match=f"Run {running} is running.*stop it"), record.writing() as session:
        queue.cancel(session, [first, running], "ana")
    assert order(record) == [first, second]
    with record.writing() as session:
        queue.cancel(session, [first, second], "ana")
        run, (attempt,) = runs.get(session, first), runs.attempts(session, first)
    assert order(record) == []
    assert run.ended_at == attempt.ended_at is not None
    assert (run.reason, attempt.state) == (None, RunState.CANCELLED)


def test_a_run_goes_on_as_its_next_attempt(record: Database, make_run: MakeRun) -> None:
    run_id, other = make_run(RunState.RUNNING), make_run()
    with record.writing() as session:
        saved = checkpoints.register(
            session, run_id, path="x", step=7, epoch=1.5, metric=None, metric_value=None, size_bytes=1, sha256=""
        )
        progress.request_stop(session, [run_id], "ana", "pause")
        progress.end(session, run_id, RunState.STOPPED, Reason.PAUSED, "Paused.", 0, "the last lines")
        runs.archive(session, [run_id], "ana")
        queue.requeue(session, run_id, "ben", saved, 7)
        run, attempts = runs.get(session, run_id), runs.attempts(session, run_id)
        what = [(event.who, event.what) for event in runs.events(session, run_id)]
    assert order(record) == [other, run_id]
    assert (run.attempt, run.step, run.epoch) == (2, 7, 1.5)
    assert (run.reason, run.reason_text, run.failing_rank, run.last_lines) == (None, "", None, "")
    assert (run.stop_requested_at, run.stop_requested_by, run.stop_kind, run.archived_at) == (None, None, None, None)
    assert (run.started_at, run.ended_at, run.last_activity_at, run.host) == (None, None, None, None)
    assert [(one.number, one.state, one.resumed_from_step) for one in attempts] == [
        (1, RunState.STOPPED, None),
        (2, None, 7),
    ]
    assert attempts[1].resumed_from_checkpoint_id == saved
    assert ("ben", "queued again as attempt 2, to go on from step 7") in what


def test_a_run_in_the_trash_is_not_queued_again(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.FAILED)
    with record.writing() as session:
        runs.move_to_trash(session, [run_id], "ana")
    with pytest.raises(IllegalMove, match="restore it first"), record.writing() as session:
        queue.requeue(session, run_id, "ana", None, None)
