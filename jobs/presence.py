"""Which dashboards live: each leaves a file ``dashboard-<port>.json`` in the data folder while it is up."""

import os
from pathlib import Path

from db.home import home
from db.json_files import read_json, write_json
from db.machine import host_name
from jobs.processes import Identity, identify, is_alive


def arrive(port: int) -> Path:
    """Say that this process is the dashboard at a port; returns the file to give to `leave`."""
    me = identify(os.getpid())
    path = home() / f"dashboard-{port}.json"
    write_json(path, {"host": host_name(), "port": port, **(me.as_dict() if me else {"pid": os.getpid()})})
    return path


def leave(path: Path) -> None:
    """The dashboard of this process goes; another's file is left alone."""
    found = read_json(path)
    if found and found.get("pid") == os.getpid():
        path.unlink(missing_ok=True)


def dashboards() -> dict[int, Identity]:
    """Port to process of every dashboard that lives on this machine; files of dead ones are taken away."""
    living: dict[int, Identity] = {}
    for path in home().glob("dashboard-*.json"):
        found = read_json(path)
        if not found or found.get("host") != host_name() or "started" not in found:
            continue
        process = Identity.from_dict(found)
        if is_alive(process):
            living[int(found["port"])] = process
        else:
            path.unlink(missing_ok=True)
    return living
