"""The reference for curves: one row per point, sqlite3 alone, the same pragmas as the product's database."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

BATCH_ROWS = 1000


def open_rows(file: Path) -> sqlite3.Connection:
    """A WAL database with a table of points and the index that reading one series needs."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -32000")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS points (run_id INTEGER, name TEXT, step INTEGER, time REAL, value REAL, "
        "PRIMARY KEY (run_id, name, step)) WITHOUT ROWID"
    )
    return connection


def write_rows(connection: sqlite3.Connection, points: Sequence[tuple[int, str, int, float, float]]) -> None:
    """Every point with ``executemany``, a transaction each thousand, as a tracker that buffers would."""
    for start in range(0, len(points), BATCH_ROWS):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?)", points[start : start + BATCH_ROWS])
        connection.execute("COMMIT")


def read_rows(connection: sqlite3.Connection, run_id: int, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(steps, times, values) of one series, each of length points."""
    found = connection.execute(
        "SELECT step, time, value FROM points WHERE run_id = ? AND name = ? ORDER BY step", (run_id, name)
    ).fetchall()
    table = np.array(found, dtype=np.float64)  # (points, 3)
    return table[:, 0].astype(np.int64), table[:, 1], table[:, 2]
