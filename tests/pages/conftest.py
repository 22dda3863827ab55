"""A page in its frame, with a fresh database."""

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from db.engine import Database
from tests.pages.descriptions import DESCRIPTIONS

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(database: Database) -> OpenPage:
    """``open_page("launch", preset="x")`` opens a page by its file's name and its link's parameters."""
    del database  # it only has to be there
    st.cache_data.clear()

    def _open(name: str, /, **link: str) -> AppTest:
        at = AppTest.from_file(FRAME, default_timeout=30)
        at.run()
        at.switch_page(f"{name}.py")
        for key, value in link.items():
            at.query_params[key] = value
        return at.run()

    return _open


@pytest.fixture
def described(database: Database) -> Database:
    """A database in which a training process has described the modules."""
    from db import modules

    with database.writing() as session:
        modules.store(session, DESCRIPTIONS)
    st.cache_data.clear()
    return database


def texts(at: AppTest) -> str:
    """Every text on the page, to look for words in it."""
    groups = (at.markdown, at.caption, at.title, at.subheader, at.warning, at.error, at.info, at.success, at.page_link)
    found = [str(getattr(element, "value", "")) for group in groups for element in group]
    found += [
        str(getattr(element, "title", "") or "") for group in (at.warning, at.error, at.info) for element in group
    ]
    return "\n".join(found).replace("\\", "")
