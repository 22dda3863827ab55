"""Values as a field's widget holds them, and as text typed by a person. Knows nothing of Streamlit."""

from typing import Any

import yaml

from db import yaml_text
from pages.parts.fields import FormField


def as_typed(field: FormField, value: Any) -> Any:
    """``value`` as the widget of this field can hold it.

    Raises:
        ValueError: when it is of another kind, with a message for a person.
    """
    if value is None or (value == "" and field.type != "str"):
        return None
    if field.type == "bool":
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither true nor false")
        return value
    if field.type in ("int", "float"):
        return _number(field, value)
    if field.type == "choice":
        if value not in field.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(map(str, field.choices))}")
        return value
    if field.type in ("str", "dataset") and not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    if field.type == "list" and not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is not a list; write it like [128, 64]")
    return list(value) if isinstance(value, tuple) else value


def _number(field: FormField, value: Any) -> int | float:
    if isinstance(value, str):
        try:
            value = float(value)  # YAML reads 1e-3 as a text
        except ValueError:
            raise ValueError(f"{value!r} is not a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    if value != value or abs(value) > 2**53:
        raise ValueError(f"{value!r} is not a number that can be used here")
    if field.type == "int":
        if value != int(value):
            raise ValueError(f"{value!r} is not a whole number")
        return int(value)
    return float(value)


def read_typed(text: str) -> Any:
    """The value of a text typed into a list, dictionary or free field: YAML, or a list with commas."""
    if not text.strip():
        return None
    if "," in text and text.strip()[0] not in "[{'\"":
        text = f"[{text}]"
    try:
        return yaml_text.load(text)
    except yaml_text.YamlError:
        return text


def write_typed(value: Any) -> str:
    """The text in which a list, dictionary or free value is shown."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
    )
