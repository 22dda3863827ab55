"""A config's values by dotted path, such as ``trainer.max_epochs``. Knows plain dictionaries and not what they mean."""

from collections.abc import Iterator, Mapping
from typing import Any

DATASET = "data.init_args.dataset"


def get(config: Mapping[str, Any], path: str) -> Any:
    """The value at a path; None when there is none."""
    value: Any = config
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def put(config: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a path, making sections on the way."""
    *sections, name = path.split(".")
    for section in sections:
        if not isinstance(config.get(section), dict):
            config[section] = {}
        config = config[section]
    config[name] = value


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, leaf) pairs; lists are leaves."""
    for name, value in values.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, Mapping) and value:
            yield from flatten(value, key)
        else:
            yield key, value


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs between two configs: dotted key to (before, after); a key on one side only has None on the other."""
    old, new = dict(flatten(before)), dict(flatten(after))
    return {
        key: (old.get(key), new.get(key))
        for key in [*old, *(k for k in new if k not in old)]
        if not _same(old.get(key), new.get(key)) or (key in old) != (key in new)
    }


def _same(before: Any, after: Any) -> bool:
    return bool(before == after) or (before != before and after != after)  # NaN is the same setting as NaN
