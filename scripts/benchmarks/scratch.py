"""A fresh data folder for one measurement, and processes that end with it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from db.engine import Database, connect, forget_connections
from db.home import PROJECT_ROOT
from db.migrate import upgrade

T = TypeVar("T")


class NotInTime(RuntimeError):
    """Something that was waited for did not come."""


@contextmanager
def data_folder() -> Iterator[Path]:
    """An empty data folder with a migrated database; the environment points there meanwhile."""
    before = {name: os.environ.get(name) for name in ("BANCADA_HOME", "BANCADA_DATABASE_URL", "WANDB_MODE")}
    with tempfile.TemporaryDirectory(prefix="bancada-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["BANCADA_HOME"] = folder
        os.environ.pop("BANCADA_DATABASE_URL", None)
        os.environ["WANDB_MODE"] = "offline"
        try:
            upgrade(connect())
            yield Path(folder)
        finally:
            connect().close()
            forget_connections()
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def database() -> Database:
    """The database of the data folder in force."""
    return connect()


def wait_for(
    ask: Callable[[], T | None], what: str, *, timeout_seconds: float = 60.0, every_seconds: float = 0.02
) -> T:
    """The first answer that is not None or False.

    Raises:
        NotInTime: after ``timeout_seconds``.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(every_seconds)
    raise NotInTime(f"{what} did not come within {timeout_seconds:g} s")


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in the project's folder, ended at the end of the block."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, *arguments], cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
            try:
                started.wait(timeout=20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
