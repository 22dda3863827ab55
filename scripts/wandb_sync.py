"""Send what is mirrored offline to Weights & Biases.

    python -m scripts.wandb_sync [RUN ...]

Without runs, everything that waits is sent, oldest first. It needs a key (WANDB_API_KEY or ``wandb login``) and a
network; whatever goes wrong, the files stay and the next sync goes on.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filelock import Timeout

from db import runs
from db.engine import Database, connect
from db.errors import NotFound
from db.rows import RunDetail
from db.states import Mirror
from tracking.wandb_mirror import AlreadyMirrored, mirror, server_url
from tracking.wandb_state import NO_KEY, backlog, has_key, say, sync_lock, unreachable, wandb_id, written_folders

RUN_SECONDS = 1800.0  # for one run; W&B's own tool tries for ever when the network is away


class CouldNotSync(RuntimeError):
    """A run could not be sent; the message says why."""


def main(arguments: list[str] | None = None) -> int:
    """0 when everything is sent."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="*", type=int, metavar="RUN", help="ids of runs (default: all that wait)")
    parser.add_argument("--timeout", type=float, default=RUN_SECONDS, metavar="SECONDS", help="for one run")
    asked = parser.parse_args(arguments)
    database = connect()
    with database.reading() as session:
        waiting = backlog(session)
    ids = asked.runs or [row.run_id for row in waiting]
    if not ids:
        print("Nothing waits for W&B.")
        return 0
    trouble = "" if has_key() else NO_KEY
    trouble = trouble or unreachable(server_url())
    if trouble:
        print(f"{len(ids)} run{'s' if len(ids) > 1 else ''} cannot be sent. {trouble}")
        for run_id in ids:
            with suppress(NotFound):
                say(database, run_id, trouble=trouble)
        return 1
    ids = asked.runs or [row.run_id for row in waiting if row.state.ended]  # the others come when they have ended
    try:
        with sync_lock():
            return sync(database, ids, timeout_seconds=asked.timeout)
    except Timeout:
        print("Another sync is at work; it sends everything that waits. Nothing was started.")
        return 1


def sync(database: Database, run_ids: Sequence[int], *, timeout_seconds: float = RUN_SECONDS) -> int:
    """Send the runs one after the other; returns 0 when all of them are sent."""
    failed = 0
    for number, run_id in enumerate(run_ids, start=1):
        print(f"Run {run_id} ({number} of {len(run_ids)}) …", flush=True)
        try:
            _sync_one(database, run_id, timeout_seconds)
            print(f"Run {run_id} is sent.", flush=True)
        except (CouldNotSync, NotFound, OSError) as error:
            failed += 1
            print(f"Run {run_id} is not sent: {error}", flush=True)
            with suppress(NotFound):
                say(database, run_id, state="waiting", trouble=str(error)[:500])
    return 1 if failed else 0


def _sync_one(database: Database, run_id: int, timeout_seconds: float) -> None:
    """Bring the mirror's files up to date, then have W&B's own tool send them.

    Raises:
        CouldNotSync: when the run is still being mirrored, was never mirrored, or W&B's tool did not send it.
    """
    with database.reading() as session:
        run = runs.get(session, run_id)
    if run.mirror is Mirror.OFF:
        raise CouldNotSync("it was launched without a mirror, so there is nothing to send.")
    if run.state.active:
        raise CouldNotSync("it is still at work; it can be sent when it has ended.")
    try:
        place = mirror(database, run_id, offline=True)
    except AlreadyMirrored:
        raise CouldNotSync("its mirror is still writing; try again in a moment.") from None
    say(database, run_id, state="syncing", trouble="")
    for folder in written_folders(run_id):
        if not _is_sent(folder):
            _send(folder, run, timeout_seconds)
    place.all_sent().save(run_id)
    say(database, run_id, state="sent", points_sent=place.points, points_total=place.points, trouble="")


def _is_sent(folder: Path) -> bool:
    return any(folder.glob("*.wandb.synced"))


def _send(folder: Path, run: RunDetail, timeout_seconds: float) -> None:
    command = [sys.executable, "-m", "wandb", "sync", "--yes", "--include-online", "--id", wandb_id(run), str(folder)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise CouldNotSync(f"W&B did not take it within {timeout_seconds:.0f} s.") from None
    said = (done.stdout + done.stderr).strip()
    print(said, flush=True)
    if done.returncode != 0 or not _is_sent(folder):
        lines = [line.removeprefix("wandb: ") for line in said.splitlines() if line.strip()]
        raise CouldNotSync(f"W&B's tool says: {lines[-1] if lines else 'nothing'}"[:400])


if __name__ == "__main__":
    sys.exit(main())
