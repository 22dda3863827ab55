"""Runs: what is kept of a launch, what is refused, and the lists of the home page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from db import progress, runs
from db.engine import Database
from db.errors import BadValue, NotFound
from db.states import Mirror, Reason, Relation, RunState
from db.tables import ConfigValue, Run
from db.texts import NAME_CHARACTERS, NOTES_CHARACTERS
from tests.db.conftest import CONFIG, MakeRun


def create(record: Database, **facts: Any) -> int:
    with record.writing() as session:
        return runs.create(session, **{"name": "x", "config": CONFIG, **facts})


def test_everything_that_was_said_at_the_launch_is_kept(record: Database) -> None:
    parent = create(record)
    said: dict[str, Any] = {
        "name": "rápido \U0001f680", "preset": "text-small", "notes": "why\nnot", "mirror": Mirror.OFFLINE,
        "launched_by": "ana", "parent_id": parent, "relation": Relation.CLONE, "dataset": "iris@2",
        "dataset_hash": "a" * 64, "command": "python -m training run.yaml",
    }  # fmt: skip
    run_id = create(record, tags=("b", "a"), **said)
    with record.reading() as session:
        run, (attempt,), (event,) = (
            runs.get(session, run_id),
            runs.attempts(session, run_id),
            runs.events(session, run_id),
        )
        assert [child.id for child in runs.children(session, parent)] == [run_id]
    assert {name: getattr(run, name) for name in said} == said
    assert (run.state, run.config, run.tags, run.seed) == (RunState.QUEUED, CONFIG, ("a", "b"), 1)
    assert (run.model_class, run.attempt, attempt.number) == ("some.Model", 1, 1)
    assert (event.who, event.what) == ("ana", f"launched after run {parent}")
    assert (run.code, run.wandb, run.processes) == (None, None, None)


def test_the_largest_seed_and_the_smallest_config_are_kept(record: Database) -> None:
    for config in ({}, {"seed": 2**32 - 1, "model": None, "data": {"init_args": None}}, {"seed": 10**400}):
        run_id = create(record, config=config)
        with record.reading() as session:
            run = runs.get(session, run_id)
        assert (run.config, run.model_class, run.dataset) == (config, "", None)


def test_the_leaves_of_the_config_can_be_searched(record: Database) -> None:
    deep = {"a": {"b": True, "c": 1e-4, "d": "word", "e": None, "f": [1, 2], "g": 10**400, "h": float("inf")}}
    run_id = create(record, config={**deep, "long": {"x" * 400: "y" * 900, "x" * 401: "z"}})
    with record.reading() as session:
        question = select(ConfigValue.key, ConfigValue.leaf, ConfigValue.number, ConfigValue.text)
        found = {row.key: row for row in session.execute(question.where(ConfigValue.run_id == run_id))}
    assert {key: row.number for key, row in found.items() if key.startswith("a.")} == {
        "a.b": 1.0, "a.c": 1e-4, "a.d": None, "a.e": None, "a.f": None, "a.g": float("inf"), "a.h": float("inf"),
    }  # fmt: skip
    assert (found["a.d"].text, found["a.d"].leaf, found["a.f"].text) == ("word", "d", "[1, 2]")
    with record.reading() as session:
        assert runs.get(session, run_id).config["a"] == deep["a"]
    assert [len(row.text) for key, row in found.items() if key.startswith("long")] == [500]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": " \n "}, "must not be empty"),
        ({"name": "x" * (NAME_CHARACTERS + 1)}, "201 characters; 200 at most"),
        ({"notes": "x" * 10_000_000}, "10,000,000 characters; 100,000 at most"),
        ({"tags": ["x" * 101]}, "101 characters; 100 at most"),
        ({"tags": [str(number) for number in range(51)]}, "51 tags are too many"),
        ({"config": {"model": {"class_path": "x" * 301}}}, "301 characters"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_limit(record: Database, facts: dict[str, Any], said: str) -> None:
    with pytest.raises(BadValue, match=said):
        create(record, **facts)
    with record.reading() as session:
        assert sum(runs.counts_by_state(session).values()) == 0


def test_the_longest_name_and_notes_are_kept_in_any_script(record: Database) -> None:
    name, notes = "\U0001f600" * NAME_CHARACTERS, "ü" * NOTES_CHARACTERS
    run_id = create(record, name=f"  {name}\n", notes=notes, tags=["\U0001f600" * 100])
    with record.reading() as session:
        run = runs.get(session, run_id)
    assert (run.name, run.notes) == (name, notes)


def test_a_run_that_is_not_there(record: Database) -> None:
    with pytest.raises(NotFound, match="no run 7"), record.reading() as session:
        runs.get(session, 7)
    with record.reading() as session:
        assert (runs.attempts(session, 7), runs.events(session, 7), runs.children(session, 7)) == ([], [], [])


def test_only_the_facts_that_are_given_are_changed(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(command="first")
    with record.writing() as session:
        runs.set_facts(session, run_id, code={"commit": "abc"}, machine={"cores": 2})
        runs.set_facts(session, run_id, packages={"torch": "2"})
        runs.set_facts(session, run_id)
        runs.set_wandb(session, run_id, {"mode": "offline", "points_sent": 0})
        run = runs.get(session, run_id)
    assert (run.code, run.machine, run.packages) == ({"commit": "abc"}, {"cores": 2}, {"torch": "2"})
    assert (run.command, run.wandb) == ("first", {"mode": "offline", "points_sent": 0})


def test_counts_and_lists_leave_the_trash_out(record: Database, make_run: MakeRun) -> None:
    made = {state: make_run(state) for state in RunState}
    with record.writing() as session:
        runs.move_to_trash(session, [made[RunState.FINISHED]], "ana")
        counts = runs.counts_by_state(session)
        active = [run.state for run in runs.active(session)]
        ended = [run.state for run in runs.recently_ended(session, 10)]
        two = runs.recently_ended(session, 2)
    assert counts == dict.fromkeys(RunState, 1) | {RunState.FINISHED: 0}
    assert active == [RunState.STARTING, RunState.RUNNING]
    assert ended == [RunState.CANCELLED, RunState.LOST, RunState.STOPPED, RunState.FAILED]
    assert [run.state for run in two] == ended[:2]


def looks(record: Database, limit: int = 10) -> list[int]:
    with record.reading() as session:
        return [run.id for run in runs.needing_a_look(session, limit)]


def test_what_stalls_failed_or_was_lost_needs_a_look(record: Database, make_run: MakeRun) -> None:
    made = {state: make_run(state) for state in RunState}
    failed, lost, running = made[RunState.FAILED], made[RunState.LOST], made[RunState.RUNNING]
    assert looks(record) == [lost, failed]
    with record.writing() as session:
        progress.set_stalled(session, running, True)
    assert looks(record) == [running, lost, failed]
    assert looks(record, 2) == [running, lost]
    with record.writing() as session:
        runs.archive(session, [lost], "ana")
        session.execute(
            update(Run).where(Run.id == failed).values(ended_at=datetime.now(UTC) - timedelta(days=runs.LOOK_DAYS + 1))
        )
    assert looks(record) == [running]


def test_a_retry_stands_for_what_it_retries(record: Database, make_run: MakeRun) -> None:
    failed = make_run(RunState.FAILED)
    make_run(RunState.FINISHED, parent_id=failed, relation=Relation.CLONE)
    assert looks(record) == [failed]
    make_run(RunState.CANCELLED, parent_id=failed, relation=Relation.RETRY)
    assert looks(record) == [failed], "a retry that was given up solves nothing"
    retry = make_run(RunState.RUNNING, parent_id=failed, relation=Relation.RETRY)
    assert looks(record) == []
    with record.writing() as session:
        progress.end(session, retry, RunState.FAILED, Reason.EXCEPTION)
    assert looks(record) == [retry]
