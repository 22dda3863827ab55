"""Brings a journal into the database, each point exactly once, whoever does it.

The points and ``attempts.journal_bytes`` are written in one transaction. The journal is read before that transaction
begins; inside it, a look at ``journal_bytes`` says whether somebody else was faster, and then nothing is written.
"""

import logging
from pathlib import Path

from db import curves, journals
from db.engine import Database, Session, after_commit
from tracking.journal import journal_path
from tracking.journal_reading import PART_BYTES, Part, read_part

log = logging.getLogger(__name__)


class Drain:
    """The way of one attempt's journal into the database. `read` needs no database, `store` is one short write.

    Args:
        most_bytes: how much of the journal is held in memory and written in one transaction.
    """

    def __init__(self, run_id: int, attempt: int, *, most_bytes: int = PART_BYTES) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self.path: Path = journal_path(run_id, attempt)
        self._most_bytes = most_bytes
        self._start: int | None = None  # up to here it is in the database, as far as is known here

    @property
    def is_new(self) -> bool:
        """Whether `learn` was not asked yet."""
        return self._start is None

    def learn(self, session: Session) -> None:
        """Ask the database how far it is.

        Raises:
            NotFound: when the attempt is not there any more.
        """
        self._start = journals.journal_bytes(session, self.run_id, self.attempt)

    def read(self) -> Part | None:
        """The next part; None when nothing whole is new, or when `learn` was not asked yet."""
        try:
            if self._start is None or self.path.stat().st_size <= self._start:
                return None
            part = read_part(self.path, self._start, self._most_bytes)
        except FileNotFoundError:
            return None
        if part.damaged_bytes:
            log.warning("%s: %s bytes cannot be read and are passed over", self.path, part.damaged_bytes)
        return part if part.end > self._start else None

    def store(self, session: Session, part: Part) -> int:
        """Write what `read` gave, and move on when the caller has committed.

        Returns:
            Points written: none when somebody else has been at work meanwhile; `read` then goes on from there.

        Raises:
            NotFound: when the attempt is not there any more.
        """
        done = journals.journal_bytes(session, self.run_id, self.attempt, hold=True)
        if done != self._start:
            self._start = done
            return 0
        curves.append(session, self.run_id, self.attempt, part.points, journal_bytes=part.end)
        after_commit(session, lambda: self._moved_to(part.end))
        return part.count

    def _moved_to(self, position: int) -> None:
        self._start = position


def drain(database: Database, run_id: int, attempt: int, *, most_bytes: int = PART_BYTES) -> int:
    """Bring in everything that is whole in the journal of an attempt.

    Returns:
        Points that this call brought in; 0 when there is no journal.

    Raises:
        NotFound: when the attempt is not there any more.
    """
    way = Drain(run_id, attempt, most_bytes=most_bytes)
    if not way.path.exists():
        return 0
    with database.reading() as session:
        way.learn(session)
    total = 0
    while (part := way.read()) is not None:
        with database.writing() as session:
            total += way.store(session, part)
    return total
