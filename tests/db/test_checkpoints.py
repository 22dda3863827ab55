"""Saved states: which is the last, which are the best, and which are gone."""

from typing import Any

import pytest

from db import checkpoints, runs
from db.engine import Database, Session
from db.errors import IllegalMove, NotFound
from db.states import RunState
from tests.db.conftest import MakeRun


def save(session: Session, run_id: int, step: int, **facts: Any) -> int:
    usual: dict[str, Any] = {
        "path": f"runs/{run_id}/checkpoints/step-{step}", "step": step, "epoch": step / 10, "metric": "val_loss",
        "metric_value": 1 / step, "size_bytes": 2**33, "sha256": "a" * 64,
    }  # fmt: skip
    return checkpoints.register(session, run_id, **usual | facts)


def test_a_checkpoint_is_kept_with_what_chose_it(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    with record.writing() as session:
        second, first = save(session, run_id, 20, is_best=True), save(session, run_id, 10)
        row = checkpoints.get(session, second)
        assert [one.id for one in checkpoints.of_run(session, run_id)] == [first, second]
    assert (row.run_id, row.step, row.epoch, row.size_bytes) == (run_id, 20, 2.0, 2**33)
    assert (row.metric, row.metric_value, row.sha256) == ("val_loss", 0.05, "a" * 64)
    assert (row.is_best, row.is_last, row.pinned, row.deleted_at) == (True, False, False, None)


def test_nothing_is_saved_of_a_run_that_is_not_there(record: Database) -> None:
    with pytest.raises(NotFound), record.writing() as session:
        save(session, 99, 1)
    with pytest.raises(NotFound, match="no checkpoint 99"), record.reading() as session:
        checkpoints.get(session, 99)


def test_the_last_one_is_where_a_run_goes_on(record: Database, make_run: MakeRun) -> None:
    """After a resume from step 10, the checkpoint of step 15 is newer than the one of step 20 before."""
    run_id = make_run(RunState.RUNNING)
    with record.writing() as session:
        assert checkpoints.latest(session, run_id) is None
        save(session, run_id, 10)
        twenty = save(session, run_id, 20, is_last=True)
        assert checkpoints.latest(session, run_id).step == 20
        fifteen = save(session, run_id, 15, is_last=True)
        assert checkpoints.latest(session, run_id).id == fifteen
        assert not checkpoints.get(session, twenty).is_last
        checkpoints.mark_deleted(session, [fifteen])
        assert checkpoints.latest(session, run_id).step == 20


def test_the_same_place_keeps_its_row(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    with record.writing() as session:
        first = save(session, run_id, 10)
        checkpoints.mark_deleted(session, [first])
        again = save(session, run_id, 10, sha256="b" * 64, is_last=True)
        row = checkpoints.get(session, first)
    assert again == first
    assert (row.sha256, row.deleted_at, row.is_last) == ("b" * 64, None, True)


def test_flags_are_those_that_were_said_last(record: Database, make_run: MakeRun) -> None:
    run_id, other = make_run(RunState.RUNNING), make_run(RunState.RUNNING)
    with record.writing() as session:
        ids = [save(session, run_id, step) for step in (1, 2, 3)]
        foreign = save(session, other, 1, is_last=True, is_best=True)
        for last, best in ((ids[2], ids[:2]), (ids[1], [ids[2]]), (None, [])):
            checkpoints.set_flags(session, run_id, last=last, best=best)
            rows = checkpoints.of_run(session, run_id)
            assert [one.id for one in rows if one.is_last] == ([last] if last else [])
            assert [one.id for one in rows if one.is_best] == list(best)
        assert checkpoints.get(session, foreign).is_last


def test_deleted_ones_are_shown_only_when_asked_for(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    with record.writing() as session:
        kept, gone = save(session, run_id, 1), save(session, run_id, 2, is_best=True)
        checkpoints.mark_deleted(session, [gone])
        at = checkpoints.get(session, gone).deleted_at
        checkpoints.mark_deleted(session, [gone])
        assert [one.id for one in checkpoints.of_run(session, run_id)] == [kept]
        rows = checkpoints.of_run(session, run_id, deleted=True)
    assert [(one.id, one.is_best, one.deleted_at) for one in rows] == [(kept, False, None), (gone, False, at)]


def test_a_person_keeps_one(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(RunState.RUNNING)
    with record.writing() as session:
        saved = save(session, run_id, 1200)
        for _ in range(2):
            checkpoints.pin(session, saved, True, "ana")
        assert checkpoints.get(session, saved).pinned
        checkpoints.pin(session, saved, False, "ben")
        told = [(event.who, event.what) for event in runs.events(session, run_id)][-2:]
        checkpoints.mark_deleted(session, [saved])
    assert told == [
        ("ana", "keeps the checkpoint of step 1,200"),
        ("ben", "no longer keeps the checkpoint of step 1,200"),
    ]
    with pytest.raises(IllegalMove, match="gone"), record.writing() as session:
        checkpoints.pin(session, saved, True, "ana")
