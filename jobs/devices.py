"""What processors this machine has, and which are free: measured, not assumed.

A reader of GPUs can be given, so that tests have some.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import psutil

from db.machine import cpu_name, usable_cores
from jobs.gpus import GpuReader, GpuReading, read_with_nvml, visible_only

NEEDED_FREE_SHARE = 0.8  # of a GPU's memory


@dataclass(frozen=True)
class DeviceState:
    """A processor as measured.

    Attributes:
        name: "cpu", or "cuda:<number>".
        title: its name for a person, such as "NVIDIA H100 80GB HBM3".
        places: runs that it takes at once.
        total_bytes: its memory; the machine's for the CPU.
        percent: how busy it is, 0 to 100.
        held_by: the active runs on it.
        foreign: what of other people's is on it, in words; empty when nothing is.
        uuid: the GPU's own identity.
    """

    name: str
    title: str = ""
    places: int = 1
    total_bytes: int | None = None
    free_bytes: int | None = None
    percent: float | None = None
    held_by: tuple[int, ...] = ()
    foreign: str = ""
    uuid: str = ""

    @property
    def kind(self) -> str:
        """The kind of processor: "cpu" or "gpu"."""
        return "cpu" if self.name == "cpu" else "gpu"

    @property
    def why_not(self) -> str:
        """Why it takes no further run now; empty when it does."""
        if self.kind == "cpu":
            if len(self.held_by) < self.places:
                return ""
            if self.places < 1:
                return "the settings allow no run on the CPU"
            places = f"{self.places} CPU places" if self.places != 1 else "the 1 CPU place"
            return f"waits for {'1 of ' if self.places != 1 else ''}{places}; {_hold(self.held_by)}"
        title = f"GPU {self.name.partition(':')[2]}"
        if self.held_by:
            return f"{title}: {_hold(self.held_by)}"
        short = (
            self.free_bytes is not None
            and self.total_bytes
            and (self.free_bytes < NEEDED_FREE_SHARE * self.total_bytes)
        )
        if self.foreign or short:
            free = "" if self.free_bytes is None else f" has {_gib(self.free_bytes)} of {_gib(self.total_bytes)} free,"
            return f"{title}{free} {self.foreign or 'somebody else holds the rest'}"
        return ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the supervisor's row: the fields above, ``kind``, and ``free`` (takes another run now)."""
        return {**asdict(self), "held_by": list(self.held_by), "kind": self.kind, "free": not self.why_not}


def measure(
    *,
    cpu_places: int = 1,
    holders: Mapping[str, Iterable[int]] | None = None,
    own_pids: frozenset[int] = frozenset(),
    read_gpus: GpuReader | None = None,
    visible: str | None = None,
    cpu_percent: float | None = None,
) -> list[DeviceState]:
    """The CPU, then the GPUs that may be used.

    Args:
        cpu_places: how many runs the CPU takes at once.
        holders: device name to the active runs on it.
        own_pids: processes of our own active runs; all others on a GPU are foreign.
        read_gpus: who reads the GPUs; `read_with_nvml` by default.
        cpu_percent: how busy the CPU was since it was last asked; a second asker would spoil the answer.
        visible: stands for ``CUDA_VISIBLE_DEVICES``; None reads the environment.
    """
    held = {name: tuple(ids) for name, ids in (holders or {}).items()}
    memory = psutil.virtual_memory()
    cpu = DeviceState("cpu", _cpu_title(), cpu_places, memory.total, memory.available, cpu_percent, held.get("cpu", ()))
    readings = (read_gpus or read_with_nvml)()
    chosen = visible_only(readings, os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible)
    return [cpu, *(_state(one, held.get(f"cuda:{one.number}", ()), own_pids) for one in chosen)]


def holders_of(runs: Iterable[tuple[int, Sequence[str] | None]]) -> dict[str, list[int]]:
    """Device name to the runs on it, from (run id, its devices)."""
    found: dict[str, list[int]] = {}
    for run_id, names in runs:
        for name in names or ():
            found.setdefault(name, []).append(run_id)
    return found


def take(device: DeviceState, run_id: int) -> DeviceState:
    """The device with one more run on it."""
    return replace(device, held_by=(*device.held_by, run_id))


def _cpu_title() -> str:
    return f"{cpu_name()} ({usable_cores()} cores)"


def _state(reading: GpuReading, held_by: tuple[int, ...], own_pids: frozenset[int]) -> DeviceState:
    others = {pid: used for pid, used in reading.processes.items() if pid not in own_pids}
    foreign = ""
    if others and not held_by:
        names = ", ".join(_process_words(pid, used) for pid, used in sorted(others.items())[:3])
        foreign = f"somebody else's process holds it: {names}"
    return DeviceState(
        f"cuda:{reading.number}",
        reading.title,
        1,
        reading.total_bytes,
        reading.free_bytes,
        reading.percent,
        held_by,
        foreign,
        reading.uuid,
    )


def _process_words(pid: int, used_bytes: int | None) -> str:
    try:
        process = psutil.Process(pid)
        words = f"{process.name()} of {process.username()}"
    except (psutil.Error, KeyError):
        words = "a process"
    return f"{words} (pid {pid}{'' if used_bytes is None else f', {_gib(used_bytes)}'})"


def _hold(ids: Sequence[int]) -> str:
    names = [f"run {number}" for number in ids]
    if len(names) == 1:
        return f"{names[0]} holds it"
    return f"{', '.join(names[:-1])} and {names[-1]} hold them"


def _gib(count: int | None) -> str:
    return "an unknown amount" if count is None else f"{count / 2**30:.0f} GiB"
