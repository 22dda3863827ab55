"""What a filter says, as a small tree, and the text of it again; and the error for a filter that says nothing."""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias


class FilterError(ValueError):
    """A filter that cannot be understood.

    Attributes:
        problem: what is wrong, in one sentence.
        position: where in the text, counted from 0; None when it is about the whole.
        hint: what to write instead; may be empty.
    """

    def __init__(self, problem: str, position: int | None = None, hint: str = "") -> None:
        self.problem, self.position, self.hint = problem, position, hint
        where = "" if position is None else f" (at character {position + 1})"
        super().__init__(f"{problem}{where}.{f' {hint}' if hint else ''}")


@dataclass(frozen=True)
class Value:
    """A value as it was written; in quotes it is a text and nothing else."""

    text: str
    quoted: bool = False
    position: int = dataclasses.field(default=0, compare=False)

    @property
    def missing(self) -> bool:
        """Whether it asks for runs that have no value."""
        return not self.quoted and self.text.lower() == "none"


@dataclass(frozen=True)
class Comparison:
    """``field operator values``; one value, or several with ``in`` and ``not in``.

    Attributes:
        field: a name of `db.filter_fields.FIELDS`.
        operator: one of = != < <= > >= ~ !~ in "not in".
        name: of the config value or the metric; empty for other fields.
        part: "last", "min" or "max" of a metric; empty for other fields.
    """

    field: str
    operator: str
    values: tuple[Value, ...]
    name: str = ""
    part: str = ""
    position: int = dataclasses.field(default=0, compare=False)


@dataclass(frozen=True)
class Not:
    """What does not match."""

    item: "Expression"


@dataclass(frozen=True)
class And:
    """What matches all; with no items, everything."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class Or:
    """What matches at least one of at least two."""

    items: tuple["Expression", ...]


Expression: TypeAlias = Comparison | Not | And | Or


def comparisons(expression: Expression) -> Iterable[Comparison]:
    """Every comparison in the tree, in the order of the text."""
    if isinstance(expression, Comparison):
        yield expression
    else:
        for item in (expression.item,) if isinstance(expression, Not) else expression.items:
            yield from comparisons(item)


def quote(text: str) -> str:
    """A text as a quoted value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unparse(expression: Expression) -> str:
    """Text in the filter language that is understood as the same tree."""
    match expression:
        case Comparison():
            return _comparison(expression)
        case Not(item):
            inner = unparse(item)
            return f"not {inner}" if isinstance(item, Comparison | Not) else f"not ({inner})"
        case And(items) | Or(items):
            word = " and " if isinstance(expression, And) else " or "
            return word.join(f"({unparse(one)})" if isinstance(one, And | Or) else unparse(one) for one in items)


def _comparison(comparison: Comparison) -> str:
    name = comparison.field
    if comparison.name:
        own = comparison.name if re.fullmatch(r"[\w/.:-]*\w", comparison.name) else quote(comparison.name)
        part = comparison.part if comparison.part != "last" or _ends_like_a_part(comparison.name) else ""
        name += f".{own}" + (f".{part}" if part else "")
    values = [quote(value.text) if value.quoted else value.text for value in comparison.values]
    if comparison.operator in ("in", "not in"):
        return f"{name} {comparison.operator} ({', '.join(values)})"
    return f"{name} {comparison.operator} {values[0]}"


def _ends_like_a_part(name: str) -> bool:
    return name.lower().rpartition(".")[2] in ("last", "min", "max")


def did_you_mean(wrong: str, known: Iterable[str], *, in_quotes: bool = False) -> str:
    """A hint with the known word that is most like a wrong one; empty when none is.

    Of a dotted name, its last part may be meant: val_loss is like metric.val_loss.
    """
    wrong = wrong.lower()[:60]
    found = max(known, key=lambda name: _likeness(wrong, name.lower()), default="")
    if not found or _likeness(wrong, found.lower()) < 0.6:
        return ""
    return f"Did you mean {quote(found) if in_quotes and ' ' in found else found}?"


def _likeness(wrong: str, name: str) -> float:
    """From 0 for nothing in common to 1 for the same."""
    end = name.rpartition(".")[2]
    begins = 0.7 if len(wrong) > 1 and end.startswith(wrong) else 0.0
    return max(begins, *(SequenceMatcher(None, wrong, one).ratio() for one in (name, end)))
