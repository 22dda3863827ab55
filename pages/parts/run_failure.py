"""For a run that did not go to its end: why, the last lines of the rank that failed, and what to try, as buttons."""

import streamlit as st

from db.rows import RunDetail
from db.states import Reason, RunState
from jobs.advice import Advice, what_to_try
from pages.parts import run_acts
from pages.parts.formats import ago, escape

TITLES = {
    Reason.OUT_OF_MEMORY: "Out of memory",
    Reason.NOT_FINITE: "The loss is not a finite number any more",
    Reason.DISK_FULL: "The disk is full",
    Reason.DATA_ERROR: "The data could not be read",
    Reason.CONFIG_ERROR: "The config cannot be used",
    Reason.EXCEPTION: "The program raised an error",
    Reason.SIGNAL: "Killed by a signal",
    Reason.VANISHED: "The process vanished",
    Reason.PAUSED: "Paused",
    Reason.STOPPED_BY_USER: "Stopped",
}
LINES_HEIGHT_PIXELS = 260


def draw_failure(run: RunDetail) -> None:
    """The card of a run that ended before its end; nothing for one that is at work or finished."""
    if run.deleted_at is not None or run.state in (RunState.FINISHED, RunState.QUEUED) or run.state.active:
        return
    with st.container(border=True, key="failure"):
        _draw_why(run)
        if run.last_lines.strip() and run.state in (RunState.FAILED, RunState.LOST):
            whose = (
                f"Last lines of rank {run.failing_rank}" if run.failing_rank is not None else "Last lines of the log"
            )
            with st.expander(whose, expanded=True, icon=":material/terminal:"):
                long = run.last_lines.count("\n") > 10
                with st.container(height=LINES_HEIGHT_PIXELS if long else "content", border=False, autoscroll=long):
                    st.code(run.last_lines, language=None, wrap_lines=True)
                st.caption("The Log tab has everything that each rank printed.")
        _draw_what_to_try(run)


def _draw_why(run: RunDetail) -> None:
    died = run.state in (RunState.FAILED, RunState.LOST)
    title = _title(run)
    sentence = escape(run.reason_text or "") or ("Nobody recorded why." if died else "")
    several = len(run.processes or ()) > 1 or bool(run.failing_rank)
    rank = f" Rank {run.failing_rank} failed first." if died and several and run.failing_rank is not None else ""
    place = "" if "step" in sentence else f", at step {run.step:,}"
    when = f" {ago(run.ended_at).capitalize()}{place}." if run.ended_at and run.started_at else ""
    say, icon = (st.error, "error") if died else (st.info, "pause_circle" if run.reason is Reason.PAUSED else "info")
    say(f"{sentence}{rank}{when}".strip() or "It can be queued again.", title=title, icon=f":material/{icon}:")


def _title(run: RunDetail) -> str:
    if run.reason is not None and run.reason in TITLES:
        return TITLES[run.reason]
    return {RunState.LOST: "Lost", RunState.CANCELLED: "Cancelled before it started", RunState.STOPPED: "Stopped"}.get(
        run.state, "It failed"
    )


def _draw_what_to_try(run: RunDetail) -> None:
    advice = what_to_try(run)
    if run.state in (RunState.FAILED, RunState.LOST):
        st.markdown("**What to try**")
    for place, one in enumerate(advice):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _draw_button(run, one, place)
            st.caption(escape(one.help), width="stretch")
    if not advice or run.state is RunState.FAILED:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Clone and edit",
                key="try.clone",
                icon=":material/content_copy:",
                on_click=run_acts.clone,
                args=(run.id,),
            )
            st.caption("Opens the launch form with this config, to change anything.", width="stretch")


def _draw_button(run: RunDetail, one: Advice, place: int) -> None:
    act, args = (run_acts.resume, (run.id,)) if one.resume else (run_acts.retry, (run.id, one.changes))
    icon = "play_arrow" if one.resume else "replay" if not one.changes else "tune"
    kind = "primary" if place == 0 else "secondary"
    st.button(one.label, key=f"try.{place}", icon=f":material/{icon}:", type=kind, on_click=act, args=args)
