"""The small live state in the sidebar."""

import streamlit as st

from db import runs
from db.engine import connect
from db.states import RunState

SIDEBAR_SECONDS = 4


def counts_now() -> tuple[int, int]:
    """(runs being worked on, runs that wait)."""
    with connect().reading() as session:
        counts = runs.counts_by_state(session)
    by_name = {str(state): number for state, number in counts.items()}
    return by_name.get(RunState.STARTING, 0) + by_name.get(RunState.RUNNING, 0), by_name.get(RunState.QUEUED, 0)


def draw_live_state() -> None:
    """How many runs are worked on and how many wait; looks again by itself only while there are some."""
    busy = any(counts_now())
    st.fragment(_draw_counts, run_every=SIDEBAR_SECONDS if busy else None, key="frame.state")()


def _draw_counts() -> None:
    running, queued = counts_now()
    if not running and not queued:
        st.caption(":material/bedtime: Nothing runs")
        return
    words = [f":blue[:material/play_circle: {running} running]"] if running else []
    words += [f":material/schedule: {queued} queued"] if queued else []
    st.caption(" · ".join(words))
