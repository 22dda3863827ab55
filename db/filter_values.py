"""What the values of a filter mean: numbers, sizes, durations, moments, yes and no."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from db.filter_tree import FilterError, Value

T = TypeVar("T")

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(min|[smhdw]))", re.IGNORECASE)
_SIZE = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_DAY = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")
_LONGEST_AGE_SECONDS = 200 * 366 * 86_400


@dataclass(frozen=True)
class Moments:
    """From ``start`` up to but not including ``end``; one moment when they are equal. Both in UTC."""

    start: datetime
    end: datetime


def number(value: Value) -> float:
    """A number; infinite ones are refused."""
    found = any_number(value)
    if not math.isfinite(found):
        raise FilterError(f"A number is expected, and {value.text} is none", value.position)
    return found


def any_number(value: Value) -> float:
    """A number, "nan" and "inf" included."""
    try:
        return float(value.text)
    except ValueError:
        raise FilterError(f"A number is expected, and {_short(value)} is none", value.position) from None


def seconds(value: Value) -> float:
    """A duration such as 90, 90s, 5m, 1h30m or 2d, in seconds."""
    text = value.text.replace(" ", "")
    found = _duration(text)
    if found is None:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
    if not math.isfinite(found):
        raise FilterError(
            f"A duration is expected, and {_short(value)} is none", value.position, "Write 90s, 5m, 1h30m or 2d."
        )
    return found


def size_bytes(value: Value) -> float:
    """A size such as 500MB or 1.5GB, in bytes; k, M, G and T are powers of 1000."""
    found = _SIZE.fullmatch(value.text)
    if found is None:
        raise FilterError(f"A size is expected, and {_short(value)} is none", value.position, "Write 500MB or 1.5GB.")
    bytes_ = float(found[1]) * 1000 ** " kmgt".index(found[2].lower() or " ")
    return number(Value(str(bytes_), position=value.position))


def yes_or_no(value: Value) -> bool:
    """Yes or no, true or false."""
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if value.text.lower() not in words:
        raise FilterError(f"yes or no is expected, and {_short(value)} is neither", value.position)
    return words[value.text.lower()]


def moments(value: Value, now: datetime) -> Moments:
    """A day, a month, a moment, or an age such as 2d, which means the moment so long ago.

    Days are those of UTC.
    """
    text = value.text.strip().lower()
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "yesterday"):
        start = today - timedelta(days=text == "yesterday")
        return Moments(start, start + timedelta(days=1))
    age = _duration(text.removesuffix("ago").strip())
    if age is not None and age < _LONGEST_AGE_SECONDS:
        return Moments(now - timedelta(seconds=age), now - timedelta(seconds=age))
    try:
        return _day_or_month(text) or _moment(text)
    except (ValueError, OverflowError):
        raise FilterError(
            f"A date or an age is expected, and {_short(value)} is none",
            value.position,
            "Write 2026-01-31, 2026-01, today, or 2d for the moment two days ago.",
        ) from None


def check(read: Callable[[Value], T], values: tuple[Value, ...]) -> None:
    """Read all values that are not ``none``.

    Raises:
        FilterError: for the first that cannot be read.
    """
    for value in values:
        if not value.missing:
            read(value)


def _duration(text: str) -> float | None:
    """Seconds of 1h30m and the like; None when the text is nothing of the kind."""
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        return None
    return sum(float(part[1]) * _SECONDS[part[2].lower()] for part in parts)


def _day_or_month(text: str) -> Moments | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    start = datetime(int(found[1]), int(found[2]), int(found[3] or 1), tzinfo=UTC)
    if found[3]:
        return Moments(start, start + timedelta(days=1))
    return Moments(start, (start + timedelta(days=32)).replace(day=1))


def _moment(text: str) -> Moments:
    found = datetime.fromisoformat(text.upper())
    moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return Moments(moment, moment)


def _short(value: Value) -> str:
    return f'"{value.text[:40]}"' if value.quoted or not value.text else value.text[:40]
