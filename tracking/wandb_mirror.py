"""Mirrors a run at Weights & Biases, in a process of its own: ``python -m tracking.wandb_mirror RUN [--watch PID]``.

It follows the run's journals and writes what it finds with wandb, offline or online. The run knows nothing of it:
trouble with W&B (no network, a wrong key, a crash) is told in ``runs.wandb`` and harms nothing. A mirror that was
killed is followed by one that goes on from the place kept beside the files; the row's number is W&B's step, so that a
row which is sent twice counts once.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from db import runs, settings
from db.engine import Database, connect
from db.home import home, run_folder
from db.rows import RunDetail
from db.settings import Settings
from db.states import Mirror
from tracking.wandb_following import GLOBAL_STEP, Follower
from tracking.wandb_state import NO_KEY, Place, has_key, mirror_folder, say, unreachable, wandb_id

FINISH_SECONDS = 300.0


class AlreadyMirrored(RuntimeError):
    """Another process mirrors the run."""


def mirror(
    database: Database, run_id: int, *, watched: int | None = None, offline: bool = False, patience_seconds: float = 0
) -> Place:
    """Follow a run to its end; what was mirrored before is not mirrored again.

    Args:
        watched: pid of the run; once it is gone and the run is not ended, the mirror does not wait for ever.
        offline: write files only, whatever the run asks for.
        patience_seconds: how long another process may take that still finishes an earlier attempt.

    Raises:
        AlreadyMirrored: by another process.
    """
    lock = FileLock(mirror_folder(run_id) / "mirror.lock", timeout=patience_seconds)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyMirrored(f"run {run_id} is being mirrored by another process") from None
    try:
        with database.reading() as session:
            run, team = runs.get(session, run_id), settings.read(session)
        return Follower(database, run, WandbRun(run, team, offline=offline), watched).follow()
    finally:
        lock.release()


class WandbRun:
    """One wandb run, opened when the first row comes."""

    def __init__(self, run: RunDetail, team: Settings, *, offline: bool) -> None:
        self.trouble = ""
        self.online = run.mirror is Mirror.ONLINE and not offline and os.environ.get("WANDB_MODE") != "offline"
        if self.online and not has_key():
            self.online, self.trouble = False, NO_KEY
        self._run = run
        self._team = team
        self._wandb: Any = None

    def log(self, metrics: dict[str, float], step: int, at: float, row: int) -> None:
        """One row of W&B's history."""
        if self._wandb is None:
            self._open()
        self._wandb.log({**metrics, GLOBAL_STEP: step, "_timestamp": at}, step=row)

    def close(self, exit_code: int) -> bool:
        """Finish; False when what was logged could not be sent in time."""
        if self._wandb is None:
            return True
        thread = threading.Thread(target=self._wandb.finish, kwargs={"exit_code": exit_code}, daemon=True)
        thread.start()
        thread.join(FINISH_SECONDS)
        return not thread.is_alive()

    @property
    def url(self) -> str | None:
        """The run's page at W&B."""
        return self._wandb.url if self._wandb is not None and self.online else None

    @property
    def folder(self) -> str | None:
        """Where wandb writes, relative to the data folder."""
        return os.path.relpath(Path(self._wandb.dir).parent, home()) if self._wandb is not None else None

    def _open(self) -> None:
        import wandb

        if self.online and (trouble := unreachable(server_url())):
            self.online, self.trouble = False, trouble
        if self.online:
            try:
                self._wandb = self._init(mode="online", resume="allow")
                return
            except Exception as error:  # noqa: BLE001 - a key, the network, the server: the files are written all the same
                first = (str(error).splitlines() or [""])[0][:300]
                self.online, self.trouble = False, f"W&B could not be reached, so it waits here: {first}"
                wandb.teardown()
        self._wandb = self._init(mode="offline")

    def _init(self, **how: Any) -> Any:
        import wandb

        run = self._run
        quiet = wandb.Settings(
            root_dir=str(run_folder(run.id)), console="off", silent=True, init_timeout=60, disable_code=True,
            disable_git=True, x_disable_stats=True, x_disable_meta=True, x_save_requirements=False,
        )  # fmt: skip
        opened = wandb.init(
            project=self._team.wandb_project,
            entity=self._team.wandb_entity,
            id=wandb_id(run),
            name=run.name,
            tags=[tag[:64] for tag in run.tags if tag],
            notes=run.notes or None,
            config={**run.config, "bancada": {"run": run.id, "dataset": run.dataset, "preset": run.preset}},
            settings=quiet,
            **how,
        )
        opened.define_metric(GLOBAL_STEP)
        opened.define_metric("*", step_metric=GLOBAL_STEP)
        return opened


def server_url() -> str:
    """The W&B server that the settings, the environment or the default name."""
    import wandb

    return str(wandb.setup().settings.base_url)


def main(arguments: list[str] | None = None) -> int:
    """The process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=int)
    parser.add_argument("--watch", type=int, metavar="PID")
    asked = parser.parse_args(arguments)
    os.nice(10)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    database = connect()
    try:
        mirror(database, asked.run, watched=asked.watch, patience_seconds=2 * FINISH_SECONDS)
    except AlreadyMirrored as error:
        print(error)
    except Exception as error:
        say(database, asked.run, state="waiting", trouble=f"The mirror failed: {type(error).__name__}: {error}"[:500])
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
