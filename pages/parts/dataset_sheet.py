"""The data sheet of a dataset, to read and to edit."""

import streamlit as st

from db import datasets
from db.engine import connect
from db.errors import NotFound
from pages.parts import cached
from pages.parts.data_sheet import FIELDS, draw_sheet, draw_sheet_inputs, sheet_of
from pages.parts.dataset_open import Shown
from pages.parts.formats import escape
from pages.parts.said import say


def draw_data_sheet(shown: Shown) -> None:
    """The sheet; a press on Edit makes it a form."""
    name = f"sheet.{shown.dataset.name}"
    if name not in st.session_state:
        draw_sheet(shown.dataset.sheet)
        if st.button("Edit", icon=":material/edit:", key="sheet.edit"):
            st.session_state[name] = {field.name: str(shown.dataset.sheet.get(field.name, "")) for field in FIELDS}
            st.rerun()
        return
    values = st.session_state[name]
    draw_sheet_inputs(values, f"sheet_of.{shown.dataset.name}")
    with st.container(horizontal=True):
        if st.button("Save", type="primary", icon=":material/check:", key="sheet.save"):
            _save(shown, values)
        if st.button("Leave as it was", key="sheet.leave"):
            _close(shown)


def _save(shown: Shown, values: dict[str, str]) -> None:
    try:
        with connect().writing() as session:
            known = datasets.get(session, shown.dataset.name).sheet
            datasets.set_sheet(session, shown.dataset.name, sheet_of(values, known))
    except NotFound as error:
        st.error(escape(str(error)))
        return
    cached.forget()
    say("The data sheet is saved")
    _close(shown)


def _close(shown: Shown) -> None:
    del st.session_state[f"sheet.{shown.dataset.name}"]
    prefix = f"sheet_of.{shown.dataset.name}."
    for key in [key for key in st.session_state if str(key).startswith(prefix)]:
        del st.session_state[key]
    st.rerun()
