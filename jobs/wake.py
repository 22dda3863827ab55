"""A cheap signal to the supervisor: one byte through a named pipe in the data folder, so that a click is seen at once.

A lost signal costs nothing but time: the supervisor also looks by itself every second or so.
"""

import os
import select
from pathlib import Path

from db.home import home

LOOK = b"l"  # the queue or a request changed
DESCRIBE = b"d"  # describe the modules again
CLOSING = b"c"  # start nothing any more
_PIPE = "supervisor.wake"


def wake(message: bytes = LOOK) -> bool:
    """Tell the supervisor to look now. Returns False when nobody listens."""
    try:
        pipe = os.open(home() / _PIPE, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # no pipe yet, or no reader
        return False
    try:
        os.write(pipe, message)
    except BlockingIOError:  # full of signals: it will look anyway
        pass
    except BrokenPipeError:
        return False
    finally:
        os.close(pipe)
    return True


class Ear:
    """The supervisor's end of the pipe."""

    def __init__(self, folder: Path | None = None) -> None:
        path = (folder or home()) / _PIPE
        if path.exists() and not path.is_fifo():
            path.unlink()
        if not path.exists():
            os.mkfifo(path, 0o600)
        # Opened for both ways, so that the pipe never reports "no writer" between two signals.
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def fileno(self) -> int:
        """For a selector."""
        return self.descriptor

    def hear(self) -> set[bytes]:
        """Every kind of signal that has arrived since the last call."""
        heard: set[bytes] = set()
        while True:
            try:
                data = os.read(self.descriptor, 4096)
            except BlockingIOError:
                return heard
            heard |= {data[i : i + 1] for i in range(len(data))}

    def wait(self, timeout_seconds: float, also: list[int]) -> set[bytes]:
        """Sleep until a signal comes, one of the descriptors ``also`` is readable, or the time is over."""
        select.select([self.descriptor, *also], [], [], max(0.0, timeout_seconds))
        return self.hear()

    def close(self) -> None:
        """Close the pipe; its file stays for the next supervisor."""
        os.close(self.descriptor)
