"""What stands in the way of a launch, by field. Knows nothing of Streamlit."""

from collections.abc import Mapping
from typing import Any

import yaml

from db import yaml_text
from db.config_paths import DATASET, get
from db.run_config import ConfigError, RunConfig, read_config
from jobs.validation import problems as class_problems
from pages.parts.draft import NOTES_LIMIT, YAML_LIMIT, Draft

Problem = tuple[str, str]


def find_problems(
    draft: Draft, descriptions: Mapping[str, Mapping[str, Any]], datasets: Mapping[str, str], why_not: Mapping[str, str]
) -> list[Problem]:
    """(path, message) for each fault of a draft; empty when it can be launched.

    Args:
        datasets: reference to label of what can be chosen.
        why_not: sample key to the reason why it cannot be loaded.
    """
    found = config_problems(draft.config, descriptions)
    for part in ("model", "data"):
        class_path, path = draft.class_path(part), f"{part}.class_path"
        if class_path not in descriptions and all(known != path for known, _ in found):
            found.append((path, f"{class_path} is not known here; choose another."))
    path = DATASET
    reference = get(draft.config, path)
    if not _reads_a_dataset(descriptions.get(draft.class_path("data"))):
        pass  # a data module of one's own may bring its data along
    elif not reference:
        found = [(path, "Choose a dataset.")] + [one for one in found if one[0] != path]
    elif str(reference) not in datasets:
        why = why_not.get(str(reference).partition("@")[0])
        found.append((path, why or f"{reference} is not registered. Choose another, or register it on the Data page."))
    if len(draft.notes) > NOTES_LIMIT:
        found.append(("notes", f"{len(draft.notes):,} characters; {NOTES_LIMIT:,} at most. Keep long texts in a file."))
    return found


def _reads_a_dataset(description: Mapping[str, Any] | None) -> bool:
    """Whether a data module takes a registered dataset; one that is not described is taken to do so."""
    fields = () if description is None else description.get("fields", ())
    return description is None or any(field["name"] == "dataset" for field in fields)


def config_problems(config: Mapping[str, Any], descriptions: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """The faults of a config: its own shape, and its classes' types and bounds."""
    found: list[Problem] = []
    try:
        read_config(config)
    except ConfigError as error:
        found += error.problems
    try:
        classes = RunConfig.model_validate({name: config[name] for name in ("model", "data")})
    except (ValueError, KeyError):
        return found
    for path, message in class_problems(classes, descriptions):
        if (path, message) not in found:
            found.append((path, message))
    return found


def read_pasted(text: str, descriptions: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any] | None, list[str]]:
    """The config in a pasted YAML, or what is wrong with it, by line."""
    if len(text) > YAML_LIMIT:
        return None, [f"The text has {len(text):,} characters; a config has {YAML_LIMIT:,} at most."]
    try:
        values = yaml_text.load(text)
    except yaml_text.YamlError as error:
        where = f"Line {error.line}, column {error.column}: " if error.line else ""
        return None, [f"{where}{error.what}."]
    if not isinstance(values, dict):
        return None, ["A config is a mapping with the keys seed, model, data, trainer and scaling."]
    found = config_problems(values, descriptions)
    if found:
        lines = _lines(text)
        return None, [_with_line(path, message, lines) for path, message in found]
    return values, []


def _with_line(path: str, message: str, lines: Mapping[str, int]) -> str:
    known = path
    while known and known not in lines:
        known = known.rpartition(".")[0]
    where = f"Line {lines[known]}, " if known else ""
    return f"{where}{path}: {message}" if path else message


def _lines(text: str) -> dict[str, int]:
    """Dotted key to its line, counted from 1."""
    lines: dict[str, int] = {}
    stack = [("", yaml.compose(text, Loader=yaml.SafeLoader))]
    while stack:
        prefix, node = stack.pop()
        if not isinstance(node, yaml.MappingNode):
            continue
        for name, value in node.value:
            path = f"{prefix}.{name.value}" if prefix else str(name.value)
            lines[path] = name.start_mark.line + 1
            stack.append((path, value))
    return lines


def grouped(problems: list[Problem]) -> dict[str, list[str]]:
    """Problems by path."""
    by_path: dict[str, list[str]] = {}
    for path, message in problems:
        by_path.setdefault(path, []).append(message)
    return by_path
