"""The names of config values and metrics that some run has, and what a name in a filter or a column stands for."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.filter_fields import unknown_name
from db.tables import ConfigValue, Series


@dataclass(frozen=True)
class Names:
    """What can be asked for.

    Attributes:
        keys: dotted keys of config values.
        metrics: names of metrics.
    """

    keys: tuple[str, ...]
    metrics: tuple[str, ...]

    @cached_property
    def columns(self) -> list[str]:
        """``config.x`` with the shortest x that means one key, then ``metric.y``, the system's measurements last."""
        meant = Counter(ending for key in self.keys for ending in _endings(key))
        short = [next((end for end in _endings(key) if meant[end] == 1 or end == key), key) for key in self.keys]
        metrics = sorted(self.metrics, key=lambda name: (name.startswith("system/"), name.lower()))
        return [f"config.{name}" for name in sorted(short, key=str.lower)] + [f"metric.{name}" for name in metrics]

    def keys_of(self, name: str, position: int | None = None) -> list[str]:
        """The keys that a name stands for: the key itself, or else all that end with it.

        Raises:
            FilterError: when some run has a config, and none has such a value.
        """
        found = [name] if name in self.keys else [key for key in self.keys if key.endswith(f".{name}")]
        if not found and self.keys:
            raise unknown_name("config", name, self.columns, position)
        return sorted(found, key=lambda key: (key.count("."), key))

    def check_metric(self, name: str, position: int | None = None) -> None:
        """Raise FilterError when runs have metrics, and none has this one."""
        if self.metrics and name not in self.metrics:
            raise unknown_name("metric", name, self.columns, position)


def names_of(session: Session) -> Names:
    """All names in the database; a few hops along two indexes, however many runs there are."""
    return Names(_distinct(session, ConfigValue.key), _distinct(session, Series.name))


def _endings(key: str) -> list[str]:
    """The endings of a dotted key, the shortest first: c, b.c, a.b.c."""
    parts = key.split(".")
    return [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]


def _distinct(session: Session, column: InstrumentedAttribute[str]) -> tuple[str, ...]:
    """The different values of an indexed column: from each, the index leads straight to the next."""
    first: Any = select(func.min(column).label("name")).cte("names", recursive=True)
    following = select(func.min(column)).where(column > first.c.name).scalar_subquery()
    chain = first.union_all(select(following).where(first.c.name.is_not(None)))
    return tuple(session.scalars(select(chain.c.name).where(chain.c.name.is_not(None))))
