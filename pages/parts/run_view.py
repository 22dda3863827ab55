"""How a person looks at a run's curves: x axis, stretch, scale, smoothing; as widgets whose values are in the link."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from charts.metrics import Group
from charts.words import heading

X_WORDS = {"step": "Step", "epoch": "Epoch", "time": "Time", "clock": "Clock"}
FIRST_SHOWN = 8  # charts that are drawn before somebody asks for more
_BETWEEN = re.compile(r"\s+to\s+|\s*\.\.+\s*|\s*…\s*|\s+-\s+")
_UNITS = {"time": " (seconds of training)"}
Window = tuple[float, float]


@dataclass(frozen=True)
class ChartView:
    """What is shown of the curves.

    Attributes:
        x: "step", "epoch", "time" (seconds of training) or "clock".
        window: the stretch of the x axis in steps, epochs, seconds, or for the clock seconds since 1970; None for all.
        smooth: weight of the moving average, 0 for none.
        zoom_key: the widget that holds the window.
    """

    x: str
    window: Window | None
    log_y: bool = False
    smooth: float = 0.0
    zoom_key: str = "zoom"


def draw_view_bar(groups: Sequence[Group]) -> tuple[ChartView, list[Group]]:
    """The widgets over the charts, and which charts are wanted."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        x = st.segmented_control(
            "Over", list(X_WORDS), default="step", required=True, format_func=X_WORDS.get, key="x", bind="query-params",
            on_change=_forget, args=("zoom",),
        )  # fmt: skip
        smooth = st.slider("Smoothing", 0.0, 0.99, 0.0, 0.01, key="smooth", bind="query-params", width=130)
        log_y = st.toggle("Log scale", key="log", bind="query-params")
        window = draw_zoom("zoom", x or "step")
        chosen: list[str] = []
        if len(groups) > 1:
            chosen = st.multiselect(
                "Metrics", [group.title for group in groups], key="metrics", bind="query-params",
                format_func=heading, placeholder=f"All {len(groups)}",
            )  # fmt: skip
    view = ChartView(x or "step", window, bool(log_y), float(smooth))
    return view, [group for group in groups if not chosen or group.title in chosen]


def draw_zoom(key: str, x: str) -> Window | None:
    """The stretch of the x axis as text; dragging over a chart writes it, clearing it shows everything."""
    text = st.text_input(
        "Zoom", key=key, bind="query-params", type="search", width=200, max_chars=80,
        placeholder="Drag over a chart",
        help=f"Such as “{_example(x)}”{_UNITS.get(x, '')}. Drag over a chart to zoom, double-click to see all.",
    )  # fmt: skip
    if not (text or "").strip():
        return None
    window = read_window(str(text), x, viewer_zone())
    if window is None:
        st.caption(f":orange[Write it as “{_example(x)}”; everything is shown.]", width="content")
    return window


def zoom_to(key: str, x: str) -> Any:
    """What a chart calls when somebody drags over its x axis."""

    def _zoom(start: Any, end: Any) -> None:
        st.session_state[key] = "" if start is None or end is None else window_text(start, end, x)

    return _zoom


def window_text(start: Any, end: Any, x: str) -> str:
    """The ends of an x axis, as Plotly tells them, as text."""
    if x == "clock":
        return f"{str(start)[:19]} to {str(end)[:19]}"
    low, high = sorted((float(start), float(end)))
    return f"{low:.0f} to {high:.0f}" if x == "step" and high - low >= 2 else f"{low:.5g} to {high:.5g}"


def read_window(text: str, x: str, zone: tzinfo) -> Window | None:
    """The window that a text means; None when it means none."""
    parts = _BETWEEN.split(text.strip())
    if len(parts) != 2:
        return None
    try:
        low, high = (_moment(part, zone) if x == "clock" else float(part.replace(",", "")) for part in parts)
    except (ValueError, OverflowError):
        return None
    return (low, high) if low < high and low > -1e15 and high < 1e15 else None


def _moment(text: str, zone: tzinfo) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def viewer_zone() -> tzinfo:
    """The time zone of the browser, or UTC."""
    try:
        return ZoneInfo(str(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _example(x: str) -> str:
    return {
        "step": "100 to 500",
        "epoch": "1.5 to 3",
        "time": "60 to 90.5",
        "clock": "2026-01-31 10:00 to 2026-01-31 11:30",
    }[x]


def _forget(key: str) -> None:
    st.session_state[key] = ""
