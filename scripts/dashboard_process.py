"""A dashboard of its own for a test, a benchmark or a photograph: a free port, a data folder, and an end."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.home import PROJECT_ROOT
from db.machine import free_port


class DashboardFailed(RuntimeError):
    """The dashboard ended, or did not answer in time; the message carries the end of its output."""


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that answers.

    Attributes:
        url: such as ``http://127.0.0.1:43211``.
        data_folder: its ``BANCADA_HOME``.
        log: the file with its output.
        process: the server's process.
        start_seconds: from the process's start to the first healthy answer.
    """

    url: str
    data_folder: Path
    log: Path
    process: subprocess.Popen[bytes]
    start_seconds: float

    def output(self) -> str:
        """What it has printed until now."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def environment(data_folder: Path) -> dict[str, str]:
    """This process's environment with another data folder, no other database, and W&B offline."""
    kept = {name: value for name, value in os.environ.items() if name != "BANCADA_DATABASE_URL"}
    return {**kept, "BANCADA_HOME": str(data_folder), "WANDB_MODE": "offline", "PYTHONUNBUFFERED": "1"}


@contextmanager
def dashboard(data_folder: Path, *, timeout_seconds: float = 90.0) -> Iterator[Dashboard]:
    """Start it, wait until it is healthy, and end it and everything that it started.

    Raises:
        DashboardFailed: when it does not become healthy.
    """
    data_folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), data_folder / "dashboard.log"
    command = [sys.executable, "-m", "scripts.dashboard", "--host", "127.0.0.1", "--port", str(port)]
    began = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=environment(data_folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(url, process, log, timeout_seconds)
        yield Dashboard(url, data_folder, log, process, time.monotonic() - began)
    finally:
        _end(process)
        stop_everything(data_folder)


def health(url: str) -> dict[str, object] | None:
    """The answer of ``/api/health``, or None when there is none."""
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=5) as answer:
            found: dict[str, object] = json.load(answer)
            return found
    except (urllib.error.URLError, ConnectionError, TimeoutError, json.JSONDecodeError):
        return None


def stop_everything(data_folder: Path) -> None:
    """What ``make stop`` does, for this data folder."""
    subprocess.run(
        [sys.executable, "-m", "scripts.dashboard", "--stop"],
        cwd=PROJECT_ROOT,
        env=environment(data_folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=90,
        check=False,
    )


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if health(url) is not None:
            return
        time.sleep(0.1)
    tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    raise DashboardFailed(f"The dashboard at {url} did not become healthy (exit status {process.poll()}):\n{tail}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, and by force when that does not end it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
