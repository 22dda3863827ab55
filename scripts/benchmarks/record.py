"""Recording: what a ``log`` call costs the caller, and how long until its points can be read from the database."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from db import curves
from db.home import run_folder
from scripts.benchmarks import rows, scratch
from scripts.benchmarks.record_writers import NAMES, as_rows, count_points, log_calls, many_at_once, new_run
from scripts.benchmarks.results import Result, beside, interleaved, median, within
from tracking.lightning_logger import BancadaLogger
from tracking.recorder import Recorder

CALLS = 10_000
ROUNDS = 5
WANDB_CALLS = 2_000

_WANDB = """
import json, sys, time
from pathlib import Path
import wandb
quiet = wandb.Settings(root_dir=sys.argv[1], console="off", silent=True, x_disable_stats=True, disable_git=True)
run = wandb.init(project="bench", mode="offline", settings=quiet)
names, taken = json.loads(sys.argv[2]), []
for step in range(int(sys.argv[3])):
    metrics = {name: step / 3 for name in names}
    began = time.perf_counter_ns()
    run.log(metrics, step=step)
    taken.append(time.perf_counter_ns() - began)
run.finish()
written = sum(file.stat().st_size for file in Path(sys.argv[1]).glob("wandb/*/*.wandb"))
print(json.dumps([taken, written]))
"""


def measure() -> list[Result]:
    """The rows of recording."""
    with scratch.data_folder() as folder:
        return [*_call_cost(folder), *_until_readable(folder), *many_at_once(folder)]


def _call_cost(folder: Path) -> list[Result]:
    """Microseconds of one call, its dictionary made before."""
    recorder = Recorder(scratch.database(), new_run(), 1).start()
    logger = BancadaLogger(recorder, run_id=recorder.run_id)
    file = os.open(folder / "bare.bin", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    record = bytes(8 * (4 + len(NAMES)))

    def ours(metrics: Mapping[str, float], step: int) -> None:
        logger.log_metrics(metrics, step)

    def bare(_metrics: Mapping[str, float], _step: int) -> None:
        os.write(file, record)

    taken: dict[Callable[..., None], list[float]] = {ours: [], bare: []}
    for _ in range(ROUNDS):
        for act, costs in taken.items():
            costs += _timed(act)
    os.close(file)
    recorder.close()
    wandb, wandb_bytes = _wandb(folder)
    said = (
        f"wandb 0.31 offline, the same ten values; a bare os.write of as many bytes takes "
        f"{_at(taken[bare], 50):.2g} µs (99th percentile {_at(taken[bare], 99):.2g} µs)"
    )
    cost, late = _at(taken[ours], 50), _at(taken[ours], 99)
    return [
        within("log_metrics of 10 values, caller's cost, median", cost, "µs", 10.0, reference=_at(wandb, 50),
               against=said),
        beside("log_metrics of 10 values, caller's cost, 99th percentile", late, "µs", _at(wandb, 99), 1.0,
               against=said),
        _disk(folder, wandb_bytes),
    ]  # fmt: skip


def _timed(act: Callable[[Mapping[str, float], int], None]) -> list[float]:
    taken = []
    for step in range(CALLS // ROUNDS):
        metrics = dict.fromkeys(NAMES, step / 3)
        began = time.perf_counter_ns()
        act(metrics, step)
        taken.append((time.perf_counter_ns() - began) / 1000)
    return taken


def _wandb(folder: Path) -> tuple[list[float], float]:
    """(microseconds of each call, bytes a point on the disk) of wandb offline."""
    command = [sys.executable, "-c", _WANDB, str(folder), json.dumps(NAMES), str(WANDB_CALLS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"wandb could not be measured:\n{done.stderr[-2000:]}")
    taken, written = json.loads(done.stdout.splitlines()[-1])
    return [nanoseconds / 1000 for nanoseconds in taken], written / (WANDB_CALLS * len(NAMES))


def _at(values: list[float], percentile: float) -> float:
    return float(np.percentile(values, percentile))


def _until_readable(folder: Path) -> list[Result]:
    """10,000 calls of ten values until all are in the database, beside rows with ``executemany``."""
    numbers = iter(range(1_000_000))

    def ours() -> float:
        run_id = new_run()
        began = time.perf_counter()
        recorder = Recorder(scratch.database(), run_id, 1).start()
        log_calls(recorder, CALLS)
        done = recorder.close(timeout_seconds=120)
        taken = time.perf_counter() - began
        if not done or count_points(run_id) != CALLS * len(NAMES):
            raise RuntimeError("not every point is in the database")
        return taken

    def reference() -> float:
        connection = rows.open_rows(folder / "rows.sqlite")
        points = as_rows(next(numbers), CALLS)
        began = time.perf_counter()
        rows.write_rows(connection, points)
        taken = time.perf_counter() - began
        connection.close()
        return taken

    ours(), reference()  # the first ones make tables, caches and files
    seconds, others = interleaved(ROUNDS, ours, reference)
    said = f"sqlite3.executemany of rows, same pragmas, batches of {rows.BATCH_ROWS:,}"
    return [
        beside("100k points (10,000 calls of 10) until readable", median(seconds), "s", median(others), 0.6,
               against=said),
    ]  # fmt: skip


def _disk(folder: Path, wandb_bytes: float) -> Result:
    """Bytes a point: the journal and what the database grew by, beside wandb's file and one of rows."""
    run_id = new_run()
    before = _database_bytes(folder)
    recorder = Recorder(scratch.database(), run_id, 1).start()
    log_calls(recorder, CALLS)
    recorder.close(timeout_seconds=120)
    with scratch.database().writing() as session:
        curves.compact(session, run_id)
    journal = (run_folder(run_id) / "journal-1.bin").stat().st_size
    points = CALLS * len(NAMES)
    ours = (_database_bytes(folder) - before + journal) / points
    connection = rows.open_rows(folder / "disk.sqlite")
    rows.write_rows(connection, as_rows(1, CALLS))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    by_rows = (folder / "disk.sqlite").stat().st_size / points
    said = f"wandb 0.31 offline; of ours, {journal / points:.1f} are the journal; rows in sqlite take {by_rows:.1f}"
    return beside("disk, bytes a point, journal included", ours, "B", wandb_bytes, 1.0, against=said)


def _database_bytes(folder: Path) -> int:
    """Bytes in use in the database's file, which only grows in steps and keeps what was freed."""
    connection = rows.open_rows(folder / "bancada.sqlite")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    connection.close()
    return int((pages - free) * size)
