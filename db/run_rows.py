"""From columns of the table ``runs`` to the rows that leave the database."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from db.errors import NotFound
from db.rows import RunDetail, RunRow
from db.states import RunState
from db.tables import Run, RunTag

Kind = TypeVar("Kind", bound=RunRow)
IDS_PER_STATEMENT = 1_000  # databases limit the parameters of one statement
_NOT_COLUMNS = ("tags", "values")


def select_runs(kind: type[RunRow]) -> Select[Any]:
    """A question for the columns of ``kind``, to be narrowed and sorted; hand it to `rows_of`."""
    return select(*(getattr(Run, one.name) for one in fields(kind) if one.name not in _NOT_COLUMNS))


def rows_of(session: Session, kind: type[Kind], question: Select[Any]) -> list[Kind]:
    """The answer to a question made with `select_runs`, with tags."""
    found = session.execute(question).mappings().all()
    tags = tags_by_run(session, [row["id"] for row in found])
    return [kind(**row, tags=tags.get(row["id"], ())) for row in found]


def tags_by_run(session: Session, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Run to its tags, in alphabetical order; a run without tags is left out."""
    found: dict[int, list[str]] = {}
    for some in batches(ids):
        for run_id, tag in session.execute(select(RunTag.run_id, RunTag.tag).where(RunTag.run_id.in_(some))):
            found.setdefault(run_id, []).append(tag)
    return {run_id: tuple(sorted(tags)) for run_id, tags in found.items()}


def detail(session: Session, run_id: int) -> RunDetail:
    """Everything recorded of a run, or NotFound."""
    found = rows_of(session, RunDetail, select_runs(RunDetail).where(Run.id == run_id))
    if not found:
        raise NotFound(f"There is no run {run_id}; it may have been deleted for good.")
    return found[0]


def lock_state(session: Session, run_id: int) -> RunState:
    """The state of a run that nobody else changes before this transaction ends; NotFound when it is not there."""
    state = session.scalar(select(Run.state).where(Run.id == run_id).with_for_update())
    if state is None:
        raise NotFound(f"There is no run {run_id}; it may have been deleted for good.")
    return state


def lock_states(session: Session, ids: Iterable[int]) -> dict[int, RunState]:
    """Run to state, locked like in `lock_state`; runs that are gone are left out, NotFound when all are."""
    asked = sorted(set(ids))  # always in the same order, so that two transactions never wait for each other
    found: dict[int, RunState] = {}
    for some in batches(asked):
        question = select(Run.id, Run.state).where(Run.id.in_(some)).order_by(Run.id).with_for_update()
        found.update((run_id, state) for run_id, state in session.execute(question))
    if asked and not found:
        names = ", ".join(str(one) for one in asked[:5])
        raise NotFound(f"There is no run {names}{' …' if len(asked) > 5 else ''}; deleted for good, perhaps.")
    return found


def batches(ids: Sequence[int], size: int = IDS_PER_STATEMENT) -> Iterator[Sequence[int]]:
    """The ids in parts that fit into one statement."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
