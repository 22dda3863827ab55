"""How the table looks and leaves: order, columns, editing, and a file of it."""

import functools
from datetime import UTC, datetime

import streamlit as st

from pages.parts.runs_columns import ALWAYS, FIXED, UNSORTED, choosable, standard, title_of
from pages.parts.runs_csv import MOST_ROWS, write_csv
from pages.parts.runs_grid import next_sort
from pages.parts.runs_known import known
from pages.parts.runs_link import MOST_COLUMNS, Shelf, View, change_view, hold
from pages.parts.runs_read import Listing

_SORT, _COLUMNS, _EDITING = "runs.sort", "runs.columns", "runs.editing"


def draw_tools(listing: Listing) -> bool:
    """The row of tools above the table; returns whether its cells are to be edited."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _draw_sort(listing.view)
        _draw_columns(listing.view)
        editing = False
        if listing.view.shelf is not Shelf.TRASH:
            editing = st.toggle("Edit cells", key=_EDITING, help="Write names, tags and notes right in the table")
        _draw_export(listing)
    return editing


def _draw_sort(view: View) -> None:
    column, down = view.sort.removeprefix("-"), view.sort.startswith("-")
    names = [name for name in (*ALWAYS, *FIXED, *known().columns) if name not in UNSORTED]
    hold(_SORT, column)
    st.selectbox(
        "Sort by",
        list(dict.fromkeys([*names, column])),
        key=_SORT,
        format_func=title_of,
        label_visibility="collapsed",
        width=200,
        on_change=lambda: change_view(sort=next_sort(st.session_state[_SORT], view.sort)),
    )
    st.button(
        "",
        key="runs.direction",
        icon=f":material/{'arrow_downward' if down else 'arrow_upward'}:",
        help=f"{'Largest' if down else 'Smallest'} first; a click on a column's header sorts, too",
        on_click=lambda: change_view(sort=column if down else f"-{column}"),
    )


def _draw_columns(view: View) -> None:
    there = known().columns
    hold(_COLUMNS, list(view.columns or standard(there)))
    with st.popover("Columns", icon=":material/view_column:"):
        st.multiselect(
            "Columns, in their order",
            list(dict.fromkeys([*choosable(there), *view.columns])),
            key=_COLUMNS,
            format_func=title_of,
            placeholder="Type a part of a name",
            max_selections=MOST_COLUMNS,
            width=420,
            on_change=_choose_columns,
        )
        st.button("The usual ones", key="runs.usual", icon=":material/restart_alt:", on_click=_usual_columns)


def _choose_columns() -> None:
    chosen = tuple(st.session_state[_COLUMNS])
    change_view(columns=() if chosen == tuple(standard(known().columns)) else chosen, page=_page())


def _usual_columns() -> None:
    change_view(columns=(), page=_page())


def _page() -> int:
    shown = st.query_params.get("page", "1")
    return int(shown) if shown.isdecimal() else 1


def _draw_export(listing: Listing) -> None:
    rows = min(listing.total, MOST_ROWS)
    st.download_button(
        "CSV",
        data=functools.partial(write_csv, listing.view, listing.filter, tuple(listing.columns)),
        file_name=f"runs-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="runs.csv",
        on_click="ignore",
        help=f"All {rows:,} runs of this view with these columns"
        + (", the first of more" if rows < listing.total else ""),
    )
