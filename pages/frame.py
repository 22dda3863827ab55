"""Round every page: the menu, the title bar, and what goes on in one line."""

from pathlib import Path

import streamlit as st

from pages.parts.frame_state import draw_live_state

HERE = Path(__file__).resolve().parent


def page(name: str, title: str, icon: str, *, default: bool = False, hidden: bool = False) -> st.Page:
    """One page file of this folder; its name is its URL."""
    return st.Page(
        str(HERE / f"{name}.py"),
        title=title,
        icon=f":material/{icon}:",
        url_path="" if default else name,
        default=default,
        visibility="hidden" if hidden else "visible",
    )


st.set_page_config(page_icon=str(HERE / "icon.png"), layout="wide")
st.logo(str(HERE / "logo.svg"), size="large", icon_image=str(HERE / "icon.png"))
chosen = st.navigation(
    {
        "Train": [
            page("home", "Home", "home", default=True),
            page("launch", "Launch", "rocket_launch"),
            page("runs", "Runs", "list"),
            page("run", "Run", "show_chart", hidden=True),
        ],
        "Data": [
            page("data", "Data", "database"),
            page("dataset", "Dataset", "table", hidden=True),
        ],
        "Team": [page("settings", "Settings", "settings")],
    }
)
st.set_page_config(page_title=f"{chosen.title} · Bancada")
with st.sidebar:
    draw_live_state()
chosen.run()
