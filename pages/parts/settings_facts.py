"""Where this installation keeps things, how much room there is, and what it runs on."""

import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import streamlit as st

from db.engine import connect
from db.home import PROJECT_ROOT, data_folder, database_url, home
from db.migrate import head, revision
from pages.parts.formats import size

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "streamlit", "SQLAlchemy", "wandb", "plotly", "numpy")
LITTLE_ROOM_BYTES = 2_000_000_000


def draw_facts() -> None:
    """Folders, database, room on the disk and versions."""
    disk = shutil.disk_usage(home())
    if disk.free < LITTLE_ROOM_BYTES:
        st.warning(f"Only {size(disk.free)} are free. Empty the trash, or delete checkpoints.", title="Little room")
    with st.grid(3, min_column_width=200):
        st.metric("Free on the disk", size(disk.free), border=True)
        st.metric("Size of the disk", size(disk.total), border=True)
        st.metric("Database", size(_database_bytes()), border=True)
    st.subheader("Where things lie", anchor=False)
    st.table(
        {
            "Data folder (BANCADA_HOME)": f"`{home()}`",
            "Datasets": f"`{data_folder()}`",
            "Runs": f"`{home() / 'runs'}`",
            "Database (BANCADA_DATABASE_URL)": f"`{without_password(database_url())}`",
            "Database version": _database_version(),
            "Program": f"`{PROJECT_ROOT}`",
        },
        border="horizontal",
        alt="Folders and database",
    )
    st.subheader("Versions", anchor=False)
    st.table(
        {"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        border="horizontal",
        alt="Versions of Python and packages",
    )


def without_password(url: str) -> str:
    """A database address that can be shown."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:…@", url)


def _database_bytes() -> int | None:
    url = database_url()
    if not url.startswith("sqlite:///"):
        return None
    path = Path(url.removeprefix("sqlite:///"))
    files = [path, path.with_name(path.name + "-wal")]
    return sum(file.stat().st_size for file in files if file.is_file())


def _database_version() -> str:
    found, newest = revision(connect()), head()
    return f"{found}, the newest" if found == newest else f"{found}; this program knows {newest}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
