"""The warm server: a process that has imported torch and Lightning once and forks a process for every order.

``python -m jobs.warm_server DESCRIPTOR MODULE`` is started by `jobs.warm`. Orders come in and news go out over one
socket, a line of JSON each. When the supervisor at the other end dies, no more orders are taken; the server stays until
its last child has ended, because only a parent learns how a process ended: it writes that into the order's exit file.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from db.json_files import write_json
from jobs.processes import Identity, identify
from jobs.rank_process import Order, execute


class WarmServer:
    """Forks on demand. Single-threaded, so that a fork is whole."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection: socket.socket | None = connection
        self._buffer = b""
        self._children: dict[int, Order] = {}
        self._supervisor = os.getppid()
        self._alarm, alarm_writer = os.pipe()
        for end in (self._alarm, alarm_writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(alarm_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def tell(self, **news: Any) -> None:
        """Send one line to the supervisor, if it is still there."""
        if self._connection is None:
            return
        try:
            self._connection.sendall(json.dumps(news).encode() + b"\n")
        except OSError:
            self._hang_up()

    def serve(self) -> Order | None:
        """Work until the supervisor and all children are gone. In a forked child it returns the order to execute."""
        while self._connection is not None or self._children:
            watched: list[int | socket.socket] = [self._alarm, *([self._connection] if self._connection else [])]
            ready = select.select(watched, [], [])[0]
            if self._alarm in ready:
                _empty(self._alarm)
                self._reap()
            if self._connection is not None and self._connection in ready:
                for order in self._orders():
                    if self._fork(order):
                        return order
        return None

    def _orders(self) -> list[Order]:
        if self._connection is None:
            return []
        try:
            data = self._connection.recv(65536)
        except OSError:
            data = b""
        if not data or os.getppid() != self._supervisor:  # what a dead supervisor still asked for is not begun
            self._hang_up()
            return []
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [Order(**json.loads(line)) for line in lines if line]

    def _fork(self, order: Order) -> bool:
        """True in the child."""
        pid = os.fork()
        if pid == 0:
            if self._connection is not None:
                self._connection.close()
            os.close(self._alarm)
            return True
        self._children[pid] = order
        process = identify(pid) or Identity(pid, time.time())
        self.tell(news="started", key=order.key, process=process.as_dict())
        return False

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            order = self._children.pop(pid, None)
            if order is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            if order.exit:
                _write_exit(Path(order.exit), code)
            self.tell(news="exited", key=order.key, code=code)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _write_exit(path: Path, code: int) -> None:
    try:
        write_json(path, {"code": code, "at": time.time()})
    except OSError as error:  # a full disk: the supervisor still hears of it over the socket
        print(f"{path} could not be written: {error}", file=sys.stderr)


def _empty(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        return


def warm_up(module: str) -> str:
    """Import a module by name; returns what went wrong, or nothing."""
    try:
        importlib.import_module(module)
    except BaseException:  # noqa: BLE001 - a user's broken module must not keep runs from starting
        return traceback.format_exc(limit=-3)
    return ""


def main(descriptor: int, module: str) -> int:
    """Warm up, then serve."""
    started = time.monotonic()
    server = WarmServer(socket.socket(fileno=descriptor))
    trouble = warm_up(module) if module else ""
    torch = sys.modules.get("torch")
    cuda = bool(torch and torch.version.cuda)  # whether this build of torch can use an NVIDIA GPU; no CUDA call
    gc.collect()
    gc.freeze()  # what is here now stays shared with the children
    server.tell(news="ready", trouble=trouble, cuda=cuda, seconds=time.monotonic() - started)
    order = server.serve()
    return execute(order) if order else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
