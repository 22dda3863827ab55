"""The settings that a person changes, saved together."""

import getpass
import os
from typing import Any

import streamlit as st

from db import settings as db_settings
from db.engine import connect
from db.settings import Settings
from db.states import Mirror
from pages.parts import cached
from pages.parts.launch_record import MIRROR_TITLES, mirror_words
from tracking.wandb_state import has_key


def draw_fields(settings: Settings) -> None:
    """The form of limits, trash and mirror."""
    with st.form("settings", border=False):
        typed = {**_processor_fields(settings), **_trash_fields(settings), **_mirror_fields(settings)}
        if st.form_submit_button("Save", type="primary", icon=":material/save:"):
            _save(**typed)


def _processor_fields(settings: Settings) -> dict[str, Any]:
    st.subheader("Processors", anchor=False)
    with st.grid(2, min_column_width=280):
        max_cpu_runs = st.number_input(
            "Runs at once on the CPU",
            min_value=1,
            max_value=256,
            value=settings.max_cpu_runs,
            help=f"This machine has {os.cpu_count()} cores. Others wait in the queue.",
        )
        grace = st.number_input(
            "Seconds to stop gently",
            min_value=1.0,
            max_value=3600.0,
            value=float(settings.stop_grace_seconds),
            step=5.0,
            format="%g",
            help="A run that is stopped saves a checkpoint first; after this time it is ended by force.",
        )
    return {"max_cpu_runs": int(max_cpu_runs), "stop_grace_seconds": float(grace)}


def _trash_fields(settings: Settings) -> dict[str, Any]:
    st.subheader("Trash", anchor=False)
    days = st.number_input(
        "Days until a deleted run is gone for good",
        min_value=0,
        max_value=3650,
        value=settings.trash_days,
        help="0 keeps deleted runs until the trash is emptied by hand.",
        width=300,
    )
    return {"trash_days": int(days)}


def _mirror_fields(settings: Settings) -> dict[str, Any]:
    st.subheader("Weights & Biases", anchor=False)
    with st.grid(2, min_column_width=280):
        project = st.text_input("Project", value=settings.wandb_project, max_chars=128, required=True)
        entity = st.text_input(
            "Entity",
            value=settings.wandb_entity or "",
            max_chars=128,
            placeholder="your default",
            help="User or team",
        )
    mirror = st.segmented_control(
        "New runs are mirrored",
        list(Mirror),
        default=Mirror(settings.default_mirror),
        format_func=MIRROR_TITLES.get,
        required=True,
    )
    st.caption(mirror_words(Mirror(settings.default_mirror), key_is_here=has_key()))
    return {
        "wandb_project": project.strip() or "bancada",
        "wandb_entity": entity.strip() or None,
        "default_mirror": Mirror(mirror).value,
    }


def _save(**changes: Any) -> None:
    with connect().writing() as session:
        db_settings.write(session, getpass.getuser(), **changes)
    cached.forget()
    st.toast("Saved", icon=":material/check:")
