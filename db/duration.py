"""How long a run has trained, as SQL on both databases."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, case, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from db.states import ACTIVE
from db.tables import Run
from db.types import UtcDateTime


class _SecondsBetween(FunctionElement[float]):
    """Seconds from the first time to the second."""

    type = Float()
    inherit_cache = True


@compiles(_SecondsBetween, "sqlite")
def _for_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    # SQLite counts in milliseconds; without rounding, four seconds are 4.0000066
    return f"round((julianday({end}) - julianday({start})) * 86400.0, 3)"


@compiles(_SecondsBetween)
def _for_others(element: Any, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) AS DOUBLE PRECISION)"


def duration_seconds(now: datetime) -> ColumnElement[float]:
    """From a run's start to its end, or until ``now`` while it runs; NULL for one that was never started."""
    end = case((Run.ended_at.is_not(None), Run.ended_at), (Run.state.in_(ACTIVE), literal(now, UtcDateTime())))
    return case((Run.started_at.is_not(None), _SecondsBetween(Run.started_at, end)))
