"""Facts of the figure: what is drawn, in which colour, on which axis, and what is said beside it."""

import json
from itertools import pairwise

import numpy as np
import pytest

from charts.curves import GL_POINTS, Line, colors, metric_figure, remarks
from charts.durations import MOST_TICKS, duration_text, duration_ticks
from charts.figures import BLUE, CLEAR, GREEN, ORANGE, as_json
from charts.metrics import BYTES, PERCENT

X = np.arange(5, dtype=float)
Y = np.array([5.0, 4.0, np.nan, 2.0, 1.0])


def test_a_line_is_drawn_as_it_is_with_gaps() -> None:
    figure = metric_figure([Line("train", X, Y)])
    [trace] = figure.data

    assert trace.type == "scatter"
    assert list(trace.x) == list(X)
    assert np.array_equal(trace.y, Y, equal_nan=True)
    assert trace.connectgaps is False
    assert figure.layout.xaxis.title.text == "step"


def test_stages_keep_their_colours_whatever_else_is_drawn() -> None:
    lines = [Line(name, X, Y) for name in ("test", "other", "val", "train per step", "third")]
    found = colors(lines)

    assert (found[0], found[2], found[3]) == (GREEN, ORANGE, BLUE)
    assert len(set(found)) == 5
    assert len(colors([Line(str(number), X, Y) for number in range(30)])) == 30


def test_smoothing_leaves_the_raw_values_faint_behind() -> None:
    raw, smooth = metric_figure([Line("train", X, Y, smooth=Y + 1)]).data

    assert raw.opacity < 0.5
    assert not raw.showlegend
    assert list(smooth.y[:2]) == [6.0, 5.0]
    assert "smoothed" in smooth.hovertemplate
    assert "raw" in raw.hovertemplate
    assert raw.legendgroup == smooth.legendgroup


def test_a_single_value_is_a_mark_that_can_be_seen() -> None:
    [trace] = metric_figure([Line("test", np.array([9.0]), np.array([0.3]), smooth=np.array([0.3]))]).data

    assert trace.mode == "markers"


def test_values_that_are_not_finite_are_marked_on_an_axis_of_their_own_and_counted() -> None:
    line = Line("train", X, Y, broken=np.array([300.0, 301.0]))
    curve, marks = metric_figure([line]).data

    assert list(marks.x) == [300.0, 301.0]
    assert (curve.yaxis, marks.yaxis) == (None, "y2")
    assert remarks([line]) == ["2 values are not finite (NaN or infinite), first at step 300."]
    assert remarks([line, Line("val", X, X)])[0].startswith("train: 2 values")


def test_many_broken_values_cost_few_marks() -> None:
    figure = metric_figure([Line("train", X, Y, broken=np.arange(100_000.0))])

    assert len(figure.data[1].x) <= 300
    assert {figure.data[1].x[0], figure.data[1].x[-1]} == {0.0, 99_999.0}


def test_a_log_axis_says_what_it_cannot_show() -> None:
    line = Line("lr", X, np.array([0.0, -1.0, 1e-3, 1e-2, np.nan]))

    assert metric_figure([line], log_y=True).layout.yaxis.type == "log"
    assert remarks([line], log_y=True) == ["2 points are zero or less, which a log axis cannot show."]
    assert remarks([line]) == []


def test_the_window_is_the_axis_and_another_window_replaces_what_was_zoomed() -> None:
    whole, part = metric_figure([Line("a", X, Y)]), metric_figure([Line("a", X, Y)], window=(1.0, 3.0))

    assert list(part.layout.xaxis.range) == [1.0, 3.0]
    assert whole.layout.xaxis.range is None
    assert whole.layout.uirevision == part.layout.uirevision
    assert whole.layout.xaxis.uirevision != part.layout.xaxis.uirevision


def test_units_are_on_the_axis_and_in_the_hover() -> None:
    memory = metric_figure([Line("this run", X, Y * 1e9)], unit=BYTES)

    assert memory.layout.yaxis.ticksuffix == "B"
    assert memory.layout.yaxis.rangemode == "tozero"
    assert "B" in memory.data[0].hovertemplate
    assert metric_figure([Line("in use", X, Y)], unit=PERCENT).layout.yaxis.ticksuffix == " %"


def test_clock_times_make_a_date_axis() -> None:
    times = np.array(["2026-01-31T10:00", "2026-01-31T10:05"], dtype="datetime64[ms]")
    line = Line("train", times, np.array([1.0, 2.0]), broken=times[1:])

    assert metric_figure([line], x="clock").layout.xaxis.type == "date"
    assert remarks([line], x="clock") == ["1 value is not finite (NaN or infinite), first at 2026-01-31 10:05:00."]


def test_only_a_figure_with_very_many_points_uses_webgl() -> None:
    few, many = np.arange(1500.0), np.arange(GL_POINTS + 1.0)

    assert metric_figure([Line("a", few, few)]).data[0].type == "scatter"
    assert metric_figure([Line("a", many, many)]).data[0].type == "scattergl"


def test_figures_fit_a_light_and_a_dark_page() -> None:
    layout = metric_figure([Line("a", X, Y)]).layout

    assert (layout.paper_bgcolor, layout.plot_bgcolor) == (CLEAR, CLEAR)
    assert layout.font.color is None
    assert layout.xaxis.gridcolor is None


def test_the_browser_gets_json_that_it_can_read_whatever_the_values() -> None:
    line = Line("a", X, np.array([np.nan, np.inf, 1.0, 2.0, 3.0]), broken=X[:2])
    read = json.loads(as_json(metric_figure([line], x="time")))

    assert read["data"][0]["y"]["dtype"] == "f8"
    assert "NaN" not in json.dumps(read)


def test_an_empty_figure_has_axes() -> None:
    assert json.loads(as_json(metric_figure([])))["layout"]["xaxis"]["title"]["text"] == "step"
    assert metric_figure([], x="time").layout.xaxis.tickvals == ()


@pytest.mark.parametrize("ends", [(0, 0.02), (0, 3), (17, 47), (0, 700), (3_000, 9_999), (0, 3e6), (0, 1e9)])
def test_an_axis_of_durations_has_a_few_round_places(ends: tuple[float, float]) -> None:
    places = duration_ticks(*ends)

    assert 2 <= len(places) <= MOST_TICKS
    assert all(ends[0] <= place <= ends[1] for place in places)
    assert len({round(after - before, 6) for before, after in pairwise(places)}) == 1
    assert len({duration_text(place) for place in places}) == len(places)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.5, "0.5 s"), (60, "1 min"), (90, "1 min 30 s"), (5400, "1 h 30 min"), (90_000, "1 d 1 h")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words
