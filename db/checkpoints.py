"""Saved states of runs: where they lie, what chose them, and whether their files are still there."""

from collections.abc import Sequence

from sqlalchemy import Select, insert, select, update
from sqlalchemy.orm import Session

from db.errors import IllegalMove, NotFound
from db.events import add_event
from db.home import home
from db.rows import CheckpointRow
from db.run_rows import batches, lock_state
from db.tables import Checkpoint
from db.texts import cut
from db.types import utc_now


def register(
    session: Session,
    run_id: int,
    *,
    path: str,
    step: int,
    epoch: float,
    metric: str | None,
    metric_value: float | None,
    size_bytes: int,
    sha256: str,
    is_last: bool = False,
    is_best: bool = False,
) -> int:
    """Record a checkpoint whose files are complete; returns its id.

    A path that the run has saved before (a resumed run comes past the same step again) keeps its row.

    Args:
        path: its folder, relative to the data folder.
        sha256: checksum of the weights.

    Raises:
        NotFound: when there is no such run.
    """
    lock_state(session, run_id)
    values = {
        "step": step, "epoch": epoch, "is_last": is_last, "is_best": is_best, "size_bytes": size_bytes,
        "metric": None if metric is None else cut(metric, 200), "metric_value": metric_value, "sha256": sha256,
        "created_at": utc_now(), "deleted_at": None,
    }  # fmt: skip
    if is_last:
        session.execute(update(Checkpoint).where(Checkpoint.run_id == run_id).values(is_last=False))
    same = (Checkpoint.run_id == run_id, Checkpoint.path == path)
    known = session.scalar(update(Checkpoint).where(*same).values(**values).returning(Checkpoint.id))
    if known is not None:
        return known
    made = insert(Checkpoint).values(run_id=run_id, path=path, **values).returning(Checkpoint.id)
    return session.execute(made).scalar_one()


def of_run(session: Session, run_id: int, *, deleted: bool = False) -> list[CheckpointRow]:
    """The checkpoints of a run in the order of their steps; with ``deleted`` also those whose files are gone."""
    question = _select().where(Checkpoint.run_id == run_id)
    if not deleted:
        question = question.where(Checkpoint.deleted_at.is_(None))
    return _rows(session, question.order_by(Checkpoint.step, Checkpoint.id))


def get(session: Session, checkpoint_id: int) -> CheckpointRow:
    """One checkpoint, also when its files are gone; NotFound when there never was one."""
    found = _rows(session, _select().where(Checkpoint.id == checkpoint_id))
    if not found:
        raise NotFound(f"There is no checkpoint {checkpoint_id}; its run may have been deleted for good.")
    return found[0]


def latest(session: Session, run_id: int) -> CheckpointRow | None:
    """The checkpoint from which a run goes on: the one flagged as the last, else the newest that is there."""
    there = _select().where(Checkpoint.run_id == run_id, Checkpoint.deleted_at.is_(None))
    found = _rows(session, there.order_by(Checkpoint.is_last.desc(), Checkpoint.id.desc()).limit(1))
    return found[0] if found else None


def resumable(session: Session, run_id: int) -> CheckpointRow | None:
    """Like `latest`, among those whose folders are really there: somebody may have removed one by hand."""
    there = _select().where(Checkpoint.run_id == run_id, Checkpoint.deleted_at.is_(None))
    found = _rows(session, there.order_by(Checkpoint.is_last.desc(), Checkpoint.id.desc()))
    return next((row for row in found if has_files(row)), None)


def has_files(row: CheckpointRow) -> bool:
    """Whether a checkpoint's folder is in its place."""
    return row.deleted_at is None and (home() / row.path).is_dir()


def mark_deleted(session: Session, ids: Sequence[int]) -> None:
    """Say that the files of checkpoints are gone, or are about to go; their rows stay."""
    values = {"deleted_at": utc_now(), "is_last": False, "is_best": False, "pinned": False}
    for some in batches(ids):
        there = (Checkpoint.id.in_(some), Checkpoint.deleted_at.is_(None))
        session.execute(update(Checkpoint).where(*there).values(**values))


def set_flags(session: Session, run_id: int, *, last: int | None, best: Sequence[int]) -> None:
    """Say which checkpoint of a run is the last and which are the best; all others are neither."""
    of = Checkpoint.run_id == run_id
    is_best = Checkpoint.id.in_(list(best))
    is_last = Checkpoint.id.in_([] if last is None else [last])
    session.execute(update(Checkpoint).where(of).values(is_last=is_last, is_best=is_best))


def pin(session: Session, checkpoint_id: int, pinned: bool, who: str) -> None:
    """Keep a checkpoint whatever the run's own choice is, or leave it to that again.

    Raises:
        IllegalMove: when its files are gone. NotFound: when it is not there.
    """
    row = get(session, checkpoint_id)
    if row.deleted_at is not None:
        raise IllegalMove(f"The files of checkpoint {checkpoint_id} are gone, so it cannot be kept.")
    if row.pinned != pinned:
        session.execute(update(Checkpoint).where(Checkpoint.id == checkpoint_id).values(pinned=pinned))
        what = "keeps" if pinned else "no longer keeps"
        add_event(session, row.run_id, who, f"{what} the checkpoint of step {row.step:,}")


def _select() -> Select[Checkpoint]:
    return select(Checkpoint).execution_options(populate_existing=True)


def _rows(session: Session, question: Select[Checkpoint]) -> list[CheckpointRow]:
    names = CheckpointRow.__dataclass_fields__
    return [CheckpointRow(**{name: getattr(found, name) for name in names}) for found in session.scalars(question)]
