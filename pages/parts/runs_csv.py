"""The runs of a view as a CSV file, all pages of it. Knows no Streamlit."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from db import runs
from db.engine import connect
from db.rows import RunRow
from pages.parts.runs_columns import Column, asked_of_database
from pages.parts.runs_link import View
from pages.parts.runs_read import shelf_of

MOST_ROWS = 100_000
_BATCH = 2000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(view: View, query: str, columns: Sequence[Column], most: int = MOST_ROWS) -> bytes:
    """Every run of a view, at most ``most``, in its order; UTF-8 with a byte order mark, as spreadsheets want it.

    Args:
        query: the whole filter in force.
        columns: what is written of each run, exact and not as shown.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    for run in _every(view, query, columns, most):
        writer.writerow([_cell(column.exact(run)) for column in columns])
    return text.getvalue().encode("utf-8-sig")


def _every(view: View, query: str, columns: Sequence[Column], most: int) -> Iterator[RunRow]:
    """One reading session for all batches: what others change meanwhile neither doubles nor drops a row."""
    wanted, shelf = asked_of_database(columns), shelf_of(view)
    with connect().reading() as session:
        for offset in range(0, most, _BATCH):
            limit = min(_BATCH, most - offset)
            page = runs.find(session, query, sort=view.sort, offset=offset, limit=limit, columns=wanted, **shelf)
            yield from page.rows
            if len(page.rows) < limit:
                return


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"  # a spreadsheet must not take somebody's text for a formula
    return value
