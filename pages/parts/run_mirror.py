"""The run's mirror at Weights & Biases: where it is, how much waits, what went wrong, and a button that sends it."""

import time
from typing import Any

import streamlit as st

from db import runs
from db.engine import connect
from db.errors import NotFound
from db.rows import RunDetail
from db.states import Mirror
from pages.parts import run_acts
from pages.parts.formats import count, escape
from pages.parts.said import draw_said, say
from tracking.wandb_state import NO_KEY, has_key, is_sent, is_syncing, start_sync

LIVE_SECONDS = 2.0
SYNC_WATCH_SECONDS = 120.0  # how long the page looks again by itself after the button was pressed
_STATES = {
    "mirroring": "It is being written beside the run.",
    "waiting": "It lies in the run's folder and was not sent yet.",
    "syncing": "It is being sent.",
    "sent": "W&B has everything.",
}


def draw_mirror(run: RunDetail) -> None:
    """How the mirror stands; nothing for a run that was never mirrored."""
    if run.mirror is Mirror.OFF and not run.wandb:
        return
    pressed_at = st.session_state.get(_pressed(run.id), float("-inf"))
    live = run.state.active or time.monotonic() - pressed_at < SYNC_WATCH_SECONDS
    st.markdown("**Weights & Biases**")
    st.fragment(_draw, run_every=LIVE_SECONDS if live else None, key="run.mirror")(run.id)


def _draw(run_id: int) -> None:
    draw_said()
    try:
        with connect().reading() as session:
            run = runs.get(session, run_id)
    except NotFound:
        st.rerun()
    known: dict[str, Any] = run.wandb or {}
    syncing = is_syncing()
    if known.get("state") == "syncing" and not syncing:  # the sync was killed
        known = {**known, "state": "waiting"}
    waits = run.state.ended and not is_sent(run.wandb)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(str(known.get("mode") or run.mirror.value), icon=":material/cloud:", color="gray")
            st.caption(mirror_words(known), width="stretch")
            if known.get("url"):
                st.link_button("Open at W&B", str(known["url"]), icon=":material/open_in_new:", type="tertiary")
            if waits and not syncing:
                st.button("Sync now", key="sync", icon=":material/cloud_upload:", on_click=_sync, args=(run_id,))
        if known.get("trouble"):
            st.warning(
                f"{escape(str(known['trouble']))} The run itself is not harmed.", title="Trouble with the mirror"
            )
        elif waits and not has_key():
            st.caption(NO_KEY)


def mirror_words(known: dict[str, Any]) -> str:
    """How far the mirror is, in one line."""
    if not known:
        return "Nothing was mirrored yet."
    sent, total = int(known.get("points_sent", 0)), int(known.get("points_total", 0))
    state = _STATES.get(str(known.get("state")), "")
    waits = f", {count(total - sent)} wait" if total > sent else ""
    return f"{state} {count(sent)} of {count(total)} points sent{waits}.".strip()


def _sync(run_id: int) -> None:
    now = time.monotonic()
    if now - st.session_state.get(_pressed(run_id), float("-inf")) < run_acts.SAME_CLICK_SECONDS:
        return
    st.session_state[_pressed(run_id)] = now
    try:
        start_sync([run_id])
    except OSError as error:
        say(f"The sync could not be started: {error}", "error")
        return
    say("Sending to W&B; this page shows how far it is", "cloud_upload")


def _pressed(run_id: int) -> str:
    return f"sync.pressed.{run_id}"
