"""The data sheet: where data comes from, who may use it, and what is known to be wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from pages.parts.data_kept import Values, kept
from pages.parts.formats import escape


@dataclass(frozen=True)
class SheetField:
    """One field of the sheet."""

    name: str
    title: str
    help: str = ""
    is_long: bool = False


FIELDS = (
    SheetField("title", "Title", "As a person would call it"),
    SheetField("summary", "What it holds", "One sentence", is_long=True),
    SheetField("origin", "Origin", "Who made it, and how it came here", is_long=True),
    SheetField("url", "Link", "Where more is written"),
    SheetField("licence", "Licence", "Who may use it, and for what"),
    SheetField("language", "Language", "Of its texts"),
    SheetField("collected", "How it was collected and labelled", is_long=True),
    SheetField(
        "known_drift", "Known drift", "What changes with time or place, and what it does to a model", is_long=True
    ),
    SheetField("reference", "Reference score", "What a simple model reaches, and how"),
    SheetField("purpose", "Purpose", "What it is good for, and what not", is_long=True),
)
ASKED_FIRST = ("title", "origin", "licence", "known_drift")
LONGEST = 20_000


def draw_sheet_inputs(values: Values, prefix: str, names: tuple[str, ...] | None = None) -> None:
    """Inputs for the fields of a sheet, two beside each other."""
    fields = [field for field in FIELDS if names is None or field.name in names]
    with st.grid(2, min_column_width=300):
        for field in fields:
            key = kept(values, prefix, field.name, values.get(field.name, ""))
            draw = st.text_area if field.is_long else st.text_input
            draw(field.title, key=key, help=field.help or None, max_chars=LONGEST, **_height(field))


def _height(field: SheetField) -> dict[str, int]:
    return {"height": 90} if field.is_long else {}


def sheet_of(values: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The sheet that the inputs hold, empty fields left out; what else the known one has stays."""
    names = {field.name for field in FIELDS}
    rest = {name: value for name, value in (known or {}).items() if name not in names}
    filled = {name: str(values.get(name) or "").strip() for name in names}
    return {name: text for name, text in filled.items() if text} | rest


def draw_sheet(sheet: Mapping[str, Any]) -> None:
    """The filled fields, to read."""
    shown = [(field, str(sheet[field.name])) for field in FIELDS if field.name != "title" and sheet.get(field.name)]
    if sheet.get("size"):
        shown.append((SheetField("size", "Size"), str(sheet["size"])))
    if not shown:
        st.caption("Nothing was written down about this data yet: where it comes from, and who may use it.")
        return
    with st.grid(2, min_column_width=320):
        for field, text in shown:
            with st.container(gap=None):
                st.caption(field.title)
                st.markdown(_linked(text) if field.name == "url" else escape(text))


def _linked(address: str) -> str:
    """An address as a link when it is one of the web, else as plain text."""
    parts = urlsplit(address)
    is_web = parts.scheme in ("http", "https") and parts.netloc and not set(address) & set("()<> \n")
    return f"[{escape(address)}]({address})" if is_web else escape(address)
