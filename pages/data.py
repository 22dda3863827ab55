"""Data: every registered dataset, registering another one, and the sample data."""

import streamlit as st

from pages.parts.data_list import draw_deleted, draw_just_deleted, draw_list, read_list
from pages.parts.data_register import draw_register, draw_storing, held_draft, throw_away
from pages.parts.formats import escape
from pages.parts.said import draw_said
from pages.parts.samples import draw_samples

registering = bool(st.query_params.get("new"))
with st.container(horizontal=True, vertical_alignment="center"):
    st.title("Register data" if registering else "Data", icon=":material/database:", width="stretch")
    if registering and st.button("All datasets", icon=":material/arrow_back:", key="data.back"):
        st.query_params.clear()
        st.rerun()
    if not registering and st.button("Register data", type="primary", icon=":material/add:", key="data.new"):
        st.query_params["new"] = "1"
        st.rerun()

if registering:
    draw_register()
    draw_said()
    st.stop()

draw_just_deleted()
is_storing = draw_storing()
draw_said()
draft = held_draft()
if draft is not None and not is_storing:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"You were registering **{escape(draft.title)}**.", width="stretch")
        if st.button("Go on", icon=":material/edit:", key="data.go_on"):
            st.query_params["new"] = "1"
            st.rerun()
        st.button("Throw away", icon=":material/delete:", key="data.throw_away", on_click=throw_away)
lines = read_list()
if not lines:
    st.markdown(
        "Nothing is registered yet. Load a sample below, or register a file of your own: a table, texts with labels, "
        "or a folder of images."
    )
draw_list(lines)
draw_samples()
draw_deleted()
