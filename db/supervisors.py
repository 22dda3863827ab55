"""The run supervisors and what they last measured on their machines."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db.rows import SupervisorRow
from db.tables import Supervisor
from db.texts import cut
from db.types import utc_now


def seen(
    session: Session,
    *,
    host: str,
    pid: int,
    process_started: float,
    phase: str,
    devices: Sequence[dict[str, Any]],
    trouble: str,
) -> None:
    """A sign of life of the supervisor of a machine, which replaces the one before."""
    now = utc_now()
    values = {
        "pid": pid, "process_started": process_started, "seen_at": now, "phase": phase, "devices": list(devices),
        "trouble": cut(trouble, 4_000),
    }  # fmt: skip
    before = session.execute(select(Supervisor.pid, Supervisor.process_started).where(Supervisor.host == host)).first()
    if before is None:
        session.execute(insert(Supervisor).values(host=host, started_at=now, **values))
        return
    if (before.pid, before.process_started) != (pid, process_started):
        values["started_at"] = now
    session.execute(update(Supervisor).where(Supervisor.host == host).values(**values))


def all_of(session: Session) -> list[SupervisorRow]:
    """Every machine's supervisor, also one that has ended, by host."""
    question = select(*Supervisor.__table__.columns).order_by(Supervisor.host)
    return [SupervisorRow(**row) for row in session.execute(question).mappings()]
