"""The bar at the foot of the launch page: what was changed, what is wrong, and the button."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts.draft import Draft, Forms, fields_of
from pages.parts.form import forget_widgets
from pages.parts.formats import escape
from pages.parts.launch_go import go
from pages.parts.typed_values import write_typed

MOST_SHOWN = 60


def draw_bar(
    draft: Draft,
    forms: Forms,
    changed: Mapping[str, tuple[Any, Any]],
    problems: Mapping[str, Sequence[str]],
) -> None:
    """Changes, problems and the Launch button, always in sight."""
    going = st.session_state.get("launching") == draft.id
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", key="launch_bar"):
        _draw_changes(draft, forms, changed)
        _draw_problems(draft, forms, problems)
        st.space("stretch")
        st.button(
            "Launching …" if going else "Launch",
            type="primary",
            icon=":material/rocket_launch:",
            key="launch",
            disabled=bool(problems) or going,
            help="Correct what is marked first" if problems else None,
            on_click=_start,
            args=(draft.id,),
        )
    if going and not problems:
        go(draft, forms)


def _start(draft_id: str) -> None:
    st.session_state["launching"] = draft_id


def _draw_changes(draft: Draft, forms: Forms, changed: Mapping[str, tuple[Any, Any]]) -> None:
    if not changed:
        st.caption(f"No changes against {draft.base_name}", width="content")
        return
    many = "1 change" if len(changed) == 1 else f"{len(changed)} changes"
    with st.popover(f"{many} against {draft.base_name}", icon=":material/difference:", key="changes"):
        labels = _labels(draft, forms)
        lines = [
            f"- {escape(labels.get(path, path))}: {_value(before)} → **{_value(now)}**"
            for path, (before, now) in list(changed.items())[:MOST_SHOWN]
        ]
        if len(changed) > MOST_SHOWN:
            lines.append(f"- and {len(changed) - MOST_SHOWN} more")
        st.markdown("\n".join(lines))
        st.button("Undo them all", key="reset", icon=":material/undo:", on_click=_reset, args=(draft,))


def _draw_problems(draft: Draft, forms: Forms, problems: Mapping[str, Sequence[str]]) -> None:
    if not problems:
        return
    count = sum(len(messages) for messages in problems.values())
    labels = _labels(draft, forms)
    with st.popover(f":red[{count} to correct]", icon=":material/error:", key="problems"):
        st.markdown(
            "\n".join(
                f"- {'**' + escape(labels.get(path, path)) + '**: ' if path else ''}{escape(message)}"
                for path, messages in list(problems.items())[:MOST_SHOWN]
                for message in messages
            )
        )


def _labels(draft: Draft, forms: Forms) -> dict[str, str]:
    """Path to the field's name as the form shows it, with its section where it has one."""
    labels = {"model.class_path": "Model", "data.class_path": "Data"}
    for field in fields_of(draft.config, forms):
        in_section = field.path.startswith("trainer.") and field.path.count(".") > 1
        labels[field.path] = f"{field.group}, {field.label.lower()}" if in_section else field.label
    return labels


def _value(value: Any) -> str:
    text = "none" if value is None else "on" if value is True else "off" if value is False else write_typed(value)
    return escape(text if len(text) <= 60 else text[:59] + "…")


def _reset(draft: Draft) -> None:
    """Back to the base; name, tags and notes stay."""
    draft.config = copy.deepcopy(draft.base)
    forget_widgets()
