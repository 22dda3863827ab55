"""The W&B mirror seen from outside, without importing wandb: what waits, and how mirror and sync are started.

How a run's mirror stands is in ``runs.wandb``: mode ("offline" or "online"), state (see `STATES`), url, folder (newest,
relative to the data folder), points_sent (known to W&B), points_total (of the run so far) and trouble ("" or a
sentence).
"""

import json
import netrc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from db import mirrors, runs
from db.engine import Database, Session
from db.home import PROJECT_ROOT, home, run_folder
from db.mirrors import MirrorRow
from db.rows import RunDetail

SYNC_SECONDS = 5.0  # somebody may only be looking whether a sync is at work
STATES = ("mirroring", "waiting", "syncing", "sent")
NO_KEY = "No W&B key was found on this machine: set WANDB_API_KEY or run `wandb login`, then sync."
REACH_SECONDS = 10.0
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_OF_A_RANK = ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """How far a run's journals are in its mirror; kept beside it, so that the next mirror process goes on from there.

    Attributes:
        attempt, position: the journal that is being read, and the bytes of it that are mirrored.
        rows, points: how much that was.
        sent: points that W&B has, too.
    """

    attempt: int = 1
    position: int = 0
    rows: int = 0
    points: int = 0
    sent: int = 0

    @classmethod
    def load(cls, run_id: int) -> "Place":
        """The place of a run; the beginning when nothing was mirrored yet."""
        try:
            return cls(**json.loads(_place_path(run_id).read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError, TypeError):
            return cls()

    def all_sent(self) -> "Place":
        """The same, once W&B has all of it."""
        return replace(self, sent=self.points)

    def save(self, run_id: int) -> None:
        """Remember it, whole or not at all."""
        path = _place_path(run_id)
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(asdict(self)), encoding="ascii")
        beside.replace(path)


def mirror_folder(run_id: int) -> Path:
    """Where W&B's files of a run are; made when it is not there."""
    folder = run_folder(run_id) / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def written_folders(run_id: int) -> list[Path]:
    """The folders that `wandb sync` takes, oldest first: one for each process that mirrored the run."""
    found = (run_folder(run_id) / "wandb").glob("*run-*/*.wandb")
    return sorted({file.parent for file in found}, key=lambda folder: folder.name.partition("run-")[2])


def has_key() -> bool:
    """Whether a key for W&B is in the environment or the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return any("wandb" in host or "coreweave" in host for host in netrc.netrc().hosts)
    except (OSError, netrc.NetrcParseError):
        return False


def unreachable(url: str) -> str:
    """Why a server cannot be reached, for a person; "" when it can. Behind a proxy nobody can tell before trying."""
    if any(os.environ.get(name) for name in PROXIES):
        return ""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), REACH_SECONDS):
            return ""
    except OSError as error:
        return f"{url} cannot be reached from here ({error}). The files stay; sync again when there is a network."


def wandb_id(run: RunDetail) -> str:
    """The run's id at W&B: the same for every attempt, another for the run 7 of another installation."""
    return f"bancada-{run.id}-{int(run.created_at.timestamp() * 1000):x}"


def backlog(session: Session) -> list[MirrorRow]:
    """The mirrored runs of which W&B does not have everything, oldest first; those being mirrored are among them."""
    return [row for row in mirrors.mirrored(session) if not is_sent(row.wandb)]


def is_sent(wandb: dict[str, Any] | None) -> bool:
    """Whether W&B has everything. A mirror that died before it counted anything has sent nothing of what there is."""
    return wandb is not None and wandb.get("state") == "sent" and waiting_points(wandb) == 0


def waiting_points(wandb: dict[str, Any] | None) -> int | None:
    """How many points W&B does not have; None when that is not known yet."""
    if wandb is None:
        return None
    return int(wandb.get("points_total", 0)) - int(wandb.get("points_sent", 0))


def sync_lock() -> FileLock:
    """Held by the one sync that is at work in this data folder."""
    return FileLock(home() / "wandb-sync.lock", timeout=SYNC_SECONDS)


def is_syncing() -> bool:
    """Whether a sync is at work; one that was killed is not."""
    try:
        with sync_lock().acquire(timeout=0):
            return False
    except Timeout:
        return True


def say(database: Database, run_id: int, **changes: Any) -> None:
    """Change some of what ``runs.wandb`` says."""
    with database.writing() as session:
        known = runs.get(session, run_id).wandb or {}
        empty = {"mode": "offline", "state": "waiting", "url": None, "folder": None, "points_sent": 0}
        runs.set_wandb(session, run_id, {**empty, "points_total": 0, "trouble": "", **known, **changes})


def start_mirror(run_id: int) -> None:
    """Start the process that mirrors a run; it goes on when this process dies, until the run has ended.

    Raises:
        OSError: when no process can be made, or the folder not written.
    """
    _start(["tracking.wandb_mirror", str(run_id), "--watch", str(os.getpid())], mirror_folder(run_id) / "mirror.log")


def start_sync(run_ids: Sequence[int] = ()) -> Path:
    """Start ``python -m scripts.wandb_sync`` for some runs (default: the whole backlog) and do not wait for it.

    Returns:
        The file it writes its words to. How far it is stands in ``runs.wandb``.

    Raises:
        OSError: when no process can be made.
    """
    log = home() / "wandb-sync.log"
    _start(["scripts.wandb_sync", *map(str, run_ids)], log)
    return log


def _start(module: list[str], log: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_RANK}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # Somebody must ask how it ended, or it stays as a zombie while this process lives.
    threading.Thread(target=process.wait, name="mirror-reaper", daemon=True).start()


def _place_path(run_id: int) -> Path:
    return run_folder(run_id) / "wandb" / "place.json"
