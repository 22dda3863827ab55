"""Short messages. A press puts one down; whatever is drawn next shows it: inside of a press's own callback nothing can
be drawn when only a fragment of the page runs, and a toast before a dialog takes the dialog's place in the browser.
"""

import streamlit as st

from pages.parts.formats import escape

_KEY = "said"


def say(text: str, icon: str = "check") -> None:
    """Put a message down; nothing for an empty one."""
    if text:
        st.session_state.setdefault(_KEY, []).append((text, icon))


def draw_said() -> None:
    """Show what was put down, once; what went wrong stays longer."""
    for text, icon in st.session_state.pop(_KEY, ()):
        st.toast(escape(text), icon=f":material/{icon}:", duration="short" if icon == "check" else "long")
