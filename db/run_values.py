"""The columns of one's choice for a page of runs: config values with their types, and metrics from their summaries."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.curve_summary import last_value
from db.filter_fields import PARTS
from db.filter_tree import FilterError
from db.run_names import Names
from db.run_rows import batches
from db.tables import ConfigValue, Series


def values_of(session: Session, ids: Sequence[int], columns: Sequence[str], names: Names) -> dict[int, dict[str, Any]]:
    """Run to column to value; None where a run has none. Two statements, however many columns.

    Raises:
        FilterError: for a column that is neither ``config.x`` nor ``metric.y``.
    """
    found: dict[int, dict[str, Any]] = {run_id: dict.fromkeys(columns) for run_id in ids}
    keys = {column: _keys(column, names) for column in columns if column.startswith("config.")}
    metrics = {column: metric_and_part(column.partition(".")[2]) for column in columns if column.startswith("metric.")}
    for column in columns:
        if column not in keys and column not in metrics:
            hint = "Columns are config.x and metric.y, such as config.learning_rate and metric.val_loss.min."
            raise FilterError(f"{column[:60] or 'An empty name'} is not a column", None, hint)
    configs = _config_values(session, ids, sorted({key for some in keys.values() for key in some}))
    series = _series(session, ids, sorted({name for name, _ in metrics.values()}))
    for run_id, row in found.items():
        for column, some in keys.items():
            row[column] = next((configs[run_id, key] for key in some if (run_id, key) in configs), None)
        for column, (name, part) in metrics.items():
            row[column] = series.get((run_id, name), {}).get(part)
    return found


def metric_and_part(name: str) -> tuple[str, str]:
    """``val_loss.min`` is (val_loss, min), ``val_loss`` is (val_loss, last)."""
    metric, dot, part = name.rpartition(".")
    return (metric, part) if dot and part in PARTS else (name, "last")


def typed(number: float | None, text: str) -> Any:
    """A config value as it was: a number, a truth, None or a text; lists and the like are texts."""
    if number is None:
        return None if text == "None" else text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() else number


def _keys(column: str, names: Names) -> list[str]:
    """The keys that a column stands for; none when no run has it (any more): its cells stay empty."""
    try:
        return names.keys_of(column.partition(".")[2])
    except FilterError:
        return []


def _config_values(session: Session, ids: Sequence[int], keys: Sequence[str]) -> dict[tuple[int, str], Any]:
    found: dict[tuple[int, str], Any] = {}
    for some in batches(ids) if keys else ():
        question = select(ConfigValue.run_id, ConfigValue.key, ConfigValue.number, ConfigValue.text)
        question = question.where(ConfigValue.run_id.in_(some), ConfigValue.key.in_(keys))
        found.update({(row.run_id, row.key): typed(row.number, row.text) for row in session.execute(question)})
    return found


def _series(session: Session, ids: Sequence[int], names: Sequence[str]) -> dict[tuple[int, str], dict[str, Any]]:
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for some in batches(ids) if names else ():
        question = select(Series.run_id, Series.name, Series.last, Series.last_text, Series.min, Series.max)
        for row in session.execute(question.where(Series.run_id.in_(some), Series.name.in_(names))):
            last = last_value(row.last, row.last_text)
            found[row.run_id, row.name] = {"last": last, "min": row.min, "max": row.max}
    return found
