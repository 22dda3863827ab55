"""What people do, in a real browser over a real dashboard: each test is one journey."""

import os
import re
import signal

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog.samples import load_sample
from db import checkpoints
from db.engine import Database
from db.states import Reason, RunState
from scripts.browser import go, wait_until_idle, window
from scripts.dashboard_process import Dashboard
from tests.browser.asking import (
    CURVE,
    curve,
    expect_state,
    launch,
    press,
    run_of,
    wait_ended,
    wait_for,
    wait_step,
)

ENDLESS = 100_000  # epochs
RUN_URL = re.compile(r"/run\?.*id=(\d+)")


@pytest.fixture(scope="session")
def table(served: Dashboard, record: Database) -> None:
    """The breast-cancer table is registered in the dashboard's data folder."""
    before = os.environ.get("BANCADA_HOME")
    os.environ["BANCADA_HOME"] = str(served.data_folder)
    try:
        with record.writing() as session:
            load_sample(session, "breast-cancer", "tests", None)
    finally:
        if before is None:
            del os.environ["BANCADA_HOME"]
        else:
            os.environ["BANCADA_HOME"] = before


def run_id_of(page: Page) -> int:
    """The run that the page shows."""
    page.wait_for_url(RUN_URL)
    found = RUN_URL.search(page.url)
    assert found
    return int(found[1])


def test_from_an_empty_database_to_a_live_curve_and_a_finished_run(
    page: Page, chrome: Browser, served: Dashboard, record: Database
) -> None:
    go(page, served.url)
    expect(page.get_by_text("Train your first model")).to_be_visible()
    card = page.locator('[class*="st-key-start-"] button')
    expect(card).to_have_count(3)
    card.nth(1).click()

    run_id = run_id_of(page)
    wait_for(lambda: curve(page), "a curve on the page")
    run = wait_ended(record, run_id)
    assert (run.state, run.reason) == (RunState.FINISHED, Reason.COMPLETED), run.reason_text
    expect_state(page, "finished")

    page.goto("about:blank")  # the lid is closed
    with window(chrome) as later:  # the link still tells everything
        go(later, f"{served.url}/run?id={run_id}")
        expect_state(later, "finished")
        wait_for(lambda: curve(later), "the finished curve")
        for tab, words in (
            ("Log", "finished"),
            ("Config", "class_path"),
            ("Checkpoints", "best"),
            ("Environment", "torch"),
        ):
            later.get_by_role("tab", name=tab).click()
            wait_until_idle(later)
            expect(later.get_by_text(words).first).to_be_visible()


def test_the_form_says_what_is_wrong_and_launches_what_is_right(
    page: Page, served: Dashboard, record: Database, table: None
) -> None:
    go(page, f"{served.url}/launch?preset=breast-cancer-linear")
    epochs = page.locator('input[aria-label="Max epochs"]')
    epochs.fill("2")
    epochs.press("Enter")
    wait_until_idle(page)
    expect(page.get_by_text("1 change", exact=False).first).to_be_visible()
    press(page, "launch")
    run_id = run_id_of(page)
    assert wait_ended(record, run_id).config["trainer"]["max_epochs"] == 2


def test_a_run_is_watched_live_paused_and_resumed(page: Page, served: Dashboard, record: Database, table: None) -> None:
    run_id = launch(served.url, name="to be paused", epochs=ENDLESS)
    go(page, f"{served.url}/run?id={run_id}")
    before = wait_for(lambda: curve(page), "a curve on the page")
    wait_for(lambda: curve(page) != before, "a curve that moves")

    press(page, "pause")
    run = wait_ended(record, run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, Reason.PAUSED)
    with record.reading() as session:
        saved = checkpoints.latest(session, run_id)
    assert saved is not None
    assert saved.step == run.step
    press(page, "resume")
    wait_step(record, run_id, run.step + 20)
    expect_state(page, "running")

    press(page, "stop")
    run = wait_ended(record, run_id)
    assert (run.state, run.reason, run.attempt) == (RunState.STOPPED, Reason.STOPPED_BY_USER, 2)
    expect_state(page, "stopped")


def test_a_killed_run_shows_a_card_that_leads_on(page: Page, served: Dashboard, record: Database, table: None) -> None:
    run_id = launch(served.url, name="to be killed", epochs=ENDLESS, checkpoint={"every_n_steps": 20})
    go(page, f"{served.url}/run?id={run_id}")
    run = wait_step(record, run_id, 60)
    wait_for(lambda: run_of(record, run_id).processes, "the run's process")
    os.kill(int((run_of(record, run_id).processes or [])[0]["pid"]), signal.SIGKILL)

    card = page.locator(".st-key-failure")
    expect(card).to_contain_text("SIGKILL")
    expect(card).to_contain_text("What to try")
    run = run_of(record, run_id)
    assert (run.state, run.reason, run.failing_rank) == (RunState.FAILED, Reason.SIGNAL, 0)

    card.get_by_role("button", name="Resume from the last checkpoint").click()
    wait_step(record, run_id, run.step + 20)
    with record.reading() as session:
        assert checkpoints.latest(session, run_id) is not None
    assert run_of(record, run_id).attempt == 2
    press(page, "stop")
    wait_ended(record, run_id)


def test_runs_are_filtered_deleted_and_brought_back(
    page: Page, chrome: Browser, served: Dashboard, record: Database, table: None
) -> None:
    keep = launch(served.url, name="keep me", epochs=1, tags=("journey",))
    drop = launch(served.url, name="drop me", epochs=1, tags=("journey",))
    for run_id in (keep, drop):
        wait_ended(record, run_id)

    go(page, f"{served.url}/runs")
    box = page.get_by_label("Filter").first
    box.fill("tag = journey and name ~ drop")
    box.press("Enter")
    wait_until_idle(page)
    expect(page.get_by_text("1–1 of 1")).to_be_visible()
    shared = page.url

    choose_first_row(page)
    press(page, "runs-act-delete")
    expect(page.get_by_text("frees", exact=False).first).to_be_visible()
    press(page, "runs-delete_yes")
    wait_for(lambda: run_of(record, drop).deleted_at, "the run in the trash")
    assert run_of(record, keep).deleted_at is None
    press(page, "runs-undo_now")
    wait_for(lambda: run_of(record, drop).deleted_at is None, "the run brought back")

    with window(chrome) as colleague:  # the view is a link
        go(colleague, shared)
        expect(colleague.get_by_text("1–1 of 1")).to_be_visible()
        expect(colleague.get_by_label("Filter").first).to_have_value("tag = journey and name ~ drop")


def choose_first_row(page: Page) -> None:
    """Tick the first row of the table, which is drawn on a canvas: its mark is the first cell."""
    canvas = page.locator('[data-testid="stDataFrame"] canvas').first
    canvas.wait_for(state="visible")
    box = canvas.bounding_box()
    assert box
    page.mouse.click(box["x"] + 14, box["y"] + 52)
    page.locator(".st-key-runs-bar").wait_for(state="visible")


def test_a_shared_link_opens_the_same_view_of_a_run(
    page: Page, chrome: Browser, served: Dashboard, record: Database, table: None
) -> None:
    run_id = launch(served.url, name="to be shared", epochs=2)
    wait_ended(record, run_id)
    go(page, f"{served.url}/run?id={run_id}")
    page.get_by_text("Epoch", exact=True).first.click()
    wait_until_idle(page)
    page.wait_for_url(re.compile("x=Epoch"))
    with window(chrome) as colleague:
        go(colleague, page.url)
        colleague.locator(CURVE).first.wait_for()
        expect(colleague.locator(".js-plotly-plot .xtitle").first).to_have_text("epoch")
