"""How much of an attempt's journal is in the database."""

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.errors import NotFound
from db.tables import Attempt, Run

# Written once and not at every call: a drain asks them about once a second for each run.
_HOLD_RUN = select(Run.id).where(Run.id == bindparam("of_run")).with_for_update(key_share=True)
_ASK = select(Attempt.journal_bytes).where(
    Attempt.run_id == bindparam("of_run"), Attempt.number == bindparam("of_attempt")
)
_HOLD = _ASK.with_for_update()


def journal_bytes(session: Session, run_id: int, attempt: int, *, hold: bool = False) -> int:
    """Bytes of the journal whose points are stored. With ``hold`` nobody else can change it until the commit.

    Raises:
        NotFound: when there is no such attempt.
    """
    connection, which = session.connection(), {"of_run": run_id, "of_attempt": attempt}
    if hold:  # the run's row first, as everybody does who locks both; SQLite's writers hold everything anyway
        connection.execute(_HOLD_RUN, {"of_run": run_id})
    found = connection.execute(_HOLD if hold else _ASK, which).scalar_one_or_none()
    if found is None:
        raise NotFound(f"Run {run_id} has no attempt {attempt}; it may have been deleted for good.")
    return int(found)
