"""Signs of life, wishes and endings."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, update

from db import progress, queue, runs
from db.engine import Database
from db.errors import IllegalMove, NotFound
from db.states import Reason, RunState
from db.tables import Run
from tests.db.conftest import MakeRun, check_in


def test_the_first_sign_of_life_makes_a_run_running(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.STARTING)
    with record.writing() as session:
        assert check_in(session, run_id, step=12, epoch=0.25, phase="validate", next_check_in_seconds=60.0) is None
        run = runs.get(session, run_id)
    assert (run.state, run.step, run.epoch, run.total_steps, run.max_epochs) == (RunState.RUNNING, 12, 0.25, 10, 5)
    assert (run.phase, run.next_check_in_seconds, run.samples_per_second) == ("validate", 60.0, 2.0)
    assert abs((datetime.now(UTC) - run.last_activity_at).total_seconds()) < 30


def test_a_sign_of_life_is_one_statement(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    statements: list[str] = []
    with record.writing() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *given: statements.append(given[2]))
        check_in(session, run_id)
    assert [statement.split()[0] for statement in statements] == ["UPDATE"]


def test_a_run_hears_what_was_asked_of_it(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    for kind, who, heard, by in (
        ("pause", "ana", "pause", "ana"),
        ("pause", "ben", "pause", "ana"),
        ("stop", "eva", "stop", "eva"),
        ("pause", "ana", "stop", "eva"),
        ("stop", "ana", "stop", "eva"),
    ):
        with record.writing() as session:
            progress.request_stop(session, [run_id], who, kind)
            assert check_in(session, run_id) == heard
            assert runs.get(session, run_id).stop_requested_by == by
    with record.reading() as session:
        asked = [(event.who, event.what) for event in runs.events(session, run_id) if event.what.startswith("asked")]
    assert asked == [("ana", "asked to pause"), ("eva", "asked to stop")]


def test_what_ended_is_not_asked_and_what_waits_is_refused(record: Database, make_run: MakeRun) -> None:
    ended, waiting = make_run(RunState.FINISHED), make_run()
    with record.writing() as session:
        progress.request_stop(session, [ended], "ana", "stop")
        assert runs.get(session, ended).stop_requested_at is None
    with pytest.raises(IllegalMove, match="cancel it"), record.writing() as session:
        progress.request_stop(session, [waiting], "ana", "stop")
    with pytest.raises(NotFound), record.writing() as session:
        progress.request_stop(session, [999], "ana", "stop")


def test_a_run_that_ended_meanwhile_is_told(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.LOST)
    with pytest.raises(IllegalMove, match="lost"), record.writing() as session:
        check_in(session, run_id)
    with pytest.raises(NotFound), record.writing() as session:
        check_in(session, 999)


def test_an_attempt_that_was_followed_by_another_is_refused(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.LOST)
    with record.writing() as session:
        queue.requeue(session, run_id, "ana", None, None)
        queue.claim(session, run_id, "here", ["cpu"])
    with pytest.raises(IllegalMove, match="another attempt"), record.writing() as session:
        check_in(session, run_id, attempt=1)
    with record.writing() as session:
        check_in(session, run_id, attempt=2)
        assert runs.get(session, run_id).state is RunState.RUNNING


def test_an_end_is_written_once_for_the_run_and_its_attempt(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    at = datetime.now(UTC) + timedelta(seconds=5)
    with record.writing() as session:
        progress.set_stalled(session, run_id, True)
        progress.end(session, run_id, RunState.FAILED, Reason.OUT_OF_MEMORY, "Too big.", 1, "line 1\nline 2", at)
        run, (attempt,) = runs.get(session, run_id), runs.attempts(session, run_id)
    assert (run.state, run.reason, run.reason_text) == (RunState.FAILED, Reason.OUT_OF_MEMORY, "Too big.")
    assert (run.failing_rank, run.last_lines, run.ended_at, run.stalled) == (1, "line 1\nline 2", at, False)
    assert (attempt.state, attempt.reason, attempt.ended_at) == (RunState.FAILED, Reason.OUT_OF_MEMORY, at)
    with pytest.raises(IllegalMove, match="recorded already"), record.writing() as session:
        progress.end(session, run_id, RunState.FINISHED, Reason.COMPLETED)


def test_a_lost_run_ended_with_its_last_sign_of_life(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    last = datetime(2026, 1, 2, tzinfo=UTC)
    with record.writing() as session:
        session.execute(update(Run).values(last_activity_at=last, started_at=last - timedelta(hours=1)))
        progress.end(session, run_id, RunState.LOST, Reason.VANISHED)
        assert runs.get(session, run_id).ended_at == last


def test_no_run_ends_before_it_was_started(record: Database, make_run: MakeRun) -> None:
    """The clock was set back meanwhile."""
    run_id = make_run(RunState.RUNNING)
    with record.writing() as session:
        progress.end(session, run_id, RunState.FINISHED, Reason.COMPLETED, at=datetime(2001, 1, 1, tzinfo=UTC))
        run = runs.get(session, run_id)
    assert run.ended_at == run.started_at


def test_last_words_of_any_kind_are_kept(record: Database, make_run: MakeRun) -> None:
    """Broken bytes, NUL and far too much of it must not keep an end from being recorded."""
    run_id = make_run(RunState.RUNNING)
    lines = "x" * 1_000_000 + "\x00 half \ud83d a smile \U0001f600 the end"
    with record.writing() as session:
        progress.end(session, run_id, RunState.FAILED, Reason.EXCEPTION, "y" * 100_000 + "\x00", 0, lines)
        run = runs.get(session, run_id)
    assert run.last_lines.endswith("half ? a smile \U0001f600 the end")
    assert len(run.last_lines) == progress.LAST_LINES_CHARACTERS
    assert len(run.reason_text) == progress.REASON_CHARACTERS


def test_stalling_is_a_flag_that_a_sign_of_life_takes_away(record: Database, make_run: MakeRun) -> None:
    run_id, starting = make_run(RunState.RUNNING), make_run(RunState.STARTING)
    with record.writing() as session:
        for _ in range(3):
            progress.set_stalled(session, run_id, True)
        progress.set_stalled(session, starting, True)
        assert runs.get(session, run_id).stalled
        assert not runs.get(session, starting).stalled
        assert [event.what for event in runs.events(session, run_id)].count(
            "stalled: no sign of life in the promised time"
        ) == 1
        check_in(session, run_id)
        assert not runs.get(session, run_id).stalled


def test_processes_and_sizes_are_kept(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.STARTING)
    processes = [{"rank": 0, "pid": 12, "started": 3.5}]
    with record.writing() as session:
        progress.set_processes(session, run_id, processes)
        progress.set_folder_bytes(session, run_id, 2**40)
        run = runs.get(session, run_id)
    assert (run.processes, run.folder_bytes) == (processes, 2**40)
