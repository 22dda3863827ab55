"""Which rows are for training, validation and test: the choice of a plan."""

from dataclasses import dataclass, field

import streamlit as st

from catalog.errors import CatalogError
from catalog.schema import Column, Schema
from catalog.splits import SplitPlan
from pages.parts.data_kept import Values, kept, put
from pages.parts.data_schema import Faults
from pages.parts.form import draw_fault
from pages.parts.formats import count

METHOD_WORDS = {
    "stratified": "At random, each class alike",
    "random": "At random",
    "time": "By time",
    "column": "By a column",
}
METHOD_HELP = {
    "stratified": "Every part gets each class in the same proportion.",
    "random": "Every row may come into any part.",
    "time": "The oldest rows train, the newest are the test: as the model will be used.",
    "column": "A column says train, validation or test. A part that it does not name is taken from its training rows.",
}


@dataclass
class SplitEdit:
    """A split plan being chosen; ``start`` is the one proposed or stored."""

    prefix: str
    start: SplitPlan
    values: Values = field(default_factory=dict)

    def plan(self, schema: Schema) -> SplitPlan:
        """The plan as chosen; call it before the widgets are drawn. Raises CatalogError at the field ``split``."""
        method = self.values.get("method", self.start.method)
        if method == "stratified" and schema.task == "regression":  # a number has no classes
            put(self.values, self.prefix, "method", method := "random")
        validation = self.values.get("validation", round(100 * self.start.ratios[1])) / 100
        test = self.values.get("test", round(100 * self.start.ratios[2])) / 100
        if validation + test > 0.95:
            raise CatalogError("Leave at least 5 % of the rows for training.", "split")
        column = schema.target if method == "stratified" else self.column_of(method)
        ratios = (round(1 - validation - test, 6), validation, test)
        return SplitPlan(method, ratios, int(self.values.get("seed", self.start.seed) or 0), column or None)

    def column_of(self, method: str) -> str | None:
        """The column chosen for a split by time or by column; at first the one that was proposed or stored."""
        proposed = self.start.column if self.start.method == method else None
        chosen: str | None = self.values.get(f"{method}_column", proposed)
        return chosen


def draw_split(edit: SplitEdit, columns: list[Column], task: str | None, row_count: int, faults: Faults) -> None:
    """The way to split, the shares and the seed."""
    key = kept(edit.values, edit.prefix, "method", edit.start.method)
    offered = [method for method in METHOD_WORDS if method != "stratified" or task != "regression"]
    method = st.segmented_control("How rows are divided", offered, format_func=METHOD_WORDS.get, key=key, required=True)
    st.caption(METHOD_HELP[method])
    if method in ("time", "column"):
        _draw_column(edit, method, columns)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, place in (("validation", 1), ("test", 2)):
            key = kept(edit.values, edit.prefix, name, round(100 * edit.start.ratios[place]))
            st.number_input(f"{name.title()} %", 0, 90, step=5, key=key, width=150)
        if method in ("random", "stratified", "column"):
            key = kept(edit.values, edit.prefix, "seed", edit.start.seed)
            st.number_input("Seed", 0, 2**31 - 1, key=key, width=150, help="Another seed draws other rows")
        _draw_counts(edit, method, row_count)
    for message in faults.get("split", ()):
        draw_fault(message)


def _draw_column(edit: SplitEdit, method: str, columns: list[Column]) -> None:
    wanted = "date" if method == "time" else "category"
    names = [column.name for column in columns if column.type == wanted]
    name = f"{method}_column"
    key = kept(edit.values, edit.prefix, name, edit.column_of(method))
    if edit.values[name] not in names:
        st.session_state[key] = edit.values[name] = None
    label = "Date" if method == "time" else "Column that names the part"
    st.selectbox(label, names, index=None, key=key, placeholder="Choose" if names else f"No {wanted} column", width=420)


def _draw_counts(edit: SplitEdit, method: str, row_count: int) -> None:
    validation, test = (edit.values[name] / 100 for name in ("validation", "test"))
    if method == "column" or validation + test > 0.95:
        return
    parts = [row_count - round(row_count * validation) - round(row_count * test)]
    parts += [round(row_count * validation), round(row_count * test)]
    words = " · ".join(
        f"{count(rows)} {name}" for rows, name in zip(parts, ("train", "validation", "test"), strict=True)
    )
    st.caption(f"About {words}" if method == "stratified" else words)
