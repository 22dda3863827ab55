"""Settings: what the team can change, what can be trained, and where everything lies."""

import streamlit as st

from pages.parts import cached
from pages.parts.mirror_backlog import draw_backlog
from pages.parts.said import draw_said
from pages.parts.settings_facts import draw_facts
from pages.parts.settings_fields import draw_fields
from pages.parts.settings_modules import draw_modules, draw_paths
from pages.parts.settings_trash import draw_trash

with st.container(horizontal=True, vertical_alignment="center"):  # as high as on pages with buttons beside it
    st.title("Settings", icon=":material/settings:")
draw_said()
settings = cached.team_settings()

runs_tab, modules_tab, facts_tab = st.tabs(["Runs", "Models and data modules", "This installation"])
with runs_tab:
    draw_fields(settings)
    draw_backlog()
    draw_trash(settings.trash_days)
with modules_tab:
    draw_paths(settings)
    draw_modules()
with facts_tab:
    draw_facts()
