"""Reads a journal from any record on to the last whole one; the format is described in `tracking.journal`.

A torn record at the end is left for later: the rest of it may come, or its writer was killed inside the call. Bytes
that no longer hold what was written (a power cut, a bad disk) are passed over as soon as a good record follows.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from struct import Struct, unpack_from
from zlib import crc32

import numpy as np

MAGIC = b"BANCADA\x01"
HEADER = Struct("<II")  # kind and words as one number, checksum
NAMES, POINTS = 0xBA01, 0xBA02
LONGEST_RECORD_BYTES = 8 + 8 * 0xFFFF
PART_BYTES = 8 * 1024 * 1024

Points = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]  # name -> steps int64, times float64, values float64
Call = tuple[int, float, dict[str, float]]


class NotAJournal(ValueError):
    """The file does not begin like a journal."""


@dataclass(frozen=True)
class Part:
    """What a stretch of a journal holds.

    Attributes:
        points: the points of each metric, in the order in which they were logged.
        end: position after the last whole record; the place to read on from.
        damaged_bytes: bytes between good records that hold nothing readable.
    """

    points: Points
    end: int
    damaged_bytes: int = 0

    @property
    def count(self) -> int:
        """Points of all metrics."""
        return sum(len(values) for _, _, values in self.points.values())


def read_part(path: Path, start: int = 0, most_bytes: int = PART_BYTES) -> Part:
    """The whole records from ``start`` (0, or the ``end`` of another part) within ``most_bytes``.

    Raises:
        FileNotFoundError: when there is no journal yet.
        NotAJournal: when the file is something else.
    """
    with path.open("rb", buffering=0) as file:
        found = _load(file.fileno(), path, start, most_bytes)
        points = _gather(file.fileno(), found.data, found.places)
    return Part(points, found.end, found.damaged)


def read_calls(path: Path, start: int = 0, most_bytes: int = PART_BYTES) -> tuple[list[Call], int]:
    """The same as one (step, epoch seconds, metrics) for each ``log`` call, and the position to read on from.

    There is nothing yet where there is no file.
    """
    if not path.exists():
        return [], start
    calls: list[Call] = []
    names: dict[int, list[str]] = {}
    with path.open("rb", buffering=0) as file:
        found = _load(file.fileno(), path, start, most_bytes)
        for position, words in found.places:
            layout, step, at, *values = unpack_from(f"<qqd{words - 3}d", found.data, position + HEADER.size)
            if layout not in names:
                names[layout] = _names_at(file.fileno(), layout)
            if len(names[layout]) == len(values):
                calls.append((step, at, dict(zip(names[layout], values, strict=True))))
    return calls, found.end


def whole_bytes(path: Path) -> int:
    """Position after the last whole record of the file; 0 for one that is empty or torn inside its first bytes."""
    end = 0
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if not _has_magic(os.pread(file.fileno(), len(MAGIC), 0), path):
            return 0
        end = len(MAGIC)
        while end < size:
            data = os.pread(file.fileno(), PART_BYTES, end)
            _, good, _ = _scan(data, at_end=end + len(data) >= size)
            if good == 0:
                break
            end += good
    return end


@dataclass(frozen=True)
class _Found:
    data: bytes
    places: list[tuple[int, int]]  # in data: (position, words) of each points record
    end: int  # in the file
    damaged: int


def _load(descriptor: int, path: Path, start: int, most_bytes: int) -> _Found:
    """The whole records from ``start`` on."""
    if start == 0:
        if not _has_magic(os.pread(descriptor, len(MAGIC), 0), path):
            return _Found(b"", [], 0, 0)
        start = len(MAGIC)
    size = os.fstat(descriptor).st_size
    most_bytes = max(most_bytes, 2 * LONGEST_RECORD_BYTES) // 8 * 8
    data = os.pread(descriptor, min(most_bytes, max(0, size - start)), start)
    places, end, damaged = _scan(data, at_end=start + len(data) >= size)
    return _Found(data, places, start + end, damaged)


def _has_magic(begin: bytes, path: Path) -> bool:
    """False when the file is still too short to tell."""
    if begin != MAGIC[: len(begin)]:
        raise NotAJournal(f"{path} is not a journal of Bancada: it begins with {begin!r}")
    return len(begin) == len(MAGIC)


def _scan(data: bytes, *, at_end: bool) -> tuple[list[tuple[int, int]], int, int]:
    """Walk over the records.

    Returns:
        ([(position, words) of each points record], position after the last good record, damaged bytes before it).
        When nothing good is left in the middle of a file, the position is near the end of ``data``.
    """
    places: list[tuple[int, int]] = []
    view = memoryview(data)
    position, size, damaged = 0, len(data), 0
    unpack, note = HEADER.unpack_from, places.append
    while position + 8 <= size:
        head, checksum = unpack(data, position)
        kind, words = head & 0xFFFF, head >> 16
        end = position + 8 + 8 * words
        if kind in (NAMES, POINTS) and end <= size:
            if crc32(view[position + 8 : end], _seed(head)) == checksum:
                if kind == POINTS:
                    note((position, words))
                position = end
                continue
        elif kind in (NAMES, POINTS) and not at_end:
            break  # goes on in the next part
        good = _next_good(data, position + 8)
        if good is None and (at_end or position > 0):
            break
        if good is None:
            good = size - LONGEST_RECORD_BYTES  # a whole part of rubbish; a record may begin in its last bytes
            return places, good, good
        damaged += good - position
        position = good
    return places, position, damaged


_seeds: dict[int, int] = {}


def _seed(head: int) -> int:
    """The checksum of a header's first half, remembered: a journal has few different ones."""
    found = _seeds.get(head)
    if found is None:
        if len(_seeds) > 10_000:
            _seeds.clear()
        found = _seeds[head] = crc32(head.to_bytes(4, "little"))
    return found


def _next_good(data: bytes, start: int) -> int | None:
    """Position of the first record from ``start`` on whose checksum is right."""
    if start + 8 > len(data):
        return None
    halves = np.frombuffer(data[start:], dtype="<u2", count=(len(data) - start) // 8 * 4)[::4]  # (words,)
    for word in np.flatnonzero((halves == NAMES) | (halves == POINTS)).tolist():
        position = start + 8 * word
        head, checksum = HEADER.unpack_from(data, position)
        end = position + 8 + 8 * (head >> 16)
        if end <= len(data) and crc32(data[position + 8 : end], _seed(head)) == checksum:
            return position
    return None


def _gather(descriptor: int, data: bytes, places: list[tuple[int, int]]) -> Points:
    """The records' payloads as arrays, one record kind after the other."""
    if not places:
        return {}
    found = np.array(places, dtype=np.int64)  # (records, 2)
    whole = np.frombuffer(data, dtype="<i8", count=len(data) // 8)  # (words,)
    firsts = found[:, 0] // 8 + 1
    layouts = whole[firsts]  # position of the names of each record
    series: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]] = {}
    for layout, words in {(int(a), int(b)) for a, b in zip(layouts, found[:, 1], strict=True)}:
        names = _names_at(descriptor, layout)
        if len(names) != words - 3:
            continue  # the names are damaged, and with them the points
        records = np.flatnonzero((layouts == layout) & (found[:, 1] == words))
        block = whole[firsts[records][:, None] + np.arange(words)]  # (records, words)
        steps, times, values = block[:, 1].copy(), block[:, 2].copy().view("<f8"), block[:, 3:].T.copy().view("<f8")
        for name, row in zip(names, values, strict=True):
            series.setdefault(name, []).append((records, steps, times, row))
    return {name: _in_order(pieces) for name, pieces in series.items()}


def _in_order(
    pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(steps, times, values) of one metric, in the order of the records."""
    if len(pieces) == 1:
        return pieces[0][1:]
    records, steps, times, values = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order = np.argsort(records, kind="stable")
    return steps[order], times[order], values[order]


def _names_at(descriptor: int, position: int) -> list[str]:
    """The names of a NAMES record; none when it is damaged."""
    head_bytes = os.pread(descriptor, HEADER.size, position) if position > 0 else b""
    if len(head_bytes) < HEADER.size:
        return []
    head, checksum = HEADER.unpack(head_bytes)
    text = os.pread(descriptor, 8 * (head >> 16), position + HEADER.size)
    if head & 0xFFFF != NAMES or crc32(text, _seed(head)) != checksum:
        return []
    names: list[str] = json.loads(text)
    return names
