"""Reads what the runs page shows. Knows no Streamlit."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from db import filters, runs
from db.engine import Session
from db.rows import RunPage, RunRow
from pages.parts.runs_columns import Column, asked_of_database, columns_of, standard
from pages.parts.runs_link import DEFAULT_SORT, PAGE_ROWS, Shelf, View, full_filter


@dataclass(frozen=True)
class Listing:
    """A page of runs with all that is needed to draw it.

    Attributes:
        view: what was asked, with what could not be used put right.
        rows: the runs of the page.
        total: how many match in all.
        columns: those of the table, in order.
        filter: the whole filter in force, in the filter language.
        notice: what of the link could not be used; empty when all could.
    """

    view: View
    rows: list[RunRow]
    total: int
    columns: list[Column]
    filter: str
    notice: str = field(default="")

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // PAGE_ROWS))

    @property
    def live(self) -> bool:
        """Whether something on this page changes by itself."""
        return any(not run.state.ended for run in self.rows)


def shelf_of(view: View) -> dict[str, bool]:
    """The shelf as the queries name it."""
    return {"archived": view.shelf is Shelf.ARCHIVED, "trash": view.shelf is Shelf.TRASH}


def read_listing(session: Session, view: View, me: str, query: str, known: Sequence[str]) -> Listing:
    """The page of runs that a view asks for.

    Args:
        me: whose runs are "mine".
        query: the typed filter, known to be right.
        known: the columns of configs and metrics that exist.
    """
    names = view.columns or tuple(standard(known))
    columns = columns_of(names, progress=True)
    asked, wanted = full_filter(view, me, query), asked_of_database(columns)
    notice = ""

    def find(view: View) -> RunPage:
        shelf = shelf_of(view)
        return runs.find(session, asked, sort=view.sort, offset=view.offset, limit=PAGE_ROWS, columns=wanted, **shelf)

    try:
        found = find(view)
    except filters.FilterError as error:
        if error.position is None:
            notice = f"The runs cannot be sorted by “{view.sort}”: {error}"
        else:  # a name that was known when it was typed, and is gone since
            notice, asked = f"The filter is left out: {error}", full_filter(view, me, "")
        view = replace(view, sort=DEFAULT_SORT)
        found = find(view)
    if not found.rows and found.total and view.page > 1:  # the last runs of the last page went away
        view = replace(view, page=-(-found.total // PAGE_ROWS))
        found = find(view)
    moving = any(run.state.active for run in found.rows)
    return Listing(view, found.rows, found.total, columns_of(names, progress=moving), asked, notice)


def typo(query: str, known: Sequence[str]) -> filters.FilterError | None:
    """What is wrong with a typed filter; None when nothing is."""
    try:
        filters.parse(query, known)
    except filters.FilterError as error:
        return error
    return None
