"""What a person can ask, and what is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from db import checkpoints, datasets, modules, progress, queue, runs
from db.engine import Database, Session
from db.errors import IllegalMove, NotFound
from db.home import home, run_folder
from db.run_config import ConfigError, RunConfig, read_config, read_yaml
from db.states import Mirror, Reason, Relation, RunState
from jobs import control
from jobs.commands import command_line
from jobs.launch import launch
from jobs.wake import LOOK, Ear

CONFIG: dict[str, Any] = {
    "seed": 1,
    "model": {"class_path": "some.Model", "init_args": {"width": 3}},
    "data": {"class_path": "some.Data", "init_args": {"batch_size": 32}},
}


def config(**changes: Any) -> RunConfig:
    return read_config(control.with_changes(CONFIG, changes))


@pytest.fixture
def run_id(database: Database) -> int:
    """A queued run."""
    with database.writing() as session:
        return launch(
            session, config(), name="first", tags=["a"], notes="n", mirror=Mirror.OFFLINE, preset="p", who="ana"
        )


def end(database: Database, run_id: int, state: RunState = RunState.FAILED, reason: Reason = Reason.EXCEPTION) -> None:
    with database.writing() as session:
        queue.claim(session, run_id, "here", ["cpu"])
        progress.end(session, run_id, state, reason)


def checkpoint(database: Database, run_id: int, step: int) -> int:
    folder = run_folder(run_id) / "checkpoints" / f"step-{step}"
    folder.mkdir(parents=True)
    (folder / "weights.ckpt").write_bytes(b"x" * 1000)
    with database.writing() as session:
        made: int = checkpoints.register(
            session,
            run_id,
            path=str(folder.relative_to(home())),
            step=step,
            epoch=1.0,
            metric=None,
            metric_value=None,
            size_bytes=1000,
            sha256="0" * 64,
        )
    return made


def test_a_launch_is_seen_at_once_and_only_when_it_is_committed(database: Database) -> None:
    ear = Ear()
    with database.writing() as session:
        launch(session, config(), name="x")
        assert ear.hear() == set()
    assert ear.hear() == {LOOK}
    with pytest.raises(ConfigError), database.writing() as session:
        _launch_a_good_and_a_bad_one(session)
    assert ear.hear() == set()
    ear.close()


def _launch_a_good_and_a_bad_one(session: Session) -> None:
    launch(session, config(), name="good")
    launch(session, config(), name="")


def test_a_launch_keeps_everything_that_was_said(database: Database, run_id: int) -> None:
    with database.reading() as session:
        run = runs.get(session, run_id)
    assert (run.name, tuple(run.tags), run.notes, run.mirror, run.preset) == ("first", ("a",), "n", Mirror.OFFLINE, "p")
    assert (run.state, run.launched_by) == (RunState.QUEUED, "ana")
    assert "python -m training" in run.command


def test_the_dataset_is_pinned_to_its_version(database: Database) -> None:
    facts: dict[str, Any] = {"kind": "table", "sheet": {}, "row_count": 1, "size_bytes": 1, "schema": {}, "split": {}}
    with database.writing() as session:
        for content_hash in ("a" * 64, "b" * 64):
            datasets.add_version(session, name="iris", content_hash=content_hash, note="", created_by="ana", **facts)
        newest = launch(session, config(**{"data.init_args.dataset": "iris"}), name="x")
        first = launch(session, config(**{"data.init_args.dataset": "iris@1"}), name="x")
        rows = [runs.get(session, one) for one in (newest, first)]
    assert [row.dataset for row in rows] == ["iris@2", "iris@1"]
    assert [row.config["data"]["init_args"]["dataset"] for row in rows] == ["iris@2", "iris@1"]
    assert rows[0].dataset_hash == "b" * 64


def test_nothing_is_launched_with_a_fault(database: Database) -> None:
    fields = [{"name": "width", "type": "int", "required": True, "nullable": False, "le": 2}]
    description = {"class_path": "some.Model", "kind": "model", "fields": fields, "error": None}
    with database.writing() as session:
        modules.store(session, [description])
    with pytest.raises(ConfigError) as caught, database.writing() as session:
        launch(session, config(), name=" ")
    assert [path for path, _ in caught.value.problems] == ["name", "model.init_args.width"]
    with database.reading() as session:
        assert queue.queued(session) == []


def test_resume_takes_the_last_checkpoint_or_a_chosen_one(database: Database, run_id: int) -> None:
    first, last = checkpoint(database, run_id, 10), checkpoint(database, run_id, 20)
    for chosen, step in ((None, 20), (first, 10), (last, 20)):
        end(database, run_id)
        with database.writing() as session:
            assert f"step {step}" in control.resume(session, run_id, "ana", chosen)
            run, newest = runs.get(session, run_id), runs.attempts(session, run_id)[-1]
        assert (run.state, newest.resumed_from_step) == (RunState.QUEUED, step)
    with database.reading() as session:
        assert runs.get(session, run_id).attempt == 4


def test_resume_takes_a_checkpoint_whose_files_are_there(database: Database, run_id: int) -> None:
    first, last = checkpoint(database, run_id, 10), checkpoint(database, run_id, 20)
    for step, said in ((20, "goes on from step 10"), (10, "starts from the beginning")):
        shutil.rmtree(run_folder(run_id) / "checkpoints" / f"step-{step}")
        end(database, run_id)
        with database.writing() as session:
            words = control.resume(session, run_id, "ana")
            newest = runs.attempts(session, run_id)[-1]
        assert said in words
        assert "step 20 are gone" in words
        assert newest.resumed_from_checkpoint_id == (first if step == 20 else None)
    end(database, run_id)
    with pytest.raises(NotFound, match="choose another"), database.writing() as session:
        control.resume(session, run_id, "ana", last)


def test_resume_is_refused_where_it_makes_no_sense(database: Database, run_id: int) -> None:
    with pytest.raises(IllegalMove, match="queued"), database.writing() as session:
        control.resume(session, run_id, "ana")
    other = checkpoint(database, run_id, 1)
    end(database, run_id, RunState.FINISHED, Reason.COMPLETED)
    with pytest.raises(IllegalMove, match="clone it"), database.writing() as session:
        control.resume(session, run_id, "ana")
    with database.writing() as session:
        second = launch(session, config(), name="second")
    end(database, second)
    with pytest.raises(NotFound, match="not one of run"), database.writing() as session:
        control.resume(session, second, "ana", other)


def test_retry_is_a_new_run_with_what_was_changed(database: Database, run_id: int) -> None:
    changes = {"data.init_args.batch_size": 16, "trainer.accumulate_grad_batches": 2}
    with database.writing() as session:
        second = control.retry(session, run_id, "ben", changes)
        third = control.retry(session, second, "ben")
        run = runs.get(session, second)
        assert runs.get(session, third).name == "first (retry 2)"
    assert (run.parent_id, run.relation, run.name, run.launched_by) == (run_id, Relation.RETRY, "first (retry)", "ben")
    assert run.config["data"]["init_args"]["batch_size"] == 16
    assert run.config["trainer"]["accumulate_grad_batches"] == 2
    with pytest.raises(ConfigError), database.writing() as session:
        control.retry(session, run_id, "ben", {"trainer.max_epochs": 0})


def test_stop_of_many_takes_each_by_its_state(database: Database, run_id: int) -> None:
    with database.writing() as session:
        second = launch(session, config(), name="second")
        queue.claim(session, second, "here", ["cpu"])
        ended = launch(session, config(), name="third")
    end(database, ended)
    with database.writing() as session:
        control.stop(session, [run_id, second, ended], "ana")
        control.stop(session, [run_id, second, ended], "ben")
        assert runs.get(session, run_id).state is RunState.CANCELLED
        assert runs.get(session, ended).stop_requested_at is None
        assert runs.get(session, second).stop_requested_by == "ana"


def test_the_trash_gives_back_until_it_is_emptied(database: Database, run_id: int) -> None:
    checkpoint(database, run_id, 1)
    end(database, run_id)
    with database.writing() as session:
        assert control.delete(session, [run_id], "ana") == [run_id]
        control.restore(session, [run_id], "ana")
        assert runs.get(session, run_id).deleted_at is None
        control.delete(session, [run_id], "ana")
    assert run_folder(run_id).exists()
    with database.writing() as session:
        assert control.empty_trash(session, "ana") == 1
        assert run_folder(run_id).exists(), "files go when the rows are gone for sure"
    assert not run_folder(run_id).exists()
    assert list((home() / "runs").iterdir()) == []
    with pytest.raises(NotFound), database.reading() as session:
        runs.get(session, run_id)


def test_an_active_run_is_not_deleted(database: Database, run_id: int) -> None:
    with database.writing() as session:
        queue.claim(session, run_id, "here", ["cpu"])
    with pytest.raises(IllegalMove, match=str(run_id)), database.writing() as session:
        control.delete(session, [run_id], "ana")


def test_a_checkpoint_is_deleted_once_and_its_row_says_so(database: Database, run_id: int) -> None:
    chosen = checkpoint(database, run_id, 5)
    with database.writing() as session:
        control.delete_checkpoint(session, chosen, "ana")
        events = [event.what for event in runs.events(session, run_id)]
    assert not (run_folder(run_id) / "checkpoints" / "step-5").exists()
    assert "deleted the checkpoint of step 5" in events
    with pytest.raises(NotFound, match="gone already"), database.writing() as session:
        control.delete_checkpoint(session, chosen, "ana")


def test_a_checkpoint_outside_its_run_is_left_alone(database: Database, run_id: int, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    with database.writing() as session:
        chosen = checkpoints.register(
            session,
            run_id,
            path=str(precious),
            step=1,
            epoch=1.0,
            metric=None,
            metric_value=None,
            size_bytes=1,
            sha256="0" * 64,
        )
    with pytest.raises(NotFound, match="left alone"), database.writing() as session:
        control.delete_checkpoint(session, chosen, "ana")
    assert precious.exists()


def test_the_command_of_a_config_can_be_pasted_and_read_again() -> None:
    text = command_line(config(), name="it's mine")
    body = text.partition("<<'YAML'\n")[2].partition("YAML\n")[0]
    assert read_yaml(body) == config()
    assert text.endswith("""-m training run.yaml --name 'it'"'"'s mine'""")
    assert command_line(7).endswith("runs/7/config.yaml")
