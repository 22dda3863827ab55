"""The top of a run's page: name, state, what it is and where it comes from, tags, and what can be done."""

from datetime import UTC, datetime

import streamlit as st

from db import runs
from db.engine import Session
from db.rows import RunDetail
from db.states import Relation
from db.texts import NAME_CHARACTERS, TAG_CHARACTERS
from pages.parts import cached, run_acts
from pages.parts.badges import state_badge
from pages.parts.formats import ago, duration, escape
from pages.parts.run_buttons import draw_buttons
from pages.parts.run_open import read_relatives
from pages.parts.said import say

MOST_CHILDREN = 6
MOST_TAGS = 12


def draw_header(run: RunDetail) -> None:
    """Everything above the tabs that does not move by itself."""
    # A name too long to share the line with the buttons has a line of its own.
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            _draw_name(run)
            state_badge(run)
            if run.archived_at is not None:
                st.badge("archived", icon=":material/archive:", color="gray")
            if run.deleted_at is not None:
                st.badge("in the trash", icon=":material/delete:", color="red")
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            draw_buttons(run)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _draw_facts(run)
        _draw_tags(run)


def _draw_name(run: RunDetail) -> None:
    editing = f"name.editing.{run.id}"
    if st.session_state.get(editing):
        key = f"name.{run.id}"
        st.session_state.setdefault(key, run.name)
        st.text_input(
            "Name", key=key, max_chars=NAME_CHARACTERS, width=420, label_visibility="collapsed",
            on_change=_save_name, args=(run.id, key, editing),
        )  # fmt: skip
        st.button("Done", key=f"name.done.{run.id}", on_click=_save_name, args=(run.id, key, editing))
        return
    st.title(f"#{run.id} {escape(run.name)}", anchor=False, width="content")
    st.button(
        "", key=f"name.edit.{run.id}", icon=":material/edit:", type="tertiary", help="Rename",
        on_click=st.session_state.__setitem__, args=(editing, True),
    )  # fmt: skip


def _save_name(run_id: int, key: str, editing: str) -> None:
    name = str(st.session_state.get(key) or "").strip()[:NAME_CHARACTERS]
    st.session_state.pop(key, None)
    st.session_state[editing] = False
    if not name:
        say("A run needs a name; it keeps the one it had.", "info")
        return
    run_acts.ask(lambda session: _rename(session, run_id, name))


def _rename(session: Session, run_id: int, name: str) -> None:
    if runs.get(session, run_id).name != name:
        runs.set_name(session, run_id, name, run_acts.who())


def _draw_facts(run: RunDetail) -> None:
    parent, children = read_relatives(run)
    st.caption(_who_and_when(run), width="content")
    if run.dataset:
        name = run.dataset.partition("@")[0]
        st.page_link("dataset.py", label=escape(run.dataset), icon=":material/database:", query_params={"name": name})
    st.caption(f":material/model_training: {escape(short_class(run.model_class))}", width="content")
    if run.preset:
        st.caption(f":material/bookmark: {escape(run.preset)}", width="content")
    if parent is not None:
        word = "retry of" if run.relation is Relation.RETRY else "clone of"
        _link(f"{word} #{parent.id}", parent.id, parent.name, "call_split")
    elif run.relation is not None:
        st.caption(f"{run.relation.value} of a run that was deleted", width="content")
    for child in children[:MOST_CHILDREN]:
        word = "retried as" if child.relation is Relation.RETRY else "cloned as"
        _link(f"{word} #{child.id}", child.id, child.name, "subdirectory_arrow_right")
    if len(children) > MOST_CHILDREN:
        st.caption(f"and {len(children) - MOST_CHILDREN} more made from it", width="content")


def _link(label: str, run_id: int, name: str, icon: str) -> None:
    st.page_link("run.py", label=label, icon=f":material/{icon}:", help=escape(name), query_params={"id": str(run_id)})


def _who_and_when(run: RunDetail) -> str:
    words = [f":material/person: {escape(run.launched_by)}" if run.launched_by else ""]
    words.append(f"launched {ago(run.created_at)}")
    if run.started_at is not None:
        until = run.ended_at or (datetime.now(UTC) if run.state.active else run.started_at)
        seconds = (until - run.started_at).total_seconds()
        words.append(f"took {duration(seconds)}" if run.ended_at else f"started {ago(run.started_at)}")
    if run.attempt > 1:
        words.append(f"attempt {run.attempt}")
    return " · ".join(word for word in words if word)


def short_class(class_path: str) -> str:
    """ "text.BagModel" for "lightning_modules.text.BagModel"."""
    return class_path.removeprefix("lightning_modules.")


def _draw_tags(run: RunDetail) -> None:
    for tag in run.tags[:MOST_TAGS]:
        st.badge(escape(tag), icon=":material/sell:", color="gray")
    if len(run.tags) > MOST_TAGS:
        st.caption(f"and {len(run.tags) - MOST_TAGS} more", width="content")
    key = f"tags.{run.id}"
    if st.session_state.get(f"{key}.stored") != run.tags:  # somebody else may have changed them
        st.session_state[key] = list(run.tags)
        st.session_state[f"{key}.stored"] = run.tags
    fold = st.popover("Tags", icon=":material/new_label:", type="tertiary", key=f"{key}.fold", on_change="rerun")
    with fold:
        known = cached.known_tags() if fold.open else []
        st.multiselect(
            "Tags", sorted({*known, *run.tags, *st.session_state[key]}), key=key, accept_new_options=True,
            placeholder="Choose or type", on_change=_save_tags, args=(run.id, key), width=340,
        )  # fmt: skip


def _save_tags(run_id: int, key: str) -> None:
    tags = tuple(dict.fromkeys(tag.strip()[:TAG_CHARACTERS] for tag in st.session_state[key] if tag.strip()))
    run_acts.ask(lambda session: runs.set_tags(session, run_id, tags, run_acts.who()))
