"""Which queued run starts now, and why each of the others waits. Pure: devices and queue in, plan out.

The order is strict for each kind of processor: a run that waits for a GPU holds back every later run that wants one,
so a big run is never starved by small ones; runs on the other kind of processor pass. A request that this machine can
never fulfil holds nobody back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from db.run_config import ScalingConfig
from jobs.devices import DeviceState, take

PRECISE_REASONS = 20  # runs further back get a general sentence, so that a long queue is not rewritten at every change


@dataclass(frozen=True)
class Request:
    """What a queued run asks for: so many processors of a kind, or GPUs by number."""

    run_id: int
    kind: str  # "cpu" | "gpu"
    count: int = 1
    numbers: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The GPUs asked for by name."""
        return tuple(f"cuda:{number}" for number in self.numbers)


@dataclass
class Plan:
    """What starts now on which devices, and why the rest waits (run id to sentence)."""

    starts: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    waits: dict[int, str] = field(default_factory=dict)


def request_of(run_id: int, scaling: ScalingConfig, gpu_count: int) -> Request:
    """What a run asks for on a machine with so many usable GPUs.

    "auto" takes a GPU where there is one; alone it means one processor, with ddp or fsdp it means every GPU.
    """
    on_gpu = scaling.accelerator == "gpu" or (scaling.accelerator == "auto" and gpu_count > 0)
    numbers = tuple(scaling.devices) if isinstance(scaling.devices, list) else ()
    if numbers and scaling.accelerator != "cpu":
        return Request(run_id, "gpu", len(numbers), numbers)
    if not on_gpu:
        return Request(run_id, "cpu", process_count(scaling, 0))
    return Request(run_id, "gpu", process_count(scaling, gpu_count))


def process_count(scaling: ScalingConfig, gpu_count: int) -> int:
    """How many processes "auto" means: one, or for a shared strategy one for each GPU, two on a CPU."""
    if scaling.process_count is not None:
        return scaling.process_count
    if scaling.strategy in ("auto", "single"):
        return 1
    return gpu_count or 2


def plan(queue: Sequence[Request], devices: Sequence[DeviceState]) -> Plan:
    """Go through the queue in its order."""
    made = Plan()
    free = {kind: _Free([device for device in devices if device.kind == kind]) for kind in ("cpu", "gpu")}
    for request in queue:
        pool = free[request.kind]
        never = pool.why_never(request)
        if never:
            made.waits[request.run_id] = never
        elif pool.blocked_by is not None:
            made.waits[request.run_id] = pool.behind()
        elif names := pool.take(request):
            made.starts.append((request.run_id, names))
        else:
            made.waits[request.run_id] = pool.block(request)
    return made


class _Free:
    """The processors of one kind, while a plan is made."""

    def __init__(self, devices: list[DeviceState]) -> None:
        self.devices = {device.name: device for device in devices}
        self.blocked_by: int | None = None
        self._behind = 0

    def why_never(self, request: Request) -> str:
        """Why this machine can never do it; empty when it can."""
        if request.kind == "cpu":
            allowed = any(device.places > 0 for device in self.devices.values())
            return "" if allowed else "the settings allow no run on the CPU"
        if not self.devices:
            return "asks for a GPU, and this machine has none that can be used; choose accelerator cpu instead"
        count = len(self.devices)
        missing = [name for name in request.names if name not in self.devices]
        if missing:
            return (
                f"asks for {', '.join(missing)}, and this machine has {', '.join(self.devices)}; clone it with others"
            )
        if request.count > count:
            return f"asks for {request.count} GPUs, and this machine has {count}; clone it with fewer"
        return ""

    def take(self, request: Request) -> tuple[str, ...]:
        """The processors, now taken; empty when there are not enough."""
        able = [name for name, device in self.devices.items() if not device.why_not]
        if request.kind == "cpu":
            chosen = tuple(able[:1])
        elif request.names:
            chosen = request.names if set(request.names) <= set(able) else ()
        else:
            chosen = tuple(able[: request.count]) if len(able) >= request.count else ()
        for name in chosen:
            self.devices[name] = take(self.devices[name], request.run_id)
        return chosen

    def block(self, request: Request) -> str:
        """Remember that everybody behind waits, and say why this one does."""
        self.blocked_by = request.run_id
        wanted = [self.devices[name] for name in request.names] or list(self.devices.values())
        reasons = "; ".join(device.why_not for device in wanted if device.why_not)
        if request.kind == "cpu":
            return reasons
        if request.names:
            return f"waits for GPU {' and '.join(str(number) for number in request.numbers)}; {reasons}"
        return f"waits for {request.count} GPU{'s' if request.count != 1 else ''}; {reasons}"

    def behind(self) -> str:
        """Why somebody behind a waiting run waits."""
        self._behind += 1
        if self._behind > PRECISE_REASONS:
            return "waits its turn in the queue"
        return f"waits behind run {self.blocked_by}" + (f" and {self._behind - 1} more" if self._behind > 1 else "")
