"""What the page says when it has no runs to show."""

import streamlit as st

from pages.parts import cached
from pages.parts.formats import escape
from pages.parts.runs_filters import clear
from pages.parts.runs_link import Shelf, View

_NOTHING = {
    Shelf.RUNS: ("No runs here", "All runs are archived or in the trash."),
    Shelf.ARCHIVED: ("Nothing is archived", "Archive runs to put them out of sight without deleting anything."),
    Shelf.TRASH: ("The trash is empty", "Deleted runs wait here before they are gone for good, and can be restored."),
}


def draw_first() -> None:
    """A start for somebody who has no run yet."""
    with st.container(border=True):
        st.subheader("No runs yet", icon=":material/rocket_launch:", anchor=False)
        st.markdown("Every run you launch appears here, with its settings, its metrics and what became of it.")
        presets = list(cached.presets().values())
        with st.container(horizontal=True):
            st.page_link("launch.py", label="Launch a run", icon=":material/rocket_launch:")
            for preset in presets[:3]:
                label = escape(preset.title)
                st.page_link("launch.py", label=label, icon=":material/bolt:", query_params={"preset": preset.key})
            st.page_link("home.py", label="Start on Home", icon=":material/home:")


def draw_no_match(view: View) -> None:
    """Nothing to show: because of the filter, or because the shelf is empty."""
    with st.container(border=True, horizontal_alignment="center"):
        if view.narrowed:
            st.markdown(":material/filter_alt: **No run matches the filter.**")
            st.button("Clear the filter", icon=":material/filter_alt_off:", key="runs.clear_filter", on_click=clear)
            return
        title, words = _NOTHING[view.shelf]
        st.markdown(f"**{title}**")
        st.caption(words)
        if view.shelf is Shelf.RUNS:
            st.page_link("launch.py", label="Launch a run", icon=":material/rocket_launch:")
