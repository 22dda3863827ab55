"""A real dashboard and a real browser for the journeys, one of each for all of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from db.engine import Database
from scripts import chromium
from scripts.browser import ERROR, browser, window
from scripts.dashboard_process import Dashboard, dashboard


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All journeys share one dashboard, so they go to one test process; each is marked ``browser``."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard on a free port with an empty data folder; its supervisor, too, ends with it."""
    with dashboard(tmp_path_factory.mktemp("browser") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def record(served: Dashboard) -> Iterator[Database]:
    """The dashboard's database, to ask what the page cannot show and to wait for what happens."""
    database = Database(f"sqlite:///{served.data_folder / 'bancada.sqlite'}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """The system's Chromium; without one the journeys are skipped, but not on CI."""
    if chromium.find() is None and not os.environ.get("CI"):
        pytest.skip(chromium.MISSING)
    expect.set_options(timeout=30_000)
    with browser() as started:
        yield started


@pytest.fixture
def page(chrome: Browser, served: Dashboard) -> Iterator[Page]:
    """A fresh window; at the end no page may show an exception."""
    with window(chrome) as opened:
        opened.set_default_timeout(30_000)
        yield opened
        assert opened.locator(ERROR).count() == 0, opened.locator(ERROR).all_inner_texts()
