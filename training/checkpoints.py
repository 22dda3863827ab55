"""A run's checkpoint folders: written aside, synced, moved into place whole, recorded, and cleared when not kept.

The training thread only writes the weights into a hidden folder (`new_folder`). One thread puts it into its place,
another records it, so that neither the disk's sync nor a busy database delays the next step. Kept are the last one, the
best by the monitored metric and those that a person pinned. Used by rank 0 alone.
"""

import json
import logging
import math
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from db import checkpoints
from db.errors import RecordError
from db.home import home
from db.rows import CheckpointRow
from db.run_config import Checkpointing
from training.checkpoint_folder import FOLDER, METRICS, REPLACED, WRITING, Saved, hide, sync
from training.context import RunContext
from training.outcome import is_disk_full

log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
SETTLE_SECONDS = 60.0
MOST_UNRECORDED = 64  # checkpoints that may lie on the disk while the database is busy


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
        self._placed: queue.Queue[tuple[Path, Saved] | None] = queue.Queue(maxsize=MOST_UNRECORDED)
        self._unrecorded: set[str] = set()  # in place, and a row may still speak of what lay there before
        self._error: BaseException | None = None
        self._patience_until = math.inf
        self._threads: list[threading.Thread] = []

    def start(self) -> "CheckpointFolders":
        """Clear what an attempt that was killed has left half written, and start the threads."""
        self._root.mkdir(parents=True, exist_ok=True)
        for leftover in (*self._root.glob(f"{WRITING}*"), *self._root.glob(f"{REPLACED}*")):
            shutil.rmtree(leftover, ignore_errors=True)
        for name, work in (("checkpoints", self._put_all_in_place), ("checkpoint rows", self._record_all)):
            self._threads.append(threading.Thread(target=work, name=name, daemon=True))
            self._threads[-1].start()
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
        """Raise what went wrong in a thread.

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
        self._placed.join()
        self._patience_until = math.inf
        self.check()

    def close(self) -> None:
        """Settle, and end the threads."""
        self._patience_until = time.monotonic() + SETTLE_SECONDS
        for thread, jobs in zip(self._threads, (self._jobs, self._placed), strict=False):
            jobs.put(None)
            thread.join(2 * SETTLE_SECONDS)
        self._threads.clear()
        self.check()

    def best(self) -> CheckpointRow | None:
        """The best one by the monitored metric that is still there."""
        with self._context.database.reading() as session:
            rows = checkpoints.of_run(session, self._context.run.id)
        return next(iter(_best_first(rows, self._rules)), None)

    def _put_all_in_place(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._placed.put((self._put_in_place(*job), job[1]))
            except Exception as error:  # noqa: BLE001 - the training thread raises it at its next step
                self.give_up(job[0])
                if is_disk_full(error):
                    error.add_note(f"the checkpoint of step {job[1].step:,} could not be written")
                self._error = error
            finally:
                self._jobs.task_done()
        self._jobs.task_done()

    def _record_all(self) -> None:
        self._adopt()
        while (job := self._placed.get()) is not None:
            try:
                self._record(*job)
            finally:
                self._placed.task_done()
        self._placed.task_done()

    def _put_in_place(self, folder: Path, saved: Saved) -> Path:
        self._explain(folder)
        (folder / METRICS).write_text(json.dumps(asdict(saved), indent=1), encoding="utf-8")
        for file in folder.iterdir():
            sync(file)
        target = self._root / f"step-{saved.step}"
        old = self._root / f"{REPLACED}{saved.step}"
        self._unrecorded.add(_relative(target))
        if target.exists():
            target.rename(old)
        folder.rename(target)
        sync(self._root)
        shutil.rmtree(old, ignore_errors=True)
        return target

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
        self._unrecorded.discard(_relative(folder))
        for path in doomed:
            shutil.rmtree(path, ignore_errors=True)

    def _register(self, folder: Path, saved: Saved) -> list[Path]:
        """Row and flags in one transaction; returns folders that are not kept, now hidden."""
        run_id = self._context.run.id
        with self._context.database.writing() as session:
            newest = checkpoints.register(
                session,
                run_id,
                path=_relative(folder),
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
            renewed = self._unrecorded - {_relative(folder)}
            gone = [row for row in rows if row.id not in kept and not row.pinned and row.path not in renewed]
            checkpoints.mark_deleted(session, [row.id for row in gone])
        return [hide(home() / row.path) for row in gone]

    def _adopt(self) -> None:
        """Record checkpoints that were in place when an earlier attempt was killed before it could record them."""
        try:
            with self._context.database.reading() as session:
                rows = checkpoints.of_run(session, self._context.run.id, deleted=True)
            known = {row.path for row in rows}
            for folder in sorted(self._root.glob("step-*"), key=lambda path: path.stat().st_mtime):
                if _relative(folder) not in known:
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


def _relative(folder: Path) -> str:
    """A folder as its row names it."""
    return str(folder.relative_to(home()))
