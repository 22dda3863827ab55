"""A Plotly figure on a page, that stays when its data change.

`st.plotly_chart` builds a new chart whenever a figure changes: a live curve goes blank every second, and zoom, hidden
lines and the hover label are lost. This component puts new points into the chart that is there, and says which stretch
of the x axis a person zoomed to, so that the page can load finer points (docs/decisions).
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from charts.figures import as_json
from charts.library import library_version

Zoom = Callable[[Any, Any], None]


def draw_plot(figure: Any, *, key: str, alt: str, on_zoom: Zoom | None = None) -> None:
    """Show a figure in the theme's colours.

    Args:
        figure: a figure of ``charts``; its layout has the height.
        key: of this chart on this page; the same key keeps the chart.
        alt: what it shows, for who cannot see it.
        on_zoom: called with the ends of the x axis in the axis' own values; with None twice to show everything.
    """

    def tell() -> None:
        asked = (st.session_state.get(key) or {}).get("zoomed")
        if on_zoom is not None and isinstance(asked, dict):
            on_zoom(asked.get("from"), asked.get("to"))

    height = figure.layout.height
    data = {
        "spec": as_json(figure),
        "alt": alt,
        "height": height,
        "zooms": on_zoom is not None,
        "version": library_version(),
    }
    _component()(key=key, data=data, height=height, on_zoomed_change=tell)


def load_ahead() -> None:
    """Have the browser load what draws charts while a person still reads the page: the first curve need not wait."""
    _component()(key="plot.ahead", data={"version": library_version()}, height=1)


@cache
def _component() -> Callable[..., Any]:
    script = Path(__file__).with_name("plot.js").read_text(encoding="utf-8")
    return st.components.v2.component(
        "bancada_plot", html='<div class="bancada-plot"></div>', js=script, isolate_styles=False
    )
