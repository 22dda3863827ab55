"""Keeps one supervisor alive while a dashboard is up, and ends it when asked."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from db.home import PROJECT_ROOT
from jobs import place
from jobs.errors import JobsError
from jobs.logs import log_path
from jobs.processes import Identity, is_alive

log = logging.getLogger(__name__)
KEEP_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0


def ensure_supervisor() -> None:
    """Start a supervisor in a session of its own when none lives; costs microseconds when one does."""
    if not place.is_taken():
        _start()


async def keep_supervisor_alive() -> None:
    """Look every two seconds until cancelled; one that dies at once again and again is started less and less often."""
    pause_seconds, last_start = KEEP_SECONDS, 0.0
    while True:
        try:
            if not place.is_taken():
                now = time.monotonic()
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS) if now - last_start < 60 else KEEP_SECONDS
                last_start = now
                _start()
            else:
                pause_seconds = max(KEEP_SECONDS, pause_seconds / 2)
        except OSError as error:
            log.warning("The run supervisor could not be started: %s", error)
        await asyncio.sleep(pause_seconds)


def stop_supervisor(timeout_seconds: float = 15.0) -> bool:
    """End the supervisor; runs go on. Returns False when none lives here.

    Raises:
        JobsError: when it did not end in time.
    """
    process = place.holder_process()
    if process is None:
        return False
    _terminate(process)
    if not wait_for(lambda: not is_alive(process), timeout_seconds):
        raise JobsError(f"The supervisor (process {process.pid}) has not ended after {timeout_seconds:.0f} s.")
    return True


def wait_for(holds: Callable[[], bool], timeout_seconds: float) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def _start() -> None:
    with log_path().open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # Somebody must ask how it ended, or it stays as a zombie while this process lives.
    threading.Thread(target=process.wait, name="supervisor-reaper", daemon=True).start()


def _terminate(process: Identity) -> None:
    if is_alive(process):
        os.kill(process.pid, signal.SIGTERM)
