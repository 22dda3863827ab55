"""Which metrics belong into one chart, in which order, and in which unit they are. Names in, plain facts out."""

from collections.abc import Iterable
from dataclasses import dataclass

STAGES = ("train", "val", "test")
SYSTEM = "system/"
_AXES = ("epoch", "step")  # what curves are drawn over
_LOSS_FIRST = ("loss",)
_COUNT_SUFFIXES = ("_step", "_epoch")


@dataclass(frozen=True)
class Unit:
    """How the values of an axis are written.

    Attributes:
        title: beside the axis; empty where each number carries its unit, or has none.
        tick_format: d3's format of the ticks, such as ".3s" for 1.2M.
        suffix: after every number, such as "%".
        hover_format: d3's format of an exact value.
        from_zero: whether the axis begins at 0.
    """

    title: str = ""
    tick_format: str = ""
    suffix: str = ""
    hover_format: str = ".6~g"
    from_zero: bool = False


PLAIN = Unit()
PERCENT = Unit("", "", " %", ".1f", from_zero=True)
BYTES = Unit("", ".3~s", "B", ".4~s", from_zero=True)
BYTES_PER_SECOND = Unit("", ".3~s", "B/s", ".4~s", from_zero=True)
WATTS = Unit("", "", " W", ".1f", from_zero=True)
CELSIUS = Unit("", "", " °C", ".0f")
SECONDS = Unit("", "", " s", ".4~g", from_zero=True)
_UNITS = (  # the longest ending first
    ("_bytes_per_second", BYTES_PER_SECOND),
    ("_samples_per_second", Unit("samples per second", ".3~s", "", ".4~s", from_zero=True)),
    ("_percent", PERCENT),
    ("_bytes", BYTES),
    ("_watts", WATTS),
    ("_celsius", CELSIUS),
    ("_seconds", SECONDS),
)


@dataclass(frozen=True)
class Group:
    """Metrics that are drawn in one chart.

    Attributes:
        title: what they have in common: "loss" for train_loss, val_loss and test_loss.
        names: metric name to the name of its line: {"train_loss": "train"}.
    """

    title: str
    names: dict[str, str]
    unit: Unit = PLAIN


def unit_of(name: str) -> Unit:
    """The unit that the end of a metric's name tells."""
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), PLAIN)


def split_stage(name: str) -> tuple[str, str]:
    """("train", "loss") for "train_loss" and "train/loss"; ("", name) for a metric of no stage."""
    for stage in STAGES:
        for mark in ("_", "/"):
            if name.startswith(stage + mark) and len(name) > len(stage) + 1:
                return stage, name[len(stage) + 1 :]
    return "", name


def metric_groups(names: Iterable[str]) -> list[Group]:
    """One group for each metric, its stages together: losses first. System metrics and the axes are left out."""
    found: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        if name.startswith(SYSTEM) or name in _AXES:
            continue
        stage, title = split_stage(name)
        found.setdefault(_without_count(title, stage), {})[name] = _line_name(stage, title)
    groups = [Group(title, _by_stage(lines), unit_of(title)) for title, lines in found.items()]
    return sorted(groups, key=_place)


def _without_count(title: str, stage: str) -> str:
    """Lightning adds _step and _epoch to a metric that is logged both ways; they belong together."""
    if stage:
        for suffix in _COUNT_SUFFIXES:
            if title.endswith(suffix) and len(title) > len(suffix):
                return title.removesuffix(suffix)
    return title


def _line_name(stage: str, title: str) -> str:
    if not stage:
        return title
    counted = next((suffix for suffix in _COUNT_SUFFIXES if title.endswith(suffix) and title != suffix), "")
    return f"{stage}{counted.replace('_', ' per ')}" if counted else stage


def _by_stage(lines: dict[str, str]) -> dict[str, str]:
    return dict(sorted(lines.items(), key=lambda item: (_stage_place(item[1]), item[1])))


def _stage_place(line: str) -> int:
    return next((place for place, stage in enumerate(STAGES) if line.startswith(stage)), len(STAGES))


def _place(group: Group) -> tuple[int, int, str]:
    if group.title in _LOSS_FIRST:
        return 0, 0, ""
    if "loss" in group.title:
        return 1, 0, group.title
    staged = any(line.startswith(STAGES) for line in group.names.values())
    return (2 if staged else 3), -len(group.names), group.title
