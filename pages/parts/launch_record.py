"""How the run is remembered: name, tags, notes, and its mirror at Weights & Biases."""

from collections.abc import Mapping, Sequence

import streamlit as st

from db.config_paths import DATASET, get
from db.states import Mirror
from pages.parts import cached
from pages.parts.draft import NOTES_LIMIT, Draft, Forms
from pages.parts.form import PREFIX, draw_fault
from tracking.wandb_state import NO_KEY, has_key

MIRROR_TITLES = {Mirror.OFF: "Off", Mirror.OFFLINE: "Offline", Mirror.ONLINE: "Online"}
NAME, TAGS, NOTES, MIRROR = (PREFIX + name for name in ("name", "tags", "notes", "mirror"))


def collect_record(draft: Draft) -> None:
    """Write what the widgets hold into the draft."""
    state = st.session_state
    draft.name = str(state.get(NAME, draft.name) or "").strip()
    draft.tags = [tag.strip()[:100] for tag in state.get(TAGS, draft.tags) if tag.strip()]
    draft.notes = str(state.get(NOTES, draft.notes) or "")
    draft.mirror = Mirror(state.get(MIRROR) or draft.mirror)


def default_name(draft: Draft, forms: Forms) -> str:
    """The name of a run that was given none."""
    if draft.preset or draft.parent_id:
        return draft.title[:200]
    form = forms.get(draft.class_path("model"))
    dataset = get(draft.config, DATASET)
    return f"{form.title if form else 'Run'}{f' on {dataset}' if dataset else ''}"[:200]


def draw_record(draft: Draft, forms: Forms, problems: Mapping[str, Sequence[str]]) -> None:
    """The fields of name, tags, notes and mirror."""
    with st.container(border=True):
        st.markdown("**Record**")
        state = st.session_state
        for key, value in ((NAME, draft.name), (TAGS, draft.tags), (NOTES, draft.notes), (MIRROR, draft.mirror)):
            state.setdefault(key, value)
        with st.grid(2, min_column_width=280):
            st.text_input("Name", key=NAME, max_chars=200, placeholder=default_name(draft, forms))
            st.multiselect(
                "Tags",
                sorted({*cached.known_tags(), *draft.tags}),
                key=TAGS,
                accept_new_options=True,
                placeholder="Choose or type",
                help="Words to find the run by",
            )
        st.text_area(
            "Notes",
            key=NOTES,
            max_chars=NOTES_LIMIT,
            height=80,
            placeholder="Why this run? What do you expect?",
            help=f"Up to {NOTES_LIMIT:,} characters",
        )
        for message in problems.get("notes", ()):
            draw_fault(message)
        st.segmented_control(
            "Mirror at Weights & Biases", list(Mirror), format_func=MIRROR_TITLES.get, key=MIRROR, required=True
        )
        st.caption(mirror_words(draft.mirror, key_is_here=has_key()))


def mirror_words(mirror: Mirror, *, key_is_here: bool) -> str:
    """What the mirror will do, in words."""
    if mirror is Mirror.OFF:
        return "Everything is recorded here; nothing is sent anywhere."
    if mirror is Mirror.OFFLINE:
        return "Also written in W&B's own format into the run's folder; nothing is sent. It can be synced later."
    if key_is_here:
        return (
            "Also sent to W&B while it trains, with the key found on this machine. Trouble there never harms the run."
        )
    return f"The mirror is written into the run's folder and waits there. {NO_KEY}"
