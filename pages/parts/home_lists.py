"""Runs that need a look, and runs that ended lately."""

import streamlit as st

from charts.words import in_words
from db import curves, runs
from db.engine import connect
from db.rows import RunRow
from db.states import RunState
from pages.parts.badges import run_link, state_badge
from pages.parts.formats import ago, duration, escape, number

MOST = 8
SCORES = ("test_accuracy", "test_rmse", "val_accuracy", "val_rmse", "test_loss", "val_loss", "train_loss")


def read_lists() -> tuple[list[RunRow], list[RunRow]]:
    """(runs that need a look, other runs that ended lately), newest first."""
    with connect().reading() as session:
        looks = runs.needing_a_look(session, MOST)
        ended = runs.recently_ended(session, 2 * MOST)
    known = {run.id for run in looks}
    return looks, [run for run in ended if run.id not in known][:MOST]


def draw_looks(looks: list[RunRow]) -> None:
    """Failed, lost and stalled runs, each with its reason."""
    if not looks:
        return
    st.subheader("Needs a look", icon=":material/report:", anchor=False)
    for run in looks:
        _draw_line(run, _why(run))


def draw_ended(ended: list[RunRow]) -> None:
    """What ended lately."""
    if not ended:
        return
    st.subheader("Finished lately", icon=":material/done_all:", anchor=False)
    for run, score in zip(ended, read_scores(ended), strict=True):
        took = (run.ended_at - run.started_at).total_seconds() if run.started_at and run.ended_at else None
        words = [score, escape(run.dataset or ""), f"took {duration(took)}" if took is not None else ""]
        _draw_line(run, " · ".join(word for word in words if word))


def read_scores(ended: list[RunRow]) -> list[str]:
    """For each run how good it became, in words: the first of `SCORES` that it has; "" when it has none."""
    with connect().reading() as session:
        last = [{row.name: row.last for row in curves.summaries(session, run.id)} for run in ended]
    found = [next((name for name in SCORES if values.get(name) is not None), None) for values in last]
    return [
        f"{escape(in_words(name))} **{number(values[name])}**" if name else ""
        for name, values in zip(found, last, strict=True)
    ]


def _draw_line(run: RunRow, words: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        run_link(run, longest=48)
        state_badge(run)
        st.caption(f"{words} · {ago(run.ended_at or run.last_activity_at)}", width="stretch")


def _why(run: RunRow) -> str:
    if run.stalled and run.state is RunState.RUNNING:
        return f"No sign of life for longer than it promised; the last was {ago(run.last_activity_at)}."
    text = run.reason_text or (run.reason.value if run.reason else "")
    text = text if len(text) <= 160 else text[:159] + "…"
    return escape(text)
