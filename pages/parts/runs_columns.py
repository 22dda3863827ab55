"""The columns of the runs table: what each says of a run, and how it is called in a sort and in a file."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from charts.words import heading
from db.rows import RunRow
from db.states import ACTIVE, Reason, RunState
from pages.parts.badges import STALLED_LOOKS, STATE_LOOKS
from pages.parts.formats import count, duration, number, size
from pages.parts.progress import progress_share

Kind = Literal["id", "link", "state", "progress", "time", "tags", "text", "number"]

STATE_MARKS = {  # a table's cell shows no icons
    RunState.QUEUED: "◷",
    RunState.STARTING: "◌",
    RunState.RUNNING: "▶",
    RunState.FINISHED: "✓",
    RunState.FAILED: "✕",
    RunState.STOPPED: "■",
    RunState.LOST: "?",
    RunState.CANCELLED: "∅",
}
STALLED = "stalled"
STATE_LABELS = {state.value: f"{mark} {state.value}" for state, mark in STATE_MARKS.items()} | {STALLED: f"⧗ {STALLED}"}
STATE_COLORS = {state.value: color for state, (color, _) in STATE_LOOKS.items()} | {STALLED: STALLED_LOOKS[0]}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: how the link, the sort and the filter call it.
        title: what stands above it.
        kind: how it is drawn.
        shown: a run's cell on the page; None leaves it empty.
        exact: the same in a file: nothing rounded, nothing put into words.
        width: in pixels.
    """

    name: str
    title: str
    kind: Kind
    shown: Callable[[RunRow], Any]
    exact: Callable[[RunRow], Any]
    width: int | None = None


def seconds_taken(run: RunRow, now: datetime | None = None) -> float | None:
    """How long a run has trained, until its end or until now."""
    if run.started_at is None or (run.ended_at is None and run.state not in ACTIVE):
        return None
    return max(0.0, ((run.ended_at or now or datetime.now(UTC)) - run.started_at).total_seconds())


def state_word(run: RunRow) -> str:
    """The state, or that a running run has stalled."""
    return STALLED if run.stalled and run.state is RunState.RUNNING else run.state.value


def model_name(run: RunRow) -> str:
    """The model's class without its module."""
    return run.model_class.rpartition(".")[2]


def why(run: RunRow) -> str | None:
    """Why a run ended when it did not simply come to its end; that a running one was asked to stop."""
    if run.stop_requested_at is not None and not run.state.ended:
        return "pausing" if run.stop_kind == "pause" else "stopping"
    return None if run.reason in (None, Reason.COMPLETED) else run.reason.value


def _share(run: RunRow) -> float | None:
    """How far a run is while it goes on; an ended one leaves its cell empty."""
    share = progress_share(run) if run.state in ACTIVE else None
    return None if share is None else round(share, 2)


def _plain(name: str, title: str, kind: Kind, get: Callable[[RunRow], Any], width: int | None = None) -> Column:
    return Column(name, title, kind, get, get, width)


def _text(name: str, title: str, get: Callable[[RunRow], Any], width: int | None = None) -> Column:
    return _plain(name, title, "text", lambda run: get(run) or None, width)


def _time(name: str, title: str) -> Column:
    return _plain(name, title, "time", lambda run: getattr(run, name), 130)


def _number(name: str, title: str, words: Callable[[Any], str], get: Callable[[RunRow], Any] | None = None) -> Column:
    exact = get or (lambda run: getattr(run, name))

    def shown(run: RunRow) -> str | None:
        value = exact(run)
        return None if value is None else words(value)

    return Column(name, title, "number", shown, exact, 90)


ID = _plain("id", "#", "id", lambda run: run.id, 62)
NAME = _plain("name", "Name", "link", lambda run: run.name, 210)
PROGRESS = Column("progress", "Progress", "progress", _share, progress_share, 120)
FIXED: dict[str, Column] = {
    column.name: column
    for column in (
        ID,
        NAME,
        Column("state", "State", "state", lambda run: [state_word(run)], state_word, 110),
        PROGRESS,
        _text("reason", "Why it ended", why, 120),
        _time("created_at", "Created"),
        _number("duration", "Duration", duration, seconds_taken),
        Column("tags", "Tags", "tags", lambda run: list(run.tags), lambda run: ", ".join(run.tags), 150),
        _text("dataset", "Dataset", lambda run: run.dataset, 140),
        _text("model", "Model", model_name, 160),
        _text("notes", "Notes", lambda run: run.notes, 220),
        _text("preset", "Preset", lambda run: run.preset, 140),
        _text("user", "Launched by", lambda run: run.launched_by, 110),
        _time("started_at", "Started"),
        _time("ended_at", "Ended"),
        _number("seed", "Seed", str),
        _number("step", "Step", count),
        _number("epoch", "Epoch", number),
        _number("attempt", "Attempt", str),
        _number("samples_per_second", "Samples/s", count),
        _number("folder_bytes", "Size", size),
    )
}
ALWAYS = ("id", "name", "state")
UNSORTED = frozenset({"progress", "tags", "notes"})
STANDARD = ("created_at", "duration", "reason", "tags", "dataset", "model")
_WANTED_METRICS = ("metric.val_loss", "metric.val_accuracy", "metric.val_rmse")


def choosable(known: Sequence[str]) -> list[str]:
    """Every column that can be added: the fixed ones, then those of configs and metrics."""
    return [name for name in FIXED if name not in ALWAYS] + list(known)


def standard(known: Iterable[str]) -> list[str]:
    """The columns that everybody sees at first: up to two validation metrics, and the fixed ones."""
    there = set(known)
    metrics = [name for name in _WANTED_METRICS if name in there][:2]
    return [*metrics, *STANDARD]


def columns_of(names: Iterable[str], *, progress: bool) -> list[Column]:
    """Columns in order, those that always stand first included; progress only where something has some."""
    wanted = [name for name in names if name not in ALWAYS and name != "progress"]
    return [column_of(name) for name in [*ALWAYS, *(["progress"] if progress else []), *wanted]]


def column_of(name: str) -> Column:
    """A fixed column, or one of the configs' and metrics' own values."""
    if name in FIXED:
        return FIXED[name]
    title = heading(name.removeprefix("config.").removeprefix("metric."))
    width = max(90, min(200, 20 + 7 * len(title)))  # so that the title is whole
    return Column(
        name, title, "number", lambda run: in_words(run.values.get(name)), lambda run: run.values.get(name), width
    )


def title_of(name: str) -> str:
    """A column's name for a person: "Created", "config.learning_rate"."""
    return FIXED[name].title if name in FIXED else name


def asked_of_database(columns: Iterable[Column]) -> tuple[str, ...]:
    """The names that the query has to bring along with each row."""
    return tuple(column.name for column in columns if column.name.startswith(("config.", "metric.")))


def in_words(value: Any) -> str | None:
    """A value of a config or a metric as a cell: numbers with four meaning digits."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else number(value)
