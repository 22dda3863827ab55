"""The trash: how much lies there, and emptying it now."""

import getpass

import streamlit as st

from db import runs
from db.engine import connect
from jobs import control
from pages.parts.formats import size
from pages.parts.said import say


def draw_trash(trash_days: int) -> None:
    """What the trash holds, and a button that asks before it empties it."""
    with connect().reading() as session:
        ids = runs.matching_ids(session, "", trash=True)
        held_bytes = runs.bytes_of(session, ids)
    with st.container(horizontal=True, vertical_alignment="center"):
        kept = f"kept for {trash_days} days" if trash_days else "kept until emptied by hand"
        many = "1 run" if len(ids) == 1 else f"{len(ids):,} runs"
        st.caption(f"The trash holds {many}, {size(held_bytes)}, {kept}." if ids else "The trash is empty.")
        if ids and st.button("Empty the trash now", icon=":material/delete_forever:", key="empty_trash"):
            _confirm(len(ids), held_bytes)


@st.dialog("Empty the trash?", icon=":material/delete_forever:")
def _confirm(many: int, held_bytes: int) -> None:
    st.markdown(
        f"{many:,} deleted {'run' if many == 1 else 'runs'} with their curves, logs and checkpoints are gone for good. "
        f"This frees {size(held_bytes)}."
    )
    with st.container(horizontal=True):
        if st.button("Delete for good", type="primary", key="empty_trash_yes"):
            with connect().writing() as session:
                control.empty_trash(session, getpass.getuser())
            say(f"The trash is empty; {size(held_bytes)} freed")
            st.rerun()
        if st.button("Keep them", key="empty_trash_no"):
            st.rerun()
