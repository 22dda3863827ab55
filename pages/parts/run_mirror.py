"""The run's mirror at Weights & Biases: where it is, how much waits, and what went wrong."""

import streamlit as st

from db.rows import RunDetail
from db.states import Mirror


def draw_mirror(run: RunDetail) -> None:
    """Placeholder."""
    if run.mirror is Mirror.OFF and not run.wandb:
        return
