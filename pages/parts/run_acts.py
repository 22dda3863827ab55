"""What the buttons of a run's page do: one short transaction each, then one sentence. A double click acts once.

Nothing is drawn here: a toast that is written before a dialog takes the dialog's place in the browser. What is to be
said waits until the page (or a fragment) is drawn again.
"""

import getpass
import time
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from db import runs
from db.engine import Session, connect
from db.errors import RecordError
from db.run_config import ConfigError
from jobs import control
from pages.parts.said import draw_said, say

SAME_CLICK_SECONDS = 3.0
_LEAVE = "run.leave"
Act = Callable[[Session], object]


def ask(act: Act, said: str = "") -> bool:
    """Do it, and have it said; when the run has moved on meanwhile, have that said. Returns whether it was done."""
    try:
        with connect().writing() as session:
            answer = act(session)
    except (RecordError, ConfigError) as error:
        say(str(error), "info")
        return False
    say(said or (answer if isinstance(answer, str) else ""))
    return True


def stop(run_id: int) -> None:
    """Ask a run to save a checkpoint and end."""
    ask(lambda session: control.stop(session, [run_id], who()), f"Run #{run_id} was asked to stop")


def pause(run_id: int) -> None:
    """Ask a run to save a checkpoint and end for a while."""
    ask(lambda session: control.pause(session, [run_id], who()), f"Run #{run_id} was asked to pause")


def cancel(run_id: int) -> None:
    """Take a run out of the queue."""
    ask(lambda session: control.cancel(session, [run_id], who()), f"Run #{run_id} was taken out of the queue")


def resume(run_id: int, checkpoint_id: int | None = None) -> None:
    """Queue a run again, to go on from its last checkpoint or a given one."""
    if not _again(("resume", run_id)):
        ask(lambda session: control.resume(session, run_id, who(), checkpoint_id))


def retry(run_id: int, changes: Mapping[str, Any]) -> None:
    """Launch a new run with the same config, some of it changed, and open it."""
    made: dict[str, tuple[float, int]] = st.session_state.setdefault("run.retried", {})
    click = f"{run_id} {sorted(changes.items())}"
    known = made.get(click)
    if known is None or time.monotonic() - known[0] > SAME_CLICK_SECONDS:
        # From here to the note in `made`, no Streamlit call: a second click must not come between.
        try:
            with connect().writing() as session:
                new_id = control.retry(session, run_id, who(), changes)
        except (RecordError, ConfigError) as error:
            say(str(error), "info")
            return
        made[click] = known = (time.monotonic(), new_id)
    open_run(known[1])


def archive(run_id: int, *, away: bool) -> None:
    """Put a run out of sight, or bring it back."""
    put = runs.archive if away else runs.unarchive
    said = f"Run #{run_id} was archived" if away else f"Run #{run_id} is back from the archive"
    ask(lambda session: put(session, [run_id], who()), said)


def delete(run_id: int) -> None:
    """Move a run to the trash."""
    ask(lambda session: control.delete(session, [run_id], who()), f"Run #{run_id} is in the trash")


def restore(run_id: int) -> None:
    """Take a run out of the trash."""
    ask(lambda session: control.restore(session, [run_id], who()), f"Run #{run_id} was restored")


def open_run(run_id: int) -> None:
    """Leave for a run's page once this press is done."""
    st.session_state[_LEAVE] = ("run.py", {"id": str(run_id)})


def clone(run_id: int) -> None:
    """Leave for the launch form, filled in with this run's config."""
    st.session_state[_LEAVE] = ("launch.py", {"from": str(run_id)})


def finish_press() -> None:
    """Say what was done, or go where a button led; the page calls it first: a button's callback knows no pages."""
    place = st.session_state.pop(_LEAVE, None)
    if place is not None:
        st.switch_page(place[0], query_params=place[1])
    draw_said()


def who() -> str:
    """Who acts; there is no sign-in yet, so whoever runs the dashboard."""
    return getpass.getuser()


def _again(click: tuple[str, int]) -> bool:
    """Whether the same button was pressed a moment ago."""
    clicks: dict[tuple[str, int], float] = st.session_state.setdefault("run.clicks", {})
    before, clicks[click] = clicks.get(click), time.monotonic()
    return before is not None and clicks[click] - before < SAME_CLICK_SECONDS
