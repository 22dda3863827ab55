"""Curves as pages draw them: few points, every extreme, gaps where values are not finite.

`LiveCurves` reads a run's metrics again and again, each time only what is new; `compare` reads one metric of many runs.
Knows no figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from db import curves, runs
from db.curves import Curve
from db.engine import Session
from tracking.axes import EPOCH, EpochAxis, Pauses, XKind, epoch_axis, pauses_of, training_seconds
from tracking.smoothing import smoothed
from tracking.thinning import thin

POINTS = 1500
HELD_POINTS = 2_000_000  # 24 bytes each, in one `LiveCurves`

Window = tuple[float | None, float | None]


@dataclass(frozen=True)
class ShownCurve:
    """One curve, ready to be drawn.

    Attributes:
        x: ascending, (points,): steps, epochs or seconds of training as float64; datetime64[ms] for the clock, in UTC.
        y: float64, (points,); NaN is a gap: a value there was NaN or infinite.
        count: points that the window holds before any were left out.
        downsampled: whether points were left out; the extremes of every stretch are there all the same.
        smooth: float64, (points,): the average over all points up to each; None when it was not asked for.
        broken: x of every value in the window that is not finite.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    count: int
    downsampled: bool
    run_id: int
    smooth: np.ndarray | None
    broken: np.ndarray


@dataclass(frozen=True)
class View:
    """How curves are looked at.

    Attributes:
        x: what they are drawn over; "time" is seconds of training without pauses, "clock" the date and time.
        window: the part of x to show, epoch seconds for the clock; None or an open end for everything there.
        points: about how many points a curve may have.
        smoothing: weight of the moving average, 0 (none) to below 1.
    """

    x: XKind = "step"
    window: Window | None = None
    points: int = POINTS
    smoothing: float = 0.0


def compare(session: Session, run_ids: Sequence[int], name: str, view: View) -> list[ShownCurve]:
    """One metric of many runs, in the order of the ids; runs that do not have it are left out."""
    found = curves.read_many(session, run_ids, name)
    epochs = curves.read_many(session, run_ids, EPOCH) if view.x == "epoch" else {}
    ready = []
    for run_id in run_ids:
        if run_id in found:
            axis = _axis(session, run_id, view.x, epochs.get(run_id))
            ready.append(_show(run_id, name, found[run_id], axis, view))
    return ready


class LiveCurves:
    """The curves of one run while it goes on; a page keeps it in its session.

    Holds what it has read, up to ``held_points``, and asks the database only for what came since. When the run went on
    as another attempt, which takes points back, it reads anew.

    Attributes:
        version: grows whenever `shown` gives something else than the last time.
    """

    def __init__(self, run_id: int, *, held_points: int = HELD_POINTS) -> None:
        self.run_id = run_id
        self.version = 0
        self._held_points = held_points
        self._held: dict[str, Curve] = {}
        self._cursors: dict[str, tuple[int, int]] = {}  # of what was last shown: (cursor, attempt)
        self._last: tuple[tuple[str, ...], View, list[ShownCurve]] | None = None

    def shown(self, session: Session, names: Sequence[str], view: View) -> list[ShownCurve]:
        """The named metrics as they are now, in this order; one without points is an empty curve.

        The very same list as before when nothing has changed.
        """
        asked = dict.fromkeys([*names, EPOCH] if view.x == "epoch" else names)
        changed = [name for name in asked if self._has_changed(session, name)]
        if self._last is not None and not changed and self._last[:2] == (tuple(names), view):
            return self._last[2]
        for name in asked:
            self._hold(session, name)
        axis = _axis(session, self.run_id, view.x, self._held.get(EPOCH))
        found = [_show(self.run_id, name, self._held[name], axis, view) for name in names]
        self._cursors = {name: (curve.cursor, curve.attempt) for name, curve in self._held.items()}
        self._last = tuple(names), view, found
        self.version += 1
        self._trim(asked)
        return found

    def _has_changed(self, session: Session, name: str) -> bool:
        """Bring in what is new of a series that is held; ask only whether there is something new of another."""
        cursor, attempt = self._cursors.get(name, (0, 0))
        if name not in self._held and not attempt:
            return True
        new = curves.read(session, self.run_id, name, after=cursor)
        if new.attempt != attempt:
            self._held.pop(name, None)
            return True
        if name in self._held and new.cursor != cursor:
            self._held[name] = _joined(self._held[name], new)
            self._cursors[name] = new.cursor, new.attempt
        return new.cursor != cursor

    def _hold(self, session: Session, name: str) -> None:
        if name not in self._held:
            self._held[name] = curves.read(session, self.run_id, name)

    def _trim(self, asked: dict[str, None]) -> None:
        """Let go of the longest series that were not asked for, then of the longest."""
        order = sorted(self._held, key=lambda name: (name in asked, -len(self._held[name].steps)))
        total = sum(len(curve.steps) for curve in self._held.values())
        for name in order:
            if total <= self._held_points:
                break
            total -= len(self._held.pop(name).steps)


Axis = EpochAxis | Pauses | XKind


def _axis(session: Session, run_id: int, x: XKind, epochs: Curve | None) -> Axis:
    """What `_places` needs to know of a run."""
    if x == "time":
        return pauses_of(runs.attempts(session, run_id))
    if x == "epoch":
        if epochs is None or not len(epochs.steps):
            return EpochAxis(np.empty(0), np.empty(0))
        run = runs.get(session, run_id)
        length = run.total_steps / run.max_epochs if run.total_steps and run.max_epochs else None
        return epoch_axis(epochs, length if length and length > 0 else None)
    return x


def _places(curve: Curve, axis: Axis) -> tuple[np.ndarray, np.ndarray | None]:
    """(x of each point, the order of points that makes it ascend: None when it does)."""
    if isinstance(axis, Pauses):
        return training_seconds(curve.times, axis), None
    if isinstance(axis, EpochAxis):
        x = axis.at(curve.steps)
    else:
        x = curve.times if axis == "clock" else curve.steps.astype(np.float64)
    falls = len(x) > 1 and bool((x[1:] < x[:-1]).any())
    return x, np.argsort(x, kind="stable") if falls else None


def _show(run_id: int, name: str, curve: Curve, axis: Axis, view: View) -> ShownCurve:
    x, order = _places(curve, axis)
    y = curve.values
    smooth = smoothed(y, view.smoothing) if view.smoothing else None
    if order is not None:
        x, y, smooth = x[order], y[order], smooth[order] if smooth is not None else None
    first, last, inside = _window(x, view.window)
    x, y, smooth = x[first:last], y[first:last], smooth[first:last] if smooth is not None else None
    kept = thin(x, y, view.points)
    if smooth is not None and len(kept) < len(y):
        kept = np.union1d(kept, thin(x, smooth, view.points))
    finite = np.isfinite(y)
    whole = bool(finite.all())
    return ShownCurve(
        name=name,
        x=_out(x[kept], view.x),
        y=y[kept] if whole else np.where(finite, y, np.nan)[kept],
        count=inside,
        downsampled=len(kept) < len(y),
        run_id=run_id,
        smooth=None if smooth is None else np.where(np.isfinite(smooth), smooth, np.nan)[kept],
        broken=_out(x[:0] if whole else x[~finite], view.x),
    )


def _window(x: np.ndarray, window: Window | None) -> tuple[int, int, int]:
    """(first, last + 1, points inside): the points inside and one on either side, so that lines reach the edges."""
    low, high = window or (None, None)
    first = 0 if low is None else int(np.searchsorted(x, low, side="left"))
    last = len(x) if high is None else int(np.searchsorted(x, high, side="right"))
    return max(0, first - 1), max(first, min(len(x), last + 1)), max(0, last - first)


def _out(x: np.ndarray, kind: XKind) -> np.ndarray:
    return (x * 1000).round().astype("datetime64[ms]") if kind == "clock" else x


def _joined(before: Curve, new: Curve) -> Curve:
    parts = zip((before.steps, before.times, before.values), (new.steps, new.times, new.values), strict=True)
    steps, times, values = (np.concatenate(pair) if len(pair[1]) else pair[0] for pair in parts)
    return Curve(steps, times, values, cursor=new.cursor, attempt=new.attempt)
