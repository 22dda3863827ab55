"""What people write on runs: name, notes, tags, and the archive. Each change is an event that says who made it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.errors import BadValue, IllegalMove
from db.events import add_event, add_events
from db.run_rows import batches, lock_state, lock_states, tags_by_run
from db.tables import Run, RunTag
from db.texts import MOST_TAGS, name_of, notes_of, tags_of
from db.types import utc_now


def set_name(session: Session, run_id: int, text: str, who: str) -> None:
    """Rename a run.

    Raises:
        BadValue: when the name is empty or too long. NotFound: when there is no such run.
    """
    name = name_of(text)
    lock_state(session, run_id)
    if name != session.scalar(select(Run.name).where(Run.id == run_id)):
        session.execute(update(Run).where(Run.id == run_id).values(name=name))
        add_event(session, run_id, who, f"renamed to “{name}”")


def set_notes(session: Session, run_id: int, text: str, who: str) -> None:
    """Replace a run's notes.

    Raises:
        BadValue: when they are too long. NotFound: when there is no such run.
    """
    notes = notes_of(text)
    lock_state(session, run_id)
    if notes != session.scalar(select(Run.notes).where(Run.id == run_id)):
        session.execute(update(Run).where(Run.id == run_id).values(notes=notes))
        add_event(session, run_id, who, "changed the notes" if notes else "removed the notes")


def set_tags(session: Session, run_id: int, tags: Iterable[str], who: str) -> None:
    """Replace a run's tags.

    Raises:
        BadValue: when one is too long or they are too many. NotFound: when there is no such run.
    """
    wanted = tags_of(tags)
    lock_state(session, run_id)
    present = tags_by_run(session, [run_id]).get(run_id, ())
    if set(wanted) == set(present):
        return
    session.execute(delete(RunTag).where(RunTag.run_id == run_id))
    if wanted:
        session.execute(insert(RunTag), [{"run_id": run_id, "tag": tag} for tag in wanted])
    add_event(session, run_id, who, f"tagged {', '.join(sorted(wanted))}" if wanted else "removed all tags")


def add_tags(session: Session, ids: Sequence[int], tags: Iterable[str], who: str) -> None:
    """Give runs tags beside those that they have.

    Raises:
        BadValue: when a tag is too long, or a run would have too many; then nothing is changed. NotFound.
    """
    wanted = tags_of(tags)
    found = lock_states(session, ids)
    present = tags_by_run(session, list(found))
    missing = {one: [tag for tag in wanted if tag not in present.get(one, ())] for one in found}
    for run_id, new in missing.items():
        if new and len(new) + len(present.get(run_id, ())) > MOST_TAGS:
            raise BadValue(f"Run {run_id} would have more than {MOST_TAGS} tags; remove some first.")
    rows = [{"run_id": one, "tag": tag} for one, new in missing.items() for tag in new]
    if rows:
        session.execute(insert(RunTag), rows)
        add_events(session, [one for one, new in missing.items() if new], who, f"tagged {', '.join(wanted)}")


def remove_tags(session: Session, ids: Sequence[int], tags: Iterable[str], who: str) -> None:
    """Take tags from runs; a run without them stays as it is. NotFound when none of the runs is there."""
    unwanted = tags_of(tags)
    found = lock_states(session, ids)
    present = tags_by_run(session, list(found))
    changed = [one for one in found if set(unwanted) & set(present.get(one, ()))]
    for some in batches(changed):
        session.execute(delete(RunTag).where(RunTag.run_id.in_(some), RunTag.tag.in_(unwanted)))
    add_events(session, changed, who, f"removed the tag {', '.join(unwanted)}")


def known_tags(session: Session) -> list[str]:
    """Every tag in use outside the trash, the most used first."""
    used = select(RunTag.tag).join(Run, Run.id == RunTag.run_id).where(Run.deleted_at.is_(None))
    return list(session.scalars(used.group_by(RunTag.tag).order_by(func.count().desc(), RunTag.tag)))


def archive(session: Session, ids: Sequence[int], who: str) -> None:
    """Put ended runs out of sight; they stay findable.

    Raises:
        IllegalMove: when one has not ended; then nothing is archived. NotFound: when none is there.
    """
    found = lock_states(session, ids)
    for run_id, state in found.items():
        if not state.ended:
            raise IllegalMove(f"Run {run_id} is {state.value}; only runs that have ended can be archived.")
    changed: list[int] = []
    for some in batches(list(found)):
        open_ = (Run.id.in_(some), Run.archived_at.is_(None))
        changed += session.scalars(update(Run).where(*open_).values(archived_at=utc_now()).returning(Run.id))
    add_events(session, sorted(changed), who, "archived")


def unarchive(session: Session, ids: Sequence[int], who: str) -> None:
    """Bring archived runs back into sight. NotFound when none is there."""
    changed: list[int] = []
    for some in batches(list(lock_states(session, ids))):
        archived = (Run.id.in_(some), Run.archived_at.is_not(None))
        changed += session.scalars(update(Run).where(*archived).values(archived_at=None).returning(Run.id))
    add_events(session, sorted(changed), who, "taken out of the archive")
