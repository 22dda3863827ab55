"""The run supervisors and what they last measured on their machines."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.rows import SupervisorRow
from db.tables import Supervisor
from db.texts import cut
from db.types import utc_now
from db.upsert import upsert


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
    values: dict[str, Any] = {
        "host": host, "pid": pid, "process_started": process_started, "seen_at": now, "phase": phase,
        "devices": list(devices), "trouble": cut(trouble, 4_000),
    }  # fmt: skip
    known = select(Supervisor.pid, Supervisor.process_started, Supervisor.started_at).where(Supervisor.host == host)
    before = session.execute(known).first()
    same = before is not None and before[:2] == (pid, process_started)
    values["started_at"] = before.started_at if before is not None and same else now
    upsert(session, Supervisor, values, key=("host",))


def all_of(session: Session) -> list[SupervisorRow]:
    """Every machine's supervisor, also one that has ended, by host."""
    question = select(*Supervisor.__table__.columns).order_by(Supervisor.host)
    return [SupervisorRow(**row) for row in session.execute(question).mappings()]
