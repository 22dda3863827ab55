"""Cards that lead to a live curve: one preset a kind, launched with one press."""

from typing import Any

import streamlit as st

from catalog.errors import CatalogError
from db.run_config import ConfigError
from pages.parts import cached
from pages.parts.formats import escape
from pages.parts.launch_go import launch_preset
from pages.parts.launch_open import KIND_TITLES


def draw_starters(*, first: bool) -> None:
    """One card a kind of data; on an empty database they are the page's greeting."""
    chosen = [preset for kind in KIND_TITLES if (preset := _easiest(kind)) is not None]
    if first:
        st.subheader("Train your first model", anchor=False)
        st.markdown("One press loads the data, launches the run and opens its live curve. Each takes under a minute.")
    else:
        st.subheader("Start something", icon=":material/rocket_launch:", anchor=False)
    if not chosen:
        st.caption("No preset was found in lightning_modules/presets.")
        return
    slot = st.container()
    with st.grid(3, min_column_width=240):
        for preset in chosen:
            _draw_card(preset)
    st.page_link("launch.py", label="All presets, or a blank form", icon=":material/arrow_forward:")
    pressed = st.session_state.pop("start_now", None)
    if pressed in cached.presets():
        with slot:
            _launch(cached.presets()[pressed])


def _easiest(kind: str) -> Any | None:
    """The first preset of a kind whose sample is there, or the first of all."""
    offered = [preset for preset in cached.presets().values() if preset.kind == kind]
    states, registered = cached.sample_states(), {row.name for row in cached.catalog()}
    ready = [one for one in offered if one.sample in registered or states.get(one.sample, (False, ""))[0]]
    return next(iter(ready or offered), None)


def _draw_card(preset: Any) -> None:
    title, icon = KIND_TITLES[preset.kind]
    with st.container(border=True, height="stretch"):
        st.markdown(f":material/{icon}: {title}")
        st.markdown(f"**{escape(preset.title)}**")
        st.caption(escape(preset.summary))
        st.space("stretch")
        there, why = cached.sample_states().get(preset.sample, (True, ""))
        registered = {row.name for row in cached.catalog()}
        usable = there or preset.sample in registered
        if not usable:
            st.caption(f":orange[{escape(why)}]")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Launch",
                key=f"start.{preset.key}",
                icon=":material/rocket_launch:",
                type="primary",
                disabled=not usable,
                on_click=_press,
                args=(preset.key,),
            )
            st.page_link("launch.py", label="Change first", query_params={"preset": preset.key})


def _press(key: str) -> None:
    st.session_state["start_now"] = key


def _launch(preset: Any) -> None:
    try:
        launch_preset(preset)
    except (CatalogError, ConfigError) as error:
        st.error(escape(str(error)), title=f"{escape(preset.title)} was not launched")
