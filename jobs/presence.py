"""Which dashboards live: each leaves a file ``dashboard-<port>.json`` in the data folder while it is up."""

import json
import os
from pathlib import Path
from typing import Any

from db.home import home
from jobs.processes import Identity, host_name, identify, is_alive
from jobs.rank_process import write_atomically


def arrive(port: int) -> Path:
    """Say that this process is the dashboard at a port; returns the file to give to `leave`."""
    me = identify(os.getpid())
    path = home() / f"dashboard-{port}.json"
    write_atomically(path, {"host": host_name(), "port": port, **(me.as_dict() if me else {"pid": os.getpid()})})
    return path


def leave(path: Path) -> None:
    """The dashboard of this process goes; another's file is left alone."""
    found = _read(path)
    if found and found.get("pid") == os.getpid():
        path.unlink(missing_ok=True)


def dashboards() -> dict[int, Identity]:
    """Port to process of every dashboard that lives on this machine; files of dead ones are taken away."""
    living: dict[int, Identity] = {}
    for path in home().glob("dashboard-*.json"):
        found = _read(path)
        if not found or found.get("host") != host_name() or "started" not in found:
            continue
        process = Identity.from_dict(found)
        if is_alive(process):
            living[int(found["port"])] = process
        else:
            path.unlink(missing_ok=True)
    return living


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
