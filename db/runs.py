"""Runs: made, read and counted. What people change of them is in `db.run_labels` and `db.run_trash`, searching in
`db.run_search`; callers find all of it here as ``runs.x``.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, aliased

from db.config_paths import flatten
from db.errors import BadValue
from db.events import add_event as add_event
from db.events import events as events
from db.queue import end_position
from db.rows import AttemptRow, RunDetail, RunRow
from db.run_labels import add_tags as add_tags
from db.run_labels import archive as archive
from db.run_labels import known_tags as known_tags
from db.run_labels import remove_tags as remove_tags
from db.run_labels import set_name as set_name
from db.run_labels import set_notes as set_notes
from db.run_labels import set_tags as set_tags
from db.run_labels import unarchive as unarchive
from db.run_rows import detail, rows_of, select_runs
from db.run_search import column_names as column_names
from db.run_search import find as find
from db.run_search import matching_ids as matching_ids
from db.run_trash import bytes_of as bytes_of
from db.run_trash import move_to_trash as move_to_trash
from db.run_trash import purge as purge
from db.run_trash import restore as restore
from db.run_trash import trash_older_than as trash_older_than
from db.states import ACTIVE, ENDED, Mirror, Relation, RunState
from db.tables import Attempt, ConfigValue, Run, RunTag
from db.texts import cut, name_of, notes_of, tags_of
from db.types import utc_now

LOOK_DAYS = 7.0
_CLASS_CHARACTERS = 300


def create(
    session: Session,
    *,
    name: str,
    config: dict[str, Any],
    preset: str | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    mirror: Mirror = Mirror.OFF,
    launched_by: str = "",
    parent_id: int | None = None,
    relation: Relation | None = None,
    dataset: str | None = None,
    dataset_hash: str | None = None,
    command: str = "",
) -> int:
    """Put a run at the queue's end; returns its id. The config is stored as it is given: check it before.

    Raises:
        BadValue: when the name, the notes or a tag cannot be kept; nothing is written then.
    """
    labels = tags_of(tags)
    seed = config.get("seed")
    values = {
        "name": name_of(name), "notes": notes_of(notes), "state": RunState.QUEUED, "config": config,
        "queue_position": end_position(session), "preset": None if preset is None else cut(preset, 200),
        "model_class": _model_class(config), "dataset": dataset or _dataset(config), "dataset_hash": dataset_hash,
        "seed": seed if isinstance(seed, int) and abs(seed) < 2**63 else None, "parent_id": parent_id,
        "relation": relation, "mirror": mirror, "launched_by": cut(launched_by, 200), "command": command,
    }  # fmt: skip
    run_id = session.execute(insert(Run).values(**values).returning(Run.id)).scalar_one()
    session.execute(insert(Attempt).values(run_id=run_id, number=1))
    if labels:
        session.execute(insert(RunTag), [{"run_id": run_id, "tag": tag} for tag in labels])
    leaves = list(_config_values(run_id, config))
    if leaves:
        session.execute(insert(ConfigValue), leaves)
    add_event(session, run_id, launched_by, "launched" if parent_id is None else f"launched after run {parent_id}")
    return run_id


def get(session: Session, run_id: int) -> RunDetail:
    """Everything recorded of a run but its curves, logs and files; NotFound when it is not there."""
    return detail(session, run_id)


def active(session: Session) -> list[RunRow]:
    """Runs that are worked on, the one that was started first first."""
    question = select_runs(RunRow).where(Run.state.in_(ACTIVE), Run.deleted_at.is_(None))
    return rows_of(session, RunRow, question.order_by(Run.started_at, Run.id))


def recently_ended(session: Session, limit: int) -> list[RunRow]:
    """The runs that ended last, newest first, without archived ones."""
    question = select_runs(RunRow).where(Run.state.in_(ENDED), *_listed())
    return rows_of(session, RunRow, question.order_by(Run.ended_at.desc(), Run.id.desc()).limit(limit))


def needing_a_look(session: Session, limit: int) -> list[RunRow]:
    """Running runs that stall, then runs that failed or were lost in the last days, newest first.

    Left out is what somebody has looked at: archived runs, and those that were retried (the retry stands for them,
    unless it was stopped or cancelled).
    """
    stalled = select_runs(RunRow).where(Run.state == RunState.RUNNING, Run.stalled, *_listed())
    found = rows_of(session, RunRow, stalled.order_by(Run.last_activity_at.desc(), Run.id.desc()).limit(limit))
    retry = aliased(Run)
    retried = select(retry.id).where(
        retry.parent_id == Run.id,
        retry.relation == Relation.RETRY,
        retry.deleted_at.is_(None),
        retry.state.not_in((RunState.STOPPED, RunState.CANCELLED)),
    )
    ended_badly = select_runs(RunRow).where(
        Run.state.in_((RunState.FAILED, RunState.LOST)),
        *_listed(),
        Run.ended_at >= utc_now() - timedelta(days=LOOK_DAYS),
        ~retried.exists(),
    )
    newest = ended_badly.order_by(Run.ended_at.desc(), Run.id.desc()).limit(max(0, limit - len(found)))
    return found + rows_of(session, RunRow, newest)


def counts_by_state(session: Session) -> dict[RunState, int]:
    """How many runs there are in each state, without the trash."""
    question = select(Run.state, func.count()).where(Run.deleted_at.is_(None)).group_by(Run.state)
    return dict.fromkeys(RunState, 0) | dict(session.execute(question).all())


def attempts(session: Session, run_id: int) -> list[AttemptRow]:
    """Every go at a run, the first one first."""
    found = session.execute(select(*Attempt.__table__.columns).where(Attempt.run_id == run_id).order_by(Attempt.number))
    return [AttemptRow(**row) for row in found.mappings()]


def children(session: Session, run_id: int) -> list[RunRow]:
    """Clones and retries of a run, newest first."""
    question = select_runs(RunRow).where(Run.parent_id == run_id, Run.deleted_at.is_(None))
    return rows_of(session, RunRow, question.order_by(Run.id.desc()))


def set_facts(
    session: Session,
    run_id: int,
    *,
    code: dict[str, Any] | None = None,
    packages: dict[str, Any] | None = None,
    machine: dict[str, Any] | None = None,
    command: str | None = None,
) -> None:
    """What the run was made of; only what is given is changed."""
    given = {"code": code, "packages": packages, "machine": machine, "command": command}
    values = {name: value for name, value in given.items() if value is not None}
    if values:
        session.execute(update(Run).where(Run.id == run_id).values(**values))


def set_wandb(session: Session, run_id: int, wandb: dict[str, Any]) -> None:
    """How the run's mirror at W&B stands: mode, url, folder, points_sent, points_total, trouble."""
    session.execute(update(Run).where(Run.id == run_id).values(wandb=wandb))


def _listed() -> tuple[Any, Any]:
    return Run.deleted_at.is_(None), Run.archived_at.is_(None)


def _model_class(config: Mapping[str, Any]) -> str:
    model = config.get("model")
    class_path = str(model.get("class_path") or "") if isinstance(model, Mapping) else ""
    if len(class_path) > _CLASS_CHARACTERS:
        raise BadValue(f"The import path of the model has {len(class_path):,} characters; {_CLASS_CHARACTERS} at most.")
    return class_path


def _dataset(config: Mapping[str, Any]) -> str | None:
    """The reference that the config itself carries; None when it names no dataset."""
    data = config.get("data")
    arguments = data.get("init_args") if isinstance(data, Mapping) else None
    reference = arguments.get("dataset") if isinstance(arguments, Mapping) else None
    return cut(reference, 300) if isinstance(reference, str) and reference else None


def _config_values(run_id: int, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each leaf, cut to what the columns hold; of leaves that are equal then, the first."""
    seen: set[str] = set()
    for key, value in flatten(config):
        key = cut(key, 300)
        if key not in seen:
            seen.add(key)
            leaf = cut(key.rsplit(".", 1)[-1], 120)
            yield {"run_id": run_id, "key": key, "leaf": leaf, "number": _number(value), "text": cut(str(value), 500)}


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or value != value:
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
