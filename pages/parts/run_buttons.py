"""What can be done with a run, by its state; deleting asks first and can be undone."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from db import checkpoints, runs
from db.engine import connect
from db.rows import RunDetail
from db.states import RESUMABLE, RunState
from pages.parts import cached, run_acts
from pages.parts.formats import escape, size


def draw_buttons(run: RunDetail) -> None:
    """The buttons that fit the run's state."""
    if run.deleted_at is not None:
        _button("Restore", "undo", run_acts.restore, run.id, help="Takes it out of the trash", type="primary")
        return
    if run.state.active:
        asked = run.stop_requested_at is not None
        pausing = "Saves a checkpoint and frees the processor; Resume goes on from there"
        _button("Pause", "pause", run_acts.pause, run.id, help=pausing, disabled=asked)
        _button("Stop", "stop", run_acts.stop, run.id, help="Saves a checkpoint and ends", disabled=asked)
    elif run.state is RunState.QUEUED:
        _button("Cancel", "close", run_acts.cancel, run.id, help="Takes it out of the queue")
    elif run.state in RESUMABLE:
        _button("Resume", "play_arrow", run_acts.resume, run.id, help="The same run goes on from its last checkpoint")
    if run.state.ended:
        _button("Retry", "replay", run_acts.retry, run.id, {}, help="A new run with the same config, from the start")
    opens = "Opens the launch form with this config"
    _button("Clone and edit", "content_copy", run_acts.clone, run.id, help=opens, key="clone")
    _draw_putting_away(run)


def _button(label: str, icon: str, act: Callable[..., None], *args: Any, key: str = "", **looks: Any) -> None:
    st.button(label, key=key or label.lower(), icon=f":material/{icon}:", on_click=act, args=args, **looks)


def _draw_putting_away(run: RunDetail) -> None:
    away = run.archived_at is None
    st.button(
        "Archive" if away else "Unarchive",
        key="archive",
        icon=":material/archive:" if away else ":material/unarchive:",
        help="Out of the lists; nothing is deleted" if away else "Back into the lists",
        type="tertiary",
        on_click=run_acts.archive,
        args=(run.id,),
        kwargs={"away": away},
    )
    pressed = st.button(
        "Delete",
        key="delete",
        icon=":material/delete:",
        help="Stop it first; then it can be deleted"
        if run.state.active
        else "To the trash, from where it can come back",
        disabled=run.state.active,
        type="tertiary",
    )
    if pressed:
        _confirm_delete(run)


def what_it_takes(run: RunDetail) -> tuple[str, int]:
    """(what a delete takes away in words, bytes that it frees)."""
    with connect().reading() as session:
        kept = checkpoints.of_run(session, run.id)
        held_bytes = runs.bytes_of(session, [run.id])
    parts = ["its curves", "its logs"]
    if kept:
        pinned = sum(row.pinned for row in kept)
        said = "1 checkpoint" if len(kept) == 1 else f"{len(kept)} checkpoints"
        parts.append(f"{said} ({pinned} pinned)" if pinned else said)
    return f"{', '.join(parts[:-1])} and {parts[-1]}", held_bytes


@st.dialog("Delete this run?", icon=":material/delete:")
def _confirm_delete(run: RunDetail) -> None:
    taken, held_bytes = what_it_takes(run)
    days = cached.team_settings().trash_days
    kept = f"It can be restored for {days} days." if days else "It stays in the trash until that is emptied."
    st.markdown(f"**#{run.id} {escape(run.name)}** goes to the trash with {taken}. This frees {size(held_bytes)}.")
    st.caption(f"{kept} Runs that were made from it stay.")
    with st.container(horizontal=True):
        if st.button("Delete", key="delete.yes", type="primary", on_click=run_acts.delete, args=(run.id,)):
            st.rerun()
        if st.button("Keep it", key="delete.no"):
            st.rerun()


def draw_trash_bar(run: RunDetail) -> None:
    """For a run in the trash: since when, and the way back."""
    if run.deleted_at is None:
        return
    days = cached.team_settings().trash_days
    kept = f"and is deleted for good {days} days after that" if days else "and stays there until the trash is emptied"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        when = run.deleted_at.strftime("%Y-%m-%d %H:%M")
        st.markdown(f":material/delete: This run is in the trash since {when} UTC {kept}.", width="stretch")
        st.button("Undo", key="undo", icon=":material/undo:", on_click=run_acts.restore, args=(run.id,))
