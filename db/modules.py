"""The forms of model and data modules, as a training process described them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.rows import ModuleRow
from db.tables import ModuleDescription
from db.texts import clean
from db.types import utc_now
from db.upsert import upsert


def every(session: Session) -> list[ModuleRow]:
    """Every described class, and every file that could not be read, by path."""
    question = select(*ModuleDescription.__table__.columns).order_by(ModuleDescription.class_path)
    return [ModuleRow(**row) for row in session.execute(question).mappings()]


def store(session: Session, descriptions: Sequence[Mapping[str, Any]]) -> None:
    """Write descriptions; one of the same class path is replaced.

    Args:
        descriptions: each with class_path and kind, and perhaps fingerprint and error; kept whole.
    """
    now = utc_now()
    for description in descriptions:
        row = {
            "class_path": _path(description),
            "kind": str(description["kind"]),
            "fingerprint": str(description.get("fingerprint") or ""),
            "description": dict(description),
            "error": clean(str(description.get("error") or "")),
            "described_at": now,
        }
        upsert(session, ModuleDescription, row, key=("class_path",))


def replace_all(session: Session, descriptions: Sequence[Mapping[str, Any]]) -> None:
    """Write descriptions and forget every class that is not among them."""
    store(session, descriptions)
    kept = [_path(description) for description in descriptions]
    session.execute(delete(ModuleDescription).where(ModuleDescription.class_path.not_in(kept)))


def _path(description: Mapping[str, Any]) -> str:
    return str(description["class_path"])[:300]
