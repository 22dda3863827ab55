"""A rank without torch: does what the run's config tells it, through the same files and rows as a real one.

``model.init_args.acts`` names one act for each rank (the last one for all further ranks).
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from db import progress, runs
from db.engine import connect
from db.home import run_folder
from db.states import Reason, RunState


class Rank:
    """One fake rank."""

    def __init__(self, run_id: int, rank: int, attempt: int) -> None:
        self.run_id, self.rank, self.attempt = run_id, rank, attempt
        self.step = 0
        self.termed = False
        signal.signal(signal.SIGTERM, self._term)

    def check_in(self) -> str | None:
        """Like a recorder: rank 0 alone writes."""
        if self.rank != 0:
            return None
        self.step += 1
        with connect().writing() as session:
            return progress.check_in(
                session,
                self.run_id,
                step=self.step,
                epoch=0.0,
                total_steps=None,
                max_epochs=None,
                samples_per_second=None,
                phase="fit",
                next_check_in_seconds=30.0,
            )

    def say(self, state: RunState, reason: Reason, text: str) -> None:
        """Leave the outcome."""
        path = run_folder(self.run_id) / f"outcome-{self.attempt}-rank-{self.rank}.json"
        at = datetime.now(UTC).isoformat()
        outcome = {"state": state.value, "reason": reason.value, "text": text, "traceback": "", "at": at}
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(outcome), encoding="utf-8")
        beside.replace(path)

    def _term(self, *_: object) -> None:
        self.termed = True


def finish(rank: Rank) -> None:
    """Work a moment and end well."""
    rank.check_in()
    print("the last line of a good run")
    rank.say(RunState.FINISHED, Reason.COMPLETED, "Finished.")


def fail(rank: Rank) -> None:
    """Raise without an outcome of its own."""
    rank.check_in()
    print("\n".join(f"line {number}" for number in range(100)))
    raise ValueError("the fake model does not like this batch")


def wait(rank: Rank) -> None:
    """Work until asked to stop, by a check-in or SIGTERM."""
    kind = None
    while kind is None and not rank.termed:
        kind = rank.check_in()
        time.sleep(0.02)
    reason = Reason.PAUSED if kind == "pause" else Reason.STOPPED_BY_USER
    rank.say(RunState.STOPPED, reason, f"{reason.value.capitalize()} at step {rank.step}.")


def stubborn(rank: Rank) -> None:
    """Work and listen to nobody."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        rank.check_in()
        time.sleep(0.02)


def silent(_rank: Rank) -> None:
    """Never check in; SIGTERM ends it as it ends any process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        time.sleep(1)


def leave(_rank: Rank) -> None:
    """Vanish with an exit code."""
    os._exit(3)


def crash(_rank: Rank) -> None:
    """A crash inside compiled code."""
    os.kill(os.getpid(), signal.SIGSEGV)


def hang_at_the_end(rank: Rank) -> None:
    """Say that all is well, and then do not go."""
    finish(rank)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


ACTS: dict[str, Callable[[Rank], None]] = {
    act.__name__: act for act in (finish, fail, wait, stubborn, silent, leave, crash, hang_at_the_end)
}


def main(run_id: int, rank: int, world_size: int, attempt: int, master_port: int) -> None:
    """The same signature as ``training.rank.main``."""
    print(f"rank {rank} of {world_size}, attempt {attempt}, port {master_port}", flush=True)
    with connect().reading() as session:
        acts: list[str] = runs.get(session, run_id).config["model"]["init_args"]["acts"]
    ACTS[acts[min(rank, len(acts) - 1)]](Rank(run_id, rank, attempt))


def describe(module_paths: list[str]) -> None:
    """Stands for ``training.describe.describe_all``."""
    home = Path(os.environ["BANCADA_HOME"])
    with (home / "described.txt").open("a", encoding="utf-8") as file:
        file.write(json.dumps(module_paths) + "\n")


def describe_badly(_module_paths: list[str]) -> None:
    """A describing process that fails."""
    sys.exit("the modules are in a sorry state")
