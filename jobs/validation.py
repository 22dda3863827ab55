"""Types, bounds and choices of a config's constructor arguments, judged from descriptions and without torch.

The training process checks again with the constructors themselves; this is for an answer at the field, at once.
"""

import difflib
import math
from collections.abc import Mapping
from typing import Any

from db.run_config import RunConfig

Problem = tuple[str, str]
PARTS = ("model", "data")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "yes or no (true or false)",
    "str": "a text",
    "list": "a list",
    "dict": "a mapping of names to values",
}


def problems(config: RunConfig, descriptions: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """(path, message) for each fault of the model's and the data module's arguments; empty when there is none.

    Args:
        descriptions: class path to description; a class that is not among them is left to the training process,
            unless one of its kind has a similar name.
    """
    found: list[Problem] = []
    for part in PARTS:
        chosen = getattr(config, part)
        description = descriptions.get(chosen.class_path)
        if description is None:
            found += _unknown_class(part, chosen.class_path, descriptions)
        else:
            found += _arguments(f"{part}.init_args", chosen.init_args, description)
            found += _kind(part, chosen.class_path, description)
    return found


def value_problem(field: Mapping[str, Any], value: Any) -> str:
    """What is wrong with a value for a described field; empty when nothing is."""
    if value is None:
        return "" if field.get("nullable") else "must not be empty"
    kind = field["type"]
    if kind == "choice":
        return "" if value in (field.get("choices") or ()) else _not_a_choice(field, value)
    if not _fits(kind, value):
        return f"must be {_WORDS.get(kind, kind)} (given: {value!r})"
    if kind == "list" and field.get("item_type"):
        wrong = [item for item in value if not _fits(field["item_type"], item)]
        return (
            f"must hold {_WORDS.get(field['item_type'], field['item_type'])} each (given: {wrong[0]!r})"
            if wrong
            else ""
        )
    if kind == "dataset" and not str(value).strip():
        return "choose a dataset"
    return _out_of_bounds(field, value) if kind in ("int", "float") else ""


def _arguments(path: str, given: Mapping[str, Any], description: Mapping[str, Any]) -> list[Problem]:
    fields = {field["name"]: field for field in description.get("fields", ())}
    found: list[Problem] = []
    for name, value in given.items():
        if name not in fields:
            found.append((f"{path}.{name}", _no_such_argument(name, list(fields), description)))
        elif message := value_problem(fields[name], value):
            found.append((f"{path}.{name}", message))
    missing = [name for name, field in fields.items() if field.get("required") and name not in given]
    return found + [(f"{path}.{name}", "is missing") for name in missing]


def _unknown_class(part: str, class_path: str, descriptions: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    known = [path for path, one in descriptions.items() if one.get("kind") == part]
    near = difflib.get_close_matches(class_path, known, 1, 0.8)
    return [(f"{part}.class_path", f"{class_path} is not known; did you mean {near[0]}?")] if near else []


def _kind(part: str, class_path: str, description: Mapping[str, Any]) -> list[Problem]:
    kind = description.get("kind", part)
    if kind == part:
        return []
    words = {"model": "a LightningModule", "data": "a LightningDataModule"}
    return [(f"{part}.class_path", f"{class_path} is {words.get(kind, kind)}; {words[part]} is needed here")]


def _no_such_argument(name: str, known: list[str], description: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    title = str(description.get("class_path", "")).rpartition(".")[2] or "the class"
    return f"is not an argument of {title}" + (f"; did you mean {near[0]}?" if near else "; check the spelling")


def _fits(kind: str, value: Any) -> bool:
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    types: dict[str, type] = {"bool": bool, "str": str, "dataset": str, "list": list, "dict": dict}
    return isinstance(value, types[kind]) if kind in types else True


def _not_a_choice(field: Mapping[str, Any], value: Any) -> str:
    choices = [str(choice) for choice in field.get("choices") or ()]
    near = difflib.get_close_matches(str(value), choices, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"must be one of {', '.join(choices)} (given: {value!r}){hint}"


def _out_of_bounds(field: Mapping[str, Any], value: float) -> str:
    if not math.isfinite(value):
        return f"must be a finite number (given: {value!r})"
    tests = (
        ("ge", "at least", lambda bound: value >= bound),
        ("gt", "more than", lambda bound: value > bound),
        ("le", "at most", lambda bound: value <= bound),
        ("lt", "less than", lambda bound: value < bound),
    )
    for name, words, holds in tests:
        bound = field.get(name)
        if bound is not None and not holds(bound):
            return f"must be {words} {bound:g} (given: {value!r})"
    return ""
