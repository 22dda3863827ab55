"""A run's state and name as every page shows them."""

import streamlit as st

from db.rows import RunRow
from db.states import RunState
from pages.parts.formats import escape

STATE_LOOKS = {  # colour, icon
    RunState.QUEUED: ("gray", "schedule"),
    RunState.STARTING: ("blue", "hourglass_top"),
    RunState.RUNNING: ("blue", "play_arrow"),
    RunState.FINISHED: ("green", "check"),
    RunState.FAILED: ("red", "error"),
    RunState.STOPPED: ("orange", "stop"),
    RunState.LOST: ("red", "link_off"),
    RunState.CANCELLED: ("gray", "block"),
}
STALLED_LOOKS = ("orange", "hourglass_disabled")


def state_badge(run: RunRow) -> None:
    """The state as a small coloured mark; a stalled run says so."""
    color, icon = STATE_LOOKS[run.state]
    if run.stalled and run.state is RunState.RUNNING:
        color, icon = STALLED_LOOKS
        st.badge("stalled", icon=f":material/{icon}:", color=color)
    else:
        st.badge(run.state.value, icon=f":material/{icon}:", color=color)


def run_link(run: RunRow, *, longest: int = 60) -> None:
    """The number and name of a run, leading to its page."""
    name = run.name if len(run.name) <= longest else run.name[: longest - 1] + "…"
    st.page_link("run.py", label=f"**#{run.id}** {escape(name)}", query_params={"id": str(run.id)})
