"""Records what a run is made of, in a thread that begins once the first steps are done."""

import logging
import threading

from db import runs
from db.json_files import write_json
from training.context import RunContext
from training.environment import code, machine, write_packages
from training.explain import CODE

log = logging.getLogger(__name__)


class Facts:
    """Code version, packages and machine of a run, found beside the training. Rank 0 alone uses it."""

    def __init__(self, context: RunContext, accelerator: str) -> None:
        self._context = context
        self._accelerator = accelerator
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start the thread, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._find_safely, name="facts", daemon=True)
            self._thread.start()

    def finish(self, timeout_seconds: float = 15.0) -> None:
        """Wait until they are recorded; a run that ended before it began records them now."""
        self.begin()
        assert self._thread is not None
        self._thread.join(timeout_seconds)

    def _find_safely(self) -> None:
        try:
            self._find()
        except Exception as error:  # noqa: BLE001 - a run goes on without these facts
            log.warning("what the run is made of could not be recorded: %s", error)

    def _find(self) -> None:
        folder = self._context.folder
        found = machine(self._accelerator)
        version = code(folder)
        write_json(folder / CODE, version, indent=1)
        installed = write_packages(folder)
        with self._context.database.writing() as session:
            runs.set_facts(session, self._context.run.id, code=version, packages=installed, machine=found)
