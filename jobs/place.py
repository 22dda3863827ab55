"""The one place of a supervisor in a data folder: a lock that the system frees when its holder dies."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from db.home import home
from db.machine import host_name
from jobs.errors import PlaceTaken
from jobs.processes import Identity, identify

_FILE = "supervisor.lock"


class Place:
    """Held from the construction until `leave` or the end of the process."""

    def __init__(self, patience_seconds: float = 1.0) -> None:
        """Take the place.

        Raises:
            PlaceTaken: when another supervisor holds it; the message says who.
        """
        self._file = os.open(_path(), os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience_seconds  # somebody may only be looking (`is_taken`)
        while not _lock(self._file, fcntl.LOCK_EX):
            found = holder()
            if found or time.monotonic() >= deadline:
                os.close(self._file)
                raise PlaceTaken(_taken(found))
            time.sleep(0.02)
        me = identify(os.getpid())
        note = {"host": host_name(), **(me.as_dict() if me else {"pid": os.getpid(), "started": time.time()})}
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(note).encode(), 0)

    def leave(self) -> None:
        """Free the place."""
        os.ftruncate(self._file, 0)
        os.close(self._file)


def is_taken() -> bool:
    """Whether a supervisor lives in this data folder; takes microseconds."""
    try:
        file = os.open(_path(), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _lock(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def holder() -> dict[str, Any] | None:
    """What the holder wrote of itself: host, pid, started; None when the place is free or just being taken."""
    try:
        text = _path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return json.loads(text) if text and is_taken() else None


def holder_process() -> Identity | None:
    """The holder's process when it lives on this machine."""
    found = holder()
    return Identity.from_dict(found) if found and found["host"] == host_name() else None


def _taken(found: dict[str, Any] | None) -> str:
    if not found:
        return "Another run supervisor is starting in this data folder."
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found["started"]))
    return (
        f"A run supervisor already works in {home()}: process {found['pid']} on {found['host']}, since {since}. "
        "Nothing was started. `python -m jobs stop` ends it."
    )


def _path() -> Path:
    return home() / _FILE


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
