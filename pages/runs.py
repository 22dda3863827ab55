"""Runs: all of them in one table, to find, sort, edit and act on; the address holds the whole view."""

import streamlit as st

from pages.parts.runs_chosen import forget_when
from pages.parts.runs_dialogs import draw_asked
from pages.parts.runs_filters import draw_filters, draw_shelf
from pages.parts.runs_known import known
from pages.parts.runs_link import Shelf, read_view
from pages.parts.runs_none import draw_first, draw_no_match
from pages.parts.runs_table import draw_listing, read_now
from pages.parts.runs_tools import draw_tools
from pages.parts.runs_undo import draw_undo
from pages.parts.said import draw_said

view = read_view()
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title("Runs", icon=":material/list:", width="content")
    draw_shelf(view)
draw_asked()
draw_said()
draw_undo()
if known().empty and not view.narrowed and view.shelf is Shelf.RUNS:
    draw_first()
    st.stop()

query = draw_filters(view)
forget_when((view.shelf, view.whole() == view, query, view.states, view.tags, view.mine))
listing = read_now(view, query)
if listing.notice:
    st.warning(listing.notice)
if listing.rows:
    editing = draw_tools(listing)
    draw_listing(listing, query, editing=editing)
else:
    draw_no_match(view)
