"""Correcting what is stored: types, target, use and split become the next version; the old one stays as it is."""

import getpass

import streamlit as st

from catalog.errors import CatalogError
from catalog.progress import Progress
from catalog.register import derive, publish
from catalog.schema import Schema
from catalog.splits import SplitPlan
from catalog.versions import OpenVersion
from db.engine import connect
from db.errors import RecordError
from db.rows import VersionRow
from pages.parts import cached
from pages.parts.data_kept import Values, collect, forget, kept
from pages.parts.data_schema import SchemaEdit, draw_schema
from pages.parts.data_split import SplitEdit, draw_split
from pages.parts.data_work import Work, draw_work
from pages.parts.dataset_open import Shown
from pages.parts.form import draw_fault
from pages.parts.said import say

LOOKED_ROWS = 2000
_WORK = "correct.work"


def draw_correction(shown: Shown) -> None:
    """The editor, or how far the new version is."""
    if shown.opened is None:
        st.caption("What cannot be read cannot be corrected: register the data again.")
        return
    work: Work | None = st.session_state.get(_WORK)
    if work is not None and not work.is_done:
        draw_work(work)
        return
    schema_edit, split_edit, values = _edits(shown.opened, shown.version.split)
    prefix = schema_edit.prefix.rpartition(".")[0]
    faults: dict[str, list[str]] = {}
    if work is not None:
        _finish(work, prefix, faults)
    st.markdown("Correct what is wrong here. What comes out is a new version; runs keep the one that they used.")
    schema, plan = _read(schema_edit, split_edit, faults)
    draw_schema(schema_edit, faults)
    st.space("small")
    draw_split(split_edit, schema_edit.columns, schema.task if schema else None, shown.version.row_count, faults)
    st.text_input("Note: what was corrected", key=kept(values, prefix, "note", ""), max_chars=1000)
    for message in faults.get("other", ()):
        draw_fault(message)
    pressed = st.button(
        f"Store as version {shown.versions[0].number + 1}", type="primary", icon=":material/check:", key="correct.store"
    )
    if pressed and schema and plan:
        opened, note = shown.opened, str(values["note"])
        work = Work("Storing the corrected version", lambda progress: _store(opened, schema, plan, note, progress))
        st.session_state[_WORK] = work
        work.wait()
        st.rerun()


def _edits(opened: OpenVersion, plan: dict[str, object]) -> tuple[SchemaEdit, SplitEdit, Values]:
    """The edits of this browser tab on this version; they start from what is stored."""
    name = f"correct.{opened.ref}"
    if name not in st.session_state:
        columns = [column.name for column in opened.schema.columns if column.type != "image"]
        rows = opened.first_rows(LOOKED_ROWS, columns)
        edit = SchemaEdit(f"edit.{opened.ref}.schema", opened.schema, rows)
        st.session_state[name] = edit, SplitEdit(f"edit.{opened.ref}.split", SplitPlan.from_dict(plan)), {}
    found: tuple[SchemaEdit, SplitEdit, Values] = st.session_state[name]
    return found


def _read(
    schema_edit: SchemaEdit, split_edit: SplitEdit, faults: dict[str, list[str]]
) -> tuple[Schema | None, SplitPlan | None]:
    schema_edit.collect()
    collect(split_edit.values, split_edit.prefix)
    schema = plan = None
    try:
        schema = schema_edit.schema()
        plan = split_edit.plan(schema)
    except CatalogError as error:
        faults.setdefault(error.field or "columns", []).append(str(error))
    return schema, plan


def _store(opened: OpenVersion, schema: Schema, plan: SplitPlan, note: str, progress: Progress) -> VersionRow:
    stored = derive(opened, schema, plan, progress)
    name = opened.ref.rpartition("@")[0]
    with connect().writing() as session:
        return publish(session, stored, name=name, sheet={}, note=note, who=getpass.getuser())


def _finish(work: Work, prefix: str, faults: dict[str, list[str]]) -> None:
    """Show the new version, or say at its field why there is none."""
    del st.session_state[_WORK]
    try:
        row: VersionRow = work.result()
    except (CatalogError, RecordError) as error:
        field = getattr(error, "field", None)
        place = field if field in ("target", "task", "columns", "split") else "other"
        faults.setdefault(place, []).append(str(error))
        return
    forget(prefix)
    st.session_state.pop(prefix.replace("edit.", "correct.", 1), None)
    cached.forget()
    say(f"{row.ref} is stored")
    st.query_params.from_dict({"name": row.name, "version": str(row.number), "view": "Versions"})
    st.rerun()
