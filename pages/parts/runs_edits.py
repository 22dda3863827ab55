"""Edits of a run's name, tags and notes that never write over somebody else's. Knows no Streamlit."""

from collections.abc import Mapping
from typing import Any

from db import runs
from db.engine import Session
from db.errors import IllegalMove
from db.rows import RunRow
from db.texts import name_of, notes_of, tags_of

EDITABLE = ("name", "tags", "notes")


def as_written(field: str, value: Any) -> Any:
    """A cell's value as the record keeps it.

    Raises:
        BadValue: when it cannot be kept; the message says why.
    """
    if field == "tags":
        return tuple(tags_of([str(tag) for tag in value or ()]))
    return notes_of(str(value or "")) if field == "notes" else name_of(str(value or ""))


def write(session: Session, before: RunRow, changes: Mapping[str, Any], who: str) -> list[str]:
    """Write the changed fields of one run, as a person saw it before; returns their names.

    Raises:
        IllegalMove: when somebody changed the same field meanwhile.
        BadValue: when a value cannot be kept.
        NotFound: when the run is gone.
    Nothing is written then.
    """
    now = runs.get(session, before.id)
    wanted = {field: as_written(field, changes[field]) for field in EDITABLE if field in changes}
    wanted = {field: value for field, value in wanted.items() if not _same(field, value, getattr(now, field))}
    for field in wanted:
        if not _same(field, getattr(now, field), getattr(before, field)):
            raise IllegalMove(f"Somebody changed the {field} of run #{now.id} meanwhile; look at it and edit again.")
    for field, value in wanted.items():
        {"name": runs.set_name, "tags": runs.set_tags, "notes": runs.set_notes}[field](session, now.id, value, who)
    return list(wanted)


def _same(field: str, one: Any, other: Any) -> bool:
    return set(one) == set(other) if field == "tags" else one == other
