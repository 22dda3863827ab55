"""One dataset: its rows, columns, parts, data sheet, versions and runs."""

import streamlit as st

from catalog.errors import CatalogError
from pages.parts.data_link import linked
from pages.parts.dataset_correct import draw_correction
from pages.parts.dataset_facts import draw_columns, draw_runs, draw_splits, draw_versions
from pages.parts.dataset_header import draw_header
from pages.parts.dataset_open import open_dataset
from pages.parts.dataset_rows import draw_rows_of
from pages.parts.dataset_sheet import draw_data_sheet
from pages.parts.formats import escape
from pages.parts.said import draw_said

TABS = {
    "Rows": draw_rows_of,
    "Columns": draw_columns,
    "Parts": draw_splits,
    "Data sheet": draw_data_sheet,
    "Versions": draw_versions,
    "Runs": draw_runs,
    "Correct": draw_correction,
}

shown = open_dataset(st.query_params.to_dict())
if shown is None:
    st.stop()
st.set_page_config(page_title=f"{shown.title} · Bancada")
draw_said()
draw_header(shown)
tabs = st.tabs(list(TABS), **linked("view", "Rows", list(TABS)))
for tab, draw in zip(tabs, TABS.values(), strict=True):
    if tab.open:
        with tab:
            try:
                draw(shown)
            except CatalogError as error:
                st.error(escape(str(error)), title="The rows of this version cannot be read")
