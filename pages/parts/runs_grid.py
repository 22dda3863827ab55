"""A page of runs as an Arrow table, and how each column of it is drawn.

Streamlit sends an Arrow table to the browser as it is, without a detour over pandas.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import streamlit as st

from db.rows import RunRow
from pages.parts.runs_columns import STATE_COLORS, STATE_LABELS, UNSORTED, Column

_TYPES = {
    "id": pa.int64(),
    "progress": pa.float64(),
    "time": pa.timestamp("ms", tz="UTC"),
    "state": pa.list_(pa.string()),
    "tags": pa.list_(pa.string()),
}
_LONGEST_CELL = 300  # letters; the run's page has the whole text
_LONGEST_NAME = 100


def run_address(run_id: int, name: str) -> str:
    """A run's page, with the name behind the mark so that the table can show it instead of the address."""
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return f"run?id={run_id}#{quote(shown or 'unnamed', safe='')}"


def grid(rows: Sequence[RunRow], columns: Sequence[Column], *, links: bool) -> pa.Table:
    """One row a run, one column each; ``links`` makes the names lead to the run's page.

    Texts are cut only with ``links``: what can be edited has to be whole.
    """
    arrays = [pa.array([_cell(run, column, links) for run in rows], _type(column)) for column in columns]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def drawings(columns: Sequence[Column], sort: str, tags: Sequence[str], timezone: str | None) -> dict[str, Any]:
    """Column name to how it is drawn, with an arrow at the one that sorts."""
    return {column.name: _drawing(column, heading(column, sort), tags, timezone) for column in columns}


def heading(column: Column, sort: str) -> str:
    """The title, with an arrow when the table is sorted by it."""
    if sort.removeprefix("-") != column.name:
        return column.title
    return f"{column.title} {'↓' if sort.startswith('-') else '↑'}"


def next_sort(name: str, sort: str) -> str:
    """The order after a click on a column's header: largest first, then smallest first, and so on."""
    if name in UNSORTED:
        return sort
    if sort.removeprefix("-") == name:
        return name if sort.startswith("-") else f"-{name}"
    return name if name in ("name", "dataset", "model", "state", "user", "preset") else f"-{name}"


def _type(column: Column) -> pa.DataType:
    return _TYPES.get(column.kind, pa.string())


def _cell(run: RunRow, column: Column, links: bool) -> Any:
    value = column.shown(run)
    if column.kind == "link" and links:
        return run_address(run.id, run.name)
    if isinstance(value, str) and links and len(value) > _LONGEST_CELL:
        return value[: _LONGEST_CELL - 1] + "…"
    return value


def _drawing(column: Column, title: str, tags: Sequence[str], timezone: str | None) -> Any:
    kinds = st.column_config
    shared: Mapping[str, Any] = {"label": title, "width": column.width}
    if column.kind == "id":
        return kinds.NumberColumn(**shared, format="%d", pinned=True)
    if column.kind == "link":
        return kinds.LinkColumn(**shared, display_text=r"#(.*)$", alignment="left", pinned=True, help="Opens the run")
    if column.kind == "state":
        return kinds.MultiselectColumn(
            **shared, options=list(STATE_LABELS), color=list(STATE_COLORS.values()), format_func=STATE_LABELS.get
        )
    if column.kind == "progress":
        return kinds.ProgressColumn(**shared, format="percent", min_value=0.0, max_value=1.0)
    if column.kind == "time":
        return kinds.DatetimeColumn(**shared, format="YYYY-MM-DD HH:mm", timezone=timezone)
    if column.kind == "tags":
        return kinds.MultiselectColumn(**shared, options=list(tags), color="auto", accept_new_options=True)
    align = "right" if column.kind == "number" else "left"
    return kinds.TextColumn(**shared, alignment=align, help=column.name if "." in column.name else None)
