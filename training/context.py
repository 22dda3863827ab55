"""What every part of a rank must know: the run, this process's place in it, and the recorder of rank 0."""

from dataclasses import dataclass
from pathlib import Path

from db.engine import Database
from db.home import run_folder
from db.rows import RunDetail
from db.run_config import RunConfig
from tracking.recorder import Recorder


@dataclass(frozen=True)
class RunContext:
    """One rank of one attempt at a run.

    Attributes:
        recorder: of rank 0; None elsewhere.
        resume_from: the checkpoint's folder to go on from.
    """

    run: RunDetail
    config: RunConfig
    database: Database
    rank: int
    world_size: int
    attempt: int
    recorder: Recorder | None = None
    resume_from: Path | None = None

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return run_folder(self.run.id)
