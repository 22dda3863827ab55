"""Who a process is, so that a reused pid is never mistaken for it, and how it is ended.

On Linux a process is its pid, its start in ticks since boot and the boot's id: unlike the start as wall time, these
stay the same when the clock is set. Elsewhere the start's wall time has to do.
"""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class Identity:
    """One process of one machine, for ever."""

    pid: int
    started: float  # seconds since the epoch
    ticks: int | None = None  # start in clock ticks since boot
    boot: str | None = None  # id of the machine's boot

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a row or a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Identity":
        """The reverse of `as_dict`; other keys are left out."""
        return cls(int(values["pid"]), float(values["started"]), values.get("ticks"), values.get("boot"))


@lru_cache(maxsize=1)
def boot_id() -> str | None:
    """The id of this boot of the machine; None where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def identify(pid: int) -> Identity | None:
    """Who has this pid now; None when nobody has."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.Error:
        return None
    _state, ticks = _stat(pid)
    return Identity(pid, started, ticks, boot_id())


def is_alive(process: Identity) -> bool:
    """Whether this very process still works; a zombie does not."""
    if process.ticks is not None and process.boot is not None:
        state, ticks = _stat(process.pid)
        return process.boot == boot_id() and ticks == process.ticks and state not in ("Z", "X")
    try:
        found = psutil.Process(process.pid)
        return abs(found.create_time() - process.started) < 2.0 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def send(processes: Iterable[Identity], number: signal.Signals) -> None:
    """Send a signal to those that are still alive."""
    for process in processes:
        if is_alive(process):
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def kill_groups(processes: Iterable[Identity]) -> None:
    """SIGKILL for the processes and all their children: each leads a process group of its own."""
    for process in processes:
        if is_alive(process):
            with suppress(ProcessLookupError, PermissionError):
                if os.getpgid(process.pid) == process.pid:
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    os.kill(process.pid, signal.SIGKILL)


def _stat(pid: int) -> tuple[str | None, int | None]:
    """(state letter, start in ticks since boot) from /proc; (None, None) where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None, None
    fields = text.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    return fields[0], int(fields[19])
