"""Where a run stands at this moment: progress while it works, why it waits while it is queued."""

import streamlit as st

from db import queue, runs
from db.engine import Session, connect
from db.errors import NotFound
from db.rows import RunDetail
from db.states import RunState
from pages.parts import cached
from pages.parts.formats import ago, count, escape, sentence
from pages.parts.processors import supervisor_state
from pages.parts.progress import progress_share, progress_words

LIVE_SECONDS = 1.0
WAITING_SECONDS = 2.0


def draw_now(run: RunDetail) -> None:
    """Progress or the wait, looking again by itself until the run has ended."""
    if run.deleted_at is not None or run.state.ended:
        _draw_ended(run)
        return
    every = LIVE_SECONDS if run.state.active else WAITING_SECONDS
    st.fragment(_draw_live, run_every=every, key="run.now")(run.id, what_is_drawn(run))


def what_is_drawn(run: RunDetail) -> tuple[object, ...]:
    """What the rest of the page was drawn from; when it is another, the whole page is drawn again."""
    return (
        run.state, run.attempt, run.stalled, run.stop_requested_at, run.deleted_at, run.archived_at, run.name, run.tags,
    )  # fmt: skip


def _draw_live(run_id: int, drawn: tuple[object, ...]) -> None:
    try:
        with connect().reading() as session:
            run = runs.get(session, run_id)
            place = _place_in_queue(session, run)
    except NotFound:
        st.rerun()
    if what_is_drawn(run) != drawn:
        st.rerun()
    if run.state is RunState.QUEUED:
        _draw_waiting(run, place)
    else:
        _draw_progress(run)


def _place_in_queue(session: Session, run: RunDetail) -> int:
    if run.state is not RunState.QUEUED:
        return 0
    ids = [row.id for row in queue.queued(session)]
    return ids.index(run.id) + 1 if run.id in ids else 0


def _draw_waiting(run: RunDetail, place: int) -> None:
    title = "Waiting: next in the queue" if place <= 1 else f"Waiting: number {place} in the queue"
    level, message = supervisor_state(cached.machines())
    why = sentence(run.wait_reason) or (
        message if level not in ("fine", "warming") else "The supervisor looks at it in a moment."
    )
    st.info(escape(why), title=title, icon=":material/schedule:")


def _draw_progress(run: RunDetail) -> None:
    share = progress_share(run)
    st.progress(share or 0.0, text=_words(run, share))
    if run.stalled:
        st.warning(
            f"It promised a sign of life within {run.next_check_in_seconds or 0:.0f} s; the last was "
            f"{ago(run.last_activity_at)}. The processes still exist: look at the log, or stop it.",
            title="Stalled",
            icon=":material/hourglass_disabled:",
        )
    if run.stop_requested_at is not None:
        word = "Pausing" if run.stop_kind == "pause" else "Stopping"
        by = f", asked by {escape(run.stop_requested_by)}" if run.stop_requested_by else ""
        st.caption(f":material/hourglass_top: {word}{by} {ago(run.stop_requested_at)}: the checkpoint is being saved.")


def _words(run: RunDetail, share: float | None) -> str:
    words = progress_words(run, share)
    if run.state is RunState.RUNNING and share is not None:
        return f"**{share:.0%}** · {words}"
    return words


def _draw_ended(run: RunDetail) -> None:
    words = []
    if run.max_epochs and run.started_at is not None:
        words.append(f"epoch {min(run.epoch, run.max_epochs):.3g} of {run.max_epochs}")
    if run.started_at is not None:
        of = f" of {count(run.total_steps)}" if run.total_steps and run.total_steps > 0 else ""
        words.append(f"step {count(run.step)}{of}")
        if run.samples_per_second:
            words.append(f"{count(run.samples_per_second)} samples/s")
    if run.reason is not None and run.state is RunState.FINISHED:
        words.append(escape(run.reason.value))
    if words:
        st.caption(" · ".join(words))
