"""What is asked back before something happens: deletes with what they free, and a form for one run's texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from db import runs
from db.engine import connect
from db.errors import NotFound
from db.rows import RunRow
from db.texts import NAME_CHARACTERS
from pages.parts import cached, runs_acts
from pages.parts.formats import escape, size
from pages.parts.runs_acts import DeletePlan, many
from pages.parts.runs_chosen import choose
from pages.parts.runs_edit import edit
from pages.parts.runs_known import known
from pages.parts.runs_link import Shelf
from pages.parts.runs_undo import carry_out, move_away
from pages.parts.said import draw_said, say

_ASKED, _NEW, _ANSWERED = "runs.asked", "runs.newly_asked", "runs.answered"
_NAME, _TAGS, _NOTES = (f"runs.edited_{name}" for name in ("name", "tags", "notes"))
_STOP_LOOK_SECONDS = 2
_MOST_NAMED = 5


@dataclass(frozen=True)
class Asked:
    """A press that needs an answer first; ``before`` is the run to edit, as it was when its form was opened."""

    what: str
    shelf: Shelf
    ids: tuple[int, ...]
    before: RunRow | None = None


def ask(what: str, shelf: Shelf, ids: Sequence[int]) -> None:
    """Have a dialog opened: "delete", "purge" or "edit"."""
    before = None
    if what == "edit":
        try:
            with connect().reading() as session:
                before = runs.get(session, ids[0])
        except NotFound as error:
            say(str(error), "info")
            return
    st.session_state[_ASKED] = Asked(what, shelf, tuple(ids), before)
    st.session_state[_NEW] = True


def something_asked() -> bool:
    """Whether a dialog waits to be opened."""
    return _NEW in st.session_state


def draw_asked() -> None:
    """Open the dialog that was asked for, until it is answered.

    Outside of the live table, whose refresh would close it; and again whenever the whole page is drawn.
    """
    st.session_state.pop(_NEW, None)
    if st.session_state.pop(_ANSWERED, False):
        st.session_state.pop(_ASKED, None)
    asked: Asked | None = st.session_state.get(_ASKED)
    if asked is not None:
        {"delete": _delete, "purge": _purge, "edit": _edit}[asked.what](asked)


def _answer() -> None:
    """A press of a dialog's button, or its dismissal: it closes, and the page is drawn anew."""
    st.session_state[_ANSWERED] = True


def _close_when_answered() -> None:
    if st.session_state.get(_ANSWERED):
        st.rerun()
    draw_said()


@st.dialog("Delete runs?", icon=":material/delete:", on_dismiss=_answer)
def _delete(asked: Asked) -> None:
    with connect().reading() as session:
        plan = runs_acts.plan_delete(session, asked.shelf, asked.ids)
    st.fragment(_draw_delete, run_every=_STOP_LOOK_SECONDS if plan.blocking else None)(asked)


def _draw_delete(asked: Asked) -> None:
    _close_when_answered()
    with connect().reading() as session:
        plan = runs_acts.plan_delete(session, asked.shelf, asked.ids)
    if not plan.free and not plan.blocking:
        st.markdown("These runs are not here any more: somebody deleted or moved them.")
        return
    if plan.blocking:
        _draw_blocking(plan)
    if plan.free:
        _draw_what_goes(plan)
    with st.container(horizontal=True):
        if plan.free:
            label, act = f"Delete {many(len(plan.free))}", (asked.shelf, plan.free)
            st.button(
                label, type="primary", key="runs.delete_yes", icon=":material/delete:", on_click=_delete_now, args=act
            )
        if any(run.stop_requested_at is None for run in plan.blocking):
            ids = tuple(run.id for run in plan.blocking)
            act = (asked.shelf, ids)
            st.button("Stop them" if len(ids) > 1 else "Stop it", key="runs.delete_stop", on_click=_stop_now, args=act)
        st.button("Keep them" if len(asked.ids) > 1 else "Keep it", key="runs.delete_no", on_click=_answer)


def _delete_now(shelf: Shelf, ids: tuple[int, ...]) -> None:
    move_away(lambda session, who: runs_acts.delete(session, shelf, ids, who), Shelf.TRASH, runs_acts.restore)
    _answer()


def _stop_now(shelf: Shelf, ids: tuple[int, ...]) -> None:
    carry_out(lambda session, who: runs_acts.end(session, shelf, ids, who, pause=False))


def _draw_what_goes(plan: DeletePlan) -> None:
    days = cached.team_settings().trash_days
    kept = f"after {days} days" if days else "once the trash is emptied"
    frees = f"This frees **{size(plan.size_bytes)}** {kept}" if plan.size_bytes else f"They are gone for good {kept}"
    goes = "goes" if len(plan.free) == 1 else "go"
    st.markdown(
        f"**{many(len(plan.free))}** with curves, logs and checkpoints {goes} to the trash. "
        f"{frees}; until then everything can be restored."
    )


def _draw_blocking(plan: DeletePlan) -> None:
    stopping = all(run.stop_requested_at is not None for run in plan.blocking)
    named = ", ".join(f"#{run.id} {escape(run.name[:60])}" for run in plan.blocking[:_MOST_NAMED])
    more = f" and {len(plan.blocking) - _MOST_NAMED} more" if len(plan.blocking) > _MOST_NAMED else ""
    one = len(plan.blocking) == 1
    if stopping:
        st.info(f"{named}{more}: {'it saves its' if one else 'they save their'} checkpoint and will end in a moment.")
    else:
        title = "A run is still active" if one else f"{len(plan.blocking)} runs are still active"
        st.warning(
            f"{named}{more}. Stop {'it' if one else 'them'} first, or leave {'it' if one else 'them'} out.", title=title
        )


@st.dialog("Delete for good?", icon=":material/delete_forever:", on_dismiss=_answer)
def _purge(asked: Asked) -> None:
    _close_when_answered()
    with connect().reading() as session:
        ids = runs_acts.of_shelf(session, Shelf.TRASH, asked.ids)
        held_bytes = runs.bytes_of(session, ids)
    st.markdown(
        f"**{many(len(ids))}** with all curves, logs and checkpoints {'is' if len(ids) == 1 else 'are'} gone for good. "
        f"This frees **{size(held_bytes)}** and cannot be undone."
    )
    icon = ":material/delete_forever:"
    with st.container(horizontal=True):
        st.button(
            "Delete for good", type="primary", key="runs.purge_yes", icon=icon, on_click=_purge_now, args=(tuple(ids),)
        )
        st.button("Keep them", key="runs.purge_no", on_click=_answer)


def _purge_now(ids: tuple[int, ...]) -> None:
    carry_out(lambda session, _who: runs_acts.purge(session, ids))
    choose(())
    _answer()


@st.dialog("Edit the run", icon=":material/edit:", on_dismiss=_answer)
def _edit(asked: Asked) -> None:
    _close_when_answered()
    before = asked.before
    if before is None:
        return
    with st.form("runs.edit_form", border=False):
        st.text_input("Name", before.name, max_chars=NAME_CHARACTERS, key=f"{_NAME}.{before.id}")
        st.multiselect(
            "Tags",
            sorted({*known().tags, *before.tags}),
            before.tags,
            key=f"{_TAGS}.{before.id}",
            accept_new_options=True,
            placeholder="Choose or type",
        )
        st.text_area("Notes", before.notes, height=160, key=f"{_NOTES}.{before.id}")
        icon = ":material/check:"
        st.form_submit_button("Save", type="primary", icon=icon, on_click=_save_now, args=(before,))


def _save_now(before: RunRow) -> None:
    fields = {"name": _NAME, "tags": _TAGS, "notes": _NOTES}
    if edit(before, {field: st.session_state[f"{key}.{before.id}"] for field, key in fields.items()}):
        _answer()
