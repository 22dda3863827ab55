"""What the columns are: target, task, types, and which of them a model sees; for new and for stored data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import streamlit as st

from catalog.errors import CatalogError
from catalog.infer import guess_task
from catalog.schema import COLUMN_TYPES, Column, Schema
from catalog.schema import check as check_schema
from pages.parts.data_kept import Values, collect, kept, put
from pages.parts.form import draw_fault
from pages.parts.formats import escape

TASK_WORDS = {
    "binary": "One of two classes",
    "multiclass": "One of many classes",
    "regression": "A number",
}
EXAMPLES = 3
LONGEST_EXAMPLE = 60
Faults = Mapping[str, Sequence[str]]


@dataclass
class SchemaEdit:
    """A schema being corrected.

    Attributes:
        prefix: of its widgets' keys.
        start: the schema as it was guessed or stored.
        rows: raw rows, for examples and to guess a task.
        values: what a person has chosen; see `pages.parts.data_kept`.
    """

    prefix: str
    start: Schema
    rows: pa.Table
    decimal_comma: bool = False
    values: Values = field(default_factory=dict)

    def collect(self) -> None:
        """Take over what the widgets hold, the changed cells of the table among it."""
        collect(self.values, self.prefix)
        changed = st.session_state.get(f"{self.prefix}.columns", {}).get("edited_rows", {})
        shown, edits = self.values.get("shown", []), self.values.setdefault("edits", {})
        edits |= {shown[row]["column"]: shown[row] | cells for row, cells in changed.items()}

    @property
    def columns(self) -> list[Column]:
        """The columns as corrected, without a target."""
        edits = self.values.get("edits", {})
        return [_edited(column, edits.get(column.name, {})) for column in self.start.columns]

    def schema(self) -> Schema:
        """The schema as corrected. Raises CatalogError at a field when it cannot be."""
        plain = Schema(tuple(self.columns))
        target, task = self.values.get("target", self.start.target), self.values.get("task", self.start.task)
        if target is None:
            check_schema(plain)
        if task is None:
            raise CatalogError("Choose what is predicted.", "task")
        schema = plain.with_target(target, task)
        check_schema(schema)
        return schema


def draw_schema(edit: SchemaEdit, faults: Faults) -> None:
    """Target and task, and a table with a line for each column."""
    names = edit.start.names
    left, right = st.columns(2, vertical_alignment="top")
    with left:
        key = kept(edit.values, edit.prefix, "target", edit.start.target)
        st.selectbox(
            "Target: the column that is predicted",
            names,
            index=None,
            key=key,
            placeholder="Choose a column",
            on_change=_take_target,
            args=(edit,),
        )
        _draw_faults(faults, "target")
    with right:
        key = kept(edit.values, edit.prefix, "task", edit.start.task)
        st.selectbox(
            "What is predicted", list(TASK_WORDS), index=None, key=key, format_func=TASK_WORDS.get, placeholder="Choose"
        )
        _draw_faults(faults, "task")
    _draw_columns(edit)
    _draw_faults(faults, "columns")


def _draw_columns(edit: SchemaEdit) -> None:
    key = f"{edit.prefix}.columns"
    if key not in st.session_state:  # a new editor starts from what is known; its own edits are kept beside it
        edit.values["shown"] = _lines(edit)
    kinds = st.column_config
    st.data_editor(
        edit.values["shown"],
        key=key,
        hide_index=True,
        disabled=["column", "examples"],
        height="content" if len(edit.start.columns) <= 12 else 440,
        alt="The columns with their types and use",
        column_config={
            "column": kinds.TextColumn("Column", pinned=True),
            "type": kinds.SelectboxColumn("Type", options=list(COLUMN_TYPES), required=True, width="small"),
            "used": kinds.CheckboxColumn("Feature", help="Whether a model sees it; the others are kept and set aside"),
            "format": kinds.TextColumn("Date format", help="Empty: ISO 8601, or found by itself. Such as %d/%m/%Y"),
            "examples": kinds.TextColumn("Examples", width="large"),
        },
    )
    st.caption("The target is never a feature, whatever its tick says; its type follows what is predicted.")


def _lines(edit: SchemaEdit) -> list[dict[str, Any]]:
    return [
        {
            "column": column.name,
            "type": column.type,
            "used": column.role != "ignore",
            "format": column.format,
            "examples": _examples(edit.rows, column),
        }
        for column in edit.columns
    ]


def _edited(column: Column, edit: Mapping[str, Any]) -> Column:
    role = "feature" if edit.get("used", column.role != "ignore") else "ignore"
    kind = edit.get("type") or column.type
    return replace(column, type=kind, role=role, format=(edit.get("format") or "").strip() if kind == "date" else "")


def _take_target(edit: SchemaEdit) -> None:
    """Another target: guess its task from its values."""
    name = st.session_state[f"{edit.prefix}.target"]
    if name is None:
        return
    column = next(column for column in edit.columns if column.name == name)
    if column.name in edit.rows.column_names and column.type != "image":
        put(edit.values, edit.prefix, "task", guess_task(edit.rows.column(name), column, edit.decimal_comma))


def _examples(rows: pa.Table, column: Column) -> str:
    if column.type == "image" or column.name not in rows.column_names:
        return "image"
    found: dict[str, None] = {}
    for value in rows.column(column.name).slice(0, 50).to_pylist():
        text = " ".join(str(value).split()) if value is not None else ""
        if text:
            found[text if len(text) <= LONGEST_EXAMPLE else f"{text[:LONGEST_EXAMPLE]}…"] = None
        if len(found) == EXAMPLES:
            break
    return " · ".join(found) or "no value"


def _draw_faults(faults: Faults, name: str) -> None:
    for message in faults.get(name, ()):
        draw_fault(message)


def schema_words(schema: Schema | Mapping[str, Any]) -> str:
    """Target and task in a few words: "predicts price (a number)"."""
    read = schema if isinstance(schema, Schema) else Schema.from_dict(schema)
    if read.task == "regression":
        return f"predicts {escape(str(read.target))}, a number"
    return f"predicts {escape(str(read.target))}, {len(read.classes)} classes"
