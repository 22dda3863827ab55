"""What the machine did: which system metrics belong into one chart. Names in, plain facts out."""

import re
from collections.abc import Iterable

from charts.metrics import SYSTEM, Group, unit_of

_PANELS: tuple[tuple[str, dict[str, str]], ...] = (
    ("Processor", {"cpu_percent": "this run", "machine_cpu_percent": "whole machine"}),
    ("Memory of this run", {"memory_bytes": "this run"}),
    ("Memory of the machine", {"machine_memory_percent": "in use"}),
    ("Disk traffic", {"disk_read_bytes_per_second": "read", "disk_write_bytes_per_second": "written"}),
    ("Free on the disk", {"disk_free_bytes": "free"}),
    ("Network", {"network_received_bytes_per_second": "received", "network_sent_bytes_per_second": "sent"}),
)
_GPU = re.compile(r"gpu(\d+)_(.+)")
_GPU_TITLES = {
    "percent": "GPU use",
    "memory_bytes": "GPU memory",
    "memory_percent": "GPU memory in use",
    "power_watts": "GPU power",
    "temperature_celsius": "GPU temperature",
}


def system_groups(names: Iterable[str]) -> list[Group]:
    """One group for each chart; the same measure of several GPUs together; unknown ones alone, at the end."""
    left = {name.removeprefix(SYSTEM): name for name in sorted(names) if name.startswith(SYSTEM)}
    groups = []
    for title, lines in _PANELS:
        found = {left.pop(short): line for short, line in lines.items() if short in left}
        if found:
            groups.append(Group(title, found, unit_of(next(iter(found)))))
    return (
        groups
        + _gpu_groups(left)
        + [Group(_words(short), {name: short}, unit_of(name)) for short, name in left.items()]
    )


def _gpu_groups(left: dict[str, str]) -> list[Group]:
    found: dict[str, dict[str, str]] = {}
    for short in sorted(
        left, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    ):
        match = _GPU.fullmatch(short)
        if match:
            found.setdefault(match[2], {})[left.pop(short)] = f"GPU {match[1]}"
    known = [measure for measure in _GPU_TITLES if measure in found]
    others = sorted(measure for measure in found if measure not in _GPU_TITLES)
    return [
        Group(_GPU_TITLES.get(measure, f"GPU {_words(measure)}"), found[measure], unit_of(f"gpu_{measure}"))
        for measure in known + others
    ]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
