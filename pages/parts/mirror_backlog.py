"""What waits for Weights & Biases over all runs, and a button that sends it."""

import time

import streamlit as st

from db.engine import connect
from db.mirrors import MirrorRow
from db.states import Mirror
from pages.parts import run_acts
from pages.parts.formats import count, escape
from pages.parts.said import draw_said, say
from tracking.wandb_state import NO_KEY, backlog, has_key, is_syncing, start_sync

LIVE_SECONDS = 2.0
_PRESSED = "backlog.pressed"


def read_backlog(*, asked_online: bool = False) -> list[MirrorRow]:
    """Ended runs that wait for W&B, oldest first; with ``asked_online`` only those that were to be sent at once."""
    with connect().reading() as session:
        rows = backlog(session)
    return [row for row in rows if row.state.ended and (row.mirror is Mirror.ONLINE or not asked_online)]


def backlog_words(rows: list[MirrorRow]) -> str:
    """How much waits, in one line."""
    points = sum(points_waiting(row) for row in rows)
    which = "1 run" if len(rows) == 1 else f"{count(len(rows))} runs"
    verb = "is" if points == 1 else "are"
    return f"{count(points)} point{'' if points == 1 else 's'} of {which} {verb} not at W&B yet."


def points_waiting(row: MirrorRow) -> int:
    """How many of a run's points W&B does not have."""
    known = row.wandb or {}
    return max(row.points, int(known.get("points_total", 0))) - int(known.get("points_sent", 0))


def draw_backlog(*, asked_online: bool = False, quiet: bool = False) -> None:
    """The backlog with its button; looks again while a sync is at work. ``quiet`` says nothing when nothing waits."""
    syncing = is_syncing() or _was_just_pressed()
    if quiet and not syncing and not read_backlog(asked_online=asked_online):
        return
    st.fragment(_draw, run_every=LIVE_SECONDS if syncing else None, key="mirror.backlog")(asked_online, syncing)


def _draw(asked_online: bool, began_syncing: bool) -> None:
    draw_said()
    rows, syncing = read_backlog(asked_online=asked_online), is_syncing()
    if began_syncing and not syncing and not _was_just_pressed():
        st.rerun()
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        if not rows:
            st.caption(":material/cloud_done: Nothing waits for W&B.", width="stretch")
            return
        with st.container(width="stretch", gap=None):
            st.markdown(f":material/cloud_upload: {backlog_words(rows)}")
            if syncing:
                st.caption("They are being sent.")
            elif trouble := _trouble(rows):
                st.caption(escape(trouble))
        busy = syncing or _was_just_pressed()
        st.button("Sync now", key="backlog.sync", icon=":material/sync:", disabled=busy, on_click=_sync)


def _trouble(rows: list[MirrorRow]) -> str:
    """Why it was not sent: there is no key, or what the newest run's mirror said."""
    if not has_key():
        return NO_KEY
    return next((str(row.wandb["trouble"]) for row in reversed(rows) if row.wandb and row.wandb.get("trouble")), "")


def _was_just_pressed() -> bool:
    pressed_at: float = st.session_state.get(_PRESSED, float("-inf"))
    return time.monotonic() - pressed_at < run_acts.SAME_CLICK_SECONDS


def _sync() -> None:
    if _was_just_pressed():
        return
    st.session_state[_PRESSED] = time.monotonic()
    try:
        start_sync()
    except OSError as error:
        say(f"The sync could not be started: {error}", "error")
        return
    say("Sending to W&B; each run's page shows how far it is", "cloud_upload")
