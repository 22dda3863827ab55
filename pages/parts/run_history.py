"""The History tab: notes, what happened when and who did it, and each attempt with its reason."""

import streamlit as st

from db import runs
from db.engine import connect
from db.rows import AttemptRow, EventRow, RunDetail
from db.texts import NOTES_CHARACTERS
from pages.parts import run_acts
from pages.parts.badges import STATE_LOOKS
from pages.parts.formats import count, duration, escape

MOST_EVENTS = 200


def draw_history(run: RunDetail) -> None:
    """Notes first: they are what a person adds."""
    with connect().reading() as session:
        attempts, events = runs.attempts(session, run.id), runs.events(session, run.id)
    _draw_notes(run)
    if len(attempts) > 1:
        st.subheader("Attempts", anchor=False)
        for attempt in sorted(attempts, key=lambda row: row.number, reverse=True):
            _draw_attempt(attempt)
    st.subheader("What happened", anchor=False)
    _draw_events(events)


def _draw_notes(run: RunDetail) -> None:
    key = f"notes.{run.id}"
    if st.session_state.get(f"{key}.stored") != run.notes:  # somebody else may have written
        st.session_state[key] = run.notes
        st.session_state[f"{key}.stored"] = run.notes
    st.text_area(
        "Notes", key=key, max_chars=NOTES_CHARACTERS, height=160, on_change=_save_notes, args=(run.id, key),
        placeholder="What did you expect? What did you learn?", help="Markdown. Saved when you leave the field.",
    )  # fmt: skip
    if run.notes.strip():
        with st.expander("As it reads", icon=":material/article:", expanded=False):
            st.markdown(run.notes)


def _save_notes(run_id: int, key: str) -> None:
    text = str(st.session_state.get(key) or "")
    run_acts.ask(lambda session: runs.set_notes(session, run_id, text, run_acts.who()), "Notes saved")


def _draw_attempt(attempt: AttemptRow) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Attempt {attempt.number}**", width="content")
        if attempt.state is not None:
            color, icon = STATE_LOOKS[attempt.state]
            st.badge(attempt.state.value, icon=f":material/{icon}:", color=color)
        words = []
        if attempt.resumed_from_step is not None:
            words.append(f"went on from step {count(attempt.resumed_from_step)}")
        elif attempt.number > 1:
            words.append("from the beginning")
        if attempt.reason is not None:
            words.append(escape(attempt.reason.value))
        if attempt.started_at is not None:
            words.append(f"started {attempt.started_at:%Y-%m-%d %H:%M:%S} UTC")
            if attempt.ended_at is not None:
                words.append(f"took {duration((attempt.ended_at - attempt.started_at).total_seconds())}")
        else:
            words.append("not started")
        st.caption(" · ".join(words), width="stretch")


def _draw_events(events: list[EventRow]) -> None:
    if not events:
        st.caption("Nothing was written down.")
        return
    newest = sorted(events, key=lambda row: row.id, reverse=True)
    st.table(
        [
            {"When (UTC)": f"{row.at:%Y-%m-%d %H:%M:%S}", "Who": escape(row.who) or "–", "What": escape(row.what)}
            for row in newest[:MOST_EVENTS]
        ],
        border="horizontal",
        hide_index=True,
        alt="What happened to this run, newest first",
    )
    if len(newest) > MOST_EVENTS:
        st.caption(f"and {len(newest) - MOST_EVENTS:,} older ones")
