"""The first step of registering: an upload, or a path on the server, which is looked at in the background."""

from pathlib import Path
from typing import Any

import streamlit as st

from catalog.errors import CatalogError
from catalog.preview import Preview, preview
from catalog.readers import FORMATS
from pages.parts.data_draft import DataDraft
from pages.parts.data_upload import UPLOAD_ENDINGS, drop_upload, save_upload
from pages.parts.data_work import Work, draw_work
from pages.parts.form import draw_fault
from pages.parts.formats import escape

WAYS = {"upload": "Upload a file", "path": "A path on the server"}
_LOOK, _REFUSED = "data.look", "data.refused"


def draw_source() -> DataDraft | None:
    """Ask for a source, look at it, and return a draft once that is done."""
    work: Work | None = st.session_state.get(_LOOK)
    if work is not None and work.is_done:
        draft = _take(work)
        if draft is not None:
            return draft
    elif work is not None:
        draw_work(work)
        return None
    way = st.segmented_control(
        "Where the data is", list(WAYS), format_func=WAYS.get, key="new.way", default="upload", required=True
    )
    if way == "upload":
        _draw_upload()
    else:
        _draw_path()
    refused: str | None = st.session_state.get(_REFUSED)
    if refused:
        draw_fault(refused)
    return None


def _draw_upload() -> None:
    # Another number is another, empty uploader: what was refused is not looked at again.
    number = st.session_state.setdefault("data.uploader", 0)
    upload = st.file_uploader(
        "CSV, TSV, JSON lines, Parquet, NumPy arrays, or a zip of images or of one data file",
        type=list(UPLOAD_ENDINGS),
        key=f"new.upload.{number}",
        help="Images: one sub-folder for each class, or a labels.csv beside them with the columns file and label",
    )
    if upload is not None:
        st.session_state["data.uploader"] = number + 1
        _look(upload.name, lambda _: _look_at_upload(upload))


def _draw_path() -> None:
    with st.form("new.path_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "File or image folder on the machine that Bancada runs on",
            key="new.path",
            persist_state="session",
            placeholder="/data/reviews.csv",
            help=f"One of {', '.join(FORMATS)}, or a folder with one sub-folder of images for each class",
        )
        pressed = st.form_submit_button("Look at it", icon=":material/search:")
    if not pressed:
        return
    path = Path(typed.strip()).expanduser()
    if not typed.strip() or not path.is_absolute():
        st.session_state[_REFUSED] = "Write the whole path, from the first / on."
        return
    _look(path.name or str(path), lambda _: (path, preview(path)))


def _look_at_upload(upload: Any) -> tuple[Path, Preview]:
    path = save_upload(upload)
    try:
        return path, preview(path)
    except CatalogError:
        drop_upload(path)
        raise


def _look(title: str, act: Any) -> None:
    st.session_state.pop(_REFUSED, None)
    work = Work(f"Looking at {title}", act)
    st.session_state[_LOOK] = work
    work.wait()
    st.rerun()


def _take(work: Work) -> DataDraft | None:
    """The draft of a look that is done; None, with the reason kept, when it was refused."""
    del st.session_state[_LOOK]
    try:
        path, looked = work.result()
    except CatalogError as error:
        st.session_state[_REFUSED] = str(error)
        return None
    return DataDraft.of(path.name or str(path), path, looked, st.query_params.get("name", ""))


def forget_look() -> None:
    """Let go of a look that is under way; what it saved is swept later."""
    for name in (_LOOK, _REFUSED):
        st.session_state.pop(name, None)


def source_words(draft: DataDraft) -> str:
    """The file in one line: what it is and how much."""
    looked = draft.looked
    return f"{escape(looked.description)} · {looked.row_count:,} rows · {len(looked.schema.columns)} columns"
