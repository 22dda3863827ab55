"""Follows the journals of a run, attempt after attempt, and hands each call on to its mirror. Knows no wandb."""

import sys
import time
from dataclasses import replace
from typing import Any, Protocol

import psutil

from db import runs
from db.engine import Database
from db.errors import NotFound
from db.rows import RunDetail
from db.states import RunState
from tracking.journal import journal_path
from tracking.journal_reading import read_calls
from tracking.wandb_state import Place, say

POLL_SECONDS = 1.0
SAY_SECONDS = 2.0
SETTLED_SECONDS = 5.0  # rows younger than this may still be on their way to W&B's own process
ORPHAN_SECONDS = 60.0  # the run's process is gone and nobody says how the run ended
PART_BYTES = 1024 * 1024
GLOBAL_STEP = "trainer/global_step"  # Lightning's own name


class Sink(Protocol):
    """Where the calls go. ``trouble`` is a sentence or empty; ``online`` says whether they leave this machine."""

    trouble: str
    online: bool

    @property
    def url(self) -> str | None:
        """A page that shows it."""

    @property
    def folder(self) -> str | None:
        """Where files of it are, relative to the data folder."""

    def log(self, metrics: dict[str, float], step: int, at: float, row: int) -> None:
        """Take one call."""

    def close(self, exit_code: int) -> bool:
        """Finish; False when not everything could be sent."""


class Follower:
    """Reads a run's journals one after the other and hands each call on."""

    def __init__(self, database: Database, run: RunDetail, sink: Sink, watched: int | None) -> None:
        self._database = database
        self._run = run
        self._sink = sink
        self._watched = watched
        self._place = Place.load(run.id)
        self._settled = self._place  # certainly in W&B's files
        self._recent: list[tuple[float, Place]] = []
        self._said_at = 0.0

    def follow(self) -> Place:
        """Until the run has ended and everything is mirrored."""
        self._say(state="mirroring")
        gone_since: float | None = None
        while True:
            state, attempt = self._state()
            moved = self._read(attempt)
            self._keep_place()
            if moved:
                gone_since = None
                continue
            if state is None or state.ended or state is RunState.QUEUED:
                break
            if self._watched is not None and not psutil.pid_exists(self._watched):
                gone_since = gone_since or time.monotonic()
                if time.monotonic() - gone_since > ORPHAN_SECONDS:
                    break
            time.sleep(POLL_SECONDS)
        self._close(0 if state is RunState.FINISHED else 1)
        return self._place

    def _state(self) -> tuple[RunState | None, int]:
        """(state, newest attempt); no state when the run is gone."""
        try:
            with self._database.reading() as session:
                run = runs.get(session, self._run.id)
            return run.state, run.attempt
        except NotFound:
            return None, self._place.attempt
        except Exception as error:  # noqa: BLE001 - a busy or absent database must not end the mirror
            print(f"the run's state could not be read: {error}", file=sys.stderr, flush=True)
            return RunState.RUNNING, self._place.attempt

    def _read(self, newest: int) -> bool:
        """Mirror the next part of the journal; whether there was one."""
        place = self._place
        calls, end = read_calls(journal_path(self._run.id, place.attempt), place.position, PART_BYTES)
        for number, (step, at, metrics) in enumerate(calls):
            self._sink.log(metrics, step, at, place.rows + number)
        if end > place.position:
            points = sum(len(metrics) for _, _, metrics in calls)
            self._place = replace(
                place, position=end, rows=place.rows + len(calls), points=place.points + points,
                sent=place.sent + (points if self._sink.online else 0),
            )  # fmt: skip
        elif place.attempt < newest:
            self._place = replace(place, attempt=place.attempt + 1, position=0)
        return self._place != place

    def _keep_place(self) -> None:
        now = time.monotonic()
        if self._place != (self._recent[-1][1] if self._recent else self._settled):
            self._recent.append((now, self._place))
        while self._recent and now - self._recent[0][0] > SETTLED_SECONDS:
            self._settled = self._recent.pop(0)[1]
            self._settled.save(self._run.id)
        if now - self._said_at > SAY_SECONDS and self._recent:
            self._say(state="mirroring")

    def _close(self, exit_code: int) -> None:
        done = self._sink.close(exit_code)
        if not done:
            self._sink.trouble = "Not everything could be sent in time; sync sends the rest."
            self._place = replace(self._place, sent=0)
        self._place.save(self._run.id)
        self._say(state="sent" if self._place.sent == self._place.points else "waiting")

    def _say(self, **changes: Any) -> None:
        self._said_at = time.monotonic()
        sink, place = self._sink, self._place
        changes |= {"mode": "online" if sink.online else "offline", "trouble": sink.trouble}
        changes |= {"points_sent": place.sent, "points_total": place.points}
        changes |= {name: value for name, value in (("url", sink.url), ("folder", sink.folder)) if value}
        try:
            say(self._database, self._run.id, **changes)
        except Exception as error:  # noqa: BLE001 - a busy or absent database must not end the mirror
            print(f"how the mirror stands could not be recorded: {error}", file=sys.stderr, flush=True)
