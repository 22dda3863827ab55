"""A run's points as the lines of a chart: read once, and from then on only what is new."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import numpy as np
import streamlit as st

from charts.curves import Line
from charts.words import in_words
from db.engine import connect
from db.home import database_url
from pages.parts.run_view import ChartView
from tracking.reading import LiveCurves, ShownCurve, View

_HELD = "charts.curves"


def read_lines(run_id: int, names: Mapping[str, str], view: ChartView, zone: tzinfo) -> tuple[list[Line], int]:
    """(a line for each metric with points in the window or beside it, how many points the window holds).

    Args:
        names: metric name to the name of its line.
        zone: what clock times are shown in.
    """
    wanted = View(view.x, view.window, smoothing=view.smooth)
    with connect().reading() as session:
        found = _held(run_id, tuple(names)).shown(session, tuple(names), wanted)
    lines = [_line(curve, in_words(names[curve.name]), view, zone) for curve in found if len(curve.x)]
    return lines, sum(curve.count for curve in found)


def axis_window(view: ChartView, zone: tzinfo) -> tuple[Any, Any] | None:
    """The window in the values of the chart's axis."""
    if view.window is None or view.x != "clock":
        return view.window
    low, high = (datetime.fromtimestamp(end, zone).replace(tzinfo=None).isoformat(" ") for end in view.window)
    return low, high


def _held(run_id: int, names: tuple[str, ...]) -> LiveCurves:
    """The reader of these metrics that this browser tab keeps; readers of another run are let go."""
    whose = database_url(), run_id
    kept: tuple[Any, dict[tuple[str, ...], LiveCurves]] | None = st.session_state.get(_HELD)
    if kept is None or kept[0] != whose:
        kept = st.session_state[_HELD] = (whose, {})
    return kept[1].setdefault(names, LiveCurves(run_id))


def _line(curve: ShownCurve, name: str, view: ChartView, zone: tzinfo) -> Line:
    x, broken = curve.x, curve.broken
    if view.x == "clock" and len(x):
        x, broken = local(x, zone), local(broken, zone)
    return Line(name, x, curve.y, curve.smooth, broken)


def local(times: np.ndarray, zone: tzinfo) -> np.ndarray:
    """UTC times, datetime64[ms], as the clock on a wall there shows them; the shift is that of the first one."""
    if not len(times):
        return times
    first = datetime.fromtimestamp(times[0].astype("int64") / 1000, zone)
    shift = first.utcoffset()
    return times + np.timedelta64(int(shift.total_seconds()) if shift else 0, "s")
