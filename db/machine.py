"""This machine as both sides of a run see it: its name in the record, its processor, and a port that is free."""

import os
import platform
import socket
from functools import lru_cache
from pathlib import Path


def host_name() -> str:
    """This machine's name in the record: ``BANCADA_HOST``, or the host name."""
    return os.environ.get("BANCADA_HOST") or socket.gethostname()


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """The processor's name for a person, such as "AMD EPYC 9354"."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
