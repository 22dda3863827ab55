"""Gives free processors to queued runs, and sees their processes into being."""

import logging
import shutil

from db import progress, queue, runs
from db.engine import Database
from db.home import home
from db.machine import host_name
from db.rows import RunDetail, RunRow
from db.run_config import ConfigError, RunConfig, read_config
from db.states import Reason, RunState
from jobs.crew import Crew, Patience
from jobs.devices import DeviceState, holders_of, measure
from jobs.gpus import GpuReader
from jobs.schedule import Request, plan, request_of
from jobs.starting import orders, prepare
from jobs.warm import Warm

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0  # the queue is also looked at without a signal
ORDER_SECONDS = 30.0  # an order to a warm server takes milliseconds
ORPHAN_SECONDS = 3.0  # a claimed run without a process: its process may be just about to say who it is
MOST_TRIES = 3
LEAST_FREE_BYTES = 64 * 2**20
LOW_FREE_BYTES = 512 * 2**20


class Launcher:
    """Plans and claims.

    Attributes:
        waiting: whether the queue holds runs.
        trouble: what keeps runs from starting, for the supervisor's row.
    """

    def __init__(self, database: Database, warm: Warm, target: str, read_gpus: GpuReader, patience: Patience) -> None:
        self._database = database
        self._warm = warm
        self._target = target
        self._read_gpus = read_gpus
        self._patience = patience
        self._host = host_name()
        self._held: dict[int, tuple[str, ...]] = {}
        self._ordered: dict[int, float] = {}
        self._tries: dict[int, int] = {}
        self._next_look = float("-inf")
        self.waiting = False
        self.trouble = ""

    def look_again(self) -> None:
        """Something changed: plan in the next round."""
        self._next_look = float("-inf")

    def measure(self, crews: dict[int, Crew], cpu_places: int, cpu_percent: float | None = None) -> list[DeviceState]:
        """The processors now."""
        self._held = {run_id: names for run_id, names in self._held.items() if run_id in crews}
        for run_id in crews.keys() - self._held.keys():
            self._held[run_id] = self._devices_in_row(run_id)
        pids = frozenset(process.pid for crew in crews.values() for process in crew.processes.values())
        found = measure(
            cpu_places=cpu_places,
            holders=holders_of(self._held.items()),
            own_pids=pids,
            read_gpus=self._read_gpus,
            cpu_percent=cpu_percent,
        )
        return [device for device in found if device.kind == "cpu" or self._warm.can_use_cuda]

    def start_queued(self, crews: dict[int, Crew], cpu_places: int, now: float) -> None:
        """Start what can start; say of each other run why it waits."""
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        with self._database.reading() as session:
            waiting = queue.queued(session)
        self.waiting = bool(waiting)
        self.trouble = _disk_trouble()
        if not waiting:
            return
        reason = self._why_nothing_starts()
        reasons = dict.fromkeys((run.id for run in waiting), reason) if reason else {}
        self._say_waits(waiting, reasons or self._start_what_can(waiting, crews, cpu_places, now))

    def _start_what_can(
        self, waiting: list[RunDetail], crews: dict[int, Crew], cpu_places: int, now: float
    ) -> dict[int, str]:
        """Claim and order by plan; returns why the others wait."""
        devices = {device.name: device for device in self.measure(crews, cpu_places)}
        asked, waits = _requests(waiting, sum(device.kind == "gpu" for device in devices.values()))
        made = plan(list(asked.values()), list(devices.values()))
        by_id = {run.id: run for run in waiting}
        for run_id, names in made.starts:
            trouble = self._start(by_id[run_id], asked[run_id], [devices[name] for name in names], crews, now)
            if trouble:
                waits[run_id] = trouble
        return {**made.waits, **waits}

    def complete(self, crew: Crew) -> bool:
        """Whether every process exists now."""
        for rank, process in crew.files.processes().items():
            crew.processes.setdefault(rank, process)
        if not crew.complete:
            return False
        self._ordered.pop(crew.files.run_id, None)
        self._tries.pop(crew.files.run_id, None)
        return True

    def still_waits(self, crew: Crew, now: float) -> bool:
        """Whether the missing processes may still be about to come into being."""
        ordered = self._ordered.get(crew.files.run_id)
        if ordered is not None:
            return now - ordered < ORDER_SECONDS
        return now - crew.begun < ORPHAN_SECONDS

    def forget_orders(self, crews: dict[int, Crew]) -> None:
        """The warm server died: what it was ordered and has not made will not be made."""
        for run_id in list(self._ordered):
            del self._ordered[run_id]
            if run_id in crews:
                crews[run_id].begun = float("-inf")

    def give_up(self, crew: Crew, row: RunRow) -> None:
        """The processes did not come into being: back to the queue, or, after some tries, the end."""
        run_id = crew.files.run_id
        self._ordered.pop(run_id, None)
        crew.kill(crew.living(), "sibling")
        if row.stop_requested_at is not None:
            self._end(run_id, RunState.STOPPED, Reason.STOPPED_BY_USER, "Stopped before its processes were made.")
            return
        self._tries[run_id] = self._tries.get(run_id, 0) + 1
        if row.state is not RunState.STARTING or self._tries[run_id] >= MOST_TRIES:
            text = "Its processes could not be made; supervisor.log says why. Retry starts it again."
            self._end(run_id, RunState.FAILED, Reason.EXCEPTION, text)
            return
        log.warning("run %s was claimed but has no process; it goes back to the queue", run_id)
        crew.files.clear()
        with self._database.writing() as session:
            queue.unclaim(session, run_id)
        self.look_again()

    def _start(
        self, run: RunDetail, request: Request, devices: list[DeviceState], crews: dict[int, Crew], now: float
    ) -> str:
        """Claim a run and order its processes; returns why not."""
        try:
            files = prepare(run, run.attempt)
        except OSError as error:
            self.trouble = f"{home()} cannot be written: {error.strerror}. Make room, or correct its rights."
            return f"the data folder cannot be written: {error.strerror}"
        files.clear()
        names = tuple(device.name for device in devices)
        with self._database.writing() as session:
            if not queue.claim(session, run.id, self._host, list(names)):
                return ""
        crews[run.id] = Crew(files, request.count, now, patience=self._patience)
        self._held[run.id], self._ordered[run.id] = names, now
        for order in orders(files, request.count, devices, self._target):
            self._warm.order(order)
        log.info("run %s attempt %s starts on %s, processes: %s", run.id, run.attempt, ", ".join(names), request.count)
        return ""

    def _why_nothing_starts(self) -> str:
        if not self._warm.ready:
            return "starts as soon as PyTorch is imported, in some seconds"
        free = shutil.disk_usage(home()).free
        return f"the disk of the data folder is full ({free / 2**20:.0f} MiB free)" if free < LEAST_FREE_BYTES else ""

    def _say_waits(self, waiting: list[RunDetail], reasons: dict[int, str]) -> None:
        changed = {
            run.id: reasons[run.id] for run in waiting if reasons.get(run.id, run.wait_reason) != run.wait_reason
        }
        if changed:
            with self._database.writing() as session:
                for run_id, text in changed.items():
                    queue.set_wait_reason(session, run_id, text)

    def _devices_in_row(self, run_id: int) -> tuple[str, ...]:
        with self._database.reading() as session:
            return tuple(runs.get(session, run_id).devices or ("cpu",))

    def _end(self, run_id: int, state: RunState, reason: Reason, text: str) -> None:
        with self._database.writing() as session:
            progress.end(session, run_id, state, reason, reason_text=text)


def _requests(waiting: list[RunDetail], gpu_count: int) -> tuple[dict[int, Request], dict[int, str]]:
    """(what each run asks for, why those wait whose config cannot be read any more)."""
    asked: dict[int, Request] = {}
    waits: dict[int, str] = {}
    for run in waiting:
        try:
            config: RunConfig = read_config(run.config)
        except ConfigError as error:
            waits[run.id] = f"its config cannot be read by this version: {error}; clone it and correct that"
            continue
        asked[run.id] = request_of(run.id, config.scaling, gpu_count)
    return asked, waits


def _disk_trouble() -> str:
    free = shutil.disk_usage(home()).free
    if free >= LOW_FREE_BYTES:
        return ""
    return f"Only {free / 2**20:.0f} MiB are free on the disk of {home()}; make room, or checkpoints may not fit."
