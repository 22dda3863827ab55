"""From the click to the first optimizer step, and from a kill -9 to the truth."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from catalog.samples import load_sample
from db import curves, runs
from db.rows import RunDetail
from db.run_config import RunConfig, read_config
from db.states import RunState
from jobs.launch import launch
from jobs.supervise import ensure_supervisor, stop_supervisor
from scripts.benchmarks import scratch
from scripts.benchmarks.results import Result, median, within

ROUNDS = 5
COLD_ROUNDS = 2
LOSS = "train_loss"


def measure() -> list[Result]:
    """Warm launches of one and two processes beside cold ones, and three deaths."""
    with scratch.data_folder() as folder:
        with scratch.database().writing() as session:
            load_sample(session, "breast-cancer", "bench", None)
        ensure_supervisor()
        try:
            _warm_up()
            warm = {count: [first_step_seconds(_config(count)) for _ in range(ROUNDS)] for count in (1, 2)}
            deaths = [_death(folder) for _ in range(3)]
        finally:
            stop_supervisor()
        cold = {count: [_cold_seconds(_config(count), folder) for _ in range(COLD_ROUNDS)] for count in (1, 2)}
    return [
        *(_launch_row(count, warm[count], cold[count], limit) for count, limit in ((1, 1.0), (2, 2.0))),
        within(
            "kill -9 of a rank: until the state is true",
            max(seconds for seconds, _, _ in deaths),
            "s",
            10.0,
            against="slowest of three deaths",
        ),
        within(
            "kill -9 of a rank: logged points that are gone",
            float(sum(max(0, logged - kept) for _, logged, kept in deaths)),
            "points",
            0.0,
            against=f"{sum(logged for _, logged, _ in deaths):,} points, counted by the model itself in a file",
        ),
    ]


def _launch_row(count: int, warm: list[float], cold: list[float], limit: float) -> Result:
    processes = "1 process" if count == 1 else f"{count} processes (DDP)"
    return within(
        f"launch to first optimizer step, {processes}",
        median(warm),
        "s",
        limit,
        reference=median(cold),
        against=f"the same config with `python -m training` in a fresh process; slowest warm one {max(warm):.2f} s",
    )


def first_step_seconds(config: RunConfig) -> float:
    """Seconds from the call of ``launch`` to the time of the first training loss; waits for the run's end."""
    clicked = time.time()
    with scratch.database().writing() as session:
        run_id = launch(session, config, name="bench", who="bench")
    run = _ended(run_id)
    if run.state is not RunState.FINISHED:
        raise RuntimeError(f"the run ended as {run.state}: {run.reason_text}\n{run.last_lines}")
    return _first_time(run_id) - clicked


def _warm_up() -> None:
    """The supervisor's own start (importing torch once) is not part of a launch."""
    first_step_seconds(_config(1))


def _config(count: int, **trainer: Any) -> RunConfig:
    return read_config(
        {
            "model": {"class_path": "lightning_modules.tabular.LinearModel"},
            "data": {"class_path": "lightning_modules.tabular.TableData", "init_args": {"dataset": "breast-cancer"}},
            "trainer": {"max_epochs": 2, **trainer},
            "scaling": {
                "strategy": "single" if count == 1 else "ddp",
                "accelerator": "cpu",
                "devices": count,
            },
        }
    )


def _cold_seconds(config: RunConfig, folder: Path) -> float:
    """The same in a fresh process that has to import everything first."""
    file = folder / "cold.yaml"
    file.write_text(config.to_yaml(), encoding="utf-8")
    started = time.time()
    with scratch.process("-m", "training", str(file), "--name", "cold", log=folder / "cold.log") as cold:
        if cold.wait(timeout=180) != 0:
            raise RuntimeError((folder / "cold.log").read_text(encoding="utf-8")[-2000:])
    with scratch.database().reading() as session:
        newest = runs.find(session, query="cold", limit=1).rows[0]
    return _first_time(newest.id) - started


def _first_time(run_id: int) -> float:
    with scratch.database().reading() as session:
        return float(curves.read(session, run_id, LOSS).times[0])


def _ended(run_id: int, timeout_seconds: float = 120.0) -> RunDetail:
    def ask() -> RunDetail | None:
        with scratch.database().reading() as session:
            run = runs.get(session, run_id)
        return run if run.state.ended else None

    return scratch.wait_for(ask, f"the end of run {run_id}", timeout_seconds=timeout_seconds)


def _death(folder: Path) -> tuple[float, int, int]:
    """Kill a training rank at full speed.

    Returns:
        (seconds until the state said so, points that the model had logged, points found in the database).
    """
    witness = folder / f"witness-{time.monotonic_ns()}"
    config = _config(1, max_epochs=100_000).model_copy(deep=True)
    config.model.class_path = "scripts.benchmarks.witness.WitnessedModel"
    config.model.init_args = {"witness": str(witness)}
    with scratch.database().writing() as session:
        run_id = launch(session, config, name="death", who="bench")
    scratch.wait_for(lambda: witness.exists() and witness.stat().st_size >= 8 * 300, "the first 300 steps")
    with scratch.database().reading() as session:
        processes = runs.get(session, run_id).processes or []
    killed = time.monotonic()
    os.kill(int(processes[0]["pid"]), signal.SIGKILL)
    run = _ended(run_id)
    seconds = time.monotonic() - killed
    if run.state is RunState.FINISHED:
        raise RuntimeError("a killed run says that it finished")
    with scratch.database().reading() as session:
        kept = len(curves.read(session, run_id, "witnessed").steps)
    return seconds, witness.stat().st_size // 8, kept
