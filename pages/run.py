"""Run: everything about one run, live while it works."""

import streamlit as st

from pages.parts.run_acts import finish_press
from pages.parts.run_buttons import draw_trash_bar
from pages.parts.run_charts import draw_charts, draw_system
from pages.parts.run_checkpoints import draw_checkpoints
from pages.parts.run_config_tab import draw_config
from pages.parts.run_environment import draw_environment
from pages.parts.run_failure import draw_failure
from pages.parts.run_header import draw_header
from pages.parts.run_history import draw_history
from pages.parts.run_log import draw_log
from pages.parts.run_now import draw_now
from pages.parts.run_open import asked_run, open_run

TABS = {
    "Charts": draw_charts,
    "System": draw_system,
    "Log": draw_log,
    "Config": draw_config,
    "Checkpoints": draw_checkpoints,
    "Environment": draw_environment,
    "History": draw_history,
}

finish_press()
run = open_run(asked_run())
st.set_page_config(page_title=f"#{run.id} {run.name} · Bancada")
draw_header(run)
draw_trash_bar(run)
draw_now(run)
draw_failure(run)
for tab, draw in zip(st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True):
    if tab.open:
        with tab:
            draw(run)
