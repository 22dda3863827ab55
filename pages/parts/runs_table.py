"""The table itself, with its bar of acts and its pages; refreshed by itself only while something on it runs."""

import getpass
import hashlib
import json

import streamlit as st

from db.engine import connect
from pages.parts.runs_bulk import draw_bar
from pages.parts.runs_chosen import choose_on_page, chosen
from pages.parts.runs_dialogs import something_asked
from pages.parts.runs_edit import draw_editor
from pages.parts.runs_grid import drawings, grid, next_sort
from pages.parts.runs_known import known
from pages.parts.runs_link import View, change_view, read_view
from pages.parts.runs_read import Listing, read_listing
from pages.parts.said import draw_said

LIVE_SECONDS = 2
ROW_PIXELS = 35
MOST_ROWS_HIGH = 16  # more rows scroll below their header, with the bar and the pages in sight


def read_now(view: View, query: str) -> Listing:
    """The listing as the database has it now."""
    with connect().reading() as session:
        return read_listing(session, view, getpass.getuser(), query, known().columns)


def draw_listing(listing: Listing, query: str, *, editing: bool) -> None:
    """The bar, the table and the pages, as a fragment that refreshes itself while a run on it goes on."""
    fresh = [listing]

    def draw() -> None:
        if read_view() != view_of_link or something_asked():
            st.rerun()  # a header, a page or a button was pressed: that changes more than this fragment
        now = fresh.pop() if fresh else read_now(listing.view, query)
        if now.live != listing.live or not now.rows:
            st.rerun()
        draw_said()
        draw_bar(now)
        if editing:
            draw_editor(now, table_key(now, "editor"), _height(now))
        else:
            _draw_table(now)
        _draw_pages(now)

    view_of_link = read_view()
    live = listing.live and not editing
    st.fragment(draw, run_every=LIVE_SECONDS if live else None, key="runs.listing")()


def table_key(listing: Listing, what: str) -> str:
    """Another key for other runs, columns or another order: the browser's row numbers mean something else then."""
    parts = [[run.id for run in listing.rows], [column.name for column in listing.columns], listing.view.sort]
    return f"runs.{what}.{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def _height(listing: Listing) -> int:
    return ROW_PIXELS * (min(len(listing.rows), MOST_ROWS_HIGH) + 1) + 3


def _draw_table(listing: Listing) -> None:
    shown = tuple(run.id for run in listing.rows)
    names = tuple(column.name for column in listing.columns)
    key, picked = table_key(listing, "table"), set(chosen())
    _show_picked(key, [row for row, run_id in enumerate(shown) if run_id in picked])
    st.dataframe(
        grid(listing.rows, listing.columns, links=True),
        key=key,
        column_config=drawings(listing.columns, listing.view.sort, known().tags, st.context.timezone),
        hide_index=True,
        height=_height(listing),
        on_select=lambda: _selected(key, shown, names, listing.view.sort),
        selection_mode=["multi-row", "single-column"],
        placeholder="",
        alt="Runs",
    )


def _show_picked(key: str, rows: list[int]) -> None:
    """Make the table's own selection say what is chosen: it may have been chosen or let go elsewhere."""
    held = st.session_state[key]["selection"] if key in st.session_state else {}
    if set(held.get("rows", ())) != set(rows) or held.get("columns"):
        st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}


def _selected(key: str, shown: tuple[int, ...], names: tuple[str, ...], sort: str) -> None:
    """Rows are chosen; a chosen column is a click on its header, which sorts on the server over all runs."""
    selection = st.session_state[key]["selection"]
    if not selection["columns"]:
        choose_on_page(shown, selection["rows"])
        return
    name = selection["columns"][0]
    if name in names and next_sort(name, sort) != sort:
        change_view(sort=next_sort(name, sort))


def _draw_pages(listing: Listing) -> None:
    view = listing.view
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        first, last = view.offset + 1, view.offset + len(listing.rows)
        st.caption(f"{first:,}–{last:,} of {listing.total:,}", width="content")
        if listing.pages > 1:
            key = f"runs.page.{view.page}.{listing.pages}"  # another page is another widget that starts there
            st.pagination(
                listing.pages,
                default=view.page,
                key=key,
                on_change=lambda: change_view(page=st.session_state[key]),
            )
