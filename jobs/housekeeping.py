"""Chores of the supervisor that may take a while, done one after another in a thread of their own."""

import logging
import queue
import threading
from collections.abc import Callable

from db import runs
from db.engine import Database
from jobs.finalise import tidy
from jobs.logs import rotate_when_big
from jobs.trash import purge, sweep

log = logging.getLogger(__name__)
TRASH_SECONDS = 600.0
PURGED_AT_ONCE = 100  # runs in one transaction, so that others who write do not wait long


class Chores:
    """Nothing here is urgent, and nothing is lost when it is not done: the next supervisor does it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="chores", daemon=True)
        self._trash_looked = float("-inf")

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def end(self, timeout_seconds: float = 5.0) -> None:
        """Finish what is being done."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(timeout_seconds)

    def after_run(self, run_id: int) -> None:
        """Measure the folder and compact the curves of a run that ended."""
        self._waiting.put(lambda: tidy(self._database, run_id))

    def look(self, trash_days: float, now: float) -> None:
        """Now and then: empty what has been in the trash for long enough, and begin a new log when it is big."""
        if now - self._trash_looked >= TRASH_SECONDS:
            self._trash_looked = now
            if trash_days > 0:  # 0 keeps the trash until a person empties it
                self._waiting.put(lambda: self._empty_trash(trash_days))
            self._waiting.put(rotate_when_big)

    def _empty_trash(self, trash_days: float) -> None:
        sweep()
        with self._database.reading() as session:
            old = runs.trash_older_than(session, trash_days * 86_400)
        for start in range(0, len(old), PURGED_AT_ONCE):
            with self._database.writing() as session:
                purge(session, old[start : start + PURGED_AT_ONCE])
        if old:
            log.info("%s run(s) were in the trash for more than %s days and are gone", len(old), trash_days)

    def _work(self) -> None:
        while (chore := self._waiting.get()) is not None:
            try:
                chore()
            except Exception:
                log.exception("a chore failed; it is left undone")
