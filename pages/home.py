"""Home: what runs now, what needs a look, what is new, and what can be done next."""

import streamlit as st

from pages.parts import cached
from pages.parts.home_lists import draw_ended, draw_looks, read_lists
from pages.parts.home_now import LIVE_SECONDS, draw_now, read_now, what_is_there
from pages.parts.mirror_backlog import draw_backlog
from pages.parts.plot import load_ahead
from pages.parts.processors import PROCESSOR_SECONDS, draw_processors, draw_supervisor, is_settled
from pages.parts.samples import draw_samples
from pages.parts.starters import draw_starters

with st.container(horizontal=True, vertical_alignment="center"):  # as high as on pages with buttons beside it
    st.title("Home", icon=":material/home:")
machines = cached.machines()
draw_supervisor(machines)

active, waiting = read_now()
looks, ended = read_lists()
nothing_yet = not (active or waiting or looks or ended)
st.session_state["home.there"] = what_is_there(active, waiting)
if nothing_yet:
    draw_starters(first=True)
else:
    st.subheader("Running now", icon=":material/play_circle:", anchor=False)
    is_live = bool(active or waiting) or not is_settled(machines)
    st.fragment(draw_now, run_every=LIVE_SECONDS if is_live else None, key="home.now")()
    draw_looks(looks)
    draw_backlog(asked_online=True, quiet=True)
    draw_ended(ended)
    draw_starters(first=False)
draw_samples()
st.fragment(draw_processors, run_every=PROCESSOR_SECONDS if active else None, key="home.processors")()
load_ahead()
