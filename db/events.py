"""What happened to runs, and who did it. Append-only: nothing here changes or removes an event."""

from collections.abc import Iterable

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.rows import EventRow
from db.tables import Event
from db.texts import cut
from db.types import utc_now

WHAT_CHARACTERS = 2_000


def add_event(session: Session, run_id: int, who: str, what: str) -> None:
    """Note what happened to a run; ``who`` is empty when nobody asked for it."""
    add_events(session, [run_id], who, what)


def add_events(session: Session, ids: Iterable[int], who: str, what: str) -> None:
    """Note the same thing for several runs."""
    at = utc_now()
    rows = [{"run_id": one, "at": at, "who": cut(who, 200), "what": cut(what, WHAT_CHARACTERS)} for one in ids]
    if rows:
        session.execute(insert(Event), rows)


def events(session: Session, run_id: int) -> list[EventRow]:
    """Everything that happened to a run, oldest first."""
    columns = (Event.id, Event.run_id, Event.at, Event.who, Event.what)
    found = session.execute(select(*columns).where(Event.run_id == run_id).order_by(Event.id))
    return [EventRow(**row) for row in found.mappings()]
