"""Which runs are mirrored elsewhere, and how that stands."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import Mirror, RunState
from db.tables import Run


@dataclass(frozen=True)
class MirrorRow:
    """A run that is mirrored; ``wandb`` is None while its mirror has said nothing yet."""

    run_id: int
    name: str
    state: RunState
    mirror: Mirror
    wandb: dict[str, Any] | None


def mirrored(session: Session) -> list[MirrorRow]:
    """Every run with a mirror that has ever started and is not in the trash, oldest first."""
    question = (
        select(Run.id, Run.name, Run.state, Run.mirror, Run.wandb)
        .where(Run.mirror != Mirror.OFF, Run.started_at.is_not(None), Run.deleted_at.is_(None))
        .order_by(Run.id)
    )
    return [MirrorRow(*row) for row in session.execute(question)]
