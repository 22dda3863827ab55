"""The files by which the processes of a run and the supervisor tell each other what happened, whoever dies first.

Their names are in `db.attempt_paths`.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.attempt_paths import AttemptPaths
from db.json_files import read_json, write_json
from db.states import Reason, RunState
from jobs.processes import Identity

TAIL_BYTES = 64 * 1024
LAST_LINES = 40


@dataclass(frozen=True)
class Outcome:
    """How a rank says it ended."""

    state: RunState
    reason: Reason
    text: str
    traceback: str
    at: datetime


@dataclass(frozen=True)
class Exit:
    """How a process was seen to end: its exit code, negative for a signal."""

    code: int
    at: datetime


class AttemptFiles(AttemptPaths):
    """The files of one attempt at a run, written and read."""

    def prepare(self) -> None:
        """Make the folders, and see that they can be written.

        Raises:
            OSError: when they cannot.
        """
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        probe = self.folder / "logs" / ".probe"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()

    def clear(self) -> None:
        """Take away what an attempt that never began has left."""
        for pattern in ("outcome", "exit", "process"):
            for path in self.folder.glob(f"{pattern}-{self.attempt}-rank-*.json"):
                path.unlink(missing_ok=True)
        self.kills_path.unlink(missing_ok=True)

    def outcome(self, rank: int) -> Outcome | None:
        """The rank's own word, or None."""
        found = read_json(self.outcome_path(rank))
        if found is None:
            return None
        try:
            return Outcome(
                RunState(found["state"]),
                Reason(found["reason"]),
                str(found.get("text", "")),
                str(found.get("traceback", "")),
                _time(found["at"]),
            )
        except (KeyError, ValueError):
            return None

    def exit(self, rank: int) -> Exit | None:
        """The rank's exit code, or None when nobody saw it."""
        found = read_json(self.exit_path(rank))
        return Exit(int(found["code"]), _time(found["at"])) if found else None

    def processes(self) -> dict[int, Identity]:
        """Rank to process, of those ranks whose process has said who it is."""
        found = {}
        for path in self.folder.glob(f"process-{self.attempt}-rank-*.json"):
            values = read_json(path)
            if values:
                found[int(path.stem.rpartition("-")[2])] = Identity.from_dict(values)
        return found

    def note_kill(self, ranks: Iterable[int], why: str) -> None:
        """Remember, before it is done, that ranks are killed by the supervisor."""
        write_json(self.kills_path, {**self.kills(), **{str(rank): why for rank in ranks}})

    def kills(self) -> dict[str, str]:
        """Rank (as text) to why the supervisor killed it: "sibling", "stop" or "hung"."""
        return read_json(self.kills_path) or {}

    def last_lines(self, rank: int, count: int = LAST_LINES) -> str:
        """The end of the rank's log."""
        return last_lines(self.log(rank), count)


def last_lines(path: Path, count: int = LAST_LINES) -> str:
    """The last lines of a text file, without reading all of it; empty when it is not there.

    Of a line that a progress bar wrote over, the last state is kept.
    """
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-count:])


def folder_bytes(folder: Path) -> int:
    """Bytes of all files under a folder; what vanishes meanwhile counts nothing."""
    total = 0
    stack = [folder]
    while stack:
        try:
            entries = list(os.scandir(stack.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
            except OSError:
                continue
    return total


def _time(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
