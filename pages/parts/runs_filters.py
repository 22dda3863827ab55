"""What narrows the table: the shelf, the filter box with its help, and the quick filters."""

import getpass
from collections.abc import Sequence

import streamlit as st

from db.filters import FIELDS, HELP, FilterError
from pages.parts.formats import escape
from pages.parts.runs_columns import STATE_COLORS, STATE_MARKS
from pages.parts.runs_known import known
from pages.parts.runs_link import Shelf, View, change_view, full_filter, hold
from pages.parts.runs_read import typo

SHELVES = {
    Shelf.RUNS: ":material/list: Runs",
    Shelf.ARCHIVED: ":material/archive: Archived",
    Shelf.TRASH: ":material/delete: Trash",
}
_QUERY, _STATES, _TAGS, _MINE, _SHELF = (f"runs.{name}" for name in ("query", "status", "tag", "mine", "view"))
_MOST_PILL_LETTERS = 40  # more tags than fit into a line become a list to search in
_LONGEST_POINTED = 200  # letters; a longer filter does not fit into one line
_GOOD = "runs.good_query"


def draw_shelf(view: View) -> None:
    """The switch between runs, archived runs and the trash."""
    hold(_SHELF, view.shelf)
    st.segmented_control(
        "Show",
        list(Shelf),
        format_func=SHELVES.get,
        key=_SHELF,
        required=True,
        label_visibility="collapsed",
        on_change=lambda: change_view(shelf=st.session_state[_SHELF]),
    )


def draw_filters(view: View) -> str:
    """The filter box and the quick filters.

    Returns:
        The typed filter to use: the last good one while there is a mistake in the box.
    """
    hold(_QUERY, view.query)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Filter",
            key=_QUERY,
            type="search",
            icon=":material/filter_alt:",
            placeholder="status = failed and config.lr < 1e-3 and metric.val_accuracy > 0.9",
            label_visibility="collapsed",
            on_change=lambda: change_view(query=st.session_state[_QUERY]),
        )
        with st.popover("Help", icon=":material/help:", type="tertiary"):
            draw_help()
    columns = known().columns
    wrong = typo(view.query, columns) or typo(full_filter(view, getpass.getuser()), columns)
    good = view.query if wrong is None else str(st.session_state.get(_GOOD, ""))
    st.session_state[_GOOD] = good
    if wrong is not None:
        _draw_typo(view.query, wrong, good)
    _draw_quick(view)
    return good


def draw_help() -> None:
    """The language in examples, and its fields."""
    st.markdown("**Examples**")
    st.table({f"`{text}`": words for text, words in HELP}, border="horizontal", width="content")
    st.markdown("**Fields**")
    fields = {f"`{field.name}`": escape(field.help) for field in FIELDS.values()}
    st.table(fields, border="horizontal", width="content")
    st.caption("`=` `!=` `<` `<=` `>` `>=` `~` (contains) · `in (a, b)` · `and` `or` `not` `( )` · quotes round spaces")


def _draw_typo(query: str, wrong: FilterError, good: str) -> None:
    shown = f"The table still shows `{good}`." if good.strip() else "The table shows the runs without a filter."
    with st.container(gap="small"):
        st.error(f"{escape(str(wrong))} {shown}", title="The filter has a mistake", icon=":material/error:")
        if wrong.position is not None and len(query) <= _LONGEST_POINTED:
            st.code(f"{query}\n{' ' * wrong.position}^", language=None)


def _draw_quick(view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        _draw_states(view)
        _draw_tags(view, sorted({*known().tags, *view.tags}))
        hold(_MINE, view.mine)
        st.toggle(
            "Mine",
            key=_MINE,
            help=f"Launched by {escape(getpass.getuser())}",
            on_change=lambda: change_view(mine=st.session_state[_MINE]),
        )
        if view.narrowed:
            st.button("Clear all", icon=":material/filter_alt_off:", type="tertiary", key="runs.clear", on_click=clear)


def _draw_states(view: View) -> None:
    states = [state for state in STATE_MARKS if state in {*known().states, *view.states}]
    if not states:
        return
    hold(_STATES, list(view.states))
    st.pills(
        "State",
        states,
        selection_mode="multi",
        format_func=lambda state: f":{STATE_COLORS[state.value]}[{STATE_MARKS[state]}] {state.value}",
        key=_STATES,
        label_visibility="collapsed",
        on_change=lambda: change_view(states=tuple(st.session_state[_STATES])),
    )


def _draw_tags(view: View, tags: Sequence[str]) -> None:
    if not tags:
        return
    hold(_TAGS, list(view.tags))

    def changed() -> None:
        change_view(tags=tuple(st.session_state[_TAGS]))

    if sum(len(tag) + 2 for tag in tags) > _MOST_PILL_LETTERS:
        st.multiselect(
            "Tags", tags, key=_TAGS, placeholder="Tags", label_visibility="collapsed", width=220, on_change=changed
        )
        return
    st.pills(
        "Tags",
        tags,
        selection_mode="multi",
        format_func=lambda tag: f":material/label: {escape(tag)}",
        key=_TAGS,
        label_visibility="collapsed",
        on_change=changed,
    )


def clear() -> None:
    """Filter nothing away any more."""
    change_view(query="", states=(), tags=(), mine=False)
