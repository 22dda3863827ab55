"""Which dataset and version a link means, read once for the whole page."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from catalog.errors import CatalogError
from catalog.versions import OpenVersion, open_version
from db import datasets
from db.engine import connect
from db.errors import NotFound
from db.rows import DatasetRow, RunRow, VersionRow
from pages.parts import cached
from pages.parts.formats import escape


@dataclass(frozen=True)
class Shown:
    """A dataset with the version that is looked at.

    Attributes:
        opened: the version's rows; None with ``trouble`` when they cannot be read.
    """

    dataset: DatasetRow
    versions: list[VersionRow]  # newest first
    version: VersionRow
    runs: list[RunRow]
    opened: OpenVersion | None
    trouble: str = ""

    @property
    def is_newest(self) -> bool:
        """Whether the version looked at is the newest."""
        return self.version.number == self.versions[0].number

    @property
    def title(self) -> str:
        """The name for a person."""
        return str(self.dataset.sheet.get("title") or self.dataset.name)


def open_dataset(link: Mapping[str, str]) -> Shown | None:
    """What the link asks for; None after saying why it is not there."""
    name = link.get("name", "")[:100]
    if not name:
        _say_missing("This link names no dataset.")
        return None
    try:
        with connect().reading() as session:
            dataset, versions = datasets.get(session, name), datasets.versions(session, name)
            runs = datasets.runs_using(session, name)
    except NotFound as error:
        _say_missing(str(error))
        return None
    wanted = link.get("version", "")
    version = next((row for row in versions if str(row.number) == wanted), None)
    if wanted and version is None:
        st.warning(f"“{escape(name)}” has no version {escape(wanted[:20])}; this is its newest.")
    version = version or versions[0]
    try:
        return Shown(dataset, versions, version, runs, open_version(version.ref))
    except CatalogError as error:
        return Shown(dataset, versions, version, runs, None, str(error))


def _say_missing(why: str) -> None:
    st.warning(escape(why), title="There is no such dataset")
    st.page_link("data.py", label="All datasets, and those that were deleted", icon=":material/arrow_back:")
    names = [row.name for row in cached.catalog()][:12]
    if names:
        st.caption("There are:")
        with st.container(horizontal=True):
            for name in names:
                st.page_link("dataset.py", label=name, query_params={"name": name})
