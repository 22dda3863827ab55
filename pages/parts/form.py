"""Draws fields and reads them back: the same code for a model, its data, the trainer and the processors.

A rerun goes: `collect` what the widgets hold into the draft's config, check it, then `draw_fields` with the problems
and changes at their fields. The config is the truth; a widget that is new takes its value from there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from db.config_paths import get, put
from pages.parts.draft import switch_section
from pages.parts.fields import FormField
from pages.parts.formats import escape
from pages.parts.typed_values import read_typed, write_typed

PREFIX = "form."
CELL_PIXELS = 190
CELL_LETTERS = 20  # what fits into one cell
Options = Mapping[str, Mapping[str, str]]  # path -> value as text -> label, for fields whose choices are found at hand
Problems = Mapping[str, Sequence[str]]
Changes = Mapping[str, tuple[Any, Any]]


def forget_widgets() -> None:
    """Let the widgets take their values from the draft again, after code has changed it."""
    for key in [key for key in st.session_state if str(key).startswith(PREFIX)]:
        del st.session_state[key]


def collect(config: dict[str, Any], fields: Iterable[FormField]) -> None:
    """Write what the fields' widgets hold into the config."""
    fields = list(fields)
    for field in fields:
        key = PREFIX + field.path
        if key not in st.session_state or (field.inside and not get(config, field.inside)):
            continue
        if field.type == "part":
            switch_section(config, field.path, bool(st.session_state[key]), fields)
        else:
            put(config, field.path, _from_widget(field, st.session_state[key], get(config, field.path)))


def draw_fields(
    fields: Iterable[FormField],
    config: Mapping[str, Any],
    *,
    problems: Problems,
    changes: Changes,
    options: Options,
    fold: str,
) -> None:
    """Fields in their groups, the rarely changed ones in a fold with the name ``fold``."""
    shown = [field for field in fields if not field.inside or get(config, field.inside)]
    common = [field for field in shown if not field.advanced]
    rare = [field for field in shown if field.advanced]
    _draw_groups(common, config, problems, changes, options)
    if not rare:
        return
    touched = sum(1 for field in rare if field.path in changes)
    wrong = sum(1 for field in rare if field.path in problems)
    notes = [f":orange[{touched} changed]"] * bool(touched) + [f":red[{wrong} to correct]"] * bool(wrong)
    label = " · ".join([f"{fold} ({len(rare)})", *notes])
    with st.expander(label, key=f"fold.{fold}", icon=":material/tune:"):
        _draw_groups(rare, config, problems, changes, options)


def _draw_groups(
    fields: Sequence[FormField], config: Mapping[str, Any], problems: Problems, changes: Changes, options: Options
) -> None:
    for group in dict.fromkeys(field.group for field in fields):
        members = [field for field in fields if field.group == group]
        if group:
            st.caption(f"**{escape(group)}**")
        inputs = [field for field in members if field.type not in ("bool", "part")]
        switches = [field for field in members if field.type in ("bool", "part")]
        if inputs:
            grid = st.grid("auto", min_column_width=CELL_PIXELS, gap=("small", "medium"))
            for field in inputs:
                with grid.cell(column_span=_cells(field, options)):
                    _draw(field, config, problems, changes, options)
        if switches:
            with st.container(horizontal=True, gap="medium"):
                for field in switches:
                    _draw(field, config, problems, changes, options)


def _cells(field: FormField, options: Options) -> int:
    """How many cells a field takes: a select with long labels takes two, so that they can be read."""
    return 2 if any(len(label) > CELL_LETTERS for label in options.get(field.path, {}).values()) else 1


def _draw(field: FormField, config: Mapping[str, Any], problems: Problems, changes: Changes, options: Options) -> None:
    key = PREFIX + field.path
    value = get(config, field.path)
    if key not in st.session_state:
        st.session_state[key] = _to_widget(field, value, options)
    label = escape(field.label)
    if field.path in changes and field.type != "part":
        label += f" :orange[· was {escape(_short(changes[field.path][0]))}]"
    _widget(field, label, key, options.get(field.path), value)
    for message in problems.get(field.path, ()):
        draw_fault(message)


def draw_fault(message: str) -> None:
    """What is wrong, right at the field that it is about."""
    st.markdown(f":small[:red[:material/error: {escape(message)}]]")


def _widget(field: FormField, label: str, key: str, choices: Mapping[str, str] | None, value: Any) -> None:
    help_text = _help(field)
    if field.type in ("bool", "part"):
        st.toggle(label, key=key, help=help_text)
    elif choices is not None:
        known = list(choices) if value in (None, "") or str(value) in choices else [*choices, str(value)]
        st.selectbox(
            label,
            known,
            index=None if field.default is None else 0,
            format_func=lambda one: choices.get(one, one),
            key=key,
            help=help_text,
            placeholder="Choose" if known else "Nothing to choose from yet",
        )
    elif field.type == "choice" and not field.nullable and len("".join(map(str, field.choices))) <= 14:
        st.segmented_control(label, field.choices, key=key, help=help_text, required=True, wrap=True)
    elif field.type == "choice":
        offered = [None, *field.choices] if field.nullable else list(field.choices)
        st.selectbox(
            label, offered, format_func=lambda one: "none" if one is None else str(one), key=key, help=help_text
        )
    elif field.type == "int":
        empty = _can_be_empty(field, value)
        st.number_input(label, value=empty, step=1, key=key, help=help_text, placeholder=_placeholder(field))
    elif field.type == "float":
        st.number_input(
            label,
            value=_can_be_empty(field, value),
            step=_step(field),
            format="%g",
            key=key,
            help=help_text,
            placeholder=_placeholder(field),
        )
    else:
        st.text_input(label, key=key, help=help_text, max_chars=2_000, placeholder=_placeholder(field))


def _to_widget(field: FormField, value: Any, options: Options) -> Any:
    if field.type in ("bool", "part"):
        return bool(value)
    if field.path in options:
        return write_typed(value) or None
    if field.type in ("choice", "int"):
        return value
    if field.type == "float":
        return None if value is None else float(value)
    return write_typed(value)


def _from_widget(field: FormField, held: Any, before: Any) -> Any:
    if field.type in ("list", "dict", "any"):
        return before if held == write_typed(before) else read_typed(str(held or ""))
    if field.type in ("str", "dataset"):
        return None if held in (None, "") and (field.nullable or field.type == "dataset") else (held or "")
    return held


def _help(field: FormField) -> str | None:
    """The docstring's words, the legal values and the default, in the field's tooltip."""
    facts = [field.bounds, "" if field.default is None else f"default {_short(field.default)}", f"`{field.name}`"]
    return "  \n".join(text for text in (field.help, " · ".join(fact for fact in facts if fact)) if text)


def _can_be_empty(field: FormField, value: Any) -> Literal["min"] | None:
    """None lets a number be emptied; "min" has no effect but that, as the value is set by its key."""
    return None if field.nullable or field.default is None or value is None else "min"


def _placeholder(field: FormField) -> str | None:
    if field.required:
        return "needed"
    return "none" if field.nullable else None


def _step(field: FormField) -> float:
    """What one press of the arrows adds: a tenth of the default's size."""
    size = abs(float(field.default)) if isinstance(field.default, int | float) and field.default else 1.0
    return float(f"{size / 10:.0e}")


def _short(value: Any) -> str:
    text = "none" if value is None else "on" if value is True else "off" if value is False else write_typed(value)
    return text if len(text) <= 24 else text[:23] + "…"
