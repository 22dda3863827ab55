"""The Charts and the System tab: one chart for each metric, live while the run works, finer where one zooms in."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from charts.curves import Line, metric_figure, remarks
from charts.metrics import Group, Unit, metric_groups
from charts.system import system_groups
from charts.words import heading, in_words
from db import curves
from db.engine import connect
from db.rows import RunDetail, SeriesRow
from pages.parts.formats import count, escape, number, size
from pages.parts.plot import draw_plot
from pages.parts.run_curves import axis_window, read_lines
from pages.parts.run_numbers import draw_numbers
from pages.parts.run_view import FIRST_SHOWN, ChartView, draw_view_bar, draw_zoom, viewer_zone, zoom_to

LIVE_SECONDS = 1.0
SYSTEM_LIVE_SECONDS = 3.0
CHART_PIXELS = 270
MORE_SHOWN = 24  # charts that one press adds: a browser that draws thousands stands still


def draw_charts(run: RunDetail) -> None:
    """The curves of a run's metrics."""
    st.fragment(_draw_metrics, run_every=LIVE_SECONDS if run.state.active else None, key="run.charts")(run)


def draw_system(run: RunDetail) -> None:
    """What the machine did meanwhile."""
    st.fragment(_draw_system, run_every=SYSTEM_LIVE_SECONDS if run.state.active else None, key="run.system")(run)


def _draw_metrics(run: RunDetail) -> None:
    series = _series(run.id)
    groups = metric_groups(series)
    if not groups:
        if run.state.active:
            draw_view_bar(groups)  # in its place already, so that the first curve moves nothing
        _draw_nothing(run)
        return
    view, wanted = draw_view_bar(groups)
    if view.smooth:
        st.caption(
            f":material/blur_on: Smoothed by a moving average of weight {view.smooth:.2f}; raw values are faint behind."
        )
    more: int = st.session_state.get("charts.more", 0)
    shown = wanted[: FIRST_SHOWN + more]
    _draw_grid(run, shown, series, view)
    left = len(wanted) - len(shown)
    if left:
        next_ones = min(left, MORE_SHOWN)
        st.button(
            f"Show {next_ones} more" + (f" of {count(left)}" if left > next_ones else ""),
            key="charts.show_more", icon=":material/expand_more:",
            on_click=st.session_state.__setitem__, args=("charts.more", more + MORE_SHOWN),
        )  # fmt: skip
    draw_numbers(run.id, series)


def _draw_system(run: RunDetail) -> None:
    series = _series(run.id)
    groups = system_groups(series)
    if not groups:
        st.info(
            "The machine is measured every few seconds; the first values come soon."
            if run.state.active
            else "No measurements of the machine were recorded for this run.",
            icon=":material/memory:",
        )
        return
    window = draw_zoom("system_zoom", "clock")
    _draw_grid(run, groups, series, ChartView("clock", window, zoom_key="system_zoom"))


def _series(run_id: int) -> dict[str, SeriesRow]:
    with connect().reading() as session:
        return {row.name: row for row in curves.summaries(session, run_id)}


def _draw_nothing(run: RunDetail) -> None:
    if run.state.active:
        st.info("No metric was logged yet; the first point appears here by itself.", icon=":material/show_chart:")
    elif run.state.ended:
        st.info("This run ended before it logged a metric.", icon=":material/show_chart:")
    else:
        st.info("The curves appear here as soon as it starts.", icon=":material/show_chart:")


def _draw_grid(run: RunDetail, groups: Sequence[Group], series: Mapping[str, SeriesRow], view: ChartView) -> None:
    single = len(groups) == 1
    with st.grid(1 if single else 2, min_column_width=380):
        for group in groups:
            with st.container(border=True, gap=None, height="stretch"):
                _draw_chart(run, group, series, view, CHART_PIXELS * 2 if single else CHART_PIXELS)


def _draw_chart(
    run: RunDetail, group: Group, series: Mapping[str, SeriesRow], view: ChartView, height_pixels: int
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{escape(heading(group.title))}**", width="content")
        st.caption(newest(group, series), width="stretch", text_alignment="right")
    figure, said = _figure(run, group, series, view, height_pixels)
    alt = f"{heading(group.title)} over {view.x} of run {run.id}"
    key = f"chart.{run.id}.{group.title}.{view.x}"
    draw_plot(figure, key=key, alt=alt, on_zoom=zoom_to(view.zoom_key, view.x))
    for sentence in said:
        st.caption(f":orange[:material/warning: {escape(sentence)}]" if "not finite" in sentence else escape(sentence))


def _figure(
    run: RunDetail, group: Group, series: Mapping[str, SeriesRow], view: ChartView, height_pixels: int
) -> tuple[Any, list[str]]:
    """The chart and what is to be said under it; the one that was drawn before while nothing changed."""
    held: dict[str, tuple[Any, Any]] = st.session_state.setdefault("charts.held", {})
    if held and next(iter(held.values()))[0][0] != run.id:
        held.clear()
    at = (
        run.attempt,
        tuple((series[name].count, series[name].last_step, series[name].not_finite) for name in group.names),
    )
    mark = run.id, tuple(group.names), view, height_pixels, at
    if held.get(group.title, (None,))[0] == mark:
        return held[group.title][1]
    zone = viewer_zone()
    lines, counted = read_lines(run.id, group.names, view, zone)
    window = axis_window(view, zone)
    figure = metric_figure(
        lines, x=view.x, log_y=view.log_y, unit=group.unit, window=window, height_pixels=height_pixels
    )
    drawn = figure, _sentences(lines, view, counted)
    held[group.title] = mark, drawn
    return drawn


def _sentences(lines: Sequence[Line], view: ChartView, counted: int) -> list[str]:
    said = remarks(lines, x=view.x, log_y=view.log_y)
    drawn = sum(len(line.x) for line in lines)
    if not drawn and view.window is not None:
        said.append("No point lies in this stretch.")
    elif drawn < counted:
        said.append(f"Drawn from {count(counted)} points: every spike is kept, and zooming in loads the rest.")
    return said


def newest(group: Group, series: Mapping[str, SeriesRow]) -> str:
    """The last value of each line: "training 0.213 · validation 0.25"."""
    words = []
    for name, line in group.names.items():
        named = len(group.names) > 1 or line != group.title
        label = f"{escape(in_words(line))} " if named else ""
        words.append(f"{label}**{value_text(series[name].last, group.unit)}**")
    return " · ".join(words)


def value_text(value: float | None, unit: Unit) -> str:
    """A value with its unit, short."""
    if value is None or not math.isfinite(value):
        return number(value)
    if unit.suffix.startswith("B"):
        return size(value) + unit.suffix[1:]
    return number(value) + unit.suffix
