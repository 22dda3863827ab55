"""Loads sample data with its progress on the page."""

import getpass
from collections.abc import Iterable

import streamlit as st

from catalog.samples import load_sample
from db.engine import connect
from pages.parts import cached


def load_samples(keys: Iterable[str]) -> None:
    """Register each sample that is not there yet, showing how far it is.

    Raises:
        CatalogError: when a sample is not available; its message says what to do.
    """
    for key in keys:
        _load(key)
    cached.forget()


def _load(key: str) -> None:
    bar = st.progress(0.0, text=f"Loading {key}")
    with connect().writing() as session:
        load_sample(session, key, getpass.getuser(), lambda share, what: bar.progress(min(share, 1.0), text=what))
    bar.empty()
