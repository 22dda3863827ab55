"""Which runs are mirrored elsewhere, and how that stands."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.states import Mirror, RunState
from db.tables import Run, Series


@dataclass(frozen=True)
class MirrorRow:
    """A run that is mirrored.

    Attributes:
        wandb: what its mirror said last; None while it has said nothing yet.
        points: how many points of the run are recorded here.
    """

    run_id: int
    name: str
    state: RunState
    mirror: Mirror
    wandb: dict[str, Any] | None
    points: int = 0


def mirrored(session: Session) -> list[MirrorRow]:
    """Every run with a mirror that has ever started and is not in the trash, oldest first."""
    points = select(func.coalesce(func.sum(Series.count), 0)).where(Series.run_id == Run.id).scalar_subquery()
    question = (
        select(Run.id, Run.name, Run.state, Run.mirror, Run.wandb, points)
        .where(Run.mirror != Mirror.OFF, Run.started_at.is_not(None), Run.deleted_at.is_(None))
        .order_by(Run.id)
    )
    found = session.execute(question).all()
    return [MirrorRow(row[0], row[1], row[2], row[3], row[4], int(row[5])) for row in found]
