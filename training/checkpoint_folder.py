"""One checkpoint's folder: its names on the disk, and what is said of it beside the weights."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from training.weights_file import WEIGHTS

FOLDER = "checkpoints"
METRICS = "metrics.json"
WRITING = ".writing-"
REPLACED = ".replaced-"


@dataclass(frozen=True)
class Saved:
    """What is known of a written checkpoint, also kept beside the weights as ``metrics.json``.

    Attributes:
        monitor, value: the metric that chooses the best, and what it was; None when it was not measured here.
    """

    step: int
    epoch: float
    attempt: int
    monitor: str | None
    value: float | None
    size_bytes: int
    sha256: str
    metrics: dict[str, float] = field(default_factory=dict)


def checkpoint_path(run_folder: Path, step: int) -> str:
    """Where the weights of a step are written first; the same on every rank."""
    return str(run_folder / FOLDER / f"{WRITING}{step}" / WEIGHTS)


def hide(folder: Path) -> Path:
    """Let a folder vanish from its place at once, if it is there; returns where it is now."""
    doomed = folder.with_name(f"{REPLACED}{folder.name}")
    with suppress(FileNotFoundError):
        folder.rename(doomed)
    return doomed


def sync(path: Path) -> None:
    """Ask the disk to keep a file or folder over a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
