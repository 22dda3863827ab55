"""Home: on an empty database, with runs, and with a supervisor in trouble."""

import time
from typing import Any

import pytest
import streamlit as st

from db import curves, progress, queue, runs, supervisors
from db.engine import Database
from db.states import Reason, RunState
from pages.parts.progress import progress_share, progress_words
from tests.pages.conftest import OpenPage, texts
from tests.pages.descriptions import DATA, MODEL

CONFIG: dict[str, Any] = {
    "model": {"class_path": MODEL, "init_args": {}},
    "data": {"class_path": DATA, "init_args": {"dataset": "x@1"}},
}


def make_run(database: Database, name: str = "A run", state: RunState = RunState.QUEUED) -> int:
    with database.writing() as session:
        run_id = runs.create(session, name=name, config=CONFIG)
        if state is RunState.QUEUED:
            return run_id
        queue.claim(session, run_id, "here", ["cpu"])
        facts = {"step": 30, "epoch": 1.5, "total_steps": 100, "max_epochs": 5, "samples_per_second": 1234.0}
        progress.check_in(session, run_id, **facts, phase="fit", next_check_in_seconds=5)
        if state is RunState.FAILED:
            progress.end(session, run_id, state, Reason.OUT_OF_MEMORY, "The memory was not enough.")
        elif state is RunState.FINISHED:
            progress.end(session, run_id, state, Reason.COMPLETED)
    return run_id


def supervise(database: Database, **facts: Any) -> None:
    known = {"host": "here", "pid": 1, "process_started": 1.0, "phase": "ready", "devices": [], "trouble": ""}
    with database.writing() as session:
        supervisors.seen(session, **known | facts)
    st.cache_data.clear()


def links(at: Any) -> list[str]:
    return [link.proto.query_string for link in at.page_link]


def test_an_empty_database_greets_with_three_cards(open_page: OpenPage) -> None:
    at = open_page("home")

    assert not at.exception
    assert "Train your first model" in texts(at)
    assert len([button for button in at.button if str(button.key).startswith("start.")]) == 3


def test_no_supervisor_is_said_plainly(open_page: OpenPage, database: Database) -> None:
    assert "does not run" in texts(open_page("home"))

    supervise(database)
    assert "does not run" not in texts(open_page("home"))

    supervise(database, trouble="The disk is full.")
    assert "The disk is full." in texts(open_page("home"))


def test_a_running_run_shows_its_progress_and_leads_to_its_page(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, "Some *name*", RunState.RUNNING)
    at = open_page("home")

    assert not at.exception
    assert f"id={run_id}" in links(at)
    assert "Some *name*" in texts(at)
    [bar] = at.get("progress")
    assert "epoch 1.5 of 5" in bar.proto.text
    assert "1,234 samples/s" in bar.proto.text


def test_a_stop_is_said(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, state=RunState.RUNNING)
    at = open_page("home")

    at.button(key=f"stop.{run_id}").click().run()

    assert not at.exception
    assert "was asked to stop" in at.toast[0].value


def test_a_finished_run_shows_how_good_it_became(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database, state=RunState.RUNNING)
    with database.writing() as session:
        point = [1], [time.time()], [1.0]
        curves.append(session, run_id, 1, {"val_loss": point, "test_accuracy": point})
        progress.end(session, run_id, RunState.FINISHED, Reason.COMPLETED)

    assert "test accuracy **1**" in texts(open_page("home"))


def test_a_failed_run_is_under_needs_a_look_with_its_reason(open_page: OpenPage, database: Database) -> None:
    make_run(database, state=RunState.FAILED)
    at = open_page("home")

    assert any(heading.value == "Needs a look" for heading in at.subheader)
    assert "The memory was not enough." in texts(at)


def test_a_finished_run_is_under_finished_lately(open_page: OpenPage, database: Database) -> None:
    make_run(database, state=RunState.FINISHED)

    assert any(heading.value == "Finished lately" for heading in open_page("home").subheader)


def test_the_queue_says_why_and_can_be_reordered_and_cancelled(open_page: OpenPage, database: Database) -> None:
    first, second, third = (make_run(database, f"Run {number}") for number in range(3))
    with database.writing() as session:
        queue.set_wait_reason(session, second, "Two runs use the CPU.")
    at = open_page("home")
    assert "Two runs use the CPU." in texts(at)
    assert at.button(key=f"up.{first}").disabled

    at.button(key=f"up.{third}").click().run()
    assert order(database) == [first, third, second]

    at.button(key=f"down.{first}").click().run()
    assert order(database) == [third, first, second]

    at.button(key=f"cancel.{third}").click().run()
    assert not at.exception
    assert order(database) == [first, second]


def order(database: Database) -> list[int]:
    with database.reading() as session:
        return [run.id for run in queue.queued(session)]


def test_a_run_that_left_the_queue_meanwhile_is_no_error(open_page: OpenPage, database: Database) -> None:
    run_id = make_run(database)
    at = open_page("home")
    with database.writing() as session:
        queue.claim(session, run_id, "here", ["cpu"])

    at.button(key=f"cancel.{run_id}").click().run()

    assert not at.exception


def test_the_sidebar_counts_what_goes_on(open_page: OpenPage, database: Database) -> None:
    make_run(database, state=RunState.RUNNING)
    make_run(database)

    assert "1 running" in texts(open_page("home"))
    assert "1 queued" in texts(open_page("settings"))


@pytest.mark.parametrize(
    ("step", "total_steps", "epoch", "max_epochs", "share"),
    [(50, 100, 0.0, None, 0.5), (0, None, 1.0, 4, 0.25), (10, None, 0.5, None, None), (200, 100, 9.0, 5, 1.0)],
)
def test_the_share_done_uses_whatever_end_is_known(
    database: Database, step: int, total_steps: int | None, epoch: float, max_epochs: int | None, share: float | None
) -> None:
    run_id = make_run(database, state=RunState.RUNNING)
    with database.writing() as session:
        progress.check_in(
            session,
            run_id,
            step=step,
            epoch=epoch,
            total_steps=total_steps,
            max_epochs=max_epochs,
            samples_per_second=None,
            phase="fit",
            next_check_in_seconds=5,
        )
        run = runs.get(session, run_id)

    assert progress_share(run) == share
    assert f"step {step}" in progress_words(run, share)
