"""What can be done to many runs at once. Knows no Streamlit.

Other people and the supervisor change runs at the same time: whatever does not apply to a run any more leaves it as it
is, and the answer says how many that were.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from db import runs
from db.engine import Session
from db.errors import IllegalMove, NotFound
from db.rows import RunRow
from jobs import control, trash
from pages.parts.runs_link import Shelf

MAY_STOP = "status in (queued, active)"
ACTIVE_ONLY = "status = active"
ENDED_ONLY = "status = ended"
MAY_RESUME = "status in (stopped, failed, lost, cancelled)"


@dataclass(frozen=True)
class Done:
    """What an act did: to which runs, and one sentence about it."""

    ids: tuple[int, ...]
    said: str


@dataclass(frozen=True)
class DeletePlan:
    """What a delete would do.

    Attributes:
        free: the runs that can be deleted.
        blocking: the active ones that stand in the way.
        size_bytes: what the deletion of the free ones frees.
    """

    free: tuple[int, ...]
    blocking: tuple[RunRow, ...]
    size_bytes: int


def many(number: int) -> str:
    """ "1 run", "1,234 runs"."""
    return "1 run" if number == 1 else f"{number:,} runs"


def of_shelf(session: Session, shelf: Shelf, ids: Iterable[int], query: str = "") -> list[int]:
    """Those of some runs that still lie on a shelf and match a filter, smallest id first."""
    there = runs.matching_ids(session, query, archived=shelf is Shelf.ARCHIVED, trash=shelf is Shelf.TRASH)
    return sorted(set(ids).intersection(there))


def end(session: Session, shelf: Shelf, ids: Sequence[int], who: str, *, pause: bool) -> Done:
    """Stop or pause what runs, and take what waits out of the queue."""
    chosen = of_shelf(session, shelf, ids, MAY_STOP)
    if chosen:
        (control.pause if pause else control.stop)(session, chosen, who)
    return Done(tuple(chosen), _sentence("asked to pause" if pause else "asked to stop", chosen, ids, "had ended"))


def resume(session: Session, shelf: Shelf, ids: Sequence[int], who: str) -> Done:
    """Put what ended before its end into the queue again."""
    done = []
    for run_id in of_shelf(session, shelf, ids, MAY_RESUME):
        try:
            control.resume(session, run_id, who)
        except (IllegalMove, NotFound):
            continue  # it changed between the question and the move; the sentence counts it
        done.append(run_id)
    return Done(tuple(done), _sentence("queued to go on", done, ids, "could not be resumed"))


def tag(session: Session, shelf: Shelf, ids: Sequence[int], who: str, tags: Sequence[str], *, remove: bool) -> Done:
    """Add tags to runs, or take tags away."""
    chosen = of_shelf(session, shelf, ids)
    (runs.remove_tags if remove else runs.add_tags)(session, chosen, list(tags), who)
    return Done(tuple(chosen), _sentence("untagged" if remove else "tagged", chosen, ids, "had gone"))


def archive(session: Session, shelf: Shelf, ids: Sequence[int], who: str) -> Done:
    """Put runs that have ended out of sight, without deleting anything."""
    return _put(session, shelf, ids, who, runs.archive, "archived", ENDED_ONLY)


def unarchive(session: Session, shelf: Shelf, ids: Sequence[int], who: str) -> Done:
    """Bring archived runs back."""
    return _put(session, shelf, ids, who, runs.unarchive, "brought back from the archive")


def restore(session: Session, shelf: Shelf, ids: Sequence[int], who: str) -> Done:
    """Take runs out of the trash."""
    return _put(session, shelf, ids, who, control.restore, "restored")


def plan_delete(session: Session, shelf: Shelf, ids: Sequence[int]) -> DeletePlan:
    """What a delete would take and free, and what stands in its way."""
    there = of_shelf(session, shelf, ids)
    active = set(of_shelf(session, shelf, there, ACTIVE_ONLY))
    free = tuple(run_id for run_id in there if run_id not in active)
    blocking = tuple(runs.get(session, run_id) for run_id in sorted(active))
    return DeletePlan(free, blocking, runs.bytes_of(session, free) if free else 0)


def delete(session: Session, shelf: Shelf, ids: Sequence[int], who: str) -> Done:
    """Move runs to the trash; those that are active by now stay."""
    plan = plan_delete(session, shelf, ids)
    moved = control.delete(session, plan.free, who) if plan.free else []
    return Done(tuple(moved), _sentence("moved to the trash", moved, ids, "stayed"))


def purge(session: Session, ids: Sequence[int]) -> Done:
    """Delete runs of the trash for good, files and rows."""
    doomed = of_shelf(session, Shelf.TRASH, ids)
    trash.purge(session, doomed)
    return Done(tuple(doomed), _sentence("deleted for good", doomed, ids, "had left the trash"))


def _put(
    session: Session,
    shelf: Shelf,
    ids: Sequence[int],
    who: str,
    put: Callable[[Session, list[int], str], None],
    what: str,
    query: str = "",
) -> Done:
    chosen = of_shelf(session, shelf, ids, query)
    put(session, chosen, who)
    return Done(tuple(chosen), _sentence(what, chosen, ids, "have not ended" if query else "had gone elsewhere"))


def _sentence(what: str, done: Sequence[int], asked: Sequence[int], otherwise: str) -> str:
    left = len(set(asked)) - len(done)
    if not done:
        return f"No run was {what}: {many(left)} {otherwise}."
    return f"{many(len(done))} {what}" + (f"; {left:,} {otherwise}." if left else ".")
