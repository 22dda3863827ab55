"""What a person waits for in a real browser, and what an open page moves when nothing happens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Browser, CDPSession, Page

from db.machine import free_port
from scripts import big_database
from scripts.benchmarks import scratch
from scripts.benchmarks.results import Result, interleaved, median, within
from scripts.browser import browser, go, window
from scripts.dashboard_process import Dashboard, dashboard

RUNS = 10_000
ROUNDS = 5
IDLE_SECONDS = 15
IDLE_BUDGET_BYTES_PER_SECOND = 50.0
TABLE = '[data-testid="stDataFrame"] canvas, [data-testid="stTable"], table'


def measure() -> list[Result]:
    """Opening pages over 10,000 runs, and pages left alone."""
    with scratch.data_folder() as folder:
        size = big_database.Size(runs=RUNS, long_runs=5)
        longest = big_database.fill(scratch.database(), size)[-1]
        return _measure_in(folder, longest)


def _measure_in(folder: Path, longest: int) -> list[Result]:
    with dashboard(folder) as served, _bare_table(folder) as bare, browser() as chrome:
        url = f"{served.url}/runs"
        cold = first_visit_seconds(chrome, url)
        new, floor = interleaved(
            ROUNDS, lambda: first_visit_seconds(chrome, url), lambda: first_visit_seconds(chrome, bare)
        )
        opened = later_visits_seconds(chrome, url)
        filtered = later_visits_seconds(chrome, f"{url}?query=status+%3D+failed")
        curves = [_curve_seconds(chrome, f"{served.url}/run?id={longest}") for _ in range(3)]
        idle = {name: _idle_bytes(chrome, served, path) for name, path in _idle_pages(longest).items()}
    floor_words = "a Streamlit script of one line, a table of 50 rows, in turns; no browser cache"
    return [
        within(
            "runs page with 10,000 runs, usable",
            median(opened),
            "s",
            1.5,
            against=f"a browser that was here before; slowest of {ROUNDS} {max(opened):.2f} s",
        ),
        within("runs page with 10,000 runs and a filter, usable", median(filtered), "s", 1.5),
        within(
            "runs page with 10,000 runs, a browser's very first visit",
            median(new),
            "s",
            1.5,
            reference=median(floor),
            against=f"{floor_words}; right after the dashboard's start {cold:.2f} s",
        ),
        within("run page with a curve of a million points, curve drawn", median(curves), "s", 3.0),
        *(_idle_result(name, moved) for name, moved in idle.items()),
    ]


def _idle_result(name: str, moved: int) -> Result:
    return within(
        f"{name} page left open, nothing runs",
        moved / IDLE_SECONDS,
        "bytes/s",
        IDLE_BUDGET_BYTES_PER_SECOND,
        against=f"{moved:,} bytes over {IDLE_SECONDS} s, both ways, measured in the browser",
    )


def _idle_pages(run_id: int) -> dict[str, str]:
    return {"home": "", "runs": "runs", "finished run": f"run?id={run_id}"}


@contextmanager
def _bare_table(folder: Path) -> Iterator[str]:
    """The address of the least that Streamlit can show as a table: the floor of every page with one."""
    script, port = folder / "bare.py", free_port()
    script.write_text("import streamlit as st\n\nst.dataframe({'run': list(range(50))})\n", encoding="utf-8")
    options = ("--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true")
    with scratch.process("-m", "streamlit", "run", str(script), *options, log=folder / "bare.log"):
        url = f"http://127.0.0.1:{port}"
        scratch.wait_for(lambda: _answers(f"{url}/_stcore/health"), "the bare Streamlit page")
        yield url


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def first_visit_seconds(chrome: Browser, url: str) -> float:
    """Seconds from the address bar to a table whose script has run to its end, in a window without a cache."""
    with window(chrome) as page:
        return _usable_seconds(page, url)


def later_visits_seconds(chrome: Browser, url: str) -> list[float]:
    """The same, each from a blank page, in a browser that has loaded Streamlit's own files once."""
    with window(chrome) as page:
        _usable_seconds(page, url)
        return [_usable_seconds(page, url) for _ in range(ROUNDS)]


def _usable_seconds(page: Page, url: str) -> float:
    page.goto("about:blank")
    began = time.monotonic()
    go(page, url)
    page.wait_for_selector(TABLE, state="visible")
    return time.monotonic() - began


def _curve_seconds(chrome: Browser, url: str) -> float:
    with window(chrome) as page:
        began = time.monotonic()
        page.goto(url)
        page.wait_for_selector(".js-plotly-plot .trace, .js-plotly-plot .gl-canvas", state="attached")
        return time.monotonic() - began


def _idle_bytes(chrome: Browser, served: Dashboard, path: str) -> int:
    """Bytes in both directions while a page is left alone."""
    with window(chrome) as page:
        go(page, f"{served.url}/{path}")
        page.wait_for_timeout(2000)
        counter = _ByteCounter(page.context.new_cdp_session(page))
        page.wait_for_timeout(IDLE_SECONDS * 1000)
        return counter.bytes


class _ByteCounter:
    """Counts what the browser's network sees from now on: WebSocket frames and answers."""

    def __init__(self, session: CDPSession) -> None:
        self.bytes = 0
        for event in ("Network.webSocketFrameReceived", "Network.webSocketFrameSent"):
            session.on(event, self._add_frame)
        session.on("Network.loadingFinished", self._add_answer)
        session.send("Network.enable")

    def _add_frame(self, event: dict[str, Any]) -> None:
        response = event["response"]
        text = str(response.get("payloadData", ""))
        is_text = response.get("opcode") == 1
        self.bytes += len(text.encode()) if is_text else len(text) * 3 // 4  # binary frames come as base64

    def _add_answer(self, event: dict[str, Any]) -> None:
        self.bytes += int(event.get("encodedDataLength", 0))
