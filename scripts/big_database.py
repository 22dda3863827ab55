"""Fill a data folder with many runs, to see how everything feels when a team has worked for a year.

    BANCADA_HOME=/tmp/big python -m scripts.big_database --runs 10000

Each run has 20 config values and 20 metrics; a few have long curves, one of a million points.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from db.config_paths import flatten
from db.engine import Database, connect
from db.home import database_url
from db.migrate import upgrade
from db.states import RunState
from db.tables import Attempt, Chunk, ConfigValue, Run, RunTag, Series
from db.types import utc_now
from scripts.benchmarks import invented

RUNS_PER_TRANSACTION = 500
POINTS_PER_CHUNK = 50_000


@dataclass(frozen=True)
class Size:
    """How much is made.

    Attributes:
        runs: number of runs.
        points: points in each of a run's 20 curves.
        long_runs: how many of the newest runs have one long curve, `train_loss`.
        long_points: points in each of those.
        longest_points: points in the newest run's `train_loss`.
    """

    runs: int = 10_000
    points: int = 20
    long_runs: int = 50
    long_points: int = 100_000
    longest_points: int = 1_000_000


def fill(database: Database, size: Size, seed: int = 7) -> list[int]:
    """Add the runs, oldest first, in a few large transactions.

    Returns:
        The ids of the runs with long curves, the one with the longest last.
    """
    random = np.random.default_rng(seed)
    now = utc_now()
    with database.reading() as session:
        next_run = (session.query(Run.id).order_by(Run.id.desc()).limit(1).scalar() or 0) + 1
        next_series = (session.query(Series.id).order_by(Series.id.desc()).limit(1).scalar() or 0) + 1
    long_ids: list[int] = []
    for start in range(0, size.runs, RUNS_PER_TRANSACTION):
        batch: dict[type, list[dict[str, object]]] = {
            table: [] for table in (Run, Attempt, RunTag, ConfigValue, Series, Chunk)
        }
        for number in range(start, min(start + RUNS_PER_TRANSACTION, size.runs)):
            run_id = next_run + number
            created = now - timedelta(hours=(size.runs - number) * 4380 / size.runs)
            points = _points(size, number)
            run = invented.run(random, run_id, created, whole=points > size.points)
            if points > size.points:
                long_ids.append(run_id)
            batch[Run].append(run)
            batch[Attempt].append({"run_id": run_id, "number": 1, "started_at": run["started_at"]})
            batch[RunTag] += [{"run_id": run_id, "tag": tag} for tag in invented.tags(random)]
            batch[ConfigValue] += _config_values(run_id, run["config"])  # type: ignore[arg-type]
            if run["state"] is not RunState.CANCELLED:
                next_series = _add_curves(batch, random, run, next_series, size.points, points)
        _store(database, batch)
    return long_ids


def _points(size: Size, number: int) -> int:
    """How many points the `train_loss` of a run has."""
    if number == size.runs - 1:
        return max(size.points, size.longest_points)
    return max(size.points, size.long_points) if number >= size.runs - size.long_runs else size.points


def _config_values(run_id: int, config: dict[str, object]) -> list[dict[str, object]]:
    return [
        {
            "run_id": run_id,
            "key": key,
            "leaf": key.rsplit(".", 1)[-1],
            "number": float(value) if isinstance(value, int | float) else None,
            "text": str(value),
        }
        for key, value in flatten(config)
    ]


def _add_curves(
    batch: dict[type, list[dict[str, object]]],
    random: np.random.Generator,
    run: dict[str, object],
    next_series: int,
    short: int,
    long: int,
) -> int:
    """Put a run's 20 series and their chunks into the batch; the next free series id comes back."""
    for series_id, name in enumerate(invented.METRICS, start=next_series):
        count = long if name == "train_loss" else short
        curve = invented.curve(random, name, count, run["created_at"])  # type: ignore[arg-type]
        batch[Series].append({"id": series_id, "run_id": run["id"], "name": name, **curve.summary(), "stored": count})
        for first in range(0, count, POINTS_PER_CHUNK):
            batch[Chunk].append(
                {"series_id": series_id, "number": first, "attempt": 1, **curve.chunk(first, POINTS_PER_CHUNK)}
            )
    return next_series + len(invented.METRICS)


def _store(database: Database, batch: dict[type, list[dict[str, object]]]) -> None:
    with database.writing() as session:
        for table, rows in batch.items():
            if rows:
                session.execute(table.__table__.insert(), rows)  # type: ignore[attr-defined]


def main(arguments: list[str] | None = None) -> int:
    """Fill the data folder that the environment names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in vars(Size()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    size = Size(**vars(parser.parse_args(arguments)))
    database = connect()
    upgrade(database)
    started = time.monotonic()
    fill(database, size)
    print(f"{size.runs:,} runs in {database_url()} after {time.monotonic() - started:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
