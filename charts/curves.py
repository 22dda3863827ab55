"""Curves over a run: lines in, one Plotly figure out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from charts.durations import duration_text, duration_ticks
from charts.figures import BLUE, GREEN, HEIGHT_PIXELS, ORANGE, SERIES_COLORS, VERMILION, empty_figure
from charts.metrics import PLAIN, Unit

GL_POINTS = 20_000  # more points than this in a figure are drawn by WebGL; browsers allow few WebGL charts on a page
MOST_MARKS = 300
FAINT = 0.28
FEW_STEPS = 6
FEW_DECADES = 3  # a log axis with fewer also names 2 and 5
SPIKE = "#8892a0"
_HOVER_FORMATS = {"step": ",d", "time": ",.5~g", "clock": "|%Y-%m-%d %H:%M:%S"}
X_TITLES = {"step": "step", "epoch": "epoch", "time": "time of training", "clock": ""}
_STAGE_COLORS = {"train": BLUE, "training": BLUE, "val": ORANGE, "validation": ORANGE, "test": GREEN}
_NOTHING = np.empty(0)


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: in the legend.
        x: (points,), float64, or datetime64 for the clock.
        y: (points,), float64; NaN makes a gap.
        smooth: (points,), what is drawn strongly instead, with ``y`` faint behind it.
        broken: x of values that are not finite.
        color: one of `charts.figures`; None chooses by the name's stage, else by the place.
        dash: Plotly's name of a line's pattern.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    smooth: np.ndarray | None = None
    broken: np.ndarray = field(default_factory=lambda: _NOTHING)
    color: str | None = None
    dash: str = "solid"


def metric_figure(
    lines: Sequence[Line],
    *,
    x: str = "step",
    log_y: bool = False,
    unit: Unit = PLAIN,
    window: tuple[Any, Any] | None = None,
    height_pixels: int = HEIGHT_PIXELS,
) -> go.Figure:
    """Lines over step, epoch, seconds of training (“time”) or the clock.

    Args:
        window: the part of the x axis that is shown, in its own values; None shows everything.
    """
    figure = empty_figure(x_title=X_TITLES.get(x, x), y_title=unit.title, height_pixels=height_pixels)
    figure.add_traces(
        [trace for line, color in zip(lines, colors(lines), strict=True) for trace in _traces(line, color, unit)]
    )
    if sum(len(line.x) for line in lines) > GL_POINTS:
        figure = _with_webgl(figure)
    _add_broken(figure, lines)
    _set_x_axis(figure, lines, x, window)
    figure.update_yaxes(tickformat=unit.tick_format, ticksuffix=unit.suffix, selector=0)
    if log_y:
        figure.layout.yaxis.update(type="log", tickformat="~g", dtick="D2" if _decades(lines) < FEW_DECADES else 1)
    elif unit.from_zero:
        figure.layout.yaxis.update(rangemode="tozero")
    figure.layout.showlegend = len(lines) > 1
    return figure


def colors(lines: Sequence[Line]) -> list[str]:
    """A colour for each line: train, validation and test keep theirs; others take the next one that is free."""
    chosen = [line.color or _STAGE_COLORS.get(line.name.partition(" ")[0]) for line in lines]
    free = [color for color in SERIES_COLORS if color not in chosen] or list(SERIES_COLORS)
    rest = iter(range(len(lines)))
    return [color or free[next(rest) % len(free)] for color in chosen]


def remarks(lines: Sequence[Line], *, x: str = "step", log_y: bool = False) -> list[str]:
    """What a reader of the figure must know: values that are not numbers, or that a log axis cannot show."""
    found = []
    many = len(lines) > 1
    for line in lines:
        whose = f"{line.name}: " if many else ""
        if len(line.broken):
            values = "1 value is" if len(line.broken) == 1 else f"{len(line.broken):,} values are"
            found.append(f"{whose}{values} not finite (NaN or infinite), first at {x_words(line.broken[0], x)}.")
        hidden = int(np.sum(line.y <= 0)) if log_y else 0
        if hidden:
            values = "1 point is" if hidden == 1 else f"{hidden:,} points are"
            found.append(f"{whose}{values} zero or less, which a log axis cannot show.")
    return found


def x_words(value: Any, x: str) -> str:
    """A place on the x axis in words."""
    if x == "time":
        return f"{value:,.4g} s of training"
    if x == "clock":
        return str(np.datetime_as_string(np.datetime64(value), unit="s")).replace("T", " ")
    return f"{x} {value:,.0f}" if x == "step" else f"{x} {value:.4g}"


def _traces(line: Line, color: str, unit: Unit) -> list[go.Scatter]:
    alone = int(np.sum(np.isfinite(line.y))) == 1
    hover = f"%{{y:{unit.hover_format}}}{unit.suffix}"
    drawn: dict[str, Any] = {
        "x": line.x,
        "name": line.name,
        "legendgroup": line.name,
        "mode": "markers" if alone else "lines",
        "marker": {"color": color, "size": 9, "symbol": "diamond"},
        "line": {"color": color, "width": 1.8, "dash": line.dash},
        "connectgaps": False,
        "hovertemplate": f"{hover}<extra>{line.name}</extra>",
    }
    if line.smooth is None or alone:
        return [go.Scatter(**drawn, y=line.y)]
    raw = {**drawn, "line": {"color": color, "width": 1}, "opacity": FAINT, "showlegend": False}
    raw["hovertemplate"] = f"{hover}<extra>{line.name}, raw</extra>"
    smooth = {**drawn, "hovertemplate": f"{hover}<extra>{line.name}, smoothed</extra>"}
    return [go.Scatter(**raw, y=line.y), go.Scatter(**smooth, y=line.smooth)]


def _with_webgl(figure: go.Figure) -> go.Figure:
    traces = [go.Scattergl(trace.to_plotly_json()) for trace in figure.data]
    return go.Figure(traces, figure.layout)


def _add_broken(figure: go.Figure, lines: Sequence[Line]) -> None:
    """A row of crosses along the bottom, where values are not finite; on an axis of its own, so that no scale moves."""
    for line in lines:
        if not len(line.broken):
            continue
        places = line.broken[np.linspace(0, len(line.broken) - 1, min(MOST_MARKS, len(line.broken))).astype(int)]
        figure.add_trace(
            go.Scatter(
                x=places,
                y=np.full(len(places), 0.03),
                yaxis="y2",
                mode="markers",
                marker={"symbol": "x", "size": 7, "color": VERMILION},
                name=f"{line.name} is not finite",
                legendgroup=line.name,
                showlegend=False,
                hovertemplate=f"not finite<extra>{line.name}</extra>",
            )
        )
        figure.layout.yaxis2 = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}


def _set_x_axis(figure: go.Figure, lines: Sequence[Line], x: str, window: tuple[Any, Any] | None) -> None:
    axis = figure.layout.xaxis
    axis.update(uirevision=f"{x} {window}", spikethickness=1, spikedash="solid", spikecolor=SPIKE)
    before = {"clock": "", "time": "after "}.get(x, f"{x} ")
    after = " s" if x == "time" else ""
    axis.update(unifiedhovertitle={"text": f"{before}%{{x:{_HOVER_FORMATS.get(x, '.4~g')}}}{after}"})
    if x == "clock":
        axis.update(type="date")
    if x == "step" and (ends := window or _ends(lines)) and ends[1] - ends[0] <= FEW_STEPS:
        axis.update(dtick=1)  # there is no step 39.5
    if x == "time":
        ends = window or _ends(lines)
        places = duration_ticks(*ends) if ends else []
        axis.update(tickvals=places, ticktext=[duration_text(place) for place in places])
    if window is not None:
        axis.update(range=list(window), autorange=False)


def _decades(lines: Sequence[Line]) -> float:
    values = np.concatenate([line.y for line in lines] or [_NOTHING])
    values = values[np.isfinite(values) & (values > 0)]
    return float(np.log10(values.max() / values.min())) if len(values) else 0.0


def _ends(lines: Sequence[Line]) -> tuple[float, float] | None:
    filled = [line.x for line in lines if len(line.x)]
    return (min(float(x[0]) for x in filled), max(float(x[-1]) for x in filled)) if filled else None
