"""Keeps the forms true: modules are described when the supervisor starts, on request, and when files change."""

import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from db.home import home
from jobs.describing import Stamps, code_stamps, module_stamps
from jobs.rank_process import Order
from jobs.run_files import last_lines
from jobs.warm import Warm

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 120.0
SETTLE_SECONDS = 0.8  # an editor may still be writing


class ModulesWatch:
    """Looks at files every few seconds; the describing itself is done in a fork of the warm server.

    Attributes:
        trouble: why the modules could not be described, or imported in advance.
    """

    def __init__(self, warm: Warm, target: str) -> None:
        self._warm = warm
        self._target = target
        self._paths: tuple[str, ...] = ()
        self._modules: Stamps | None = None
        self._code: Stamps | None = None
        self._changed_at: float | None = None
        self._wanted = True
        self._pid: int | None = None
        self._busy_since: float | None = None
        self._number = 0
        self._failure = ""

    @property
    def trouble(self) -> str:
        """In words for the supervisor's row."""
        imports = self._warm.trouble.strip().splitlines()
        found = [f"Importing the training code in advance failed: {imports[-1]}"] if imports else []
        return " ".join([*found, *([self._failure] if self._failure else [])])

    def ask(self) -> None:
        """Describe again, whatever the files say."""
        self._wanted = True

    def warmed(self) -> None:
        """The warm server is ready, with the code as it is now."""
        self._code = code_stamps()

    def look(self, module_paths: Sequence[str], now: float) -> None:
        """Compare the files with what they were; have them described when they have settled."""
        modules = module_stamps(module_paths)
        paths = tuple(module_paths)
        if self._modules is not None and (modules, paths) != (self._modules, self._paths):
            self._changed_at = now
        self._modules, self._paths = modules, paths
        if self._changed_at is not None and now - self._changed_at >= SETTLE_SECONDS:
            log.info("files of modules changed: the warm server is renewed")
            self._changed_at, self._wanted = None, True
            self._renew()
        elif self._warm.ready and self._code is not None and code_stamps() != self._code:
            log.info("the training code changed: the warm server is renewed")
            self._renew()
        if self._wanted and self._warm.ready and self._busy_since is None:
            self._describe(now)
        self._end_the_slow(now)

    def hear(self, news: dict[str, object]) -> None:
        """What became of the describing process."""
        if news["key"] != f"describe-{self._number}":
            return
        if news["news"] == "started":
            process = news["process"]
            self._pid = int(process["pid"]) if isinstance(process, dict) else None
            return
        self._busy_since = self._pid = None
        if news["code"] == 0:
            self._failure = ""
            log.info("the modules were described")
        else:
            lines = last_lines(home() / "describe.log", 1)
            self._failure = f"The modules could not be described ({lines or 'no message'}); see describe.log."
            log.error("%s", self._failure)

    def _describe(self, now: float) -> None:
        self._number += 1
        path = home() / "describe.log"
        path.unlink(missing_ok=True)
        self._warm.order(Order(f"describe-{self._number}", self._target, [list(self._paths)], str(path)))
        self._wanted, self._busy_since = False, now

    def _renew(self) -> None:
        self._busy_since = self._pid = None
        self._number += 1  # what an earlier process still tells is old
        self._code = None
        self._warm.renew()

    def _end_the_slow(self, now: float) -> None:
        if self._busy_since is not None and now - self._busy_since > PATIENCE_SECONDS and self._pid:
            log.error("describing the modules takes more than %.0f s and is ended", PATIENCE_SECONDS)
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
