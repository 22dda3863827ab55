"""Rows as a person reads them: images as pictures, texts in full sentences, tables as tables."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from catalog.schema import Schema
from catalog.splits import SPLITS
from catalog.versions import OpenVersion
from pages.parts.data_link import linked
from pages.parts.dataset_open import Shown
from pages.parts.dataset_pictures import thumbnail
from pages.parts.formats import count, escape

LONGEST_CELL = 200  # letters in a table
LONGEST_TEXT = 700  # letters of a text that is read
MOST_COLUMNS = 200
PAGE_ROWS = {"table": 50, "text": 12, "images": 36}


def draw_rows(table: pa.Table, schema: Schema, *, key: str, most: int, numbers: list[int] | None = None) -> None:
    """The first ``most`` rows of a table in the stored types, of images some from everywhere.

    Args:
        numbers: the places of all rows in the dataset, when they are to be told.
    """
    shown = table.slice(0, most)
    if schema.kind == "images":
        spread = np.unique(np.linspace(0, table.num_rows - 1, min(most, table.num_rows)).astype(int))
        _draw_pictures(table.take(pa.array(spread)), schema, numbers)
    elif schema.kind == "text" and numbers is not None:
        _draw_texts(shown, schema, numbers)
    else:
        _draw_table(shown, schema, key)


def draw_rows_of(shown: Shown) -> None:
    """The rows of the version that is looked at; the page's head says why when there are none to read."""
    if shown.opened is not None:
        _draw_browser(shown.opened)


def _draw_browser(version: OpenVersion) -> None:
    """The rows of a split, page by page."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.segmented_control("Part", list(SPLITS), required=True, **linked("part", "train", SPLITS))
        rows = version.split_counts.get(split, 0)
        size = PAGE_ROWS[version.kind]
        pages = max(1, -(-rows // size))
        page = st.number_input("Page", 1, pages, key=f"page.{version.ref}.{split}", width=140) if pages > 1 else 1
        st.caption(f"of {count(pages)} · {count(rows)} rows" if pages > 1 else f"{count(rows)} rows")
    ids = version.ids(split)
    if version.kind == "images":  # classes often lie one after the other: a page shows some of each
        ids = np.random.default_rng(0).permutation(ids)
    ids = np.sort(ids[(page - 1) * size : page * size])
    if not len(ids):
        st.caption("This part has no rows.")
        return
    draw_rows(version.rows(ids), version.schema, key="rows", most=size, numbers=[int(number) + 1 for number in ids])


def _draw_pictures(table: pa.Table, schema: Schema, numbers: list[int] | None) -> None:
    name = next(column.name for column in schema.features if column.type == "image")
    labels = table.column(schema.target).to_pylist() if schema.target else [None] * table.num_rows
    with st.grid("auto", min_column_width=110):
        for place, content in enumerate(table.column(name)):
            picture = thumbnail(content.as_py()) if content.is_valid else None
            words = escape(str(labels[place])) + (f" · {numbers[place]}" if numbers else "")
            with st.container(gap=None):
                if picture is None:
                    st.caption(":orange[no picture]")
                else:
                    st.image(picture, caption=words, width=96, alt=f"Example of {labels[place]}")


def _draw_texts(table: pa.Table, schema: Schema, numbers: list[int]) -> None:
    names = [column.name for column in schema.features if column.type == "text"]
    for number, row in zip(
        numbers, _as_text(table, [*names, str(schema.target)], LONGEST_TEXT).to_pylist(), strict=True
    ):
        with st.container(border=True, horizontal=True, vertical_alignment="top", gap="medium"):
            with st.container(width=120, gap=None):
                st.badge(escape(str(row[str(schema.target)])[:60]))
                st.caption(f"row {count(number)}")
            with st.container(width="stretch", gap=None):
                for name in names:
                    words = escape(row[name] or "–")
                    st.markdown(words if len(names) == 1 else f"**{escape(name)}** {words}")


def _draw_table(table: pa.Table, schema: Schema, key: str) -> None:
    target = schema.target
    order = [name for name in (target, *(n for n in schema.names if n != target)) if name in table.column_names]
    shown = [name for name in order if name and schema.column(name).type != "image"][:MOST_COLUMNS]
    config = {target: st.column_config.Column(f"{target} (target)", pinned=True)} if target else {}
    st.dataframe(
        _as_text(table, shown, LONGEST_CELL), hide_index=True, key=key, column_config=config, alt="Rows of the dataset"
    )
    if len(order) > MOST_COLUMNS:
        st.caption(f"The first {MOST_COLUMNS} of {len(order):,} columns are shown.")


def _as_text(table: pa.Table, names: list[str], longest: int) -> pa.Table:
    """The named columns, with long texts cut and the rest counted."""
    return pa.table({name: _cut(table.column(name), longest) for name in names})


def _cut(column: pa.ChunkedArray, longest: int) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    letters = pc.utf8_length(column)
    more = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(column, 0, longest),
        pc.binary_join_element_wise("… (", pc.subtract(letters, longest).cast(pa.string()), " letters more)", ""),
        "",
    )
    return pc.if_else(pc.greater(letters, longest), more, column)
