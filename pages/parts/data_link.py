"""A widget whose value stands in the link.

Streamlit's own binding (``bind="query-params"``) forbids to leave such a page for a link without parameters and to set
the bound one from code; here both are needed.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def linked(name: str, default: str, allowed: Sequence[str] | None = None) -> dict[str, Any]:
    """Arguments for a widget that starts from the link's parameter ``name`` and changes it; the link is the truth."""
    key = f"link.{name}"
    wanted = st.query_params.get(name, default)
    if allowed is not None and wanted not in allowed:
        wanted = default
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted
    return {"key": key, "on_change": _tell, "args": (name, key, default)}


def _tell(name: str, key: str, default: str) -> None:
    value = st.session_state[key]
    if value in (None, "", default):
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value
