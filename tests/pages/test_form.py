"""Fields as widgets: what is drawn, and what comes back."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def form_script(config: dict, problems: dict, changed: dict) -> None:  # type: ignore[type-arg]
    import streamlit as st

    from pages.parts.draft import SCALING_FIELDS, SEED, TRAINER_FIELDS
    from pages.parts.fields import class_form
    from pages.parts.form import collect, draw_fields
    from tests.pages.descriptions import DESCRIPTIONS

    st.session_state.setdefault("config", config)
    held = st.session_state["config"]
    fields = [*class_form(DESCRIPTIONS[0]).fields, *class_form(DESCRIPTIONS[3]).fields]
    fields += [SEED, *TRAINER_FIELDS, *SCALING_FIELDS]
    options = {
        "data.init_args.dataset": {"reviews": "Reviews", "reviews@1": "Reviews, first"},
        "scaling.devices": {"auto": "Automatic", "1": "1 process", "2": "2 processes"},
    }
    collect(held, fields)
    draw_fields(fields, held, problems=problems, changes=changed, options=options, fold="More")


@pytest.fixture
def config() -> dict[str, Any]:
    from pages.parts.draft import blank_config, complete
    from pages.parts.fields import class_form
    from tests.pages.descriptions import DATA, DESCRIPTIONS, MODEL

    forms = {one["class_path"]: class_form(one) for one in DESCRIPTIONS}
    return complete(blank_config(forms[MODEL], forms[DATA]), forms)[0]


def open_form(config: dict[str, Any], problems: Any = None, changed: Any = None) -> AppTest:
    at = AppTest.from_function(form_script, args=(config, problems or {}, changed or {}), default_timeout=20).run()
    assert not at.exception
    return at


def test_drawing_alone_changes_nothing(config: dict[str, Any]) -> None:
    before = repr(config)
    at = open_form(config)
    at.run()

    assert not at.exception
    assert repr(at.session_state["config"]) == before


def test_each_kind_of_widget_writes_its_value(config: dict[str, Any]) -> None:
    at = open_form(config)
    at.number_input(key="form.model.init_args.width").set_value(64)
    at.number_input(key="form.model.init_args.learning_rate").set_value(3e-5)
    at.toggle(key="form.model.init_args.normalise").set_value(False)
    at.text_input(key="form.model.init_args.hidden").set_value("128, 64")
    at.selectbox(key="form.data.init_args.dataset").set_value("reviews@1")
    at.selectbox(key="form.scaling.devices").set_value("2")
    at.number_input(key="form.trainer.gradient_clip_val").set_value(1.5)
    at.run()

    assert not at.exception
    written = at.session_state["config"]
    assert written["model"]["init_args"] | {"normalise": False} == written["model"]["init_args"]
    assert written["model"]["init_args"]["width"] == 64
    assert written["model"]["init_args"]["learning_rate"] == 3e-5
    assert written["model"]["init_args"]["hidden"] == [128, 64]
    assert written["data"]["init_args"]["dataset"] == "reviews@1"
    assert written["scaling"]["devices"] == 2
    assert written["trainer"]["gradient_clip_val"] == 1.5


def test_a_nullable_field_can_be_emptied_again(config: dict[str, Any]) -> None:
    at = open_form(config)
    at.number_input(key="form.trainer.max_minutes").set_value(5.0).run()
    assert at.session_state["config"]["trainer"]["max_minutes"] == 5.0

    at.number_input(key="form.trainer.max_minutes").set_value(None).run()
    assert at.session_state["config"]["trainer"]["max_minutes"] is None


def test_a_section_is_switched_on_with_its_defaults_and_off_again(config: dict[str, Any]) -> None:
    at = open_form(config)
    at.toggle(key="form.trainer.early_stopping").set_value(True).run()
    assert at.session_state["config"]["trainer"]["early_stopping"]["patience"] == 3

    at.number_input(key="form.trainer.early_stopping.patience").set_value(7).run()
    assert at.session_state["config"]["trainer"]["early_stopping"]["patience"] == 7

    at.toggle(key="form.trainer.early_stopping").set_value(False).run()
    assert not at.exception
    assert at.session_state["config"]["trainer"]["early_stopping"] is None


def test_a_problem_stands_at_its_field_and_a_change_is_marked(config: dict[str, Any]) -> None:
    path = "model.init_args.width"
    at = open_form(config, {path: ["must be at least 1"]}, {path: (32, 0)})

    assert any("must be at least 1" in text.value for text in at.markdown)
    assert "was 32" in at.number_input(key=f"form.{path}").label


def test_a_value_that_is_not_among_the_choices_is_still_shown(config: dict[str, Any]) -> None:
    config["data"]["init_args"]["dataset"] = "gone@9"
    at = open_form(config)

    assert at.selectbox(key="form.data.init_args.dataset").value == "gone@9"


def test_rarely_changed_fields_are_folded(config: dict[str, Any]) -> None:
    at = open_form(config)
    folded = {widget.key for widget in at.expander(key="fold.More").number_input}

    assert "form.model.init_args.weight_decay" in folded
    assert "form.model.init_args.width" not in folded
