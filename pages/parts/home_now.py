"""What runs now and what waits: cards with progress and a small curve, and the queue with its buttons."""

import streamlit as st

from charts.words import in_words
from db import queue, runs
from db.engine import connect
from db.rows import RunDetail, RunRow
from db.states import RunState
from jobs import control
from pages.parts import run_acts
from pages.parts.badges import run_link, state_badge
from pages.parts.formats import escape, number, sentence
from pages.parts.progress import progress_share, progress_words
from pages.parts.said import draw_said
from pages.parts.sparkline import sparkline

LIVE_SECONDS = 2
MOST_CARDS = 12
MOST_QUEUED = 30


def read_now() -> tuple[list[RunRow], list[RunDetail]]:
    """(active runs, queued runs in their order)."""
    with connect().reading() as session:
        return runs.active(session), queue.queued(session)


def what_is_there(active: list[RunRow], waiting: list[RunDetail]) -> tuple[tuple[int, str], ...]:
    """Changes whenever a run begins, ends or moves in the queue; then the whole page is drawn again."""
    return tuple((run.id, run.state.value) for run in [*active, *waiting])


def draw_now() -> None:
    """Running runs and the queue; draws the whole page again when a run came or went."""
    active, waiting = read_now()
    if what_is_there(active, waiting) != st.session_state.get("home.there"):
        st.session_state["home.there"] = what_is_there(active, waiting)
        st.rerun()
    draw_said()
    if active:
        with st.grid(2, min_column_width=380):
            for run in active[:MOST_CARDS]:
                with st.container(border=True, height="stretch"):
                    _draw_running(run)
        if len(active) > MOST_CARDS:
            st.page_link(
                "runs.py", label=f"and {len(active) - MOST_CARDS} more", query_params={"query": "status = running"}
            )
    else:
        st.caption("Nothing runs at the moment.")
    if waiting:
        st.subheader(f"Queue · {len(waiting)}", icon=":material/schedule:", anchor=False)
        _draw_queue(waiting)


def _draw_running(run: RunRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            run_link(run, longest=40)
        state_badge(run)
    share = progress_share(run)
    st.progress(share or 0.0, text=progress_words(run, share))
    name, last, values = sparkline(run.id)
    if name and len(values) > 1:
        st.metric(in_words(name), number(last), chart_data=values, chart_type="line", label_visibility="visible")
    else:
        st.caption(escape(run.dataset or ""))
    if run.stop_requested_at is not None:
        st.caption("Stopping: the checkpoint is being saved.")
    elif run.state is RunState.RUNNING:
        st.button(
            "Stop",
            key=f"stop.{run.id}",
            icon=":material/stop:",
            type="tertiary",
            on_click=run_acts.stop,
            args=(run.id,),
            help="Saves a checkpoint and ends; it can be resumed from there",
        )


def _draw_queue(waiting: list[RunDetail]) -> None:
    for place, run in enumerate(waiting[:MOST_QUEUED]):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width="stretch", gap=None):
                run_link(run)
                st.caption(escape(sentence(run.wait_reason) or "Waiting for the supervisor to look at it."))
            before = waiting[place - 1].id if place else None
            after = waiting[place + 2].id if place + 2 < len(waiting) else None
            st.button(
                "",
                key=f"up.{run.id}",
                icon=":material/arrow_upward:",
                help="Sooner",
                disabled=place == 0,
                on_click=_move,
                args=(run.id, before),
            )
            st.button(
                "",
                key=f"down.{run.id}",
                icon=":material/arrow_downward:",
                help="Later",
                disabled=place == len(waiting) - 1,
                on_click=_move,
                args=(run.id, after),
            )
            st.button(
                "Cancel",
                key=f"cancel.{run.id}",
                icon=":material/close:",
                help="Takes it out of the queue; it can be queued again from its page",
                on_click=run_acts.cancel,
                args=(run.id,),
            )
    if len(waiting) > MOST_QUEUED:
        st.page_link(
            "runs.py", label=f"and {len(waiting) - MOST_QUEUED} more", query_params={"query": "status = queued"}
        )


def _move(run_id: int, before: int | None) -> None:
    run_acts.ask(lambda session: control.move(session, run_id, before, run_acts.who()))
