"""The files of what is deleted for good: rows first; the files go once that is committed."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from db import checkpoints, runs
from db.engine import Session, after_commit
from db.errors import NotFound
from db.home import home, run_folder

_DOOMED = ".deleted-"


def purge(session: Session, ids: Sequence[int]) -> None:
    """Delete runs of the trash for good: rows, and after the commit their folders; one restored meanwhile stays."""
    folders = [run_folder(run_id) for run_id in runs.purge(session, list(ids))]
    after_commit(session, lambda: remove_folders(folders))


def delete_checkpoint(session: Session, checkpoint_id: int) -> None:
    """Mark a checkpoint deleted, and after the commit remove its files.

    Raises:
        NotFound: when it is not there, or its files are gone already.
    """
    row = checkpoints.get(session, checkpoint_id)
    if row.deleted_at is not None:
        raise NotFound(f"The files of checkpoint {checkpoint_id} are gone already.")
    folder = (home() / row.path).resolve()
    if not folder.is_relative_to(run_folder(row.run_id).resolve()):
        raise NotFound(f"The files of checkpoint {checkpoint_id} are not in its run's folder, so they were left alone.")
    checkpoints.mark_deleted(session, [checkpoint_id])
    after_commit(session, lambda: remove_folders([folder]))


def remove_folders(folders: Sequence[Path]) -> None:
    """Remove folders; each vanishes from its place at once, however many files it holds."""
    for folder in folders:
        doomed = folder.with_name(f"{_DOOMED}{folder.name}")
        try:
            folder.rename(doomed)
        except FileNotFoundError:
            continue
        shutil.rmtree(doomed, ignore_errors=True)


def sweep() -> None:
    """Remove what an earlier removal, cut off in the middle, has left."""
    for leftover in (home() / "runs").glob(f"{_DOOMED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
