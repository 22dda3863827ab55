"""The page of one run: every state, what its buttons do, edits, bad links, and curves that are only read when seen."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from db import checkpoints, curves, progress, queue, runs
from db.engine import Database
from db.home import home, run_folder
from db.rows import RunDetail
from db.states import Mirror, Reason, Relation, RunState
from jobs import control
from jobs.run_files import AttemptFiles
from pages.parts.run_numbers import number_rows
from tests.pages.conftest import OpenPage, texts
from tests.pages.descriptions import DATA, MODEL

CONFIG: dict[str, Any] = {
    "seed": 1,
    "model": {"class_path": MODEL, "init_args": {"learning_rate": 0.01}},
    "data": {"class_path": DATA, "init_args": {"batch_size": 64}},
}


def make_run(
    database: Database,
    state: RunState = RunState.QUEUED,
    reason: Reason | None = None,
    *,
    text: str = "",
    lines: str = "",
    name: str = "A run",
    config: Mapping[str, Any] = CONFIG,
    **asked: Any,
) -> int:
    with database.writing() as session:
        run_id = runs.create(session, name=name, config=dict(config), launched_by="ana", **asked)
        if state is RunState.QUEUED:
            return run_id
        if state is RunState.CANCELLED:
            queue.cancel(session, [run_id], "ana")
            return run_id
        queue.claim(session, run_id, "here", ["cpu"])
        if state is RunState.STARTING:
            return run_id
        facts = {"step": 30, "epoch": 1.5, "total_steps": 100, "max_epochs": 5, "samples_per_second": 1234.0}
        progress.check_in(session, run_id, **facts, phase="fit", next_check_in_seconds=5)
        if state is not RunState.RUNNING:
            progress.end(session, run_id, state, reason or Reason.COMPLETED, text, failing_rank=1, last_lines=lines)
    return run_id


def add_points(database: Database, run_id: int, names: tuple[str, ...], count: int = 50, **special: Any) -> None:
    steps, times = np.arange(count), time.time() + np.arange(count)
    with database.writing() as session:
        points = {name: (steps, times, special.get(name, np.linspace(1, 0.1, count))) for name in names}
        curves.append(session, run_id, 1, points, None)


def add_checkpoint(database: Database, run_id: int, step: int, **flags: bool) -> int:
    folder = run_folder(run_id) / "checkpoints" / f"step-{step}"
    folder.mkdir(parents=True)
    (folder / "weights.ckpt").write_bytes(b"x" * 2_000_000)
    facts = {"metric": "val_loss", "metric_value": 0.25, "size_bytes": 2_000_000, "sha256": "0" * 64, "epoch": 1.0}
    with database.writing() as session:
        path = str(folder.relative_to(home()))
        return checkpoints.register(session, run_id, path=path, step=step, **facts, **flags)


def read(database: Database, run_id: int) -> RunDetail:
    with database.reading() as session:
        return runs.get(session, run_id)


def plots(at: AppTest) -> list[str]:
    return [str(element.proto.json) for element in at.get("bidi_component")]


def keys(at: AppTest) -> set[str]:
    return {str(button.key) for button in at.button}


@pytest.mark.parametrize("link", ["abc", "99999", "", "9" * 40, "²"])
def test_a_link_to_no_run_says_so_and_leads_to_the_list(open_page: OpenPage, link: str) -> None:
    at = open_page("run", id=link)

    assert not at.exception
    assert "There is no such run" in texts(at)
    assert "All runs" in [element.proto.label for element in at.get("page_link")]


BUTTONS = {
    RunState.QUEUED: {"cancel", "clone", "archive", "delete"},
    RunState.STARTING: {"stop", "pause", "clone", "archive", "delete"},
    RunState.RUNNING: {"stop", "pause", "clone", "archive", "delete"},
    RunState.FINISHED: {"retry", "clone", "archive", "delete"},
    RunState.FAILED: {"resume", "retry", "clone", "archive", "delete"},
    RunState.STOPPED: {"resume", "retry", "clone", "archive", "delete"},
    RunState.LOST: {"resume", "retry", "clone", "archive", "delete"},
    RunState.CANCELLED: {"resume", "retry", "clone", "archive", "delete"},
}
ACTS = set().union(*BUTTONS.values())


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_has_its_buttons(open_page: OpenPage, database: Database, state: RunState) -> None:
    at = open_page("run", id=str(make_run(database, state, name="Some *name*")))

    assert not at.exception
    assert "Some *name*" in texts(at)
    assert keys(at) & ACTS == BUTTONS[state]
    assert at.button(key="delete").disabled == state.active


def test_a_running_run_shows_its_progress_and_can_be_stopped_once(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.RUNNING)
    at = open_page("run", id=str(run_id))
    [bar] = at.get("progress")
    assert "epoch 1.5 of 5" in bar.proto.text
    assert "1,234 samples/s" in bar.proto.text

    at.button(key="stop").click().run()
    assert read(database, run_id).stop_kind == "stop"
    assert at.button(key="stop").disabled
    assert "Stopping" in texts(at)


def test_a_run_that_ended_meanwhile_is_no_error(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.RUNNING)
    at = open_page("run", id=str(run_id))
    with database.writing() as session:
        progress.end(session, run_id, RunState.FINISHED, Reason.COMPLETED)

    at.button(key="pause").click().run()

    assert not at.exception
    assert keys(at) & ACTS == BUTTONS[RunState.FINISHED]


def test_a_stalled_run_says_since_when(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.RUNNING)
    with database.writing() as session:
        progress.set_stalled(session, run_id, True)
    at = open_page("run", id=str(run_id))

    assert "Stalled" in texts(at)
    assert "within 5 s" in texts(at)


def test_a_queued_run_says_why_it_waits_and_can_be_cancelled(open_page: OpenPage, database: Database) -> None:
    make_run(database)
    run_id = make_run(database)
    with database.writing() as session:
        queue.set_wait_reason(session, run_id, "Two runs use the CPU.")
    at = open_page("run", id=str(run_id))
    assert "number 2 in the queue" in texts(at)
    assert "Two runs use the CPU." in texts(at)

    at.button(key="cancel").click().run()
    assert read(database, run_id).state is RunState.CANCELLED


def test_a_failure_says_why_with_the_last_lines_of_the_rank(open_page: OpenPage, database: Database) -> None:
    lines = "Traceback\nRuntimeError: CUDA out of memory"
    run_id = make_run(database, RunState.FAILED, Reason.OUT_OF_MEMORY, text="2 GB were not there.", lines=lines)
    at = open_page("run", id=str(run_id))

    assert "Out of memory" in texts(at)
    assert "2 GB were not there." in texts(at)
    assert "Rank 1 failed first" in texts(at)
    assert lines in [code.value for code in at.code]


def test_what_to_try_launches_a_new_run_with_the_change(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FAILED, Reason.OUT_OF_MEMORY)
    at = open_page("run", id=str(run_id))
    assert "Halve the batch" in at.button(key="try.0").label

    at.button(key="try.0").click().run()

    assert not at.exception
    with database.reading() as session:
        [child] = runs.children(session, run_id)
        config = runs.get(session, child.id).config
    assert child.relation is Relation.RETRY
    assert config["data"]["init_args"]["batch_size"] == 32
    assert config["trainer"]["accumulate_grad_batches"] == 2
    assert at.query_params["id"] == str(child.id)
    assert f"retry of #{run_id}" in [element.proto.label for element in at.get("page_link")]


def test_a_double_click_retries_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.parts import run_acts

    opened: list[int] = []
    monkeypatch.setattr(run_acts, "open_run", opened.append)
    monkeypatch.setattr(run_acts.st, "session_state", {})
    run_id = make_run(database, RunState.FAILED, Reason.EXCEPTION)
    run_acts.retry(run_id, {})
    run_acts.retry(run_id, {})

    with database.reading() as session:
        [child] = runs.children(session, run_id)
    assert opened == [child.id, child.id]


def test_resume_goes_on_from_the_last_checkpoint(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.LOST, Reason.SIGNAL)
    checkpoint_id = add_checkpoint(database, run_id, 20, is_last=True)
    at = open_page("run", id=str(run_id))
    assert "Killed by a signal" in texts(at)

    at.button(key="try.0").click().run()

    assert read(database, run_id).state is RunState.QUEUED
    with database.reading() as session:
        assert runs.attempts(session, run_id)[-1].resumed_from_checkpoint_id == checkpoint_id


def test_clone_opens_the_launch_form(open_page: OpenPage, described: Database) -> None:
    run_id = make_run(described, RunState.FINISHED)
    at = open_page("run", id=str(run_id))
    at.button(key="clone").click().run()

    assert not at.exception
    assert at.query_params["from"] == str(run_id)


def test_delete_says_what_it_frees_and_can_be_undone(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    add_checkpoint(database, run_id, 20)
    with database.writing() as session:
        progress.set_folder_bytes(session, run_id, 1_200_000_000)
    at = open_page("run", id=str(run_id))

    at.button(key="delete").click().run()
    assert "This frees 1.2 GB" in texts(at)
    assert "1 checkpoint" in texts(at)
    assert read(database, run_id).deleted_at is None

    at.button(key="delete.yes").click().run()
    assert read(database, run_id).deleted_at is not None
    assert "This run is in the trash" in texts(at)
    assert keys(at) & ACTS == set()

    at.button(key="undo").click().run()
    assert read(database, run_id).deleted_at is None
    assert "in the trash" not in texts(at)


def test_archive_and_back(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    at = open_page("run", id=str(run_id))
    at.button(key="archive").click().run()
    assert read(database, run_id).archived_at is not None

    at.button(key="archive").click().run()
    assert read(database, run_id).archived_at is None


def test_name_tags_and_notes_are_edited_in_place(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED, tags=("old",), notes="before")
    at = open_page("run", id=str(run_id), tab="History")
    at.button(key=f"name.edit.{run_id}").click().run()
    at.text_input(key=f"name.{run_id}").set_value("  A better name ").run()
    assert read(database, run_id).name == "A better name"
    assert "A better name" in at.title[0].value

    at.multiselect(key=f"tags.{run_id}").set_value(["old"]).run()
    with database.writing() as session:
        runs.set_tags(session, run_id, ["from elsewhere"], "bruno")
    at.run()
    assert at.multiselect(key=f"tags.{run_id}").value == ["from elsewhere"]
    at.multiselect(key=f"tags.{run_id}").set_value([]).run()
    assert read(database, run_id).tags == ()

    at.text_area(key=f"notes.{run_id}").set_value("after").run()
    assert read(database, run_id).notes == "after"


def test_an_empty_name_is_refused(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED, name="Kept")
    at = open_page("run", id=str(run_id))
    at.button(key=f"name.edit.{run_id}").click().run()
    at.text_input(key=f"name.{run_id}").set_value("   ").run()

    assert not at.exception
    assert read(database, run_id).name == "Kept"


def test_each_metric_has_one_chart_with_its_stages(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    add_points(database, run_id, ("train_loss", "val_loss", "val_accuracy", "epoch", "system/cpu_percent"))
    at = open_page("run", id=str(run_id))

    assert not at.exception
    assert len(plots(at)) == 2
    assert "training 0.1 · validation 0.1" in texts(at).replace("**", "")


def test_the_link_says_how_the_curves_are_seen(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    add_points(database, run_id, ("train_loss", "val_accuracy"))
    link = {"x": "Time", "log": "true", "smooth": "0.6", "zoom": "2 to 9", "metrics": "Loss"}
    at = open_page("run", id=str(run_id), **link)

    [plot] = plots(at)
    assert '\\"type\\": \\"log\\"' in plot or '\\"type\\":\\"log\\"' in plot
    assert "training, smoothed" in plot
    assert "[2.0,9.0]" in plot.replace(" ", "")
    assert "Smoothed by a moving average of weight 0.60" in texts(at)


def test_a_zoom_that_cannot_be_read_shows_everything(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    add_points(database, run_id, ("train_loss",))
    at = open_page("run", id=str(run_id), zoom="from here on")

    assert not at.exception
    assert "everything is shown" in texts(at)


def test_values_that_are_not_finite_are_said(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FAILED, Reason.NOT_FINITE)
    values = np.linspace(1, 0, 50)
    values[30:42] = np.nan
    add_points(database, run_id, ("train_loss",), train_loss=values)

    assert "12 values are not finite (NaN or infinite), first at step 30." in texts(open_page("run", id=str(run_id)))


def test_many_metrics_are_drawn_when_asked_for(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    add_points(database, run_id, tuple(f"metric_{number:02}" for number in range(20)))
    at = open_page("run", id=str(run_id))
    assert len(plots(at)) == 8

    at.button(key="charts.show_more").click().run()
    assert len(plots(at)) == 20


def test_thousands_of_metrics_leave_the_page_usable(open_page: OpenPage, database: Database) -> None:
    """Names of 300 characters, with slashes and of other alphabets among them."""
    run_id = make_run(database, RunState.FINISHED)
    strange = ("a/b/c", "çà/é 🦊", "x" * 300, "<b>$loss$</b> [x](y)", "val_")
    add_points(database, run_id, (*strange, *(f"metric_{number:04}" for number in range(3_000))))
    began = time.monotonic()
    at = open_page("run", id=str(run_id))
    at.button(key="charts.show_more").click().run()

    assert not at.exception
    assert len(plots(at)) == 32
    assert at.button(key="charts.show_more").label.startswith("Show 24 more of 2,9")
    assert time.monotonic() - began < 10


def test_every_metric_is_there_in_numbers(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    add_points(database, run_id, ("train_loss", "val_loss", "system/cpu_percent"))
    with database.reading() as session:
        rows = number_rows({row.name: row for row in curves.summaries(session, run_id)})

    assert [row["Metric"] for row in rows] == ["Training loss", "Validation loss"]
    assert (rows[0]["Lowest"], rows[0]["at step"], rows[0]["at step "], rows[0]["Points"]) == (0.1, 49, 0, 50)
    assert "In numbers" in [fold.label for fold in open_page("run", id=str(run_id)).expander]


def test_only_the_open_tab_is_drawn(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    add_points(database, run_id, ("train_loss", "system/cpu_percent", "system/machine_cpu_percent"))

    assert len(plots(open_page("run", id=str(run_id), tab="System"))) == 1
    assert plots(open_page("run", id=str(run_id), tab="Config")) == []


@pytest.mark.parametrize(
    ("tab", "state"),
    [
        ("Charts", RunState.RUNNING),
        ("System", RunState.RUNNING),
        ("System", RunState.FAILED),
        ("Log", RunState.RUNNING),
        ("Log", RunState.QUEUED),
        ("Config", RunState.QUEUED),
        ("Checkpoints", RunState.RUNNING),
        ("Environment", RunState.FAILED),
        ("History", RunState.QUEUED),
    ],
)
def test_an_empty_run_has_every_tab(open_page: OpenPage, database: Database, tab: str, state: RunState) -> None:
    at = open_page("run", id=str(make_run(database, state)), tab=tab)

    assert not at.exception


def test_the_log_of_each_rank_is_shown_and_searched(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    write_log(run_id, 0, "epoch 1\nA Needle\nepoch 2\n")
    write_log(run_id, 1, "from rank 1\n")
    at = open_page("run", id=str(run_id), tab="Log")
    assert "epoch 2" in at.code[0].value

    found = open_page("run", id=str(run_id), tab="Log", find="needle")
    assert found.code[0].value == "A Needle"

    other = open_page("run", id=str(run_id), tab="Log", rank="rank 1")
    assert other.code[0].value == "from rank 1"


def write_log(run_id: int, rank: int, text: str) -> Path:
    path = AttemptFiles(run_id, 1).log(rank)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_config_shows_what_differs_and_how_to_run_it_elsewhere(open_page: OpenPage, described: Database) -> None:
    parent = make_run(described, RunState.FINISHED, name="First")
    changed = control.with_changes(CONFIG, {"model.init_args.learning_rate": 0.5})
    run_id = make_run(
        described, RunState.FINISHED, config=changed, parent_id=parent, relation=Relation.CLONE, name="Second"
    )
    at = open_page("run", id=str(run_id), tab="Config")

    assert f"What differs from run #{parent} (First)" in texts(at)
    table = at.table[0].value
    assert len(table) == 1
    assert "learning_rate" in str(table.iloc[0, 0])
    assert any("python -m training" in code.value for code in at.code)
    assert any("learning_rate: 0.5" in code.value for code in at.code)


def test_checkpoints_are_pinned_and_deleted_with_a_word_before(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.STOPPED, Reason.PAUSED)
    older, newer = add_checkpoint(database, run_id, 20), add_checkpoint(database, run_id, 40, is_last=True)
    at = open_page("run", id=str(run_id), tab="Checkpoints")
    assert "validation loss 0.25" in texts(at)

    at.button(key=f"pin.{older}").click().run()
    with database.reading() as session:
        assert checkpoints.get(session, older).pinned

    at.button(key=f"remove.{newer}").click().run()
    assert "This frees 2.0 MB" in texts(at)
    at.button(key="remove.yes").click().run()
    assert not (run_folder(run_id) / "checkpoints" / "step-40").exists()

    at.button(key=f"from.{older}").click().run()
    with database.reading() as session:
        assert runs.attempts(session, run_id)[-1].resumed_from_step == 20


def test_the_environment_shows_code_changes_packages_and_mirror(
    open_page: OpenPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pages.parts import run_mirror

    asked: list[list[int]] = []
    monkeypatch.setattr(run_mirror, "start_sync", asked.append)
    run_id = make_run(database, RunState.FINISHED, mirror=Mirror.OFFLINE)
    with database.writing() as session:
        code = {"commit": "78a958f", "branch": "main", "dirty": True, "diff_path": "code.diff"}
        runs.set_facts(
            session, run_id, code=code, packages={"torch": "2.13.0"}, machine={"memory_bytes": 64_000_000_000}
        )
        runs.set_wandb(session, run_id, {"mode": "offline", "state": "waiting", "points_sent": 0, "points_total": 12})
    at = open_page("run", id=str(run_id), tab="Environment")

    assert not at.exception
    shown = "".join(str(table.value.to_dict()) for table in at.table)
    assert "78a958f" in shown
    assert "64.0 GB" in shown
    assert "0 of 12 points sent, 12 wait" in texts(at)
    at.button(key="sync").click().run()
    assert asked == [[run_id]]


def test_a_run_in_the_trash_can_be_looked_at_and_restored(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FAILED, Reason.EXCEPTION)
    with database.writing() as session:
        control.delete(session, [run_id], "ana")
    at = open_page("run", id=str(run_id))

    assert "in the trash since" in texts(at)
    assert not [key for key in keys(at) if key.startswith("try.")]
    at.button(key="restore").click().run()
    assert read(database, run_id).deleted_at is None


def test_the_bare_address_shows_the_run_of_before(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, RunState.FINISHED)
    at = open_page("run", id=str(run_id))

    del at.query_params["id"]
    at.run()

    assert f"#{run_id}" in at.title[0].value.replace("\\", "")
    assert list(at.query_params["id"]) == list(str(run_id))
