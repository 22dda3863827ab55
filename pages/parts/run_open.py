"""The run that a link asks for, or what is wrong with the link."""

import streamlit as st

from db import runs
from db.engine import connect
from db.errors import NotFound
from db.rows import RunDetail, RunRow
from pages.parts.formats import escape

MOST_DIGITS = 18  # a larger number is no id in any database
_SHOWN = "run.shown"


def asked_run() -> str | None:
    """The link's ``id``; without one the run that this browser tab showed last.

    A browser's way back from another page may lead to the bare address: Streamlit drops the link's parameters when
    a page that refreshes itself is left.
    """
    asked = st.query_params.get("id")
    if not asked and (shown := st.session_state.get(_SHOWN)):
        st.query_params["id"] = asked = str(shown)
    return asked


def open_run(asked: str | None) -> RunDetail:
    """The run of the link's ``id``; when there is none, say so and end the page."""
    run, why = find_run(asked)
    if run is None:
        st.title("Run", icon=":material/show_chart:", anchor=False)
        st.warning(why, title="There is no such run")
        with st.container(horizontal=True):
            st.page_link("runs.py", label="All runs", icon=":material/list:")
            st.page_link("runs.py", label="Trash", icon=":material/delete:", query_params={"view": "trash"})
        st.stop()
    st.session_state[_SHOWN] = run.id
    return run


def find_run(asked: str | None) -> tuple[RunDetail | None, str]:
    """(run, "") or (None, why not)."""
    text = (asked or "").strip().removeprefix("#")
    if not text:
        return None, "This link names no run. Choose one from the list."
    if not (text.isascii() and text.isdecimal()) or len(text) > MOST_DIGITS:
        return None, f"“{escape(text[:80])}” is not the number of a run."
    try:
        with connect().reading() as session:
            return runs.get(session, int(text)), ""
    except NotFound:
        return None, f"Run #{text} was never made here, or it was deleted for good."


def read_relatives(run: RunDetail) -> tuple[RunRow | None, list[RunRow]]:
    """(the run it was made from, the runs that were made from it)."""
    with connect().reading() as session:
        children = runs.children(session, run.id)
        if run.parent_id is None:
            return None, children
        try:
            return runs.get(session, run.parent_id), children
        except NotFound:
            return None, children
