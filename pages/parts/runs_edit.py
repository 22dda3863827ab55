"""The table with cells to write into: names, tags and notes, each written as soon as its cell is left."""

import getpass
from typing import Any

import streamlit as st

from db.engine import connect
from db.errors import RecordError
from db.rows import RunRow
from db.texts import NAME_CHARACTERS
from pages.parts import runs_known
from pages.parts.runs_columns import FIXED, NAME, Column
from pages.parts.runs_edits import EDITABLE, write
from pages.parts.runs_grid import drawings, grid
from pages.parts.runs_read import Listing
from pages.parts.said import say

_GENERATION = "runs.editor_generation"


def draw_editor(listing: Listing, key: str, height: int) -> None:
    """A page of runs whose names, tags and notes can be typed over."""
    columns = _editable_first(listing.columns)
    key = f"{key}.{st.session_state.get(_GENERATION, 0)}"
    drawn = drawings(columns, listing.view.sort, runs_known.known().tags, st.context.timezone)
    drawn["name"] = st.column_config.TextColumn(NAME.title, width=260, max_chars=NAME_CHARACTERS)
    st.caption(":material/edit: Click a name, tags or notes twice and type; each cell is saved when you leave it.")
    st.data_editor(
        grid(listing.rows, columns, links=False),
        key=key,
        column_config=drawn,
        hide_index=True,
        height=height,
        disabled=[column.name for column in columns if column.name not in EDITABLE],
        on_change=_write,
        args=(key, tuple(listing.rows)),
        placeholder="",
        alt="Runs, with names, tags and notes to edit",
    )


def edit(before: RunRow, changes: dict[str, Any]) -> bool:
    """Write one run's changes and tell it; False when they were refused."""
    try:
        with connect().writing() as session:
            written = write(session, before, changes, getpass.getuser())
    except RecordError as error:
        say(str(error), "warning")
        return False
    runs_known.forget()
    if written:
        say(f"Saved the {' and the '.join(written)} of #{before.id}")
    return True


def _editable_first(columns: list[Column]) -> list[Column]:
    first = [FIXED[name] for name in ("id", *EDITABLE)]
    return [*first, *[column for column in columns if column not in first]]


def _write(key: str, rows: tuple[RunRow, ...]) -> None:
    edited: dict[int, dict[str, Any]] = st.session_state[key]["edited_rows"]
    saved = [edit(rows[row], changes) for row, changes in edited.items() if row < len(rows)]
    if not all(saved):  # a fresh editor shows what the record holds
        st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1
