"""Which runs are chosen. Ids, not rows: they stay chosen when the table is sorted, paged or refreshed."""

from collections.abc import Iterable, Sequence

import streamlit as st

_KEY = "runs.chosen"


def chosen() -> list[int]:
    """The chosen runs' ids, smallest first."""
    return sorted(st.session_state.get(_KEY, ()))


def choose(ids: Iterable[int]) -> None:
    """Choose exactly these."""
    st.session_state[_KEY] = frozenset(ids)


def choose_on_page(shown: Sequence[int], picked: Iterable[int]) -> None:
    """Replace what is chosen of a page; what is chosen on others stays."""
    others = set(chosen()).difference(shown)
    choose(others.union(shown[row] for row in picked if 0 <= row < len(shown)))


def forget_when(scope: object) -> None:
    """Choose nothing any more once the filter is another: acts on runs that nobody sees are accidents."""
    if st.session_state.get(f"{_KEY}.scope") != scope:
        st.session_state[f"{_KEY}.scope"] = scope
        choose(())
