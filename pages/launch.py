"""Launch: write a run, see what would happen, and put it into the queue."""

import streamlit as st

from db.config_paths import DATASET
from pages.parts import cached
from pages.parts.draft import SCALING_FIELDS, SEED, TRAINER_FIELDS, changes, fields_of
from pages.parts.form import collect, draw_fields
from pages.parts.launch_bar import draw_bar
from pages.parts.launch_checks import find_problems, grouped
from pages.parts.launch_choices import available_datasets, device_options, draw_free_now, why_not_available
from pages.parts.launch_classes import draw_class, draw_dataset_state
from pages.parts.launch_open import draw_starts, leave, open_draft, wait_for_models
from pages.parts.launch_record import collect_record, draw_record
from pages.parts.launch_texts import draw_texts
from pages.parts.plot import load_ahead

with st.container(horizontal=True, vertical_alignment="center"):  # as high as on pages with buttons beside it
    st.title("Launch", icon=":material/rocket_launch:")
forms = cached.forms()
link = st.query_params.to_dict()
if not forms and link:
    wait_for_models()
    st.stop()
draft = open_draft(link, forms)
if draft is None:
    draw_starts(forms)
    st.stop()

# What the widgets hold becomes the draft; then it is checked; then it is drawn.
collect(draft.config, fields_of(draft.config, forms))
collect_record(draft)
options = {
    DATASET: available_datasets(draft),
    "scaling.devices": device_options(draft),
}
problems = grouped(find_problems(draft, cached.descriptions(), options[DATASET], why_not_available()))
changed = changes(draft, forms)
drawing = {"config": draft.config, "problems": problems, "changes": changed, "options": options}

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader(draft.title, anchor=False, width="stretch")
    st.button("Start from something else", icon=":material/arrow_back:", key="leave", on_click=leave)
if draft.remarks:
    st.warning("\n".join(f"- {remark}" for remark in draft.remarks), title="Not everything could be taken over")

for part, heading in (("model", "Model"), ("data", "Data")):
    with st.container(border=True):
        form = draw_class(draft, part, heading, forms, problems)
        if part == "data":
            draw_dataset_state(draft)
        if form:
            draw_fields(form.fields, fold=f"More {heading.lower()} settings", **drawing)
with st.container(border=True):
    st.markdown("**Training**")
    draw_fields([SEED, *TRAINER_FIELDS], fold="More training settings", **drawing)
with st.container(border=True):
    st.markdown("**Processors**")
    draw_free_now()
    draw_fields(SCALING_FIELDS, fold="More processor settings", **drawing)
draw_record(draft, forms, problems)
draw_texts(draft, forms)
draw_bar(draft, forms, changed, problems)
load_ahead()
