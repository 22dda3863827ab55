"""What the journeys need beside the page: runs over the REST API, and waiting for what the record says."""

import json
import re
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import Page, expect

from db import runs
from db.engine import Database
from db.rows import RunDetail

PATIENCE_SECONDS = 150.0  # a preset trains for most of a minute, beside whatever else is tested
CURVE = ".js-plotly-plot .scatterlayer .trace path.js-line"
T = TypeVar("T")


def config(epochs: int, **trainer: Any) -> dict[str, Any]:
    """A linear model over the breast-cancer table."""
    return {
        "model": {"class_path": "lightning_modules.tabular.LinearModel", "init_args": {"learning_rate": 0.02}},
        "data": {
            "class_path": "lightning_modules.tabular.TableData",
            "init_args": {"dataset": "breast-cancer", "batch_size": 16},
        },
        "trainer": {"max_epochs": epochs, **trainer},
        "scaling": {"strategy": "single", "accelerator": "cpu", "devices": 1},
    }


def launch(url: str, *, name: str, epochs: int, tags: tuple[str, ...] = (), **trainer: Any) -> int:
    """Queue a run as a program would; returns its id."""
    asked = {"config": config(epochs, **trainer), "name": name, "tags": list(tags)}
    request = urllib.request.Request(
        f"{url}/api/runs", data=json.dumps(asked).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(json.load(answer)["id"])


def wait_for(ask: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:g} s"
        time.sleep(0.05)
    return answer


def run_of(record: Database, run_id: int) -> RunDetail:
    """The run's row."""
    with record.reading() as session:
        return runs.get(session, run_id)


def wait_step(record: Database, run_id: int, step: int) -> RunDetail:
    """Wait until a run has come so far."""
    wait_for(lambda: run_of(record, run_id).step >= step, f"step {step} of run {run_id}")
    return run_of(record, run_id)


def wait_ended(record: Database, run_id: int) -> RunDetail:
    """Wait until a run has ended."""
    wait_for(lambda: run_of(record, run_id).state.ended, f"the end of run {run_id}")
    return run_of(record, run_id)


def curve(page: Page) -> str:
    """The line that the first chart has drawn, as a path; empty while there is none."""
    line = page.locator(CURVE).first
    return (line.get_attribute("d") or "") if line.count() else ""


def press(page: Page, key: str) -> None:
    """Press the button of a Streamlit key."""
    page.locator(f".st-key-{key} button").first.click()


def expect_state(page: Page, state: str) -> None:
    """Wait until the badge beside the run's name says so."""
    badge = page.locator('[data-testid="stMain"] p').filter(has_text=re.compile(rf"{state}$")).first
    expect(badge).to_be_visible()
