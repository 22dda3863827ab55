"""The journal of an attempt: one append-only binary file, one ``write`` for each ``log`` call.

What was appended lies in the kernel's page cache and outlives the process, however it dies. The file is 8 bytes of
magic and then records; everything is little-endian and a multiple of 8 bytes long::

    header   u16 kind, u16 length of the payload in 8-byte words, u32 checksum of both and of the payload
    NAMES    a JSON list of metric names, padded with spaces
    POINTS   i64 position of the NAMES record in this file, i64 step, f64 epoch seconds, f64 value for each name

A points record names its names by position, so that a reader can begin at any record. Reading is in
`tracking.journal_reading`. Knows no database.
"""

import json
import logging
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from zlib import crc32

from db.home import run_folder
from db.texts import clean
from tracking.journal_reading import HEADER, MAGIC, NAMES, POINTS, whole_bytes

log = logging.getLogger(__name__)
KEPT_POINTS = 1_000_000  # held in memory while the file cannot be written; the oldest go first
RETRY_SECONDS = 1.0
NAMES_A_RECORD = 400  # so that the longest names fit into one record
NAME_CHARACTERS = 200
LAYOUTS = 4096
_PARTLY = "only a part of a record could be written"

Call = tuple[tuple[str, ...], int, float, tuple[float, ...]]  # names, step, epoch seconds, values


def journal_path(run_id: int, attempt: int) -> Path:
    """Where the journal of an attempt lies; the run's folder is made by whoever starts the run."""
    return run_folder(run_id) / f"journal-{attempt}.bin"


class _Layout:
    """How a set of names is written: everything of a record that does not change from call to call."""

    __slots__ = ("head", "pack", "position", "seed")

    def __init__(self, position: int, count: int) -> None:
        self.position = position
        self.pack = struct.Struct(f"<qqd{count}d").pack
        self.head = POINTS | (3 + count) << 16
        self.seed = crc32(self.head.to_bytes(4, "little"))


class Journal:
    """The writing end; one process writes, from any of its threads. A forked child that inherits it writes nothing.

    A file that cannot be written (full disk, quota) raises nothing: the points stay in memory, at most `KEPT_POINTS`
    of them, and are tried again at a later call, at `flush` and at `close`.

    Attributes:
        trouble: why the file cannot be written at the moment; "" when all is well.
        lost_points: points that no longer fitted into memory.

    Raises:
        OSError: when the file cannot be opened.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.trouble = ""
        self.lost_points = 0
        self._clock = clock
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._layouts: dict[tuple[str, ...], _Layout] = {}
        self._kept: deque[Call] = deque()
        self._kept_points = 0
        self._tried_at = 0.0
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        whole = whole_bytes(path)
        if whole < os.fstat(self._file).st_size:
            os.ftruncate(self._file, whole)  # a torn record at the end: its writer was killed inside the call

    @property
    def kept_points(self) -> int:
        """Points that wait in memory because the file cannot be written."""
        return self._kept_points

    def log(self, metrics: Mapping[str, float], step: int, time: float | None = None) -> None:
        """Append one point for each metric. ``time`` is in epoch seconds (default: now).

        Raises:
            TypeError: when a value is not a number; nothing is written then.
        """
        if os.getpid() != self._owner or not metrics:
            return
        at = _now() if time is None else time
        names = tuple(metrics)
        with self._lock:
            layout = self._layouts.get(names)
            if layout is None or self._kept:
                self._log_slowly(names, step, at, metrics)
                return
            try:
                payload = layout.pack(layout.position, step, at, *metrics.values())
            except struct.error:
                raise _not_a_number(metrics, step) from None
            record = HEADER.pack(layout.head, crc32(payload, layout.seed)) + payload
            try:
                written = os.write(self._file, record)
            except OSError as error:
                self._keep((names, step, at, _floats(metrics)), error)
                return
            if written != len(record):
                self._take_back(written)
                self._keep((names, step, at, _floats(metrics)), OSError(_PARTLY))

    def flush(self) -> None:
        """Try again what could not be written; costs nothing when all is written."""
        if os.getpid() != self._owner:
            return  # before the lock: whoever held it at the fork is not here to free it
        with self._lock:
            if self._kept:
                self._try_again()

    def close(self) -> None:
        """Flush and close; points that still cannot be written are lost, and the log says how many."""
        if os.getpid() != self._owner or self._file < 0:
            return
        with self._lock:
            self.flush()
            if self._kept:
                log.error("%s: %s points could not be written (%s)", self.path, self._kept_points, self.trouble)
            os.close(self._file)
            self._file = -1

    def _log_slowly(self, names: tuple[str, ...], step: int, at: float, metrics: Mapping[str, float]) -> None:
        """A call with names that were not there before, or while older points wait in memory."""
        values = _floats(metrics)
        if self._kept:
            self._add((names, step, at, values))
            if self._clock() - self._tried_at >= RETRY_SECONDS:
                self._try_again()
            return
        for start in range(0, len(names), NAMES_A_RECORD):
            part = slice(start, start + NAMES_A_RECORD)
            call = (names[part], step, at, values[part])
            try:
                self._write(call)
            except OSError as error:
                self._keep(call, error)

    def _write(self, call: Call) -> None:
        """One call to the file, with its names before it when they are new.

        Raises:
            OSError: when not all of it could be written; the file is as it was.
        """
        names, step, at, values = call
        layout, definition = self._layouts.get(names), b""
        if layout is None:
            layout, definition = self._define(names)
        payload = layout.pack(layout.position, step, at, *values)
        record = definition + HEADER.pack(layout.head, crc32(payload, layout.seed)) + payload
        written = os.write(self._file, record)
        if definition and written >= len(definition):
            if len(self._layouts) >= LAYOUTS:
                self._layouts.clear()
            self._layouts[names] = layout
            written -= len(definition)  # a whole record stays: it may have been read already
            record = record[len(definition) :]
        if written != len(record):
            self._take_back(written)
            raise OSError(_PARTLY)

    def _define(self, names: tuple[str, ...]) -> tuple[_Layout, bytes]:
        """A layout and the bytes that must be appended now for it to be true."""
        size = os.fstat(self._file).st_size
        magic = MAGIC if size == 0 else b""
        text = json.dumps([_storable(name) for name in names], ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        head = NAMES | (len(text) // 8) << 16
        seed = crc32(head.to_bytes(4, "little"))
        return _Layout(size + len(magic), len(names)), magic + HEADER.pack(head, crc32(text, seed)) + text

    def _take_back(self, written: int) -> None:
        """Remove the first part of a record that did not fit."""
        os.ftruncate(self._file, os.fstat(self._file).st_size - written)

    def _keep(self, call: Call, error: OSError) -> None:
        if not self.trouble:
            log.warning(
                "%s cannot be written (%s); training goes on and points are kept in memory", self.path.name, error
            )
        self.trouble = str(error)
        self._tried_at = self._clock()
        self._add(call)

    def _add(self, call: Call) -> None:
        self._kept.append(call)
        self._kept_points += len(call[0])
        while self._kept_points > KEPT_POINTS:
            oldest = len(self._kept.popleft()[0])
            self._kept_points -= oldest
            self.lost_points += oldest

    def _try_again(self) -> None:
        self._tried_at = self._clock()
        while self._kept:
            try:
                self._write(self._kept[0])
            except OSError as error:
                self.trouble = str(error)
                return
            self._kept_points -= len(self._kept.popleft()[0])
        log.warning("%s can be written again; %s points were lost meanwhile", self.path.name, self.lost_points)
        self.trouble = ""


def _now() -> float:
    return time.time()


def _floats(metrics: Mapping[str, float]) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in metrics.values())
    except (TypeError, ValueError):
        raise _not_a_number(metrics, 0) from None


def _not_a_number(metrics: Mapping[str, float], step: int) -> TypeError:
    for name, value in metrics.items():
        try:
            struct.pack("<d", value)
        except struct.error:
            return TypeError(f"metric {name!r} is not a number: {value!r}")
    return TypeError(f"the step is not a whole number that fits 64 bits: {step!r}")


def _storable(name: str) -> str:
    """A name that every database takes: no zero characters, no half characters, at most `NAME_CHARACTERS`."""
    return clean(str(name))[:NAME_CHARACTERS] or "unnamed"
