"""What works beside the training of rank 0: system metrics, the facts of the run, the mirror at W&B."""

import logging
import os
from collections.abc import Sequence

from db import runs
from db.states import Mirror
from tracking.recorder import Recorder
from tracking.system import SystemMetrics
from tracking.wandb_state import start_mirror
from training.context import RunContext
from training.facts import Facts

log = logging.getLogger(__name__)


class Beside:
    """Begins once the first step is done, so that nothing of it delays that."""

    def __init__(self, context: RunContext, recorder: Recorder, accelerator: str) -> None:
        self._context = context
        self._facts = Facts(context, accelerator)
        self._system = SystemMetrics(recorder, pids=self._pids, gpus=None if accelerator == "gpu" else ())
        self._begun = False

    def begin(self) -> None:
        """Start everything, once."""
        if self._begun:
            return
        self._begun = True
        self._facts.begin()
        self._system.start()
        if self._context.run.mirror is not Mirror.OFF:
            _start_mirror(self._context.run.id)

    def finish(self) -> None:
        """End what must end with the run; a run that ended before its first step is described all the same."""
        self.begin()
        self._system.close()
        self._facts.finish()

    def _pids(self) -> Sequence[int]:
        """The processes of all ranks, as far as they are recorded."""
        with self._context.database.reading() as session:
            known = runs.get(session, self._context.run.id).processes or ()
        return [int(one["pid"]) for one in known] or [os.getpid()]


def _start_mirror(run_id: int) -> None:
    """A process of its own follows the run's journal; it outlives the run to send what is left."""
    try:
        start_mirror(run_id)
    except OSError as error:
        log.warning("the mirror at W&B could not be started: %s", error)
