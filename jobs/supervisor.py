"""The run supervisor's loop: hear, watch, start, write down. One per machine and data folder (`jobs.place`).

It owns no run: a run's processes live in sessions of their own, and everything that must be known of them after a death
of the supervisor is in the database or in the run's folder.
"""

import logging
import os
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from db import progress, runs, settings, supervisors
from db.engine import Database
from db.machine import host_name
from db.rows import RunRow
from jobs import presence
from jobs.crew import Crew, Patience, attached, process_rows
from jobs.describing import DESCRIBE_TARGET
from jobs.finalise import MemoryWatch, finalise
from jobs.gpus import GpuReader, read_with_nvml
from jobs.housekeeping import Chores
from jobs.launcher import Launcher
from jobs.modules_watch import ModulesWatch
from jobs.processes import Identity, identify
from jobs.starting import RANK_TARGET
from jobs.wake import CLOSING, DESCRIBE, Ear
from jobs.warm import WARM_MODULE, Warm

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Names:
    """What the supervisor calls by name, and its patience; tests put small fakes here.

    Attributes:
        rank, describe: "module:function". warm: module that the warm server imports first.
        idle_seconds: how long it stays with no dashboard and nothing to do.
    """

    rank: str = RANK_TARGET
    warm: str = WARM_MODULE
    describe: str = DESCRIBE_TARGET
    idle_seconds: float = 60.0
    tick_seconds: float = 0.5
    read_gpus: GpuReader = field(default=read_with_nvml)
    patience: Patience = field(default_factory=Patience)


class Supervisor:
    """Construct it while holding the place, then call `work`."""

    def __init__(self, database: Database, names: Names | None = None) -> None:
        self._database = database
        self._names = names or Names()
        self._ear = Ear()
        self._host = host_name()
        self._me = identify(os.getpid()) or Identity(os.getpid(), time.time())
        self._crews: dict[int, Crew] = {}
        self._memory = MemoryWatch()
        self._warm = Warm(self._names.warm)
        self._launcher = Launcher(database, self._warm, self._names.rank, self._names.read_gpus, self._names.patience)
        self._modules = ModulesWatch(self._warm, self._names.describe)
        self._chores = Chores(database)
        self._settings = settings.Settings()
        self._closing = False
        self._ending = False
        self._last_needed = time.monotonic()
        self._last_written = self._last_settings = float("-inf")
        self._written: tuple[Any, ...] = ()
        self._trouble = ""

    def end(self) -> None:
        """Leave the loop soon; runs go on."""
        self._ending = True

    def work(self) -> None:
        """Until nobody needs it, or `end`."""
        self._warm.start()
        self._chores.start()
        try:
            while not self._ending:
                self._tick_safely()
                self._listen()
        finally:
            self._leave()

    def tick(self) -> None:
        """One round."""
        now = time.monotonic()
        self._trouble = ""
        for one in self._warm.news():
            self._hear(one)
        if now - self._last_settings > 2.0:
            with self._database.reading() as session:
                self._settings = settings.read(session)
            self._modules.look(self._settings.module_paths, now)
            self._memory.look()
            self._last_settings = now
        with self._database.reading() as session:
            active = runs.active(session)
        self._watch(active, now)
        if not self._closing:
            self._launcher.start_queued(self._crews, self._settings.max_cpu_runs, now)
        self._write_down(now)
        self._chores.look(self._settings.trash_days, now)
        self._see_whether_needed(now)

    def _tick_safely(self) -> None:
        try:
            self.tick()
        except Exception as error:  # whatever it is (a busy database, a full disk): the next round may do better
            log.exception("this round of the supervisor failed; it goes on")
            self._trouble = f"The last round failed: {type(error).__name__}: {str(error).splitlines()[0][:300]}"
            time.sleep(0.2)

    def _listen(self) -> None:
        busy = bool(self._crews) or self._launcher.waiting or not self._warm.ready
        heard = self._ear.wait(self._names.tick_seconds * (1 if busy else 4), self._warm.descriptors())
        if heard:
            self._launcher.look_again()
        self._closing = self._closing or CLOSING in heard
        if DESCRIBE in heard:
            self._modules.ask()
            self._last_settings = float("-inf")  # look at the modules in the next round

    def _hear(self, one: dict[str, Any]) -> None:
        if one["news"] == "gone":
            log.error("the warm server ended; a new one is started")
            self._launcher.forget_orders(self._crews)
            self._warm.start()
        elif one["news"] == "ready":
            log.info("warm after %.1f s%s", one["seconds"], "; trouble: " + one["trouble"] if one["trouble"] else "")
            self._modules.warmed()
            self._launcher.look_again()
        elif one["key"].startswith("describe"):
            self._modules.hear(one)
        else:
            self._hear_of_rank(one)

    def _hear_of_rank(self, one: dict[str, Any]) -> None:
        run_id, attempt, rank = (int(part) for part in one["key"].split("-"))
        crew = self._crews.get(run_id)
        if crew is None or crew.files.attempt != attempt:
            return
        if one["news"] == "started":
            crew.processes[rank] = Identity.from_dict(one["process"])
        else:
            crew.codes[rank] = one["code"]

    def _watch(self, active: list[RunRow], now: float) -> None:
        rows = {row.id: row for row in active}
        for run_id in self._crews.keys() - rows.keys():
            del self._crews[run_id]  # ended by itself, or deleted
        for row in active:
            crew = self._crews.get(row.id) or self._attach(row, now)
            if crew is None:
                continue
            try:
                self._watch_one(crew, row, now)
            except Exception:
                log.exception("run %s could not be looked after in this round", row.id)
                self._trouble = f"Run {row.id} could not be looked after; see supervisor.log."

    def _attach(self, row: RunRow, now: float) -> Crew | None:
        """Take up a run that an earlier supervisor, or nobody, has started on this machine."""
        with self._database.reading() as session:
            run = runs.get(session, row.id)
        if run.host != self._host:
            return None
        crew = attached(run, now, self._names.patience)
        self._crews[row.id] = crew
        log.info("run %s attempt %s: attached to %s process(es)", run.id, run.attempt, len(crew.processes))
        return crew

    def _watch_one(self, crew: Crew, row: RunRow, now: float) -> None:
        if not crew.recorded and not self._launcher.complete(crew):
            if not self._launcher.still_waits(crew, now):
                self._launcher.give_up(crew, row)
                del self._crews[row.id]
            return
        if not crew.recorded:
            with self._database.writing() as session:
                progress.set_processes(session, row.id, process_rows(crew))
            crew.recorded = True
        if crew.look(now):
            self._finish(crew, row)
            return
        crew.see_stop(row, self._settings.stop_grace_seconds, now)
        stalled = crew.is_stalled(row, now)
        if stalled != row.stalled:
            with self._database.writing() as session:
                progress.set_stalled(session, row.id, stalled)

    def _finish(self, crew: Crew, row: RunRow) -> None:
        finalise(self._database, crew, self._memory)
        self._crews.pop(row.id, None)
        self._chores.after_run(row.id)
        self._launcher.look_again()

    def _write_down(self, now: float) -> None:
        trouble = " ".join(part for part in (self._trouble, self._launcher.trouble, self._modules.trouble) if part)
        phase = "ready" if self._warm.ready else "warming up"
        pause_seconds = 2.0 if self._crews or self._launcher.waiting else 5.0
        if now - self._last_written < pause_seconds and (phase, trouble) == self._written:
            return
        self._say(phase, trouble)
        self._last_written, self._written = now, (phase, trouble)

    def _say(self, phase: str, trouble: str) -> None:
        measured = self._launcher.measure(self._crews, self._settings.max_cpu_runs, psutil.cpu_percent())
        with self._database.writing() as session:
            supervisors.seen(
                session,
                host=self._host,
                pid=self._me.pid,
                process_started=self._me.started,
                phase=phase,
                devices=[device.as_dict() for device in measured],
                trouble=trouble,
            )

    def _see_whether_needed(self, now: float) -> None:
        if self._crews or self._launcher.waiting or presence.dashboards():
            self._last_needed = now
        elif now - self._last_needed > self._names.idle_seconds:
            log.info("nothing to do and no dashboard for %.0f s: the supervisor ends", self._names.idle_seconds)
            self._ending = True

    def _leave(self) -> None:
        self._warm.close()
        self._chores.end()
        try:
            self._say("ended", "")
        except Exception:
            log.exception("the end of the supervisor could not be written down")
        self._ear.close()
        self._warm.wait_until_gone(2.0)
