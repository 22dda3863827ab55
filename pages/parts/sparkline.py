"""The small curve on a running run's card."""

import numpy as np
import streamlit as st

from db import curves
from db.engine import connect
from db.home import database_url

POINTS = 60
WANTED = ("train_loss", "val_loss")


def sparkline(run_id: int) -> tuple[str, float | None, list[float]]:
    """(metric, last value, at most `POINTS` values) of a run's loss; ("", None, []) when it has none yet."""
    return _sparkline(database_url(), run_id)


@st.cache_data(ttl=1, max_entries=64, show_spinner=False)
def _sparkline(url: str, run_id: int) -> tuple[str, float | None, list[float]]:
    with connect(url).reading() as session:
        names = {summary.name for summary in curves.summaries(session, run_id)}
        name = next((wanted for wanted in WANTED if wanted in names), "")
        if not name:
            return "", None, []
        values = curves.read(session, run_id, name).values
    finite = values[np.isfinite(values)]
    every = max(1, len(finite) // POINTS)
    return name, float(finite[-1]) if len(finite) else None, [float(value) for value in finite[::every]]
