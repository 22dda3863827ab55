"""Opens the draft that a link asks for, or shows what one can start from."""

from collections.abc import Mapping

import streamlit as st

from db import runs
from db.engine import connect
from db.errors import NotFound
from db.rows import RunDetail
from pages.parts import cached
from pages.parts.draft import Draft, Forms
from pages.parts.form import forget_widgets
from pages.parts.formats import escape
from pages.parts.launch_source import LINK_NAMES, from_link
from pages.parts.launch_texts import draw_paste
from pages.parts.processors import supervisor_state

KIND_TITLES = {"text": ("Text", "notes"), "table": ("Tables", "table"), "images": ("Images", "image")}


def open_draft(link: Mapping[str, str], forms: Forms) -> Draft | None:
    """The draft of this browser tab when the link is still the one it came from; else the one the link asks for."""
    source = {name: link[name] for name in LINK_NAMES if link.get(name)}
    held: Draft | None = st.session_state.get("draft")
    if held is not None and held.source == source and (source or st.session_state.get("draft_is_pasted")):
        return held
    if not source:
        return None
    parent = _parent(source.get("from", ""))
    draft = from_link(source, forms, cached.presets(), parent)
    if draft is None:
        st.warning(_why_no_start(source), title="This link has no start that exists here")
        return None
    if parent is None:
        draft.mirror = cached.default_mirror()
    keep(draft)
    return draft


def keep(draft: Draft, *, pasted: bool = False) -> None:
    """Make a draft the one of this browser tab; its widgets start from it."""
    st.session_state["draft"] = draft
    st.session_state["draft_is_pasted"] = pasted
    forget_widgets()


def leave() -> None:
    """Back to what one can start from; the draft stays until another is begun."""
    st.query_params.clear()
    st.session_state["draft_is_pasted"] = False


def _parent(run_id: str) -> RunDetail | None:
    if not run_id.isdecimal() or len(run_id) > 18:
        return None
    try:
        with connect().reading() as session:
            return runs.get(session, int(run_id))
    except NotFound:
        return None


def _why_no_start(source: Mapping[str, str]) -> str:
    for name, what in (("from", "run"), ("preset", "preset"), ("model", "model")):
        if source.get(name):
            return f"There is no {what} {escape(source[name][:200])} here. Choose a start below."
    return "Choose a start below."


@st.fragment(run_every=1)
def wait_for_models() -> None:
    """While a training process reads the modules for the first time: say so, and go on by itself."""
    if cached.forms():
        st.rerun()
    level, message = supervisor_state(cached.machines())
    if level == "warming":
        st.status("Reading the models: PyTorch is being imported, about ten seconds", state="running")
    elif level == "fine":
        st.status("Reading the models", state="running")
    else:
        st.warning(f"{message} The models are read as soon as it runs.", title="The form needs the run supervisor")


def draw_starts(forms: Forms) -> None:
    """Everything that a run can be started from."""
    held: Draft | None = st.session_state.get("draft")
    if held is not None:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"You were writing **{escape(held.name or held.title)}**.", width="stretch")
            st.button("Go on writing", icon=":material/edit:", key="continue", on_click=_go_on, args=(held,))
            st.button("Throw away", icon=":material/delete:", key="discard", on_click=_discard)
    dataset = st.query_params.get("dataset")
    kind = next((row.kind for row in cached.catalog() if dataset and row.name == dataset.partition("@")[0]), None)
    st.markdown(f"Choose what to train on **{escape(dataset)}**." if dataset else "Choose a preset, or begin blank.")
    for wanted, (title, icon) in KIND_TITLES.items():
        if kind in (None, wanted):
            _draw_kind(wanted, title, icon, dataset)
    _draw_blank(forms)
    if forms:
        with st.expander("From a YAML", icon=":material/code:", key="fold.paste"):
            draw_paste(None)


def _draw_kind(kind: str, title: str, icon: str, dataset: str | None) -> None:
    offered = [preset for preset in cached.presets().values() if preset.kind == kind]
    if not offered:
        return
    st.subheader(title, icon=f":material/{icon}:", anchor=False)
    states, registered = cached.sample_states(), {row.name for row in cached.catalog()}
    with st.grid(3, min_column_width=260):
        for preset in offered:
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{escape(preset.title)}**")
                st.caption(escape(preset.summary))
                st.space("stretch")
                sample = dataset or preset.sample
                if dataset is None and sample and sample not in registered:
                    there, why = states.get(sample, (False, f"{sample} is not known."))
                    st.caption(f":material/download: {escape(sample)} is loaded first" if there else f":orange[{why}]")
                else:
                    st.caption(f":material/database: {escape(sample or '')}")
                st.button("Choose", key=f"choose.{preset.key}", on_click=_choose, args=("preset", preset.key, dataset))


def _draw_blank(forms: Forms) -> None:
    models = [form for form in forms.values() if form.kind == "model"]
    st.subheader("Blank", icon=":material/draft:", anchor=False)
    if not models:
        st.caption("The models are still being read; this takes about ten seconds after the first start.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        titles = {form.class_path: f"{form.title} · {form.module.rpartition('.')[2]}" for form in models}
        st.selectbox("Model", titles, format_func=lambda path: titles.get(path, path), key="blank_model", width=420)
        st.button("Begin blank", key="blank", on_click=_choose_blank)


def _choose_blank() -> None:
    _choose("model", st.session_state["blank_model"], st.query_params.get("dataset"))


def _choose(name: str, value: str, dataset: str | None) -> None:
    st.query_params.from_dict({name: value} | ({"dataset": dataset} if dataset else {}))


def _go_on(draft: Draft) -> None:
    st.query_params.from_dict(draft.source)
    st.session_state["draft_is_pasted"] = not draft.source


def _discard() -> None:
    del st.session_state["draft"]
