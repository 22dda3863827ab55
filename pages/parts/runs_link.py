"""The runs page's link: everything that decides what the table shows lives in the address.

Widgets are set from the link and write it; whoever opens the same link sees the same table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import streamlit as st

from db.filter_tree import quote
from db.states import RunState

PAGE_ROWS = 50
DEFAULT_SORT = "-created_at"
MOST_COLUMNS = 40
_MOST_TEXT = 4000


class Shelf(StrEnum):
    """Where runs are kept."""

    RUNS = "runs"
    ARCHIVED = "archived"
    TRASH = "trash"


@dataclass(frozen=True)
class View:
    """What the table shows.

    Attributes:
        query: the filter as it was typed; it may hold a mistake.
        states: only these states; empty for all.
        tags: only runs with one of these tags; empty for all.
        mine: only what the person at this machine launched.
        shelf: runs, archived runs, or the trash.
        sort: a column's name, with a minus for the largest first.
        page: number of the page, from 1.
        columns: the chosen columns; empty for those that everybody sees at first.
    """

    query: str = ""
    states: tuple[RunState, ...] = ()
    tags: tuple[str, ...] = ()
    mine: bool = False
    shelf: Shelf = Shelf.RUNS
    sort: str = DEFAULT_SORT
    page: int = 1
    columns: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        """Whether anything is filtered away."""
        return bool(self.query.strip() or self.states or self.tags or self.mine)

    @property
    def offset(self) -> int:
        """How many rows lie before the page."""
        return (self.page - 1) * PAGE_ROWS

    def whole(self) -> "View":
        """The same table with nothing filtered away."""
        return replace(self, query="", states=(), tags=(), mine=False, page=1)


def from_link(link: Mapping[str, Sequence[str]]) -> View:
    """The view that a link asks for; what makes no sense in it is left out."""
    first = {name: values[-1] for name, values in link.items() if values}
    states = {state.value: state for state in RunState}
    page = first.get("page", "")
    return View(
        query=first.get("query", "")[:_MOST_TEXT],
        states=tuple(dict.fromkeys(states[name] for name in link.get("status", ()) if name in states)),
        tags=tuple(dict.fromkeys(tag[:100] for tag in link.get("tag", ()) if tag)),
        mine=first.get("mine") == "yes",
        shelf=Shelf(first["view"]) if first.get("view") in list(Shelf) else Shelf.RUNS,
        sort=first.get("sort", "")[:300] or DEFAULT_SORT,
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 8 else 1,
        columns=tuple(dict.fromkeys(name[:300] for name in link.get("column", ()) if name))[:MOST_COLUMNS],
    )


def to_link(view: View) -> dict[str, str | list[str]]:
    """The shortest link that asks for a view."""
    link: dict[str, str | list[str]] = {
        "query": view.query.strip(),
        "status": [state.value for state in view.states],
        "tag": list(view.tags),
        "mine": "yes" if view.mine else "",
        "view": "" if view.shelf is Shelf.RUNS else view.shelf.value,
        "sort": "" if view.sort == DEFAULT_SORT else view.sort,
        "page": "" if view.page == 1 else str(view.page),
        "column": list(view.columns),
    }
    return {name: value for name, value in link.items() if value}


def full_filter(view: View, me: str, query: str | None = None) -> str:
    """One text in the filter language for all that narrows the view; ``query`` stands in for the typed one."""
    typed = (view.query if query is None else query).strip()
    parts = [f"({typed})"] if typed else []
    if view.states:
        parts.append(f"status in ({', '.join(state.value for state in view.states)})")
    if view.tags:
        parts.append(f"tag in ({', '.join(quote(tag) for tag in view.tags)})")
    if view.mine:
        parts.append(f"user = {quote(me)}")
    return " and ".join(parts)


def read_view() -> View:
    """The view of the browser's address."""
    return from_link({name: st.query_params.get_all(name) for name in st.query_params})


def change_view(**changes: Any) -> None:
    """Put a changed view into the address; another filter or order starts again at the first page."""
    st.query_params.from_dict(to_link(replace(read_view(), **{"page": 1, **changes})))


def hold(key: str, value: Any) -> None:
    """Let a widget show what the link says, without touching what is being typed into it."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
