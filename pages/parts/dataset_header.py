"""The head of a dataset's page: its name, the version, its facts, and what can be done with it."""

import getpass

import streamlit as st

from catalog.removal import bytes_to_free
from catalog.schema import Schema
from db import datasets
from db.engine import connect
from db.errors import NotFound
from pages.parts import cached
from pages.parts.dataset_open import Shown
from pages.parts.formats import ago, count, escape, size
from pages.parts.said import say

KIND_LOOKS = {"text": ("notes", "blue"), "table": ("table", "green"), "images": ("image", "violet")}


def kind_badge(kind: str) -> None:
    """The kind of data as a small mark."""
    icon, color = KIND_LOOKS.get(kind, ("database", "gray"))
    st.badge(kind, icon=f":material/{icon}:", color=color)


def draw_header(shown: Shown) -> None:
    """Title, version, facts and acts."""
    st.page_link("data.py", label="All datasets", icon=":material/arrow_back:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(escape(shown.title), anchor=False, width="stretch")
        _draw_acts(shown)
    with st.container(horizontal=True, vertical_alignment="center"):
        kind_badge(shown.version.kind)
        st.markdown(f"`{shown.version.ref}`")
        st.markdown(escape(str(shown.dataset.sheet.get("summary") or "")), width="stretch")
    if not shown.is_newest:
        st.info(
            f"This is version {shown.version.number}; the newest is {shown.versions[0].number}.",
            icon=":material/history:",
        )
    if shown.trouble:
        st.error(escape(shown.trouble), title="The rows of this version cannot be read")
    _draw_facts(shown)
    if shown.dataset.sheet.get("reference"):
        st.caption(f":material/flag: To beat: {escape(str(shown.dataset.sheet['reference']))}")


def _draw_acts(shown: Shown) -> None:
    reference = shown.dataset.name if shown.is_newest else shown.version.ref
    if st.button("Launch with it", type="primary", icon=":material/rocket_launch:", key="launch"):
        st.switch_page("launch.py", query_params={"dataset": reference})
    if st.button("New version", icon=":material/upload:", key="new_version", help="Register other data by this name"):
        st.switch_page("data.py", query_params={"new": "1", "name": shown.dataset.name})
    if st.button("Delete", icon=":material/delete:", key="delete"):
        _confirm_delete(shown)


def _draw_facts(shown: Shown) -> None:
    schema = Schema.from_dict(shown.version.schema)
    predicted = "a number" if schema.task == "regression" else f"{count(len(schema.classes))} classes"
    with st.grid(5, min_column_width=130):
        st.metric("Rows", count(shown.version.row_count))
        st.metric("Features", count(len(schema.features)))
        st.metric("Predicts", predicted, help=escape(f"The column “{schema.target}”"))
        st.metric("Size", size(shown.version.size_bytes))
        st.metric("Stored", ago(shown.version.created_at), help=escape(f"by {shown.version.created_by or 'unknown'}"))


@st.dialog("Delete this dataset?", icon=":material/delete:")
def _confirm_delete(shown: Shown) -> None:
    name = shown.dataset.name
    many = len(shown.versions)
    st.markdown(
        f"**{escape(name)}** with {'its one version' if many == 1 else f'its {many} versions'} leaves the list and "
        "cannot be launched with any more."
    )
    used = len(shown.runs)
    busy = [run for run in shown.runs if run.state.active]
    words = [f"{used} {'run' if used == 1 else 'runs'} used it and keep their record."] if used else []
    if busy:
        words.append(f"{len(busy)} of them {'is' if len(busy) == 1 else 'are'} being trained and will go on.")
    words.append(
        f"It can be restored from the Data page; freeing its {size(bytes_to_free(name))} is a step of its own."
    )
    st.markdown(" ".join(words))
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete_yes", on_click=delete, args=(name,)):
            st.switch_page("data.py")
        if st.button("Keep it", key="delete_no"):
            st.rerun()


def delete(name: str) -> None:
    """Take a dataset out of the list; the Data page offers to bring it back."""
    try:
        with connect().writing() as session:
            datasets.delete(session, name, getpass.getuser())
    except NotFound as error:  # somebody else was faster
        say(str(error), "info")
        return
    cached.forget()
    st.session_state["data.just_deleted"] = name
