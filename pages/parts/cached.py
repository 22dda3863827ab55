"""Reads that many reruns share, each a one-line wrapper of a function that knows no Streamlit.

The database's address is part of every key, so that another data folder never sees these answers.
"""

from typing import Any

import streamlit as st

from catalog import samples as catalog_samples
from db import datasets, modules, runs, settings, supervisors
from db.engine import connect
from db.home import database_url
from db.rows import DatasetRow, SupervisorRow
from db.states import Mirror
from lightning_modules import presets as written_presets
from pages.parts.fields import ClassForm, class_form

MOST_TAGS = 500  # that a field offers; any other can be typed


def forms() -> dict[str, ClassForm]:
    """Class path to form, for every model and data module that could be read."""
    return _forms(database_url())


def descriptions() -> dict[str, dict[str, Any]]:
    """Class path to description, as a training process wrote it."""
    return _descriptions(database_url())


def presets() -> dict[str, Any]:
    """Key to preset, in the order in which they are offered."""
    return _presets()


def catalog() -> list[DatasetRow]:
    """Every registered dataset."""
    return _catalog(database_url())


def sample_states() -> dict[str, tuple[bool, str]]:
    """Sample key to (available, why not)."""
    return _sample_states(database_url())


def team_settings() -> settings.Settings:
    """The team's settings."""
    return _settings(database_url())


def default_mirror() -> Mirror:
    """Where a new run is mirrored, unless its form says otherwise."""
    return Mirror(team_settings().default_mirror)


def known_tags() -> list[str]:
    """The tags that runs have, the most used first."""
    return _known_tags(database_url())


def machines() -> list[SupervisorRow]:
    """The supervisors and what they last measured."""
    return _machines(database_url())


def forget() -> None:
    """Read again what a page has just changed."""
    for read in (_descriptions, _forms, _catalog, _sample_states, _settings, _known_tags, _machines):
        read.clear()


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def _descriptions(url: str) -> dict[str, dict[str, Any]]:
    with connect(url).reading() as session:
        return {row.class_path: row.description for row in modules.every(session) if not row.error}


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def _forms(url: str) -> dict[str, ClassForm]:
    return {class_path: class_form(description) for class_path, description in _descriptions(url).items()}


@st.cache_data(ttl=60, max_entries=2, show_spinner=False)
def _presets() -> dict[str, Any]:
    return {preset.key: preset for preset in written_presets.every()}


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def _catalog(url: str) -> list[DatasetRow]:
    with connect(url).reading() as session:
        return datasets.every(session)


@st.cache_data(ttl=10, max_entries=4, show_spinner=False)
def _sample_states(_url: str) -> dict[str, tuple[bool, str]]:
    return {sample.key: sample.available() for sample in catalog_samples.SAMPLES}


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def _settings(url: str) -> settings.Settings:
    with connect(url).reading() as session:
        return settings.read(session)


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def _known_tags(url: str) -> list[str]:
    with connect(url).reading() as session:
        return runs.known_tags(session)[:MOST_TAGS]


@st.cache_data(ttl=1, max_entries=4, show_spinner=False)
def _machines(url: str) -> list[SupervisorRow]:
    with connect(url).reading() as session:
        return supervisors.all_of(session)
