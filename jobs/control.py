"""What a person can ask of runs. Every function takes a session and never commits; the supervisor is woken after.

A stop is a request in the run's row: it is seen by the run itself and enforced by the supervisor.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from db import checkpoints, progress, queue, runs
from db.config_paths import put
from db.engine import Session, after_commit
from db.errors import IllegalMove, NotFound
from db.rows import CheckpointRow
from db.run_config import read_config
from db.states import ENDED, Relation, RunState
from db.texts import NAME_CHARACTERS
from jobs import trash
from jobs.launch import launch
from jobs.wake import wake


def stop(session: Session, ids: Sequence[int], who: str) -> None:
    """End runs: running ones save a checkpoint first, queued ones leave the queue, ended ones stay as they are."""
    _ask_to_end(session, ids, who, "stop")


def pause(session: Session, ids: Sequence[int], who: str) -> None:
    """Like `stop`, but said to be for a while: the run can go on with `resume`."""
    _ask_to_end(session, ids, who, "pause")


def cancel(session: Session, ids: Sequence[int], who: str) -> None:
    """Take runs out of the queue; one that starts at this very moment is stopped instead."""
    _ask_to_end(session, ids, who, "stop")


def resume(session: Session, run_id: int, who: str, checkpoint_id: int | None = None) -> str:
    """Put an ended run into the queue again, to go on from its last checkpoint or a given one.

    Returns:
        One sentence for a person: from where it goes on.

    Raises:
        IllegalMove: when it has not ended, or finished.
        NotFound: when the run, or the checkpoint, is not there (any more).
    """
    run = runs.get(session, run_id)
    if run.state is RunState.FINISHED:
        raise IllegalMove(f"Run {run_id} finished; clone it with more epochs to train further.")
    if run.state not in ENDED:
        raise IllegalMove(f"Run {run_id} is {run.state.value}; only a run that has ended can be resumed.")
    if run.deleted_at is not None:
        raise IllegalMove(f"Run {run_id} is in the trash; restore it first.")
    chosen = _checkpoint(session, run_id, checkpoint_id)
    queue.requeue(session, run_id, who, chosen.id if chosen else None, chosen.step if chosen else None)
    after_commit(session, wake)
    lost = checkpoints.latest(session, run_id) if checkpoint_id is None else None
    why = f"The files of its checkpoint of step {lost.step:,} are gone: " if lost and lost != chosen else ""
    if chosen is not None:
        return f"{why}Run {run_id} goes on from step {chosen.step:,}."
    return f"{why or f'Run {run_id} has no checkpoint, so '}it starts from the beginning."


def retry(session: Session, run_id: int, who: str, changes: Mapping[str, Any] | None = None) -> int:
    """Launch a new run with the config of another, some of it changed; returns the new run's id.

    Args:
        changes: dotted key of the config to value, such as {"data.init_args.batch_size": 16}.

    Raises:
        ConfigError: when the changed config cannot be used.
        NotFound: when there is no such run.
    """
    run = runs.get(session, run_id)
    config = read_config(with_changes(run.config, changes or {}))
    return launch(
        session,
        config,
        name=_retry_name(run.name),
        tags=run.tags,
        notes=run.notes,
        mirror=run.mirror,
        preset=run.preset,
        who=who,
        parent_id=run_id,
        relation=Relation.RETRY,
    )


def move(session: Session, run_id: int, before: int | None, who: str) -> None:
    """Move a queued run before another one, or to the queue's end."""
    queue.move(session, run_id, before, who)
    after_commit(session, wake)


def delete(session: Session, ids: Sequence[int], who: str) -> list[int]:
    """Move runs to the trash, where they can be restored for some days; returns those that were moved.

    Raises:
        IllegalMove: when one is active; the message names it, and nothing is moved.
    """
    return runs.move_to_trash(session, list(ids), who)


def restore(session: Session, ids: Sequence[int], who: str) -> None:
    """Take runs out of the trash."""
    runs.restore(session, list(ids), who)


def empty_trash(session: Session, who: str) -> int:
    """Delete everything in the trash for good, files and rows; returns how many runs went."""
    del who  # no row is left that could say who
    doomed = runs.trash_older_than(session, 0)
    trash.purge(session, doomed)
    return len(doomed)


def delete_checkpoint(session: Session, checkpoint_id: int, who: str) -> None:
    """Remove the files of one checkpoint; its row stays and says that they are gone.

    Raises:
        NotFound: when it is not there, or its files are gone already.
    """
    row = checkpoints.get(session, checkpoint_id)
    trash.delete_checkpoint(session, checkpoint_id)
    runs.add_event(session, row.run_id, who, f"deleted the checkpoint of step {row.step:,}")


def with_changes(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a config with dotted keys set; parts on the way that are not there are made."""
    changed = copy.deepcopy(dict(config))
    for path, value in changes.items():
        put(changed, path, value)
    return changed


def _ask_to_end(session: Session, ids: Sequence[int], who: str, kind: str) -> None:
    states = {run_id: runs.get(session, run_id).state for run_id in ids}
    queued = [run_id for run_id, state in states.items() if state is RunState.QUEUED]
    active = [run_id for run_id, state in states.items() if state.active]
    if queued:
        queue.cancel(session, queued, who)
    if active:
        progress.request_stop(session, active, who, kind)
    after_commit(session, wake)


def _checkpoint(session: Session, run_id: int, checkpoint_id: int | None) -> CheckpointRow | None:
    if checkpoint_id is None:
        return checkpoints.resumable(session, run_id)
    chosen = checkpoints.get(session, checkpoint_id)
    if chosen.run_id != run_id:
        raise NotFound(f"Checkpoint {checkpoint_id} is not one of run {run_id}.")
    if not checkpoints.has_files(chosen):
        raise NotFound(f"The files of checkpoint {checkpoint_id} are gone; choose another one.")
    return chosen


def _retry_name(name: str) -> str:
    base, _, last = name.rpartition(" (retry")
    if base and last.endswith(")"):
        number = last.removesuffix(")").strip()
        name, ending = base, f" (retry {int(number) + 1 if number.isdigit() else 2})"
    else:
        ending = " (retry)"
    return name[: NAME_CHARACTERS - len(ending)] + ending
