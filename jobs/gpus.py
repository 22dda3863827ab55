"""The GPUs of this machine, read through NVML: that needs neither torch nor a CUDA context.

The numbers are NVML's, which is the order of the PCI bus.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class GpuReading:
    """One GPU as its driver reports it; ``processes`` maps a pid to the bytes it holds there (None when not told)."""

    number: int
    uuid: str
    title: str
    total_bytes: int
    free_bytes: int
    percent: float | None = None
    processes: Mapping[int, int | None] = field(default_factory=dict)


class GpuReader(Protocol):
    """Something that reads the GPUs of the machine."""

    def __call__(self) -> list[GpuReading]: ...


class NvmlReader:
    """Reads GPUs through the driver; a machine without one has none.

    Attributes:
        trouble: why a driver that is there could not be read.
    """

    def __init__(self) -> None:
        self._ready: bool | None = None
        self.trouble = ""

    def __call__(self) -> list[GpuReading]:
        """Every GPU of the machine, by number."""
        import pynvml

        if self._ready is None:
            try:
                pynvml.nvmlInit()
                self._ready = True
            except pynvml.NVMLError:  # no driver, no GPU
                self._ready = False
        if not self._ready:
            return []
        try:
            found = [self._read(pynvml, number) for number in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as error:
            self._ready, self.trouble = None, f"The GPUs cannot be read: {error}"
            return []
        self.trouble = ""
        return found

    def _read(self, nvml: Any, number: int) -> GpuReading:
        handle = nvml.nvmlDeviceGetHandleByIndex(number)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        try:
            percent: float | None = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        except nvml.NVMLError:  # not told for a slice of a GPU
            percent = None
        try:
            processes = {one.pid: one.usedGpuMemory for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
        except nvml.NVMLError:
            processes = {}
        return GpuReading(
            number,
            str(nvml.nvmlDeviceGetUUID(handle)),
            str(nvml.nvmlDeviceGetName(handle)),
            int(memory.total),
            int(memory.free),
            percent,
            processes,
        )


read_with_nvml: GpuReader = NvmlReader()


def visible_only(readings: list[GpuReading], visible: str | None) -> list[GpuReading]:
    """What ``CUDA_VISIBLE_DEVICES`` leaves: numbers or beginnings of UUIDs, up to the first that is not there."""
    if visible is None:
        return readings
    chosen = []
    for word in (part.strip() for part in visible.split(",")):
        match = [one for one in readings if word and (word == str(one.number) or one.uuid.startswith(word))]
        if len(match) != 1:
            break
        chosen += match
    return chosen
