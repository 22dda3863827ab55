"""How much of an attempt's journal is in the database."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import NotFound
from db.tables import Attempt, Run


def journal_bytes(session: Session, run_id: int, attempt: int, *, hold: bool = False) -> int:
    """Bytes of the journal whose points are stored. With ``hold`` nobody else can change it until the commit.

    Raises:
        NotFound: when there is no such attempt.
    """
    if hold:  # the run's row first, as everybody does who locks both; SQLite's writers hold everything anyway
        session.execute(select(Run.id).where(Run.id == run_id).with_for_update(key_share=True))
    question = select(Attempt.journal_bytes).where(Attempt.run_id == run_id, Attempt.number == attempt)
    found = session.execute(question.with_for_update() if hold else question).scalar_one_or_none()
    if found is None:
        raise NotFound(f"Run {run_id} has no attempt {attempt}; it may have been deleted for good.")
    return found
