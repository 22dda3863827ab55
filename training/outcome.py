"""How a rank ended: an exception becomes a reason class, a sentence for a person and what to do next.

The outcome is left as a file in the run's folder, where the supervisor (or ``python -m training``) finds it.
"""

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError
from catalog.objects import NO_SPACE
from db.home import home
from db.json_files import write_json
from db.run_config import ConfigError
from db.states import Reason, RunState
from features.base import FeaturesError

_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|bad_alloc|CUBLAS_STATUS_ALLOC_FAILED"
    r"|DefaultCPUAllocator|unable to allocate .* for an array",
    re.IGNORECASE,
)
_BROKEN_SIBLING = re.compile(
    r"connection (closed|reset) by peer|connection refused|broken pipe|NCCL .*(remote|peer)|socket (closed|timeout)"
    r"|connectFullMesh failed",
    re.IGNORECASE,
)
_BAD_DATA = ("pyarrow", "PIL", "zipfile", "json.decoder", "csv")


class NotFinite(ArithmeticError):
    """A loss is NaN or infinite."""


class Stopped(Exception):
    """Not an error: somebody asked the run to end, and what had to be saved is saved.

    Attributes:
        kind: "stop" or "pause".
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class BuildError(ConfigError):
    """A class of the config cannot be found or made; the message is the class's own."""


@dataclass(frozen=True)
class Outcome:
    """How a rank says it ended."""

    state: RunState
    reason: Reason
    text: str
    traceback: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the file."""
        return {
            "state": self.state.value,
            "reason": self.reason.value,
            "text": self.text,
            "traceback": self.traceback,
            "at": self.at.isoformat(),
        }


def leave(path: Path, outcome: Outcome) -> None:
    """Write the outcome whole or not at all.

    Raises:
        OSError: when the disk has no room even for that.
    """
    write_json(path, outcome.as_dict())


def of_exception(error: BaseException) -> Outcome:
    """What an exception means for the run."""
    if isinstance(error, Stopped):
        reason = Reason.PAUSED if error.kind == "pause" else Reason.STOPPED_BY_USER
        return Outcome(RunState.STOPPED, reason, str(error))
    reason, text = _judge(error)
    return Outcome(RunState.FAILED, reason, text, "".join(traceback.format_exception(error)))


def is_disk_full(error: BaseException) -> bool:
    """Whether a write failed because there was no room."""
    return any(isinstance(one, OSError) and one.errno in NO_SPACE for one in _chain(error)) or any(
        "No space left on device" in str(one) for one in _chain(error)
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, in whatever words a library says so."""
    for one in _chain(error):
        if isinstance(one, MemoryError) or type(one).__name__ == "OutOfMemoryError":
            return True
        if isinstance(one, RuntimeError | OSError | ValueError) and _MEMORY.search(str(one)):
            return True
    return False


def is_broken_sibling(error: BaseException) -> bool:
    """Whether this rank only fell over the end of another one."""
    return any(isinstance(one, RuntimeError) and _BROKEN_SIBLING.search(str(one)) for one in _chain(error))


def _judge(error: BaseException) -> tuple[Reason, str]:
    """The most telling reading first."""
    if is_disk_full(error):
        return Reason.DISK_FULL, _disk_text(error)
    if is_out_of_memory(error):
        return Reason.OUT_OF_MEMORY, f"Out of memory: {_first_line(error)} A smaller batch or model needs less."
    if isinstance(error, NotFinite):
        return Reason.NOT_FINITE, str(error)
    if (data := _data_error(error)) is not None:
        return Reason.DATA_ERROR, data
    if isinstance(error, ConfigError) or _misconfigured(error):
        return Reason.CONFIG_ERROR, str(error)
    if isinstance(error, KeyboardInterrupt):
        return Reason.SIGNAL, "It was interrupted (SIGINT)."
    if is_broken_sibling(error):
        return Reason.EXCEPTION, f"The connection to another rank broke; see that rank's log. {_first_line(error)}"
    return Reason.EXCEPTION, f"{type(error).__name__}: {_first_line(error)}".rstrip(": ")


def _misconfigured(error: BaseException) -> bool:
    """Lightning refuses a setting, or early stopping watches a metric that the model does not log."""
    in_vain = isinstance(error, RuntimeError) and str(error).startswith("Early stopping conditioned on metric")
    return in_vain or type(error).__name__ == "MisconfigurationException"


def _data_error(error: BaseException) -> str | None:
    for one in _chain(error):
        if isinstance(one, CatalogError | FeaturesError):
            return str(one)
    for one in _chain(error):
        if isinstance(one, FileNotFoundError | IsADirectoryError | PermissionError) and one.filename:
            return f"{one.strerror}: {one.filename}. Put the file there, or correct the path, and start again."
        if type(one).__module__.startswith(_BAD_DATA):
            return f"A data file cannot be read: {_first_line(one)}"
    return None


def _disk_text(error: BaseException) -> str:
    doing = next((note for one in _chain(error) for note in getattr(one, "__notes__", ())), "something was written")
    return (
        f"The disk of {home()} is full: {doing}. Checkpoints that were there are whole. "
        "Make room (empty the trash, delete checkpoints) and resume."
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text[:500] if text.endswith((".", "!", "?")) else f"{text[:500]}."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it, or was being handled when it came."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
