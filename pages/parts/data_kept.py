"""Widget values that outlive their widgets: a form is still filled when a person comes back to its page."""

from typing import Any

import streamlit as st

Values = dict[str, Any]


def kept(values: Values, prefix: str, name: str, default: Any) -> str:
    """The key for a widget whose value is kept in ``values[name]``; the widget starts from there."""
    key = f"{prefix}.{name}"
    if key in st.session_state:
        values[name] = st.session_state[key]
    else:
        st.session_state[key] = values.setdefault(name, default)
    return key


def collect(values: Values, prefix: str) -> None:
    """Take over what the widgets hold, before anything is checked and drawn."""
    for name in values:
        key = f"{prefix}.{name}"
        if key in st.session_state:
            values[name] = st.session_state[key]


def put(values: Values, prefix: str, name: str, value: Any) -> None:
    """Change a kept value from code; call it before its widget is drawn."""
    values[name] = value
    st.session_state[f"{prefix}.{name}"] = value


def forget(prefix: str) -> None:
    """Drop the widgets of a form that is over."""
    for key in [key for key in st.session_state if str(key).startswith(f"{prefix}.")]:
        del st.session_state[key]
