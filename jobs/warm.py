"""The supervisor's handle on its warm server (`jobs.warm_server`): start it, order processes, hear how they go."""

import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

from db.home import PROJECT_ROOT
from jobs.rank_process import Order

WARM_MODULE = "training.warm"
# OpenMP's threads spin while they wait for each other; where runs share cores, most of the time goes into that
# (docs/decisions/0010). The library reads this once, when torch is imported.
CALM_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}


class Warm:
    """One warm server at a time; a dead or outdated one is replaced by `renew`.

    Attributes:
        ready: whether it has imported what it should.
        trouble: what went wrong while importing; runs start all the same, only slower.
        can_use_cuda: whether the installed torch can use an NVIDIA GPU.
    """

    def __init__(self, module: str = WARM_MODULE) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._buffer = b""
        self._retired: list[subprocess.Popen[bytes]] = []
        self._early_deaths = 0
        self.ready = False
        self.trouble = ""
        self.can_use_cuda = False

    def start(self) -> None:
        """Start a server; it is warm some seconds later, and takes orders at once."""
        ours, theirs = socket.socketpair()
        module = self._module if self._early_deaths < 2 else ""  # an import that kills the process is left out
        command = [sys.executable, "-m", "jobs.warm_server", str(theirs.fileno()), module]
        with theirs:
            self._process = subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                env={**CALM_THREADS, **os.environ},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        ours.setblocking(False)
        self._connection, self._buffer, self.ready = ours, b"", False
        if module:
            self.trouble = ""

    def order(self, order: Order) -> None:
        """Have a process made. Its news come through `news`.

        Raises:
            OSError: when the server is gone.
        """
        if self._connection is None:
            raise ConnectionError("the warm server is not running")
        self._connection.setblocking(True)
        try:
            self._connection.sendall(order.to_line())
        finally:
            self._connection.setblocking(False)

    def news(self) -> list[dict[str, Any]]:
        """What the server told since the last call; {"news": "gone"} when it died."""
        told: list[dict[str, Any]] = []
        while self._connection is not None:
            try:
                data = self._connection.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._lost()
                told.append({"news": "gone"})
                break
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            told += [json.loads(line) for line in lines if line]
        for one in told:
            if one["news"] == "ready":
                self.ready, self.can_use_cuda, self._early_deaths = True, one["cuda"], 0
                self.trouble = self.trouble or one["trouble"]
        self._retired = [process for process in self._retired if process.poll() is None]
        return told

    def descriptors(self) -> list[int]:
        """What to watch for news."""
        return [self._connection.fileno()] if self._connection is not None else []

    def renew(self) -> None:
        """A fresh server. The old one takes no more orders and stays until its last child has ended."""
        self.close()
        self.start()

    def close(self) -> None:
        """Take no more orders; living children go on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._retired.append(self._process)
            self._process = None

    def wait_until_gone(self, timeout_seconds: float) -> bool:
        """Whether every server has ended by then; one with living children does not."""
        deadline = time.monotonic() + timeout_seconds
        while self._retired and time.monotonic() < deadline:
            self._retired = [process for process in self._retired if process.poll() is None]
            time.sleep(0.01)
        return not self._retired

    def _lost(self) -> None:
        if not self.ready:
            self._early_deaths += 1
            self.trouble = (
                "Importing the training code ended the process that does it (see supervisor.log). "
                "Runs start without it, some seconds later."
            )
        self.ready = False
        self.close()
