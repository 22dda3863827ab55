"""One constructor parameter as a field of a form: type, default, bounds, choices, help, group."""

import enum
import inspect
import math
import os
import re
import types
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_BOUNDS = ("ge", "gt", "le", "lt")
_SIMPLE = {bool: "bool", int: "int", float: "float", str: "str"}
_NOTHING = object()
_HEADING = re.compile(r"^([A-Z][a-z]+): (.+)$", re.DOTALL)
_OPTIMIZATION = re.compile(
    r"^(lr|.*learning_rate|optimi[sz]er|.*weight_decay|momentum|betas?\d?|schedule(r)?|.*warm_?up.*|label_smoothing|class_weights?)$"
)
_LEADING = re.compile(r"^(lr|.*learning_rate)$")
_RARE = re.compile(r"^(num_workers|pin_memory|persistent_workers|prefetch_factor|drop_last|eps|betas|seed|.*_kwargs)$")


def describe_field(parameter: Any, owner: type) -> dict[str, Any] | None:
    """The field of a parameter as jsonargparse resolved it.

    Args:
        parameter: has name, annotation, default, kind, doc, and parent: the class that declares it.
        owner: the class of the form.

    Returns:
        The field; None when it cannot be set from a form, because it takes any name or its default is an object.
    """
    if parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
        return None
    required = parameter.default is inspect.Parameter.empty
    default = None if required else plain(parameter.default)
    if default is _NOTHING:
        return None
    facts = _typed(parameter.annotation, default)
    text, group = _help_and_group(parameter)
    inherited = isinstance(parameter.parent, type) and parameter.parent is not owner
    rare = bool(_RARE.match(parameter.name)) or (inherited and not required and not _LEADING.match(parameter.name))
    field = {
        "name": parameter.name,
        "type": "any",
        "required": required,
        "nullable": default is None and not required,
        "help": text,
        "group": group,
        "default": default,
        "choices": None,
        **dict.fromkeys(_BOUNDS),
        "item_type": None,
        "advanced": rare,
        **facts,
    }
    field["nullable"] = field["nullable"] or (default is None and not required)
    if field["type"] == "str" and parameter.name == "dataset":
        field["type"] = "dataset"
    return field


def plain(value: Any) -> Any:
    """A default as JSON and YAML can hold it; `_NOTHING` for an object that they cannot."""
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _NOTHING
    if isinstance(value, os.PathLike):
        return str(value)
    if inspect.isclass(value) or inspect.isfunction(value):
        name = f"{value.__module__}.{value.__qualname__}"
        return _NOTHING if "<" in name else name
    if isinstance(value, Mapping):
        items = {name: plain(item) for name, item in value.items()}
        fine = all(isinstance(name, str) for name in items) and _NOTHING not in items.values()
        return items if fine else _NOTHING
    if isinstance(value, list | tuple | set | frozenset):
        made = [plain(item) for item in value]
        return _NOTHING if any(item is _NOTHING for item in made) else made
    return _NOTHING


def _typed(annotation: Any, default: Any) -> dict[str, Any]:
    """Type, nullable, choices, bounds and item type of an annotation."""
    if annotation is inspect.Parameter.empty:
        return _guessed(default)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *notes = get_args(annotation)
        return _typed(inner, default) | _bounds(notes)
    if origin in (Union, types.UnionType):
        return _union(get_args(annotation), default)
    if origin is Literal:
        return _choices(list(get_args(annotation)))
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return _choices([member.name for member in annotation])
    kind = origin or annotation
    if annotation in _SIMPLE:
        return {"type": _SIMPLE[annotation]}
    if not inspect.isclass(kind) or kind is type or issubclass(kind, Callable):  # type: ignore[arg-type]
        return {"type": "any"}
    return _container(kind, get_args(annotation))


def _container(kind: type, inside: tuple[Any, ...]) -> dict[str, Any]:
    """A class that is none of the simple types."""
    for simple, word in _SIMPLE.items():
        if issubclass(kind, simple):  # a restricted type such as jsonargparse's PositiveInt
            return {"type": word}
    if issubclass(kind, os.PathLike):
        return {"type": "str"}
    if issubclass(kind, Mapping):
        return {"type": "dict"}
    if issubclass(kind, Sequence | AbstractSet) and not issubclass(kind, bytes):
        items = {_typed(one, None)["type"] for one in inside if one is not Ellipsis}
        item = items.pop() if len(items) == 1 else None
        return {"type": "list", "item_type": item if item in ("int", "float", "str", "bool") else None}
    return {"type": "any"}


def _union(options: Sequence[Any], default: Any) -> dict[str, Any]:
    nullable = type(None) in options
    facts = [_typed(option, default) for option in options if option is not type(None)]
    kinds = {one["type"] for one in facts}
    if len(facts) == 1:
        chosen = facts[0]
    elif kinds == {"int", "float"}:
        chosen = {"type": "float"}
    elif kinds == {"choice"}:
        chosen = {"type": "choice", "choices": [choice for one in facts for choice in one["choices"]]}
    else:
        chosen = {"type": "any"}
    return chosen | ({"nullable": True} if nullable or chosen.get("nullable") else {})


def _choices(values: list[Any]) -> dict[str, Any]:
    choices = [plain(value) for value in values if value is not None]
    return {"type": "choice", "choices": choices} | ({"nullable": True} if None in values else {})


def _bounds(notes: Sequence[Any]) -> dict[str, Any]:
    """The bounds of pydantic's Field or of annotated_types."""
    found: dict[str, Any] = {}
    for note in notes:
        for part in (note, *getattr(note, "metadata", ())):
            for name in _BOUNDS:
                bound = getattr(part, name, None)
                if isinstance(bound, int | float) and not isinstance(bound, bool):
                    found[name] = bound
    return found


def _guessed(default: Any) -> dict[str, Any]:
    """Without an annotation, the default tells."""
    for kind, word in (*_SIMPLE.items(), (list, "list"), (dict, "dict")):
        if isinstance(default, kind):
            return {"type": word}
    return {"type": "any"}


def _help_and_group(parameter: Any) -> tuple[str, str]:
    """A help text that begins with a heading, such as "Augmentation: turn ...", belongs to a group of that name."""
    text = " ".join((parameter.doc or "").split())
    heading = _HEADING.match(text)
    if heading:
        words = heading[2]
        return words[:1].upper() + words[1:], heading[1]
    return text, "Optimization" if _OPTIMIZATION.match(parameter.name) else ""
