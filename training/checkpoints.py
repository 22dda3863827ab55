"""A run's checkpoint folders: written aside, synced, moved into place whole, recorded, and cleared when not kept.

The training thread only writes the weights into a hidden folder (`new_folder`); a thread does the rest, so that neither
the disk's sync nor a busy database delays the next step. Kept are the last one, the best by the monitored metric and
those that a person pinned. Used by rank 0 alone.
"""

import json
import logging
import math
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from db import checkpoints
from db.errors import RecordError
from db.home import home
from db.rows import CheckpointRow
from db.run_config import Checkpointing
from training.context import RunContext
from training.outcome import is_disk_full
from training.weights_file import WEIGHTS

log = logging.getLogger(__name__)
FOLDER = "checkpoints"
METRICS = "metrics.json"
WRITING = ".writing-"
REPLACED = ".replaced-"
RETRY_SECONDS = 1.0
SETTLE_SECONDS = 60.0


@dataclass(frozen=True)
class Saved:
    """What is known of a written checkpoint, also kept beside the weights as ``metrics.json``.

    Attributes:
        monitor, value: the metric that chooses the best, and what it was; None when it was not measured here.
    """

    step: int
    epoch: float
    attempt: int
    monitor: str | None
    value: float | None
    size_bytes: int
    sha256: str
    metrics: dict[str, float] = field(default_factory=dict)


def checkpoint_path(run_folder: Path, step: int) -> str:
    """Where the weights of a step are written first; the same on every rank."""
    return str(run_folder / FOLDER / f"{WRITING}{step}" / WEIGHTS)


class CheckpointFolders:
    """The checkpoints of one run.

    Args:
        explain: writes the files that explain the weights into a folder.
    """

    def __init__(self, context: RunContext, explain: Callable[[Path], None]) -> None:
        self._context = context
        self._rules = context.config.trainer.checkpoint
        self._explain = explain
        self._root = context.folder / FOLDER
        self._jobs: queue.Queue[tuple[Path, Saved] | None] = queue.Queue(maxsize=2)
        self._error: BaseException | None = None
        self._patience_until = math.inf
        self._thread: threading.Thread | None = None

    def start(self) -> "CheckpointFolders":
        """Clear what an attempt that was killed has left half written, and start the thread."""
        self._root.mkdir(parents=True, exist_ok=True)
        for leftover in (*self._root.glob(f"{WRITING}*"), *self._root.glob(f"{REPLACED}*")):
            shutil.rmtree(leftover, ignore_errors=True)
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()
        return self

    def new_folder(self, step: int) -> Path:
        """A hidden folder for the weights of a step."""
        folder = self._root / f"{WRITING}{step}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def keep(self, folder: Path, saved: Saved) -> None:
        """Hand over a folder with written weights. Waits only when two others are not done yet."""
        self.check()
        self._jobs.put((folder, saved))

    def give_up(self, folder: Path) -> None:
        """Remove a folder whose weights could not be written."""
        shutil.rmtree(folder, ignore_errors=True)

    def check(self) -> None:
        """Raise what went wrong in the thread.

        Raises:
            OSError: when the disk is full, or a folder cannot be written.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def settle(self, timeout_seconds: float = SETTLE_SECONDS) -> None:
        """Wait until everything handed over is in place and recorded."""
        self._patience_until = time.monotonic() + timeout_seconds
        self._jobs.join()
        self._patience_until = math.inf
        self.check()

    def close(self) -> None:
        """Settle, and end the thread."""
        if self._thread is not None:
            self._patience_until = time.monotonic() + SETTLE_SECONDS
            self._jobs.put(None)
            self._thread.join(2 * SETTLE_SECONDS)
            self._thread = None
        self.check()

    def best(self) -> CheckpointRow | None:
        """The best one by the monitored metric that is still there."""
        with self._context.database.reading() as session:
            rows = checkpoints.of_run(session, self._context.run.id)
        return next(iter(_best_first(rows, self._rules)), None)

    def _work(self) -> None:
        self._adopt()
        while (job := self._jobs.get()) is not None:
            try:
                self._put_in_place(*job)
            except Exception as error:  # noqa: BLE001 - the training thread raises it at its next step
                self.give_up(job[0])
                if is_disk_full(error):
                    error.add_note(f"the checkpoint of step {job[1].step:,} could not be written")
                self._error = error
            finally:
                self._jobs.task_done()
        self._jobs.task_done()

    def _put_in_place(self, folder: Path, saved: Saved) -> None:
        self._explain(folder)
        (folder / METRICS).write_text(json.dumps(asdict(saved), indent=1), encoding="utf-8")
        for file in folder.iterdir():
            _sync(file)
        target = self._root / f"step-{saved.step}"
        old = self._root / f"{REPLACED}{saved.step}"
        if target.exists():
            target.rename(old)
        folder.rename(target)
        _sync(self._root)
        shutil.rmtree(old, ignore_errors=True)
        self._record(target, saved)

    def _record(self, folder: Path, saved: Saved) -> None:
        """Write the row and clear what is not kept; a busy database is waited for."""
        while True:
            try:
                doomed = self._register(folder, saved)
                break
            except RecordError as error:  # the run is gone: somebody deleted it
                log.warning("the checkpoint of step %s is not recorded: %s", saved.step, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever the database's trouble is
                if time.monotonic() > self._patience_until:
                    log.warning("the checkpoint of step %s is there but not recorded: %s", saved.step, error)
                    return
                time.sleep(RETRY_SECONDS)
        for path in doomed:
            shutil.rmtree(path, ignore_errors=True)

    def _register(self, folder: Path, saved: Saved) -> list[Path]:
        """Row and flags in one transaction; returns folders that are not kept, now hidden."""
        run_id = self._context.run.id
        with self._context.database.writing() as session:
            newest = checkpoints.register(
                session,
                run_id,
                path=str(folder.relative_to(home())),
                step=saved.step,
                epoch=saved.epoch,
                metric=saved.monitor if saved.value is not None else None,
                metric_value=saved.value,
                size_bytes=saved.size_bytes,
                sha256=saved.sha256,
                is_last=True,
            )
            rows = checkpoints.of_run(session, run_id)
            best = [row.id for row in _best_first(rows, self._rules)[: self._rules.save_top_k]]
            checkpoints.set_flags(session, run_id, last=newest, best=best)
            kept = {newest, *best}
            gone = [row for row in rows if row.id not in kept and not row.pinned]
            checkpoints.mark_deleted(session, [row.id for row in gone])
        return [_hide(home() / row.path) for row in gone]

    def _adopt(self) -> None:
        """Record checkpoints that were in place when an earlier attempt was killed before it could record them."""
        try:
            with self._context.database.reading() as session:
                rows = checkpoints.of_run(session, self._context.run.id, deleted=True)
            known = {row.path for row in rows}
            for folder in sorted(self._root.glob("step-*"), key=lambda path: path.stat().st_mtime):
                if str(folder.relative_to(home())) not in known:
                    self._record(folder, Saved(**json.loads((folder / METRICS).read_text(encoding="utf-8"))))
        except Exception as error:  # noqa: BLE001 - old leftovers must not end a run
            log.warning("checkpoints of an earlier attempt could not be taken up: %s", error)


def _best_first(rows: list[CheckpointRow], rules: Checkpointing) -> list[CheckpointRow]:
    """Those with a finite value of the monitored metric, best first; of equals, the earlier one."""
    sign = 1 if rules.mode == "min" else -1
    found = [
        (sign * row.metric_value, row.step, row)
        for row in rows
        if row.metric == rules.monitor and row.metric_value is not None and math.isfinite(row.metric_value)
    ]
    return [row for _, _, row in sorted(found, key=lambda item: item[:2])]


def _hide(folder: Path) -> Path:
    """Let a folder vanish from its place at once."""
    doomed = folder.with_name(f"{REPLACED}{folder.name}")
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return doomed
    return doomed


def _sync(path: Path) -> None:
    """Ask the disk to keep a file or folder over a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
