"""Processes that write points at the same time, and what they write. Knows no Lightning, so that they start quickly."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from db import curves, queue, runs
from db.home import PROJECT_ROOT
from scripts.benchmarks import invented, rows, scratch
from scripts.benchmarks.results import Result, beside, interleaved, median, within
from tracking.recorder import Recorder

NAMES = tuple(f"metric_{number}" for number in range(10))
PROCESSES = 4
CALLS_A_PROCESS = 2_000
ROUNDS = 3
_ONE = "import sys; from scripts.benchmarks.record_writers import write_alone; write_alone(*sys.argv[1:])"


def many_at_once(folder: Path) -> list[Result]:
    """Four processes that write at the same time, each its own run; nothing may be lost."""
    points = PROCESSES * CALLS_A_PROCESS * len(NAMES)
    missing = []

    def ours() -> float:
        ids = [new_run() for _ in range(PROCESSES)]
        seconds = _at_once("ours", ids)
        missing.append(points - sum(count_points(run_id) for run_id in ids))
        return seconds

    def reference() -> float:
        file = folder / f"many-{time.monotonic_ns()}.sqlite"
        rows.open_rows(file).close()
        return _at_once(str(file), list(range(PROCESSES)))

    seconds, others = interleaved(ROUNDS, ours, reference)
    name = f"{PROCESSES} processes at once, {points:,} points"
    return [
        beside(f"{name}, until readable", median(seconds), "s", median(others), 1.0,
               against="as many processes with sqlite3.executemany; the slowest process of each, without its start"),
        within(f"{name}, points that are gone", float(sum(missing)), "points", 0.0),
    ]  # fmt: skip


def _at_once(target: str, ids: list[int]) -> float:
    """Seconds that the slowest of the processes took; they begin together, when all are ready."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _ONE, target, str(number)],
            cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in ids
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("a writing process could not begin")
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=300)[0] for process in started]
    if any(process.returncode for process in started):
        raise RuntimeError("a writing process failed")
    return max(float(text) for text in said)


def write_alone(target: str, number_text: str) -> None:
    """One of the processes: says that it is ready, waits for a line, prints its seconds."""
    number = int(number_text)
    points = as_rows(number, CALLS_A_PROCESS)
    database = scratch.database()
    with database.reading() as session:
        runs.counts_by_state(session)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    if target == "ours":
        recorder = Recorder(database, number, 1).start()
        log_calls(recorder, CALLS_A_PROCESS)
        if not recorder.close(timeout_seconds=120):
            raise RuntimeError("not everything was stored in time")
    else:
        connection = rows.open_rows(Path(target))
        connection.execute("PRAGMA busy_timeout = 60000")
        rows.write_rows(connection, points)
    print(time.perf_counter() - began)


def new_run() -> int:
    """A run whose processes are being made."""
    with scratch.database().writing() as session:
        run_id = runs.create(session, name="record", config=invented.config(np.random.default_rng(0)))
        queue.claim(session, run_id, "bench", ["cpu"])
    return run_id


def log_calls(recorder: Recorder, calls: int) -> None:
    """Calls of ten values."""
    for step in range(calls):
        recorder.log(dict.fromkeys(NAMES, step / 3), step)


def count_points(run_id: int) -> int:
    """Points of a run that can be read from the database, read."""
    with scratch.database().reading() as session:
        return sum(len(curves.read(session, run_id, name).values) for name in NAMES)


def as_rows(number: int, calls: int) -> list[tuple[int, str, int, float, float]]:
    """The same points as rows."""
    return [(number, name, step, 1.7e9 + step, step / 3) for step in range(calls) for name in NAMES]
