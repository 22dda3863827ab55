"""Every registered dataset in a line, and those that were deleted."""

from dataclasses import dataclass

import streamlit as st

from catalog.removal import bytes_to_free, remove_content
from catalog.schema import Schema
from catalog.versions import version_numbers
from db import dataset_lists, datasets
from db.dataset_lists import DeletedDataset
from db.engine import connect
from db.errors import RecordError
from db.rows import DatasetRow
from pages.parts import cached
from pages.parts.data_link import linked
from pages.parts.data_schema import schema_words
from pages.parts.dataset_header import kind_badge
from pages.parts.formats import ago, count, escape, size
from pages.parts.said import say

FILTER_FROM = 9  # as many datasets, and a filter is offered
PAGE_ROWS = 40


@dataclass(frozen=True)
class Line:
    """What the list shows of a dataset."""

    row: DatasetRow
    schema: Schema
    runs: int


def read_list() -> list[Line]:
    """Every dataset with its newest schema and its uses, the latest change first."""
    with connect().reading() as session:
        rows = datasets.every(session)
        schemas, runs = dataset_lists.newest_schemas(session), dataset_lists.run_counts(session)
    lines = [Line(row, Schema.from_dict(schemas[row.name]), runs.get(row.name, 0)) for row in rows]
    return sorted(lines, key=lambda line: line.row.updated_at, reverse=True)


def draw_list(lines: list[Line]) -> None:
    """The datasets, with a filter when there are many."""
    shown = lines
    if len(lines) >= FILTER_FROM:
        words = st.text_input(
            "Filter", placeholder="Name, title, kind or target", label_visibility="collapsed",
            icon=":material/search:", **linked("find_data", ""),
        )  # fmt: skip
        shown = [line for line in lines if _matches(line, words or "")]
        if not shown:
            st.caption("No dataset has these words in its name, title, kind or target.")
    pages = -(-len(shown) // PAGE_ROWS)
    page = st.number_input("Page", 1, pages, key="page", width=140) if pages > 1 else 1
    for line in shown[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]:
        _draw_line(line)


def _matches(line: Line, words: str) -> bool:
    row = line.row
    text = f"{row.name} {row.sheet.get('title', '')} {row.kind} {line.schema.target} {line.schema.task}".lower()
    return all(word in text for word in words.lower().split())


def _draw_line(line: Line) -> None:
    row = line.row
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch", gap=None):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.page_link("dataset.py", label=f"**{escape(row.name)}**", query_params={"name": row.name})
                kind_badge(row.kind)
                title = str(row.sheet.get("title") or "")
                if title and title.lower() != row.name.replace("-", " "):
                    st.caption(escape(title), width="stretch")
            words = [f"version {row.version}", f"{count(row.row_count)} rows", size(row.size_bytes)]
            words += [schema_words(line.schema), f"changed {ago(row.updated_at)}"]
            words.append(f"{line.runs} {'run' if line.runs == 1 else 'runs'}" if line.runs else "not used yet")
            st.caption(" · ".join(words))
        st.page_link(
            "launch.py", label="Launch", icon=":material/rocket_launch:", query_params={"dataset": row.name},
            help="Choose what to train on it",
        )  # fmt: skip


def draw_just_deleted() -> None:
    """Right after a deletion: say so, and take it back with one press."""
    name = st.session_state.get("data.just_deleted")
    if name is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/info: **{escape(name)}** was deleted.", width="stretch")
        st.button("Undo", icon=":material/undo:", key="data.undo", on_click=_restore, args=(name,))
        st.button(
            "", icon=":material/close:", key="data.undo_close", type="tertiary", help="Keep it so", on_click=_seen
        )


def draw_deleted() -> None:
    """What was deleted and still lies on the disk."""
    with connect().reading() as session:
        gone = [one for one in dataset_lists.deleted(session) if version_numbers(one.name)]
    if not gone:
        return
    with st.expander(f"Deleted ({len(gone)})", icon=":material/delete:", key="data.deleted"):
        for one in gone:
            _draw_deleted_line(one)


def _draw_deleted_line(one: DeletedDataset) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        by = f" by {escape(one.deleted_by)}" if one.deleted_by else ""
        st.markdown(f"**{escape(one.name)}** :gray[{one.kind} · deleted {ago(one.deleted_at)}{by}]", width="stretch")
        st.button("Restore", icon=":material/undo:", key=f"restore.{one.name}", on_click=_restore, args=(one.name,))
        if st.button("Free its disk space", icon=":material/delete_forever:", key=f"free.{one.name}"):
            _confirm_free(one.name)


@st.dialog("Free the disk space for good?", icon=":material/delete_forever:")
def _confirm_free(name: str) -> None:
    many = len(version_numbers(name))
    st.markdown(
        f"The rows of **{escape(name)}** ({'1 version' if many == 1 else f'{many} versions'}) are removed from the "
        f"disk. This frees {size(bytes_to_free(name))}; rows that another dataset shares stay. Runs keep their record, "
        "but a run that used it cannot be resumed or launched again until the same data is registered again."
    )
    with st.container(horizontal=True):
        if st.button("Remove for good", type="primary", key="free_yes", on_click=_free, args=(name,)):
            st.rerun()
        if st.button("Keep it", key="free_no"):
            st.rerun()


def _free(name: str) -> None:
    _seen()
    say(f"{size(remove_content(name))} freed")


def _restore(name: str) -> None:
    _seen()
    try:
        with connect().writing() as session:
            datasets.restore(session, name)
    except RecordError as error:
        say(str(error), "info")
        return
    cached.forget()
    say(f"{name} is back")


def _seen() -> None:
    st.session_state.pop("data.just_deleted", None)
