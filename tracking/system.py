"""What the run's processes and the machine do while it trains: a thread measures every few seconds.

NVIDIA GPUs are asked through NVML, only those that the run may use; without one there is no GPU series. What cannot
be measured here is left out.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pynvml

from db.home import home
from tracking.recorder import Recorder

log = logging.getLogger(__name__)
EVERY_SECONDS = 3.0
FIRST_SECONDS = 0.5
PREFIX = "system/"

Metrics = dict[str, float]


class SystemMetrics:
    """Samples a run into its recorder until closed; costs well under a hundredth of a core.

    Args:
        pids: the processes of all ranks of the run on this machine; asked again and again, since ranks start one
            after the other. Their children (data loaders) count with them. By default this process.
        gpus: the GPUs of the run, as NVML counts them; by default those in ``CUDA_VISIBLE_DEVICES``, or all.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        pids: Callable[[], Sequence[int]] = lambda: [os.getpid()],
        gpus: Sequence[int] | None = None,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._recorder = recorder
        self._every_seconds = every_seconds
        self._measure = Measure(pids, gpus)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="system-metrics", daemon=True)

    def start(self) -> "SystemMetrics":
        """Start the thread."""
        self._thread.start()
        return self

    def close(self) -> None:
        """End it; waits for a measurement in progress, a moment."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _work(self) -> None:
        pause, said = FIRST_SECONDS, False
        while not self._closing.wait(pause):
            pause = self._every_seconds
            try:
                self._recorder.sample(self._measure())
            except Exception as error:  # noqa: BLE001 - a driver's or the kernel's surprise must not end the sampling
                if not said:
                    log.warning("the machine could not be measured (%s: %s)", type(error).__name__, error)
                said = True


class Measure:
    """One measurement a call; rates and percentages are over the time since the call before."""

    def __init__(self, pids: Callable[[], Sequence[int]], gpus: Sequence[int] | None) -> None:
        self._pids = pids
        self._gpus = gpus
        self._processes: dict[int, psutil.Process] = {}
        self._seconds: dict[int, float] = {}  # processor seconds of each process when last asked
        self._asked_at = time.monotonic()
        self._counters = _counters()
        self._nvml: list[tuple[int, Any]] | None = None
        psutil.cpu_percent()  # the first call only sets the mark

    def __call__(self) -> Metrics:
        """Metric name to value; see the functions below for what there is."""
        now = time.monotonic()
        passed, self._asked_at = max(1e-3, now - self._asked_at), now
        measured = self._of_processes(passed) | self._rates(passed) | _of_machine() | self._of_gpus()
        return {PREFIX + name: value for name, value in measured.items()}

    def _of_processes(self, passed_seconds: float) -> Metrics:
        """Of the run's processes: use of one core in percent (above 100 with several), and resident memory."""
        memory, used = 0, 0.0
        seconds: dict[int, float] = {}
        for process in self._family():
            try:
                with process.oneshot():
                    memory += process.memory_info().rss
                    times = process.cpu_times()
            except psutil.Error:
                continue
            seconds[process.pid] = times.user + times.system
            used += max(0.0, seconds[process.pid] - self._seconds.get(process.pid, seconds[process.pid]))
        self._seconds = seconds
        return {"cpu_percent": 100 * used / passed_seconds, "memory_bytes": float(memory)}

    def _family(self) -> list[psutil.Process]:
        """The ranks and all below them, each once."""
        found: dict[int, psutil.Process] = {}
        for pid in self._pids():
            try:
                rank = self._processes.get(pid) or psutil.Process(pid)
                found[pid] = rank
                found.update({child.pid: self._processes.get(child.pid, child) for child in rank.children(True)})
            except psutil.Error:
                continue  # it has ended
        self._processes = found
        return list(found.values())

    def _rates(self, passed_seconds: float) -> Metrics:
        """Disk and network traffic of the whole machine."""
        before, self._counters = self._counters, _counters()
        return {
            f"{name}_bytes_per_second": max(0, count - before[name]) / passed_seconds
            for name, count in self._counters.items()
            if name in before
        }

    def _of_gpus(self) -> Metrics:
        """Of each GPU: use in percent, memory in use, temperature, power."""
        if self._nvml is None:
            self._nvml = _open_gpus(self._gpus)
        measured: Metrics = {}
        for number, handle in self._nvml:
            for name, ask in _GPU_QUESTIONS.items():
                try:
                    measured[f"gpu{number}_{name}"] = float(ask(handle))
                except pynvml.NVMLError:
                    continue  # this card does not tell
        return measured


_GPU_QUESTIONS: dict[str, Callable[[Any], float]] = {
    "percent": lambda handle: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu,
    "memory_bytes": lambda handle: pynvml.nvmlDeviceGetMemoryInfo(handle).used,
    "power_watts": lambda handle: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
    "temperature_celsius": lambda handle: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
}


def _open_gpus(wanted: Sequence[int] | None) -> list[tuple[int, Any]]:
    """(number, NVML handle) of the GPUs; none where there is no driver."""
    try:
        pynvml.nvmlInit()
        handles = {number: pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())}
        names = {number: _names_of(number, handle) for number, handle in handles.items()}
    except pynvml.NVMLError:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    asked = [str(number) for number in wanted] if wanted is not None else None
    if asked is None and visible is not None:
        asked = [name.strip() for name in visible.split(",") if name.strip()]
    return [(number, handles[number]) for number in handles if asked is None or names[number] & set(asked)]


def _names_of(number: int, handle: Any) -> set[str]:
    """How ``CUDA_VISIBLE_DEVICES`` may call it."""
    uuid = pynvml.nvmlDeviceGetUUID(handle)
    return {str(number), uuid if isinstance(uuid, str) else uuid.decode()}


def _of_machine() -> Metrics:
    """Of the whole machine: processors and memory in percent, and what the data folder's disk has free."""
    return {
        "machine_cpu_percent": psutil.cpu_percent(),
        "machine_memory_percent": psutil.virtual_memory().percent,
        "disk_free_bytes": float(_disk_free_bytes(home())),
    }


def _disk_free_bytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _counters() -> dict[str, int]:
    """Bytes since the machine was started."""
    counters: dict[str, int] = {}
    disk = psutil.disk_io_counters()
    if disk is not None:
        counters |= {"disk_read": disk.read_bytes, "disk_write": disk.write_bytes}
    network = psutil.net_io_counters()
    if network is not None:
        counters |= {"network_received": network.bytes_recv, "network_sent": network.bytes_sent}
    return counters
