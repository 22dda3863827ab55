"""The Checkpoints tab: what was saved, which are the best, and what can be done with each."""

import streamlit as st

from charts.words import in_words
from db import checkpoints
from db.engine import connect
from db.rows import CheckpointRow, RunDetail
from db.states import RESUMABLE
from jobs import control
from pages.parts import run_acts
from pages.parts.formats import ago, count, escape, number, size
from pages.parts.said import draw_said

PER_PAGE = 25
LIVE_SECONDS = 3.0
_ASKED = "run.checkpoint.asked"  # of which checkpoint the dialog asks; it stays open while the page looks again


def draw_checkpoints(run: RunDetail) -> None:
    """Every checkpoint that still has its files, the newest first; looks again while the run works."""
    st.fragment(_draw, run_every=LIVE_SECONDS if run.state.active else None, key="run.checkpoints")(run)


def _draw(run: RunDetail) -> None:
    draw_said()
    with connect().reading() as session:
        every = checkpoints.of_run(session, run.id, deleted=True)
    rows = sorted((row for row in every if row.deleted_at is None), key=lambda row: (row.step, row.id), reverse=True)
    if not rows:
        gone = f" The files of {len(every)} were deleted." if every else ""
        st.info(f"No checkpoint{' yet' if run.state.active else ''}.{gone}", icon=":material/save:")
        return
    total = sum(row.size_bytes for row in rows)
    gone = len(every) - len(rows)
    said = f"{len(rows)} checkpoints, {size(total)}" if len(rows) > 1 else f"1 checkpoint, {size(total)}"
    st.caption(f"{said}{f' · {gone} older ones were replaced or deleted' if gone else ''}")
    page = 1
    if len(rows) > PER_PAGE:
        page = st.pagination(-(-len(rows) // PER_PAGE), key="run.checkpoints.page")
    for row in rows[(page - 1) * PER_PAGE : page * PER_PAGE]:
        _draw_row(run, row)


def _draw_row(run: RunDetail, row: CheckpointRow) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch", gap=None):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**step {count(row.step)}**", width="content")
                for wanted, label, icon, color in _marks(row):
                    if wanted:
                        st.badge(label, icon=f":material/{icon}:", color=color)
            st.caption(_facts(row), help=f"SHA-256 of the weights: {row.sha256}")
        if run.state in RESUMABLE and run.deleted_at is None:
            st.button(
                "Resume from here",
                key=f"from.{row.id}",
                icon=":material/play_arrow:",
                type="tertiary",
                on_click=run_acts.resume,
                args=(run.id, row.id),
            )
        st.button(
            "Unpin" if row.pinned else "Pin",
            key=f"pin.{row.id}",
            icon=":material/keep_off:" if row.pinned else ":material/keep:",
            help="A pinned checkpoint is never replaced by a better or newer one",
            type="tertiary",
            on_click=_pin,
            args=(row.id, not row.pinned),
        )
        st.link_button(
            "Download", f"api/runs/{run.id}/checkpoints/{row.id}", icon=":material/download:", type="tertiary",
            help="A zip of the weights and the files that explain them",
        )  # fmt: skip
        st.button(
            "", key=f"remove.{row.id}", icon=":material/delete:", help="Delete its files", type="tertiary",
            on_click=st.session_state.__setitem__, args=(_ASKED, row.id),
        )  # fmt: skip
    if st.session_state.get(_ASKED) == row.id:
        _confirm(run, row)


def _marks(row: CheckpointRow) -> tuple[tuple[bool, str, str, str], ...]:
    return (
        (row.is_best, "best", "trophy", "green"),
        (row.is_last, "last", "last_page", "blue"),
        (row.pinned, "pinned", "keep", "violet"),
    )


def _facts(row: CheckpointRow) -> str:
    words = [f"epoch {row.epoch:.4g}"]
    if row.metric:
        words.append(f"{escape(in_words(row.metric))} {number(row.metric_value)}")
    words += [size(row.size_bytes), ago(row.created_at)]
    return " · ".join(words)


def _pin(checkpoint_id: int, pinned: bool) -> None:
    run_acts.ask(lambda session: checkpoints.pin(session, checkpoint_id, pinned, run_acts.who()))


def _answered(checkpoint_id: int | None = None) -> None:
    st.session_state.pop(_ASKED, None)
    if checkpoint_id is not None:
        run_acts.ask(lambda session: control.delete_checkpoint(session, checkpoint_id, run_acts.who()), "Files deleted")


@st.dialog("Delete this checkpoint?", icon=":material/delete:", on_dismiss=_answered)
def _confirm(run: RunDetail, row: CheckpointRow) -> None:
    st.markdown(
        f"The files of step {count(row.step)} of run #{run.id} are gone for good. This frees {size(row.size_bytes)}."
    )
    if row.is_last:
        st.caption("It is the last one: the run could not go on from where it ended.")
    elif row.is_best:
        st.caption("It is among the best by the metric that chose it.")
    with st.container(horizontal=True):
        yes = st.button("Delete for good", key="remove.yes", type="primary", on_click=_answered, args=(row.id,))
        if st.button("Keep it", key="remove.no", on_click=_answered) or yes:
            st.rerun()
