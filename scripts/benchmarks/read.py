"""Reading back: one long series, the table of many runs, and many curves at once."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from db import curves, runs
from scripts import big_database
from scripts.benchmarks import invented, rows, scratch
from scripts.benchmarks.results import Result, beside, interleaved, median, within
from tracking import reading

POINTS = 100_000
POINTS_A_DRAIN = 500
ROUNDS = 9
RUNS = 10_000
COMPARED = 50
REFERENCE_RUNS = 5
FILTER = "status = failed and config.learning_rate < 1e-3 and metric.val_accuracy > 0.5 or tag = baseline"
COLUMNS = (
    "config.learning_rate", "config.weight_decay", "config.width", "config.depth", "config.dropout",
    "config.schedule", "config.batch_size", "config.max_epochs", "config.precision", "config.seed",
    "metric.train_loss", "metric.val_loss.min", "metric.val_accuracy.max", "metric.val_f1.max", "metric.val_auroc.max",
    "metric.test_loss", "metric.test_accuracy", "metric.test_f1", "metric.test_auroc", "metric.lr",
)  # fmt: skip


def measure() -> list[Result]:
    """The rows of reading."""
    with scratch.data_folder() as folder:
        one = _one_series(folder)
    with scratch.data_folder() as folder:
        size = big_database.Size(runs=RUNS, long_runs=COMPARED, long_points=POINTS, longest_points=POINTS)
        long_ids = big_database.fill(scratch.database(), size)
        return [*one, *_table(), *_many_curves(folder, long_ids)]


def _one_series(folder: Path) -> list[Result]:
    """100,000 points as the recorder leaves them, beside the same as rows; both end as numpy arrays."""
    database = scratch.database()
    run_id, values, connection = _record_one(folder)

    def read_ours() -> float:
        began = time.perf_counter()
        with database.reading() as session:
            curve = curves.read(session, run_id, "train_loss")
        taken = time.perf_counter() - began
        if len(curve.values) != POINTS or curve.values[-1] != values[-1]:
            raise RuntimeError("the series came back wrong")
        return taken

    def read_reference() -> float:
        began = time.perf_counter()
        found = rows.read_rows(connection, 1, "train_loss")
        taken = time.perf_counter() - began
        if len(found[2]) != POINTS:
            raise RuntimeError("the rows came back wrong")
        return taken

    written, reference = map(median, interleaved(ROUNDS, read_ours, read_reference))
    with database.writing() as session:
        curves.compact(session, run_id)
    compacted = median([read_ours() for _ in range(ROUNDS)])
    connection.close()
    said = "one row per point, read by its primary key into numpy arrays"
    return [
        beside("read a series of 100k points, as recorded", written, "s", reference, 0.1, against=said),
        beside("read a series of 100k points, compacted", compacted, "s", reference, 0.1, against=said),
    ]


def _record_one(folder: Path) -> tuple[int, np.ndarray, sqlite3.Connection]:
    """(run with the series, its values, the reference with the same points)."""
    steps = np.arange(POINTS, dtype=np.int64)
    times = 1.7e9 + steps * 0.01
    values = np.random.default_rng(0).normal(size=POINTS)
    with scratch.database().writing() as session:
        run_id = runs.create(session, name="read", config=invented.config(np.random.default_rng(0)))
    for start in range(0, POINTS, POINTS_A_DRAIN):
        part = slice(start, start + POINTS_A_DRAIN)
        with scratch.database().writing() as session:
            curves.append(session, run_id, 1, {"train_loss": (steps[part], times[part], values[part])}, None)
    connection = rows.open_rows(folder / "rows.sqlite")
    points = zip(steps.tolist(), times.tolist(), values.tolist(), strict=True)
    rows.write_rows(connection, [(1, "train_loss", *point) for point in points])
    return run_id, values, connection


def _table() -> list[Result]:
    """The runs page's question over 10,000 runs: 50 rows with 20 columns, and how many there are."""
    asked: dict[str, dict[str, str]] = {
        "newest first": {},
        "sorted by a metric": {"sort": "-metric.val_accuracy.max"},
        "filtered": {"query": FILTER},
        "filtered, sorted by a config value": {"query": FILTER, "sort": "config.learning_rate"},
    }
    return [
        within(f"runs table, 10,000 runs × 20 columns, {name}", _median_seconds(_find(question)) * 1000, "ms", 100.0)
        for name, question in asked.items()
    ]


def _find(question: dict[str, str]) -> Callable[[], None]:
    def ask() -> None:
        with scratch.database().reading() as session:
            page = runs.find(session, columns=COLUMNS, limit=50, **question)
        if not page.rows or not page.rows[0].values:
            raise RuntimeError(f"no rows with values came back for {question}")

    return ask


def _many_curves(folder: Path, long_ids: list[int]) -> list[Result]:
    """50 runs × 100,000 points, from the database to what a figure is made of, beside reading them as rows."""
    connection = rows.open_rows(folder / "rows.sqlite")
    some = long_ids[:REFERENCE_RUNS]
    with scratch.database().reading() as session:
        for run_id, curve in curves.read_many(session, some, "train_loss").items():
            points = zip(curve.steps.tolist(), curve.times.tolist(), curve.values.tolist(), strict=True)
            rows.write_rows(connection, [(run_id, "train_loss", *point) for point in points])

    def compare_ours() -> float:
        began = time.perf_counter()
        with scratch.database().reading() as session:
            shown = reading.compare(session, long_ids, "train_loss", reading.View())
        taken = time.perf_counter() - began
        if len(shown) != COMPARED or any(curve.count != POINTS for curve in shown):
            raise RuntimeError("the compared curves came back wrong")
        return taken

    def read_reference() -> float:
        began = time.perf_counter()
        for run_id in some:
            if len(rows.read_rows(connection, run_id, "train_loss")[0]) != POINTS:
                raise RuntimeError("the rows came back wrong")
        return (time.perf_counter() - began) * COMPARED / REFERENCE_RUNS

    ours, reference = map(median, interleaved(ROUNDS, compare_ours, read_reference))
    connection.close()
    said = f"one row per point into numpy arrays, not thinned; {REFERENCE_RUNS} runs, times {COMPARED}/{REFERENCE_RUNS}"
    name = f"{COMPARED} runs × 100k points compared, figure data ready"
    return [within(name, ours, "s", 0.5, reference=reference, against=said)]


def _median_seconds(act: Callable[[], None]) -> float:
    def once() -> float:
        began = time.perf_counter()
        act()
        return time.perf_counter() - began

    return median([once() for _ in range(ROUNDS)])
