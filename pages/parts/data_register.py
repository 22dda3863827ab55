"""Registering data, step by step: source, columns, split, name and sheet; then storing it with its progress."""

import time
from datetime import UTC, datetime

import streamlit as st

from catalog.errors import CatalogError
from db.errors import RecordError
from db.rows import DatasetRow
from pages.parts import cached
from pages.parts.data_draft import Checked, DataDraft, attempt, check, register
from pages.parts.data_kept import forget, kept
from pages.parts.data_schema import draw_schema, schema_words
from pages.parts.data_sheet import ASKED_FIRST, FIELDS, draw_sheet_inputs
from pages.parts.data_source import draw_source, forget_look, source_words
from pages.parts.data_split import draw_split
from pages.parts.data_upload import drop_upload
from pages.parts.data_work import Work, draw_work
from pages.parts.dataset_rows import draw_rows
from pages.parts.form import draw_fault
from pages.parts.formats import escape
from pages.parts.said import say

_DRAFT, _STORE, _PRESSED = "data.draft", "data.store", "data.pressed"


def held_draft() -> DataDraft | None:
    """The draft of this browser tab."""
    return st.session_state.get(_DRAFT)


def draw_storing() -> bool:
    """On another view: how far a registration is that goes on meanwhile; False when there is none."""
    work: Work | None = st.session_state.get(_STORE)
    if work is not None and work.is_done:
        _finish(work, opens=False)
    elif work is not None:
        draw_work(work)
        return True
    return False


def draw_register() -> None:
    """The whole form, as far as the steps before allow."""
    work: Work | None = st.session_state.get(_STORE)
    if work is not None:
        if not work.is_done:
            st.info("It goes on when you leave this page.", icon=":material/hourglass_top:")
            draw_work(work)
            return
        _finish(work, opens=True)
    draft = held_draft()
    if draft is None:
        with st.container(border=True):
            st.markdown("**1 · The data**")
            draft = draw_source()
        if draft is None:
            return
        st.session_state[_DRAFT] = draft
        st.rerun()
    known = {row.name: row for row in cached.catalog()}
    checked = check(draft, known)
    _draw_look(draft, checked)
    _draw_columns(draft, checked)
    _draw_split(draft, checked)
    _draw_name(draft, checked, known)
    _draw_button(draft, checked, known)


def _draw_look(draft: DataDraft, checked: Checked) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**1 · {escape(draft.title)}**", width="stretch")
            st.button("Another source", key="new.leave", icon=":material/close:", on_click=throw_away)
        st.caption(source_words(draft))
        for problem in draft.looked.problems:
            st.markdown(f":small[:orange[:material/info: {escape(problem)}]]")
        for message in checked.faults.get("source", ()):
            draw_fault(message)
        head = draft.looked.head if checked.head is None else checked.head
        draw_rows(head, checked.schema or draft.looked.schema, key="new.head", most=12)


def _draw_columns(draft: DataDraft, checked: Checked) -> None:
    with st.container(border=True):
        st.markdown("**2 · What is predicted, and from what**")
        draw_schema(draft.schema, checked.faults)


def _draw_split(draft: DataDraft, checked: Checked) -> None:
    with st.container(border=True):
        st.markdown("**3 · Training, validation and test**")
        task = checked.schema.task if checked.schema else None
        draw_split(draft.split, draft.schema.columns, task, draft.looked.row_count, checked.faults)


def _draw_name(draft: DataDraft, checked: Checked, known: dict[str, DatasetRow]) -> None:
    with st.container(border=True):
        st.markdown("**4 · Name and data sheet**")
        with st.container(horizontal=True):
            st.text_input("Name", key=kept(draft.values, draft.prefix, "name", ""), max_chars=100, width=320)
            note = kept(draft.values, draft.prefix, "note", "")
            st.text_input("Note on this version", key=note, max_chars=1000, placeholder="March export, doubles removed")
        for message in checked.faults.get("name", ()):
            draw_fault(message)
        same = known.get(draft.name)
        if same is not None:
            st.caption(
                f"“{escape(same.name)}” is there already: this becomes its version {same.version + 1}. "
                "It keeps its data sheet, which can be changed on its own page."
            )
            return
        draw_sheet_inputs(draft.values, draft.prefix, ASKED_FIRST)
        with st.expander("More of the data sheet", icon=":material/description:", key="new.more"):
            rest = tuple(field.name for field in FIELDS if field.name not in ASKED_FIRST)
            draw_sheet_inputs(draft.values, draft.prefix, rest)


def _draw_button(draft: DataDraft, checked: Checked, known: dict[str, DatasetRow]) -> None:
    wrong = sum(map(len, checked.faults.values()))
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Register", type="primary", icon=":material/check:", key="new.register")
        if wrong:
            st.markdown(f":red[{wrong} to correct, marked above]" if wrong > 1 else ":red[One thing to correct, above]")
        elif checked.schema:
            st.caption(f"{draft.looked.row_count:,} rows · {schema_words_now(checked)}")
    if pressed and not wrong:
        is_new = draft.name not in known
        work = Work(f"Storing {draft.title}", lambda progress: register(draft, checked, is_new, progress))
        st.session_state[_STORE], st.session_state[_PRESSED] = work, attempt(draft, checked)
        work.wait()
        st.rerun()


def schema_words_now(checked: Checked) -> str:
    """What will be predicted; classes are counted only while storing."""
    schema = checked.schema
    if schema is None or schema.classes or schema.task == "regression":
        return schema_words(schema) if schema else ""
    many = len(schema.features)
    return f"predicts {escape(str(schema.target))} from {'1 feature' if many == 1 else f'{many:,} features'}"


def _finish(work: Work, *, opens: bool) -> None:
    """Tell what was stored and open it, or keep the form with the reason at its field."""
    tried = st.session_state.pop(_PRESSED)
    del st.session_state[_STORE]
    draft = held_draft()
    try:
        row = work.result()
    except (CatalogError, RecordError) as error:
        if draft is not None:
            fault = error if isinstance(error, CatalogError) else CatalogError(str(error), "name")
            draft.failed = (tried, fault)
        say("It was not registered", "error")
        return
    throw_away()
    cached.forget()
    is_old = (datetime.now(UTC) - row.created_at).total_seconds() > time.monotonic() - work.since + 1
    say(f"{row.ref} holds the same already" if is_old else f"{row.ref} is registered")
    if opens:
        st.switch_page("dataset.py", query_params={"name": row.name})


def throw_away() -> None:
    """Let go of the draft and of what was uploaded for it."""
    draft: DataDraft | None = st.session_state.pop(_DRAFT, None)
    forget_look()
    if draft is not None:
        drop_upload(draft.path)
        forget(draft.prefix)
