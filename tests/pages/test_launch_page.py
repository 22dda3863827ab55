"""The launch page: from a link to a queued run, and everything that must not be launched."""

import json
from typing import Any

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from catalog.samples import load_sample
from db import runs, settings
from db.engine import Database
from db.rows import RunDetail
from db.states import Mirror
from tests.pages.conftest import OpenPage, texts
from tests.pages.descriptions import DATA, MODEL, OTHER_MODEL, TABLE_DATA, TABLE_MODEL

WIDTH = "form.model.init_args.width"


@pytest.fixture
def with_data(described: Database) -> Database:
    with described.writing() as session:
        load_sample(session, "frases-pt", "me")
    return described


def all_runs(database: Database) -> list[RunDetail]:
    with database.reading() as session:
        return [runs.get(session, row.id) for row in runs.find(session, sort="created_at").rows]


def blank(open_page: OpenPage, **link: str) -> AppTest:
    at = open_page("launch", model=MODEL, dataset="frases-pt", **link)
    assert not at.exception
    return at


def test_a_blank_form_becomes_a_queued_run(open_page: OpenPage, with_data: Database) -> None:
    at = blank(open_page)
    at.number_input(key=WIDTH).set_value(48)
    at.text_input(key="form.name").set_value("A 🚀 name")
    at.multiselect(key="form.tags").set_value([])
    at.text_area(key="form.notes").set_value("why not")
    at.run()
    at.button(key="launch").click().run()

    assert not at.exception
    [run] = all_runs(with_data)
    assert run.name == "A 🚀 name"
    assert run.notes == "why not"
    assert run.state == "queued"
    assert run.config["model"]["init_args"]["width"] == 48
    assert run.config["model"]["init_args"]["learning_rate"] == 0.001  # defaults are written out
    assert run.dataset == "frases-pt@1"


def test_a_new_run_is_mirrored_as_the_team_has_it(open_page: OpenPage, with_data: Database) -> None:
    with with_data.writing() as session:
        settings.write(session, "me", default_mirror="offline")
    at = blank(open_page)
    at.button(key="launch").click().run()

    assert not at.exception
    [run] = all_runs(with_data)
    assert run.mirror is Mirror.OFFLINE


def test_a_second_press_makes_no_second_run(open_page: OpenPage, with_data: Database) -> None:
    at = blank(open_page)
    draft = at.session_state["draft"]
    at.button(key="launch").click().run()
    assert len(all_runs(with_data)) == 1

    again = open_page("launch", model=MODEL, dataset="frases-pt")
    again.session_state["draft"] = draft
    again.session_state["launched"] = {draft.id: all_runs(with_data)[0].id}
    again.session_state["launching"] = draft.id
    again.run()

    assert not again.exception
    assert len(all_runs(with_data)) == 1


@pytest.mark.usefixtures("with_data")
def test_a_value_out_of_bounds_is_said_at_its_field_and_cannot_be_launched(open_page: OpenPage) -> None:
    at = blank(open_page)
    at.number_input(key=WIDTH).set_value(0).run()

    assert at.button(key="launch").disabled
    assert any("1" in text.value for text in at.markdown if ":red" in text.value)

    at.number_input(key=WIDTH).set_value(1).run()
    assert not at.button(key="launch").disabled


@pytest.mark.usefixtures("described")
def test_a_missing_dataset_is_said(open_page: OpenPage) -> None:
    at = open_page("launch", model=MODEL)

    assert at.button(key="launch").disabled
    assert "Choose a dataset" in texts(at)


@pytest.mark.usefixtures("described")
def test_a_dataset_that_does_not_exist_is_said(open_page: OpenPage) -> None:
    at = open_page("launch", model=MODEL, dataset="nothing@7")

    assert at.button(key="launch").disabled
    assert "is not registered" in texts(at)


@pytest.mark.usefixtures("with_data")
def test_another_model_brings_its_fields_and_its_data(open_page: OpenPage) -> None:
    at = blank(open_page)
    at.selectbox(key="form.model.class_path").set_value(OTHER_MODEL).run()
    assert at.number_input(key="form.model.init_args.layers").value == 2
    assert at.session_state["draft"].class_path("data") == DATA

    at.selectbox(key="form.model.class_path").set_value(TABLE_MODEL).run()
    assert not at.exception
    assert at.session_state["draft"].class_path("data") == TABLE_DATA


@pytest.mark.usefixtures("with_data")
def test_changes_are_counted_and_undone_together(open_page: OpenPage) -> None:
    at = blank(open_page)
    at.number_input(key=WIDTH).set_value(7).run()
    assert "was 32" in at.number_input(key=WIDTH).label

    at.button(key="reset").click().run()
    assert at.number_input(key=WIDTH).value == 32
    assert "was" not in at.number_input(key=WIDTH).label


@pytest.mark.usefixtures("with_data")
def test_a_link_opens_the_same_draft(open_page: OpenPage) -> None:
    changes = json.dumps({"config": {"model.init_args.width": 77, "trainer.early_stopping": True}, "name": "Ana's"})
    at = blank(open_page, set=changes)

    assert at.number_input(key=WIDTH).value == 77
    assert at.number_input(key="form.trainer.early_stopping.patience").value == 3
    assert at.text_input(key="form.name").value == "Ana's"


@pytest.mark.parametrize("broken", ["{", "gASVCg==", '{"config":{"model.class_path":"os.system"}}'])
@pytest.mark.usefixtures("with_data")
def test_a_broken_link_says_so_and_still_opens(open_page: OpenPage, broken: str) -> None:
    at = blank(open_page, set=broken)

    assert at.warning
    assert at.number_input(key=WIDTH).value == 32


@pytest.mark.usefixtures("described")
def test_a_link_to_nothing_offers_what_there_is(open_page: OpenPage) -> None:
    for link in ({"preset": "nothing"}, {"from": "999"}, {"from": "x' or 1=1"}, {"model": "os.path"}):
        at = open_page("launch", **link)
        assert not at.exception
        assert "There is no" in texts(at)
        assert at.selectbox(key="blank_model").options


def test_a_clone_shows_its_parents_values_and_remembers_it(open_page: OpenPage, with_data: Database) -> None:
    at = blank(open_page)
    at.number_input(key=WIDTH).set_value(48).run()
    at.button(key="launch").click().run()
    [parent] = all_runs(with_data)

    clone = open_page("launch", **{"from": str(parent.id)})
    assert clone.number_input(key=WIDTH).value == 48
    clone.number_input(key=WIDTH).set_value(96).run()
    assert "was 48" in clone.number_input(key=WIDTH).label
    clone.button(key="launch").click().run()

    made = all_runs(with_data)[-1]
    assert made.parent_id == parent.id
    assert made.relation == "clone"
    assert made.config["model"]["init_args"]["width"] == 96


def paste(at: AppTest, text: str) -> AppTest:
    at.text_area(key="paste.yaml").set_value(text).run()
    return at.button(key="use_yaml").click().run()


def pasted_config(**args: Any) -> str:
    config = {
        "model": {"class_path": MODEL, "init_args": args},
        "data": {"class_path": DATA, "init_args": {"dataset": "frases-pt"}},
    }
    return yaml.safe_dump(config)


@pytest.mark.usefixtures("with_data")
def test_a_pasted_yaml_becomes_the_form(open_page: OpenPage) -> None:
    at = paste(blank(open_page), pasted_config(width=11, hidden=[1, 2]))

    assert not at.exception
    assert at.number_input(key=WIDTH).value == 11
    assert at.text_input(key="form.model.init_args.hidden").value == "[1, 2]"


@pytest.mark.usefixtures("with_data")
def test_a_pasted_yaml_starts_a_form_from_nothing(open_page: OpenPage) -> None:
    at = paste(open_page("launch"), pasted_config(width=12))

    assert not at.exception
    assert at.number_input(key=WIDTH).value == 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: [", "Line 1"),
        ("- 1", "mapping"),
        ("", "empty"),
        (pasted_config(width=0), "width"),
        (pasted_config(width="wide"), "width"),
        (pasted_config() + "trainer: {max_epochs: 0}", "Line"),
        (pasted_config() + "trainer: {colour: 3}", "trainer.colour"),
        (pasted_config() + "seed: !!python/object/apply:os.getcwd []", "Line"),
    ],
)
@pytest.mark.usefixtures("with_data")
def test_a_yaml_with_faults_changes_nothing_and_says_where(open_page: OpenPage, text: str, said: str) -> None:
    at = paste(blank(open_page), text)

    assert not at.exception
    assert said in texts(at)
    assert at.number_input(key=WIDTH).value == 32


@pytest.mark.usefixtures("with_data")
def test_ten_megabytes_of_notes_are_cut_to_the_limit_and_the_page_stays_usable(
    open_page: OpenPage, with_data: Database
) -> None:
    at = blank(open_page)
    at.text_area(key="form.notes").set_value("🦊" * 2_500_000).run()
    assert not at.exception

    at.text_area(key="form.notes").set_value("🦊 short").run()
    at.button(key="launch").click().run()
    assert not at.exception
    assert all_runs(with_data)[0].notes == "🦊 short"


@pytest.mark.usefixtures("database")
def test_without_descriptions_the_page_waits_and_says_why(open_page: OpenPage) -> None:
    at = open_page("launch", model=MODEL)

    assert not at.exception
    assert "supervisor" in texts(at)


@pytest.mark.usefixtures("described")
def test_a_preset_whose_sample_is_not_loaded_offers_to_load_it(open_page: OpenPage) -> None:
    at = open_page("launch", model=MODEL, dataset="frases-pt")
    assert "not loaded yet" in texts(at)
    assert not at.button(key="launch").disabled

    at.button(key="load_sample").click().run()
    assert not at.exception
    assert "not loaded yet" not in texts(at)
