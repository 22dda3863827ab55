"""A rank's log, read from its end: a log of any size costs what is shown of it. Knows no Streamlit."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from db.home import run_folder

TAIL_BYTES = 256 * 1024
TAIL_LINES = 1000
LINE_CHARACTERS = 2000
BLOCK_BYTES = 4 * 2**20
MOST_SEARCHED_BYTES = 256 * 2**20
MOST_FOUND = 300
_NAME = re.compile(r"attempt-(\d+)-rank-(\d+)\.log")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


@dataclass(frozen=True)
class LogFile:
    """Everything that one rank printed in one attempt."""

    attempt: int
    rank: int
    path: Path

    @property
    def title(self) -> str:
        """ "rank 0" of the page's pickers."""
        return f"rank {self.rank}"


@dataclass(frozen=True)
class Tail:
    """The end of a log.

    Attributes:
        lines: oldest first.
        size_bytes: of the whole file.
        whole: whether that is all of it.
    """

    lines: list[str]
    size_bytes: int
    whole: bool


@dataclass(frozen=True)
class Found:
    """Lines with the words that were looked for, oldest first; ``complete`` is False when older ones may exist."""

    lines: list[str]
    complete: bool


def log_files(run_id: int) -> list[LogFile]:
    """Every log of a run, the newest attempt first, in it the lowest rank."""
    found = []
    for path in (run_folder(run_id) / "logs").glob("attempt-*-rank-*.log"):
        match = _NAME.fullmatch(path.name)
        if match:
            found.append(LogFile(int(match[1]), int(match[2]), path))
    return sorted(found, key=lambda file: (-file.attempt, file.rank))


def tail(path: Path, most_lines: int = TAIL_LINES) -> Tail:
    """The last lines of a log; empty when it is not there (any more)."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - TAIL_BYTES)
            file.seek(start)
            data = file.read(TAIL_BYTES)
    except OSError:
        return Tail([], 0, whole=True)
    if start:
        data = data.partition(b"\n")[2] or data  # the first line is cut
    lines = as_lines(data)
    return Tail(lines[-most_lines:], size, whole=not start and len(lines) <= most_lines)


def search(path: Path, words: str, most: int = MOST_FOUND) -> Found:
    """The newest lines that contain the words, whatever their case; reads block by block from the end."""
    wanted = words.casefold()
    found: list[str] = []
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            lowest = max(0, end - MOST_SEARCHED_BYTES)
            rest = b""  # the beginning of a line whose start is in the block before
            while end > lowest and len(found) < most:
                start = max(lowest, end - BLOCK_BYTES)
                file.seek(start)
                block = file.read(end - start) + rest
                rest, block = (b"", block) if start == 0 else _split_first_line(block)
                found = [line for line in as_lines(block) if wanted in line.casefold()] + found
                end = start
    except OSError:
        return Found([], complete=True)
    return Found(found[-most:], complete=end == 0 and len(found) <= most)


def as_lines(data: bytes) -> list[str]:
    """Printed bytes as lines that can be shown: no colours, and of a progress bar its last state."""
    lines = []
    for line in data.decode("utf-8", errors="replace").split("\n"):
        text = _ANSI.sub("", line.rstrip("\r").rpartition("\r")[2]).rstrip()
        if text:
            lines.append(text if len(text) <= LINE_CHARACTERS else text[: LINE_CHARACTERS - 1] + "…")
    return lines


def _split_first_line(block: bytes) -> tuple[bytes, bytes]:
    first, mark, others = block.partition(b"\n")
    if not mark and len(block) > 2 * BLOCK_BYTES:  # a line without end: look at it in pieces
        return b"", block
    return first, others
