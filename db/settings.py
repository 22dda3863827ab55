"""The team's settings: one row a value, so that two people who change different ones do not undo each other's."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import BadValue
from db.states import Mirror
from db.tables import Setting
from db.texts import cut
from db.types import utc_now
from db.upsert import upsert


@dataclass(frozen=True)
class Settings:
    """Every setting with its default.

    Attributes:
        max_cpu_runs: how many runs share the CPU at once.
        stop_grace_seconds: how long a run may take to save a checkpoint after it was asked to stop.
        trash_days: how long deleted runs can be restored; 0 keeps them until the trash is emptied by hand.
        wandb_project, wandb_entity: where mirrored runs go; no entity means the key's own.
        default_mirror: "off", "offline" or "online", for new runs.
        module_paths: import paths of modules or classes outside ``lightning_modules``.
    """

    max_cpu_runs: int = 2
    stop_grace_seconds: float = 30.0
    trash_days: int = 7
    wandb_project: str = "bancada"
    wandb_entity: str | None = None
    default_mirror: str = "off"
    module_paths: tuple[str, ...] = ()


def read(session: Session) -> Settings:
    """The settings; a value that this program does not know or cannot use is left at its default."""
    values: dict[str, Any] = {}
    for name, stored in session.execute(select(Setting.name, Setting.value)):
        if name in _CHECKS:
            try:
                values[name] = _checked(name, stored.get("value"))
            except BadValue:
                continue  # written by another version of the program; the next write replaces it
    return Settings(**values)


def write(session: Session, who: str, **changes: object) -> None:
    """Change some settings.

    Raises:
        BadValue: for an unknown name or a value that cannot be; nothing is changed then.
    """
    unknown = sorted(changes.keys() - _CHECKS.keys())
    if unknown:
        raise BadValue(f"There is no setting “{unknown[0]}”; there are {', '.join(_CHECKS)}.")
    checked = {name: _checked(name, value) for name, value in changes.items()}
    now = utc_now()
    for name, value in checked.items():
        kept = list(value) if isinstance(value, tuple) else value
        row = {"name": name, "value": {"value": kept}, "changed_at": now, "changed_by": cut(who, 200)}
        upsert(session, Setting, row, key=("name",))


def _checked(name: str, value: object) -> object:
    kept = _CHECKS[name](value)
    if kept is _WRONG:
        raise BadValue(f"{value!r} cannot be the setting {name}.")
    return kept


_WRONG = object()


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return _WRONG
        return kind(value) if kind(value) == value and least <= value <= most else _WRONG

    return check


def _text(value: object) -> object:
    return value.strip() if isinstance(value, str) and 0 < len(value.strip()) <= 128 else _WRONG


def _text_or_none(value: object) -> object:
    return None if value is None else _text(value)


def _mirror(value: object) -> object:
    return str(value) if isinstance(value, str) and value in list(Mirror) else _WRONG


def _paths(value: object) -> object:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and 0 < len(one) <= 300 for one in value):
        return _WRONG
    return tuple(dict.fromkeys(value))


_CHECKS: dict[str, Callable[[object], object]] = {
    "max_cpu_runs": _number(int, 1, 10_000),
    "stop_grace_seconds": _number(float, 0, 86_400),
    "trash_days": _number(int, 0, 36_500),
    "wandb_project": _text,
    "wandb_entity": _text_or_none,
    "default_mirror": _mirror,
    "module_paths": _paths,
}
