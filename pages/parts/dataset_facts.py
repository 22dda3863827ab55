"""What a version is made of: its columns, its parts with the balance of its target, its history and its runs."""

from itertools import pairwise

import pyarrow as pa
import streamlit as st

from catalog.balance import class_balance, target_spread
from catalog.schema import Schema
from catalog.splits import SPLITS
from catalog.versions import open_version
from pages.parts.badges import run_link, state_badge
from pages.parts.data_schema import schema_words
from pages.parts.dataset_open import Shown
from pages.parts.formats import ago, count, escape, number, size

MOST_CLASSES_DRAWN = 30
MOST_VERSIONS = 50


def draw_columns(shown: Shown) -> None:
    """Every column with its type, use, and what was counted."""
    schema, rows = Schema.from_dict(shown.version.schema), shown.version.row_count
    kinds = st.column_config
    table = pa.table(
        {
            "Column": schema.names,
            "Type": [column.type for column in schema.columns],
            "Use": [column.role for column in schema.columns],
            "Missing": [column.missing for column in schema.columns],
            "Missing share": [column.missing / rows for column in schema.columns],
            "Distinct": pa.array([column.distinct for column in schema.columns], pa.int64()),
            "Date format": [
                column.format or ("ISO 8601" if column.type == "date" else "") for column in schema.columns
            ],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height="content" if len(schema.columns) <= 20 else 600,
        alt="Columns of the dataset",
        placeholder="",
        column_config={
            "Column": kinds.TextColumn(pinned=True),
            "Missing share": kinds.ProgressColumn(format="percent", min_value=0, max_value=1),
            "Distinct": kinds.NumberColumn(help="Different values, counted for categories"),
        },
    )


def draw_splits(shown: Shown) -> None:
    """How rows were divided, how many each part has, and what the target looks like in each."""
    plan, counts = shown.version.split, shown.version.split["counts"]
    st.markdown(escape(split_words(plan)))
    with st.grid(3, min_column_width=130):
        for part in SPLITS:
            share = f"{counts[part] / shown.version.row_count:.1%}"
            st.metric(part.title(), count(counts[part]), share, delta_arrow="off", delta_color="off")
    if shown.opened is None:
        return
    if shown.opened.schema.task == "regression":
        _draw_spread(shown.version.ref, shown.opened.split_file)
    else:
        _draw_balance(shown.version.ref, shown.opened.split_file)


def split_words(plan: dict[str, object]) -> str:
    """How rows were divided, as a sentence."""
    seed = f"with seed {plan.get('seed')}"
    words = {
        "stratified": f"At random {seed}, each class of {plan.get('column') or 'the target'} in the same proportion.",
        "random": f"At random {seed}.",
        "time": f"By time: rows with the oldest {plan.get('column')} train, the newest are the test.",
        "column": f"As the column {plan.get('column')} says; a part that it does not name is drawn {seed}.",
    }
    return words.get(str(plan.get("method")), str(plan.get("method")))


@st.cache_data(max_entries=50, show_spinner="Counting the classes")
def _balance(ref: str, _split_file: str) -> tuple[tuple[str, ...], dict[str, list[int]]]:
    found = class_balance(open_version(ref))
    return found.classes, found.counts


def _draw_balance(ref: str, split_file: str) -> None:
    classes, counts = _balance(ref, split_file)
    order = sorted(range(len(classes)), key=lambda place: -sum(counts[part][place] for part in SPLITS))
    drawn = order[:MOST_CLASSES_DRAWN]
    st.markdown("**Share of each class in each part**")
    shares = {part: [counts[part][place] / max(1, sum(counts[part])) for place in drawn] for part in SPLITS}
    st.bar_chart(
        pa.table({"class": [classes[place] for place in drawn]} | shares),
        x="class",
        y=list(SPLITS),
        y_label="share",
        stack=False,
        height=260,
        sort=False,
        alt="Share of each class in training, validation and test",
    )
    if len(order) > len(drawn):
        st.caption(f"The {len(drawn)} largest of {len(order):,} classes are drawn.")
    st.dataframe(
        pa.table(
            {"Class": [classes[place] for place in order]}
            | {part.title(): [counts[part][place] for place in order] for part in SPLITS}
            | {"All": [sum(counts[part][place] for part in SPLITS) for place in order]}
        ),
        hide_index=True,
        alt="Rows of each class in each part",
    )


@st.cache_data(max_entries=50, show_spinner="Reading the target")
def _spread(ref: str, _split_file: str) -> tuple[list[float], dict[str, list[int]], dict[str, tuple[float, float]]]:
    found = target_spread(open_version(ref))
    return found.edges, found.counts, {part: (found.mean[part], found.deviation[part]) for part in SPLITS}


def _draw_spread(ref: str, split_file: str) -> None:
    edges, counts, facts = _spread(ref, split_file)
    st.markdown("**Spread of the target in each part**")
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    shares = {part: [rows / max(1, sum(counts[part])) for rows in counts[part]] for part in SPLITS}
    st.line_chart(
        pa.table({"value": middles} | shares),
        x="value",
        y=list(SPLITS),
        y_label="share",
        height=260,
        alt="Spread of the target in each part",
    )
    st.table(
        {
            "Part": [part.title() for part in SPLITS],
            "Mean": [number(facts[part][0]) for part in SPLITS],
            "Standard deviation": [number(facts[part][1]) for part in SPLITS],
        },
        border="horizontal",
        alt="Mean and standard deviation of the target in each part",
    )


def draw_versions(shown: Shown) -> None:
    """Every version: what changed, who, when, and its content's hash."""
    for version in shown.versions[:MOST_VERSIONS]:
        with st.container(border=True, gap=None):
            with st.container(horizontal=True, vertical_alignment="center"):
                link = {"name": version.name, "version": str(version.number)}
                st.page_link("dataset.py", label=f"**Version {version.number}**", query_params=link)
                if version.number == shown.version.number:
                    st.badge("shown", color="blue")
                st.caption(f"{ago(version.created_at)} by {escape(version.created_by or 'unknown')}", width="stretch")
            if version.note:
                st.markdown(escape(version.note))
            words = [f"{count(version.row_count)} rows", size(version.size_bytes), schema_words(version.schema)]
            words += [escape(split_words(version.split).rstrip(".")), f"content `{version.content_hash[:12]}`"]
            st.caption(" · ".join(words))
    if len(shown.versions) > MOST_VERSIONS:
        st.caption(f"and {len(shown.versions) - MOST_VERSIONS} older ones, by their links: dataset?name=…&version=…")


def draw_runs(shown: Shown) -> None:
    """The newest runs that used any version."""
    if not shown.runs:
        st.caption("No run used it yet.")
        return
    for run in shown.runs:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            run_link(run, longest=48)
            state_badge(run)
            st.caption(f"{escape(run.dataset or '')} · {ago(run.created_at)}", width="stretch")
    st.page_link(
        "runs.py",
        label="All of them in the runs table",
        icon=":material/arrow_forward:",
        query_params={"query": f'dataset ~ "{shown.dataset.name}"'},
    )
