"""The draft as texts: YAML, command and link to copy, and a box whose YAML becomes the form."""

from urllib.parse import urlencode

import streamlit as st

from db.run_config import ConfigError, read_config
from jobs.commands import command_line
from pages.parts import cached
from pages.parts.draft import LINK_LIMIT, YAML_LIMIT, Draft, Forms, complete, encode_changes
from pages.parts.form import forget_widgets
from pages.parts.formats import escape
from pages.parts.launch_checks import read_pasted
from pages.parts.launch_source import from_config

BOX = "paste.yaml"


def draw_texts(draft: Draft, forms: Forms) -> None:
    """YAML, command, link and paste, in a fold."""
    with st.expander("YAML, command and link", icon=":material/code:", key="fold.texts"):
        written, command, link, paste = st.tabs(["YAML", "Command", "Link", "Paste a YAML"])
        with written:
            _draw_config(draft, as_command=False)
        with command:
            _draw_config(draft, as_command=True)
        with link:
            _draw_link(draft, forms)
        with paste:
            draw_paste(draft)


def _draw_config(draft: Draft, *, as_command: bool) -> None:
    try:
        config = read_config(draft.config)
    except ConfigError:
        st.caption("Correct the marked fields first.")
        return
    if as_command:
        st.caption("Runs the same without the dashboard, recorded in the same place.")
        st.code(command_line(config, draft.name), language="bash", wrap_lines=True)
    else:
        st.code(config.to_yaml(), language="yaml", height=360)


def _draw_link(draft: Draft, forms: Forms) -> None:
    if not draft.source:
        st.caption("A pasted config has no link; share the YAML.")
        return
    address, error = share_link(draft, forms, str(st.context.url or ""))
    if error:
        st.caption(error)
        return
    st.caption("Opens this form, with these changes, for anyone who can open this dashboard. Notes are not in it.")
    st.code(address, language=None, wrap_lines=True)


def share_link(draft: Draft, forms: Forms, page_address: str) -> tuple[str, str]:
    """(link, "") or ("", why there is none)."""
    names = {name: value for name, value in draft.source.items() if name != "set"}
    changes = encode_changes(draft, forms)
    query = urlencode(names | ({"set": changes} if changes else {}))
    if len(query) > LINK_LIMIT:
        return "", "These changes are too long for a link; share the YAML."
    return f"{page_address.partition('?')[0]}?{query}", ""


def draw_paste(draft: Draft | None) -> None:
    """A box for a YAML; it becomes the form when nothing is wrong with it."""
    st.text_area(
        "YAML or JSON of a run",
        key=BOX,
        max_chars=YAML_LIMIT,
        height=220,
        placeholder="seed: 42\nmodel:\n  class_path: …",
        help=f"Up to {YAML_LIMIT:,} characters",
    )
    st.button("Use this YAML", key="use_yaml", icon=":material/input:", on_click=_use, args=(draft,))
    faults = st.session_state.get("paste.faults", [])
    if faults:
        st.error(
            "\n".join(f"- {escape(fault)}" for fault in faults[:20]),
            title="Nothing was changed: this YAML cannot be used yet",
        )


def _use(draft: Draft | None) -> None:
    text = st.session_state.get(BOX) or ""
    forms = cached.forms()
    values, faults = read_pasted(text, cached.descriptions()) if text.strip() else (None, ["The box is empty."])
    st.session_state["paste.faults"] = faults
    if values is None:
        return
    if draft is None:
        draft = from_config(values, forms)
        draft.mirror = cached.default_mirror()
    else:
        draft.config, draft.remarks = complete(values, forms)
    st.session_state["draft"] = draft
    st.session_state["draft_is_pasted"] = not draft.source
    forget_widgets()
    st.toast("The form shows the pasted YAML", icon=":material/check:")
