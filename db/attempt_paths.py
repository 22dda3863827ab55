"""Where the files of an attempt lie: both sides of a run, the training process and the supervisor, name them from here.

In the run's folder, for attempt a and rank r: ``logs/attempt-a-rank-r.log`` (all output), ``outcome-a-rank-r.json``
(how the rank says it ended), ``exit-a-rank-r.json`` (exit code, from the process that saw it end),
``process-a-rank-r.json`` (who the rank's process is), ``kills-a.json`` (which ranks the supervisor killed, and why).
"""

from dataclasses import dataclass
from pathlib import Path

from db.home import run_folder


@dataclass(frozen=True)
class AttemptPaths:
    """The paths of one attempt at a run."""

    run_id: int
    attempt: int

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return run_folder(self.run_id)

    def log(self, rank: int) -> Path:
        """Everything that the rank printed."""
        return self.folder / "logs" / f"attempt-{self.attempt}-rank-{rank}.log"

    def outcome_path(self, rank: int) -> Path:
        """Where the rank leaves its outcome."""
        return self._of_rank("outcome", rank)

    def exit_path(self, rank: int) -> Path:
        """Where the exit code is left."""
        return self._of_rank("exit", rank)

    def note_path(self, rank: int) -> Path:
        """Where the rank's process says who it is."""
        return self._of_rank("process", rank)

    @property
    def kills_path(self) -> Path:
        """Where the supervisor notes whom it killed."""
        return self.folder / f"kills-{self.attempt}.json"

    def _of_rank(self, name: str, rank: int) -> Path:
        return self.folder / f"{name}-{self.attempt}-rank-{rank}.json"
