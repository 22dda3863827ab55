"""One measured row, and how a table of them is printed and written."""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """One row: what was measured, beside what, and whether the promise holds.

    Attributes:
        value: the measured number, in `unit`.
        reference: the number beside it, in the same unit and from the same session; None when there is none.
        ratio: value / reference.
        budget: the promise, for a person.
        holds: whether the promise is kept.
        against: what the reference is, and what else a reader must know.
    """

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    budget: str
    holds: bool
    against: str = ""


def within(
    name: str, value: float, unit: str, limit: float, *, reference: float | None = None, against: str = ""
) -> Result:
    """A row whose promise is on the value itself: at most ``limit`` in ``unit``."""
    ratio = value / reference if reference else None
    return Result(name, value, unit, reference, ratio, f"≤ {limit:g} {unit}", value <= limit, against)


def beside(name: str, value: float, unit: str, reference: float, most: float, *, against: str) -> Result:
    """A row whose promise is on the ratio to the reference: at most ``most``."""
    ratio = value / reference
    return Result(name, value, unit, reference, ratio, f"≤ {most:g} × reference", ratio <= most, against)


def interleaved(rounds: int, *contenders: Callable[[], float]) -> list[list[float]]:
    """Run each contender once a round, in turns, so that a slow minute of the machine hits all of them.

    Returns:
        One list of measurements a contender, in round order. Every other round goes backwards.
    """
    measured: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds):
        order = range(len(contenders)) if number % 2 == 0 else reversed(range(len(contenders)))
        for index in order:
            measured[index].append(contenders[index]())
    return measured


def median(values: Sequence[float]) -> float:
    """The median; needs at least one value."""
    return float(statistics.median(values))


def print_table(results: Sequence[Result]) -> None:
    """A table for a terminal; a broken promise is marked, never hidden."""
    rows = [("", "what", "measured", "reference", "ratio", "budget")]
    rows += [
        (
            "ok" if row.holds else "SHORT",
            row.name,
            f"{_short(row.value)} {row.unit}",
            "–" if row.reference is None else f"{_short(row.reference)} {row.unit}",
            "–" if row.ratio is None else f"{row.ratio:.3g}",
            row.budget,
        )
        for row in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    for row in results:
        if row.against:
            print(f"  {row.name}: {row.against}")


def write_json(results: Sequence[Result], file: Path) -> None:
    """The rows as a JSON list."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(row) for row in results], indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
