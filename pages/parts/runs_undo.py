"""Acts on many runs as a person presses them: carried out, told, and for a while undone with one press."""

import getpass
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from db.engine import Session, connect
from db.errors import RecordError
from pages.parts import runs_known
from pages.parts.formats import escape
from pages.parts.runs_acts import Done
from pages.parts.runs_chosen import choose
from pages.parts.runs_link import Shelf
from pages.parts.said import say

UNDO_SECONDS = 30
_KEY = "runs.undo"
Act = Callable[[Session, str], Done]
ActOnShelf = Callable[[Session, Shelf, Sequence[int], str], Done]


@dataclass(frozen=True)
class Undo:
    """What was just done and how it is taken back.

    Attributes:
        said: what was done.
        shelf: where the runs lie now.
        back: the act that brings them back.
        ids: the runs.
        until: on the monotonic clock.
    """

    said: str
    shelf: Shelf
    back: ActOnShelf
    ids: tuple[int, ...]
    until: float


def carry_out(act: Act, *, told: bool = True) -> Done | None:
    """Do something to runs and tell it; None when it could not be done. A second click finds nothing left to do."""
    try:
        with connect().writing() as session:
            done = act(session, getpass.getuser())
    except RecordError as error:
        say(str(error), "info")
        return None
    runs_known.forget()
    if told:
        say(done.said, "check" if done.ids else "info")
    return done


def move_away(act: Act, shelf: Shelf, back: ActOnShelf, seconds: float = UNDO_SECONDS) -> None:
    """Carry out an act that takes runs out of sight, and offer to undo it; they lie on ``shelf`` then."""
    done = carry_out(act, told=False)  # the bar tells it
    if done is None:
        return
    choose(())
    if done.ids:
        st.session_state[_KEY] = Undo(done.said, shelf, back, done.ids, time.monotonic() + seconds)
    elif offer() is None:  # a second click on the same button has nothing to tell
        say(done.said, "info")


def offer() -> Undo | None:
    """What can still be undone."""
    held: Undo | None = st.session_state.get(_KEY)
    return held if held is not None and held.until > time.monotonic() else None


def draw_undo() -> None:
    """The bar with the Undo button; it goes away by itself."""
    held = offer()
    if held is None:
        return
    st.fragment(_draw_bar, run_every=max(1.0, held.until - time.monotonic()), key="runs.undo_bar")()


def _draw_bar() -> None:
    held = offer()
    if held is None:  # pressed, or its time is over: the whole page is drawn without the bar
        st.rerun()
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/info: {escape(held.said)}", width="stretch")
        st.button("Undo", icon=":material/undo:", key="runs.undo_now", on_click=undo)
        st.button(
            "", icon=":material/close:", key="runs.undo_close", type="tertiary", help="Keep it so", on_click=forget
        )


def undo() -> None:
    """Take back what was done last, once."""
    held = offer()
    forget()
    if held is not None:
        carry_out(lambda session, who: held.back(session, held.shelf, held.ids, who))


def forget() -> None:
    """Offer no undo any more."""
    st.session_state.pop(_KEY, None)
