"""A headless system Chromium, and how to wait for a Streamlit page."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from scripts import chromium

IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
ERROR = '[data-testid="stException"]'


class NoBrowser(RuntimeError):
    """No Chromium or Chrome is on this machine; the message says what to install."""


@contextmanager
def browser() -> Iterator[Browser]:
    """One headless browser.

    Raises:
        NoBrowser: when there is none to start.
    """
    path = chromium.find()
    if path is None:
        raise NoBrowser(chromium.MISSING)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=path, args=[*flags, "--disable-dev-shm-usage"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def window(
    of: Browser, *, width: int = 1440, height: int = 900, theme: Literal["light", "dark"] = "light"
) -> Iterator[Page]:
    """A fresh window, as a person sees it who was never here before."""
    context = of.new_context(viewport={"width": width, "height": height}, color_scheme=theme, accept_downloads=True)
    try:
        yield context.new_page()
    finally:
        context.close()


def wait_until_idle(page: Page, timeout_seconds: float = 30.0) -> None:
    """Wait until the script has run to its end and nothing is a skeleton."""
    page.wait_for_selector(IDLE, timeout=timeout_seconds * 1000)
    page.wait_for_function(
        '() => document.querySelectorAll(\'[data-testid="stSkeleton"], [data-testid="stAppSkeleton"]\').length === 0',
        timeout=timeout_seconds * 1000,
    )


def go(page: Page, url: str, timeout_seconds: float = 30.0) -> None:
    """Open an address and wait until its page is drawn."""
    page.goto(url, timeout=timeout_seconds * 1000)
    wait_until_idle(page, timeout_seconds)
