"""What rank 0 of a run uses to record: a call is one append to the journal, a thread does the rest.

Twice a second the thread brings new points into the database and says how far the run is, in one short transaction,
which also tells whether somebody asked the run to stop. A database that is busy, full or gone delays the picture and
nothing else: the journal holds every point, and the supervisor brings in what is left after the end.

The thread says that the run lives only when the training itself moved (`log`, `progress`, `promise`). A training loop
that hangs is silent, and so the run shows as stalled.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from db import progress
from db.engine import Database, Session
from db.errors import IllegalMove, NotFound
from tracking.drain import Drain
from tracking.journal import Journal, journal_path

log = logging.getLogger(__name__)
FLUSH_SECONDS = 0.5
LONGEST_FLUSH_SECONDS = 2.0
SHARE_OF_A_CORE = 0.0025  # the thread rests so long that it uses no more than this
CHECK_IN_SECONDS = 2.0  # between two signs of life when there is nothing new to store
LEAST_PROMISE_SECONDS = 10.0
MOST_PROMISE_SECONDS = 6 * 3600.0
PACE_HALF_LIFE_SECONDS = 300.0  # how fast the slowest step is forgotten
PROMISE_OVER_PACE = 10.0  # a step may take so many times as long as the slowest of the last ones
RETRY_SECONDS = (1.0, 2.0, 5.0)  # pauses after the first, second, every further failure
CLOSE_SECONDS = 10.0


@dataclass(slots=True)
class Standing:
    """How far a run is."""

    step: int = 0
    epoch: float = 0.0
    total_steps: int | None = None
    max_epochs: int | None = None
    samples_per_second: float | None = None
    phase: str = "fit"


class Recorder:
    """Records one attempt at a run; used by one process.

    Attributes:
        asked: "stop" or "pause" once a person asked for it, else None. A run whose row is gone, or was ended by
            somebody else, is asked to stop, too.
    """

    def __init__(
        self, database: Database, run_id: int, attempt: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self.asked: str | None = None
        self._database = database
        self._clock = clock
        path = journal_path(run_id, attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(path, clock=clock)
        self._drain = Drain(run_id, attempt)
        self._standing = Standing()
        self._moved_at = clock()
        self._pace_seconds = 0.0
        self._promised_until: float | None = None
        self._moves = 1  # signs of life of the training loop; the first is that it is there
        self._told_moves = 0
        self._told_at = -CHECK_IN_SECONDS
        self._let_go = False  # the record says that the run has ended
        self._failures = 0
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()

    @property
    def step(self) -> int:
        """The step that was last told to `progress`."""
        return self._standing.step

    @property
    def has_checked_in(self) -> bool:
        """Whether the database has heard of this attempt."""
        return self._told_moves > 0

    def start(self) -> "Recorder":
        """Start the thread; its first act is the check-in that makes the run ``running``."""
        self._thread = threading.Thread(target=self._work, name=f"recorder-{self.run_id}", daemon=True)
        self._thread.start()
        return self

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Record one point for each metric; costs a few microseconds and never waits.

        Raises:
            TypeError: when a value is not a number.
        """
        self._journal.log(metrics, step)
        self._moves += 1

    def sample(self, metrics: Mapping[str, float]) -> None:
        """Record what was measured beside the training, at its present step; this is no sign of life of the loop."""
        self._journal.log(metrics, self._standing.step)

    def progress(
        self,
        *,
        step: int | None = None,
        epoch: float | None = None,
        total_steps: int | None = None,
        max_epochs: int | None = None,
        samples_per_second: float | None = None,
        phase: str | None = None,
    ) -> None:
        """Say how far the run is; what is left out stays as it was. Ends an earlier `promise`."""
        standing = self._standing
        standing.step = standing.step if step is None else step
        standing.epoch = standing.epoch if epoch is None else epoch
        standing.total_steps = standing.total_steps if total_steps is None else total_steps
        standing.max_epochs = standing.max_epochs if max_epochs is None else max_epochs
        if samples_per_second is not None:
            standing.samples_per_second = samples_per_second
        standing.phase = phase or standing.phase
        now = self._clock()
        gap_seconds = now - self._moved_at
        self._pace_seconds = max(gap_seconds, self._pace_seconds * 0.5 ** (gap_seconds / PACE_HALF_LIFE_SECONDS))
        self._moved_at = now
        self._promised_until = None
        self._moves += 1

    def promise(self, seconds: float) -> None:
        """The next sign of life comes within ``seconds``: said before a checkpoint, a validation, a compilation."""
        self._promised_until = self._clock() + seconds
        self._moves += 1

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> bool:
        """Bring in the rest and end the thread, within ``timeout_seconds``.

        Returns:
            True when everything is in the database; otherwise the supervisor brings in what is left.
        """
        self._closing.set()
        if os.getpid() != self._owner:
            return False
        done = True
        if self._thread is not None:
            self._thread.join(timeout_seconds)
            done = not self._thread.is_alive() and self._failures == 0
        self._journal.close()
        if not done:
            log.warning("run %s: the end of its journal waits for the database", self.run_id)
        return done

    def _work(self) -> None:
        while not self._closing.is_set():
            began = time.thread_time()
            failed = not self._turn_safely()
            spent = time.thread_time() - began
            rest = min(max(FLUSH_SECONDS, spent / SHARE_OF_A_CORE), LONGEST_FLUSH_SECONDS)
            self._closing.wait(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1] if failed else rest)
        self._told_at = -CHECK_IN_SECONDS  # the last sign of life is told, too
        while self._turn_safely() and self._drain.read() is not None:
            pass

    def _turn_safely(self) -> bool:
        """One turn; False when the database could not be written. It is said once, and once when it works again."""
        try:
            self._turn()
        except Exception as error:  # noqa: BLE001 - whatever the database's trouble is, training must not end of it
            self._failures += 1
            if self._failures == 1:
                log.warning("run %s: the database cannot be written now (%s); the journal goes on", self.run_id, error)
            return False
        if self._failures:
            log.warning("run %s: the database can be written again", self.run_id)
        self._failures = 0
        return True

    def _turn(self) -> None:
        """Bring in the next part of the journal and check in, as far as either is due."""
        self._journal.flush()
        moves, now = self._moves, self._clock()
        try:
            if self._drain.is_new:
                with self._database.reading() as session:
                    self._drain.learn(session)
            part = self._drain.read()
            due = moves != self._told_moves and (part is not None or now - self._told_at >= CHECK_IN_SECONDS)
            due = due and not self._let_go
            if part is None and not due:
                return
            with self._database.writing() as session:
                if due:
                    self.asked = self._check_in(session, now) or self.asked
                if part is not None:
                    self._drain.store(session, part)
        except (IllegalMove, NotFound) as error:
            if self._let_go:
                raise
            log.warning("run %s: it is not recorded as running any more (%s), so it should end", self.run_id, error)
            self._let_go = True
            self.asked = self.asked or "stop"
            return
        if due:
            self._told_moves, self._told_at = moves, now

    def _check_in(self, session: Session, now: float) -> str | None:
        standing = self._standing
        return progress.check_in(
            session,
            self.run_id,
            step=standing.step,
            epoch=standing.epoch,
            total_steps=standing.total_steps,
            max_epochs=standing.max_epochs,
            samples_per_second=standing.samples_per_second,
            phase=standing.phase,
            next_check_in_seconds=self._promise_seconds(now),
            attempt=self.attempt,
        )

    def _promise_seconds(self, now: float) -> float:
        """Within how many seconds the next sign of life comes."""
        seconds = self._pace_seconds * PROMISE_OVER_PACE
        if self._promised_until is not None:
            seconds = max(seconds, self._promised_until - now)
        return min(max(seconds, LEAST_PROMISE_SECONDS), MOST_PROMISE_SECONDS)
