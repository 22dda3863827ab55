"""The fields that a filter can ask for: what each means, what it is compared with, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from db import filter_values
from db.filter_tree import Comparison, FilterError, Value, did_you_mean
from db.states import ACTIVE, ENDED, Mirror, Reason, Relation, RunState

Kind = Literal["number", "text", "choice", "tag", "date", "duration", "size", "flag", "config", "metric"]

_EQUAL = ("=", "!=")
_ORDER = ("<", "<=", ">", ">=")
_CONTAINS = ("~", "!~")
_LIST = ("in", "not in")
OPERATORS: dict[Kind, tuple[str, ...]] = {
    "number": (*_EQUAL, *_ORDER, *_LIST),
    "text": (*_EQUAL, *_CONTAINS, *_LIST),
    "choice": (*_EQUAL, *_CONTAINS, *_LIST),
    "tag": (*_EQUAL, *_CONTAINS, *_LIST),
    "date": (*_EQUAL, *_ORDER),
    "duration": (*_EQUAL, *_ORDER),
    "size": (*_EQUAL, *_ORDER),
    "flag": _EQUAL,
    "config": (*_EQUAL, *_ORDER, *_CONTAINS, *_LIST),
    "metric": (*_EQUAL, *_ORDER, *_LIST),
}
PARTS = ("last", "min", "max")


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        name: as it is written.
        kind: what it is compared with.
        help: one line for a person.
        column: of `db.tables.Run`; empty when it is looked up elsewhere.
        aliases: other names of it.
        choices: the words of a "choice".
    """

    name: str
    kind: Kind
    help: str
    column: str = ""
    aliases: tuple[str, ...] = ()
    choices: type[StrEnum] | None = None


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("status", "choice", "Where the run stands; also active and ended", "state", ("state",), RunState),
        Field("name", "text", "The run's name; a word alone looks here, too", "name"),
        Field("tag", "tag", "One of the run's tags; none for runs without", aliases=("tags",)),
        Field("config", "config", "A config value by its name or its path: config.learning_rate"),
        Field("metric", "metric", "A metric's last value; .min and .max for its extremes: metric.val_loss.min"),
        Field("reason", "choice", "Why the run ended: completed, paused, out of memory, …", "reason", (), Reason),
        Field("error", "text", "The sentence that says how the run ended", "reason_text", ("reason_text",)),
        Field("model", "text", "The model's class, with or without its module", "model_class", ("model_class",)),
        Field("dataset", "text", "The dataset, with or without its version: reviews@3", "dataset", ("data",)),
        Field("preset", "text", "The preset that the run was launched from", "preset"),
        Field("user", "text", "Who launched the run", "launched_by", ("launched_by", "who")),
        Field("notes", "text", "The run's notes", "notes", ("note",)),
        Field("created", "date", "When it was launched: a date, or 2d for two days ago", "created_at", ("created_at",)),
        Field("started", "date", "When its training began", "started_at", ("started_at",)),
        Field("ended", "date", "When it ended", "ended_at", ("ended_at",)),
        Field("duration", "duration", "From its start to its end, or until now: 90s, 5m, 1h30m"),
        Field("step", "number", "Optimizer steps so far", "step"),
        Field("epoch", "number", "Epochs so far", "epoch"),
        Field("speed", "number", "Samples a second", "samples_per_second", ("samples_per_second",)),
        Field("size", "size", "What its folder takes on disk: 500MB", "folder_bytes", ("folder_bytes",)),
        Field("id", "number", "The run's number", "id"),
        Field("seed", "number", "The seed of its random numbers", "seed"),
        Field("attempt", "number", "How many goes it had", "attempt"),
        Field("parent", "number", "The run that it was cloned from or is a retry of", "parent_id", ("parent_id",)),
        Field("relation", "choice", "What it is to that run", "relation", (), Relation),
        Field("mirror", "choice", "Where it is mirrored", "mirror", (), Mirror),
        Field("host", "text", "The machine that it was trained on", "host"),
        Field("stalled", "flag", "Runs that gave no sign of life when they should have", "stalled"),
        Field("pinned", "flag", "Runs with a checkpoint that somebody pinned"),
    )
}
HELP: tuple[tuple[str, str], ...] = (
    ("status = failed and created > 2d", "failed, and launched in the last two days"),
    ("config.learning_rate < 1e-3 and metric.val_accuracy > 0.9", "by a config value and a metric's last value"),
    ("metric.val_loss.min < 0.2", "by the lowest or highest value that a metric ever had"),
    ("tag = baseline or tag in (paper, ablation)", "by tags; tag = none finds runs without one"),
    ('reason = "out of memory"', "a value of several words stands in quotes"),
    ("name ~ bert and not dataset = reviews", "~ looks for a part of a text, whatever its case"),
    ("duration > 5m and ended >= 2026-01-31", "by times; dates are those of UTC"),
    ("brisk anvil", "words alone look for runs whose names hold all of them"),
)
_BY_NAME = {name: field for field in FIELDS.values() for name in (field.name, *field.aliases)}
_GROUPS: dict[str, frozenset[RunState]] = {"active": ACTIVE, "ended": ENDED}


def field_named(name: str) -> Field | None:
    """The field of a name or an alias, whatever its case."""
    return _BY_NAME.get(name.lower())


def field_names() -> list[str]:
    """Every name and alias."""
    return list(_BY_NAME)


def unknown_name(kind: str, name: str, known: Sequence[str], position: int | None = None) -> FilterError:
    """What to say of a config value or a metric that no run has.

    Args:
        kind: "config" or "metric".
        known: the columns that exist, such as "config.lr".
    """
    of_the_other_kind = [column for column in known if column.partition(".")[2] == name]
    own = [column for column in known if column.startswith(f"{kind}.")]
    hint = did_you_mean(name, of_the_other_kind) or did_you_mean(f"{kind}.{name}", own)
    said = "No run has a config value" if kind == "config" else "No run has a metric"
    return FilterError(f"{said} {name[:60]}", position, hint)


def check_name(comparison: Comparison, known: Sequence[str]) -> None:
    """Raise FilterError for a config value or a metric that is not among the known columns, when there are any.

    A config value may be written with more or less of its path than its column.
    """
    kind, name = comparison.field, comparison.name
    names = [column.partition(".")[2] for column in known if column.startswith(f"{kind}.")]
    if not name or not names or name in names:
        return
    longer = kind == "config" and any(one.endswith(f".{name}") or name.endswith(f".{one}") for one in names)
    if not longer:
        raise unknown_name(kind, name, known, comparison.position)


def check(comparison: Comparison, now: datetime | None = None) -> None:
    """Whether the operator and the values fit the field.

    Raises:
        FilterError: when they do not.
    """
    field, now = FIELDS[comparison.field], now or datetime.now(UTC)
    allowed = OPERATORS[field.kind]
    if comparison.operator not in allowed:
        raise FilterError(
            f"{field.name} cannot be compared with {comparison.operator}",
            comparison.position,
            f"Use one of {', '.join(allowed)}.",
        )
    match field.kind:
        case "number":
            filter_values.check(filter_values.number, comparison.values)
        case "metric":
            filter_values.check(filter_values.any_number, comparison.values)
        case "duration":
            filter_values.check(filter_values.seconds, comparison.values)
        case "size":
            filter_values.check(filter_values.size_bytes, comparison.values)
        case "flag":
            for value in comparison.values:
                filter_values.yes_or_no(value)
        case "date":
            filter_values.check(lambda value: _date(value, comparison.operator, now), comparison.values)
        case "choice":
            for value in comparison.values:
                chosen(field, value, contains=comparison.operator in _CONTAINS)
        case "config" if comparison.operator in _ORDER:
            filter_values.check(filter_values.number, comparison.values)
    if comparison.operator in (*_ORDER, *_CONTAINS) and comparison.values[0].missing and field.kind != "choice":
        position = comparison.values[0].position
        raise FilterError(f"none cannot be compared with {comparison.operator}", position, "Use = or !=.")


def chosen(field: Field, value: Value, *, contains: bool) -> frozenset[StrEnum | None]:
    """The members of a choice that a value means; None for a run without one.

    Raises:
        FilterError: when it means none.
    """
    members = list(field.choices or ())
    if value.missing and not contains:
        return frozenset({None})
    word = value.text.lower().replace("_", " ")
    if contains:
        return frozenset(member for member in members if word in member.value)
    if field.choices is RunState and word in _GROUPS:
        return frozenset(_GROUPS[word])
    found: frozenset[StrEnum | None] = frozenset(member for member in members if member.value == word)
    if not found:
        words = [member.value for member in members]
        hint = did_you_mean(word, words, in_quotes=True) or f"It is one of {', '.join(words)}."
        raise FilterError(f"{value.text[:40]} is not a {field.name}", value.position, hint)
    return found


def _date(value: Value, operator: str, now: datetime) -> None:
    found = filter_values.moments(value, now)
    if operator in _EQUAL and found.start == found.end:
        raise FilterError("Nothing happens at one exact moment", value.position, "Use < or >, or give a day.")
