"""One rank of a run, from its first moment to its outcome. Called by name in a process made for it."""

import errno
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TextIO

from db import checkpoints, runs
from db.attempt_paths import AttemptPaths
from db.engine import Database, connect
from db.home import home
from db.run_config import read_config
from db.states import EXIT_NO_ROOM, RunState
from tracking.recorder import Recorder
from training.callbacks.stopping import Stopping
from training.context import RunContext
from training.fit import Fit
from training.outcome import Outcome, is_broken_sibling, is_disk_full, leave, of_exception
from training.strategies import prepare_environment
from training.weights_file import WEIGHTS

SETUP_SECONDS = 600.0  # opening data and fitting features may take so long without a sign of life
SIBLING_SECONDS = 1.0  # the rank that failed first shall be recorded first
_CHATTY = ("pytorch_lightning", "lightning_fabric", "lightning_utilities")


def main(run_id: int, rank: int, world_size: int, attempt: int, master_port: int) -> None:
    """Train, and leave an outcome. Rank 0 records; every other rank only writes its own log.

    Raises:
        SystemExit: with 1 when the run failed in this rank, with `EXIT_NO_ROOM` when not even that can be written.
    """
    set_up_log()
    prepare_environment(rank, world_size, master_port)
    try:
        outcome = Rank(connect(), run_id, rank, world_size, attempt).work()
    except OSError as error:
        if not is_disk_full(error):
            raise
        _let_go_of_the_log()
        sys.exit(EXIT_NO_ROOM)
    sys.exit(1 if outcome.state is RunState.FAILED else 0)


class Rank:
    """One rank of one attempt at a run."""

    def __init__(self, database: Database, run_id: int, rank: int, world_size: int, attempt: int) -> None:
        self._database = database
        self._run_id = run_id
        self._rank = rank
        self._world_size = world_size
        self._attempt = attempt
        self._recorder = Recorder(database, run_id, attempt) if rank == 0 else None
        self._stopping = Stopping(self._recorder, world_size)
        self._fit: Fit | None = None

    def work(self) -> Outcome:
        """Train; whatever happens becomes the outcome, which is left as a file."""
        try:
            self._stopping.listen()
            outcome = self._train()
        except BaseException as error:  # noqa: BLE001 - whatever ends a rank must become its outcome
            if is_broken_sibling(error):
                time.sleep(SIBLING_SECONDS)
            outcome = of_exception(error)
        outcome = self._finish(outcome)
        try:
            leave(AttemptPaths(self._run_id, self._attempt).outcome_path(self._rank), outcome)
            if outcome.traceback:
                print(outcome.traceback, file=sys.stderr)
            print(f"{outcome.state.value}: {outcome.text}")
        finally:
            if self._recorder is not None:
                self._recorder.close()
        return outcome

    def _train(self) -> Outcome:
        with self._database.reading() as session:
            run = runs.get(session, self._run_id)
        config = read_config(run.config)
        if self._recorder is not None:
            self._recorder.progress(phase="set up", max_epochs=config.trainer.max_epochs)
            self._recorder.promise(SETUP_SECONDS)
            self._recorder.start()
        context = RunContext(
            run=run,
            config=config,
            database=self._database,
            rank=self._rank,
            world_size=self._world_size,
            attempt=self._attempt,
            recorder=self._recorder,
            resume_from=self._resume_from(),
        )
        print(_first_line(context))
        self._fit = Fit(context, self._stopping)
        return self._fit.run()

    def _finish(self, outcome: Outcome) -> Outcome:
        """Let threads finish; what goes wrong in that is told when nothing else has."""
        self._stopping.be_deaf()
        try:
            if self._fit is not None:
                self._fit.close()
        except Exception as error:  # noqa: BLE001 - a full disk may show only now
            if outcome.state is not RunState.FAILED:
                return of_exception(error)
        return outcome

    def _resume_from(self) -> Path | None:
        """The folder of the checkpoint that this attempt goes on from.

        Raises:
            FileNotFoundError: when its files are gone.
        """
        with self._database.reading() as session:
            attempts = {one.number: one for one in runs.attempts(session, self._run_id)}
            checkpoint_id = attempts[self._attempt].resumed_from_checkpoint_id
            if checkpoint_id is None:
                return None
            folder = home() / checkpoints.get(session, checkpoint_id).path
        if not (folder / WEIGHTS).is_file():
            raise FileNotFoundError(errno.ENOENT, "The checkpoint to go on from is gone", str(folder / WEIGHTS))
        return folder


def _let_go_of_the_log() -> None:
    """What the log has no room for goes nowhere; else Python's own last flush would change the exit code."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nothing, number)


def set_up_log() -> None:
    """Warnings and errors of every library, each on one line; no advertisements."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr, force=True)
    for name in _CHATTY:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.handlers.clear()
        logger.propagate = True
    warnings.showwarning = _show_warning
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")  # Lightning's own, about torch


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del line
    print(f"{category.__name__}: {message} ({Path(filename).name}:{lineno})", file=file or sys.stderr)


def _first_line(context: RunContext) -> str:
    run, config = context.run, context.config
    model = config.model.class_path.rpartition(".")[2]
    data = run.dataset or config.data.class_path.rpartition(".")[2]
    share = f"rank {context.rank} of {context.world_size}, {config.scaling.strategy}"
    going_on = f", from {context.resume_from.name}" if context.resume_from else ""
    return f"run {run.id} “{run.name}”, attempt {run.attempt}{going_on}: {model} on {data}, {share}, seed {config.seed}"
