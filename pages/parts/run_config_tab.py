"""The Config tab: what differs from where the run came from, all of it as YAML, and the command that does the same."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

from db.config_paths import DATASET, differing
from db.rows import RunDetail, RunRow
from db.run_config import ConfigError, read_config
from jobs.commands import command_line
from pages.parts import cached, run_acts
from pages.parts.draft import Forms, complete
from pages.parts.formats import escape
from pages.parts.run_open import read_relatives

YAML_HEIGHT_PIXELS = 520


def draw_config(run: RunDetail) -> None:
    """Differences first, then everything."""
    forms = cached.forms()
    base_name, base = base_of(run)
    if base is not None:
        changed = changes_from(base, run.config, forms)
        st.markdown(f"**What differs from {base_name}**")
        if changed:
            st.table(
                [
                    {"Setting": f"`{path}`", "Before": as_text(before), "This run": f"**{as_text(now)}**"}
                    for path, (before, now) in changed.items()
                ],
                border="horizontal",
                hide_index=True,
                alt=f"Settings that differ from {base_name}",
            )
        else:
            st.caption("Nothing: the config is the same.")
    st.markdown("**Everything**")
    st.caption("Runs the same without the dashboard, from the file in the run's folder or from a copy.")
    st.code(command_line(run.id, run.name), language="bash", wrap_lines=True)
    st.code(as_yaml(run.config), language="yaml", height=YAML_HEIGHT_PIXELS)
    st.button(
        "Clone and edit",
        key="config.clone",
        icon=":material/content_copy:",
        on_click=run_acts.clone,
        args=(run.id,),
    )


def base_of(run: RunDetail) -> tuple[str, dict[str, Any] | None]:
    """(what the run came from in words, its config): the parent, else the preset, else nothing."""
    parent = _parent(run)
    if parent is not None:
        return f"run #{parent.id} ({escape(parent.name)})", parent.config
    preset = cached.presets().get(run.preset or "")
    if preset is not None:
        return f"the preset “{escape(preset.title)}”", preset.config
    return "", None


def _parent(run: RunDetail) -> RunDetail | None:
    parent: RunRow | None = read_relatives(run)[0]
    return parent if isinstance(parent, RunDetail) else None


def changes_from(base: Mapping[str, Any], config: Mapping[str, Any], forms: Forms) -> dict[str, tuple[Any, Any]]:
    """Path to (before, now), with every default written out on both sides, so that only real changes count."""
    changed = {
        path: (before, now)
        for path, (before, now) in differing(_whole(base, forms), _whole(config, forms)).items()
        if (before, now) not in (({}, None), (None, {}))  # a part without settings is no setting
    }
    if DATASET in changed:  # a launch writes down which version "reviews" was
        before, now = changed[DATASET]
        if str(now).partition("@")[0] == str(before):
            del changed[DATASET]
    return changed


def _whole(config: Mapping[str, Any], forms: Forms) -> dict[str, Any]:
    try:
        return complete(read_config(config).to_dict(), forms)[0]
    except ConfigError:  # of an older program: held against what is there
        return complete(config, forms)[0]


def as_text(value: Any) -> str:
    """A setting's value in a table."""
    if value is None:
        return "–"
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return escape(text.removesuffix("\n").removesuffix("\n..."))


def as_yaml(config: Mapping[str, Any]) -> str:
    """The config as `python -m training` reads it; one that is not valid any more is shown as it was stored."""
    try:
        return read_config(config).to_yaml()
    except ConfigError:
        return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
