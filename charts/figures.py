"""What all figures share: colours, axes that fit a light and a dark page, and their way to the browser."""

from typing import Any

import plotly.graph_objects as go
import plotly.io

# Wong's palette, which the colour-blind tell apart, moved to a lightness that is read on white and on near-black.
BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, OLIVE, VIOLET = (
    "#1F7FBF", "#E08A00", "#17A37A", "#D0679F", "#4FB0E5", "#DD5A1B", "#A39A1F", "#8C7BD1",
)  # fmt: skip
SERIES_COLORS = (BLUE, ORANGE, GREEN, PINK, VERMILION, SKY, VIOLET, OLIVE)
CLEAR = "rgba(0,0,0,0)"
HEIGHT_PIXELS = 280


def as_json(figure: go.Figure) -> str:
    """The figure as the browser reads it; arrays are packed, NaN and infinity are gaps."""
    return str(plotly.io.to_json(figure, validate=False, engine="json"))


def empty_figure(*, x_title: str = "", y_title: str = "", height_pixels: int = HEIGHT_PIXELS) -> go.Figure:
    """Axes without data: no background, thin grid, and a state (zoom, hidden lines) that outlives new data."""
    axis: dict[str, Any] = {"automargin": True, "showline": False, "ticks": "", "nticks": 7}
    layout: dict[str, Any] = {
        "height": height_pixels,
        "margin": {"l": 8, "r": 12, "t": 26, "b": 8},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "hovermode": "x unified",
        "dragmode": "zoom",
        "uirevision": "kept",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "bgcolor": CLEAR},
        "xaxis": {**axis, "title": {"text": x_title, "standoff": 6}, "showgrid": False, "zeroline": False},
        "yaxis": {
            **axis,
            "exponentformat": "power",
            "title": {"text": y_title, "standoff": 6},
            "showgrid": True,
            "zeroline": False,
        },
        "template": "none",
    }
    return go.Figure(layout=layout)
