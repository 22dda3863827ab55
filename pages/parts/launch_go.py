"""The launch itself: load what is missing, put the run into the queue, and go and see it."""

import getpass

import streamlit as st

from catalog.errors import CatalogError
from db.engine import Session, connect
from db.run_config import ConfigError, RunConfig, read_config
from db.states import Relation
from jobs.launch import launch
from lightning_modules.presets import Preset
from pages.parts import cached
from pages.parts.draft import Draft, Forms
from pages.parts.formats import escape
from pages.parts.launch_choices import sample_to_load
from pages.parts.launch_record import default_name
from pages.parts.samples_loading import load_samples


def go(draft: Draft, forms: Forms) -> None:
    """Launch a checked draft and open its run. The same draft makes one run, however often this is called."""
    launched: dict[str, int] = st.session_state.setdefault("launched", {})
    if draft.id not in launched:
        try:
            sample = sample_to_load(draft)
            if sample:
                load_samples([sample])
            config = read_config(draft.config)
        except (CatalogError, ConfigError) as error:
            _say_why_not(error)
            return
        name, who = draft.name or default_name(draft, forms), getpass.getuser()
        try:
            # From here to the note in `launched`, no Streamlit call: a second click must not come between.
            with connect().writing() as session:
                run_id = _queue(session, draft, config, name, who)
            launched[draft.id] = run_id
        except (CatalogError, ConfigError) as error:
            _say_why_not(error)
            return
    open_run(launched[draft.id])


def _queue(session: Session, draft: Draft, config: RunConfig, name: str, who: str) -> int:
    return launch(
        session,
        config,
        name=name,
        tags=draft.tags,
        notes=draft.notes,
        mirror=draft.mirror,
        preset=draft.preset,
        who=who,
        parent_id=draft.parent_id,
        relation=Relation.CLONE if draft.parent_id else None,
    )


def launch_preset(preset: Preset) -> None:
    """Launch a preset as it is written, its sample loaded first, mirrored as the team has it, and open its run.

    Raises:
        CatalogError, ConfigError: when it cannot be launched; the message says why.
    """
    load_samples([preset.sample])
    config, mirror = read_config(preset.config), cached.default_mirror()
    with connect().writing() as session:
        run_id = launch(session, config, name=preset.title, preset=preset.key, mirror=mirror, who=getpass.getuser())
    open_run(run_id)


def open_run(run_id: int) -> None:
    """Leave for the run's page; the draft has become a run."""
    for name in ("launching", "draft", "draft_is_pasted"):
        st.session_state.pop(name, None)
    st.switch_page("run.py", query_params={"id": str(run_id)})


def _say_why_not(error: Exception) -> None:
    st.session_state.pop("launching", None)
    st.error(escape(str(error)), title="The run was not launched")
