"""What there is to choose from on the runs page: columns, tags, states. Read once for many reruns."""

from dataclasses import dataclass

import streamlit as st

from db import runs
from db.engine import connect
from db.home import database_url
from db.states import RunState


@dataclass(frozen=True)
class Known:
    """What exists in the record.

    Attributes:
        columns: the columns of configs and metrics, such as ``config.learning_rate`` and ``metric.val_loss``.
        tags: every tag that some run has.
        states: the states that some run is in, in the order of a run's life.
        empty: whether no run was ever made, or none is left on any shelf.
    """

    columns: list[str]
    tags: list[str]
    states: list[RunState]
    empty: bool


def known() -> Known:
    """What exists, at most some seconds old."""
    return _known(database_url())


def forget() -> None:
    """Read again what an act has just changed."""
    _known.clear()


@st.cache_data(ttl=5, max_entries=4, show_spinner=False)
def _known(url: str) -> Known:
    with connect(url).reading() as session:
        counts = runs.counts_by_state(session)
        states = [state for state in RunState if counts.get(state)]
        empty = not states and not any(
            runs.matching_ids(session, "", archived=shelf == "archived", trash=shelf == "trash")
            for shelf in ("archived", "trash")
        )
        return Known(runs.column_names(session), runs.known_tags(session), states, empty)
