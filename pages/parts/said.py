"""Short messages of the runs page. A press puts one down; whatever is drawn next shows it: inside of a press's own
callback nothing can be drawn when only a fragment of the page runs.
"""

import streamlit as st

from pages.parts.formats import escape

_KEY = "runs.said"


def say(text: str, icon: str = "check") -> None:
    """Put a message down."""
    st.session_state.setdefault(_KEY, []).append((text, f":material/{icon}:"))


def draw_said() -> None:
    """Show what was put down, once."""
    for text, icon in st.session_state.pop(_KEY, ()):
        st.toast(escape(text), icon=icon)
