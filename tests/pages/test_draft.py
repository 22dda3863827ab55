"""A draft: defaults written out, changes, links, other classes."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.parts.draft import (
    TRAINER_FIELDS,
    Draft,
    Forms,
    apply_changes,
    blank_config,
    change_class,
    changes,
    companions,
    complete,
    encode_changes,
    put,
    switch_section,
)
from pages.parts.fields import class_form
from tests.pages.descriptions import DATA, DESCRIPTIONS, MODEL, OTHER_MODEL, TABLE_DATA, TABLE_MODEL

FORMS: Forms = {one["class_path"]: class_form(one) for one in DESCRIPTIONS}


def new_draft() -> Draft:
    config, _ = complete(blank_config(FORMS[MODEL], FORMS[DATA]), FORMS)
    return Draft(source={"model": MODEL}, base=config, base_name="the defaults", config=copy.deepcopy(config))


def copy_by_link(draft: Draft) -> Draft:
    other = new_draft()
    apply_changes(other, encode_changes(draft, FORMS), FORMS)
    return other


def test_a_config_is_completed_with_every_default() -> None:
    config, remarks = complete({"model": {"class_path": MODEL}, "data": {"class_path": DATA}}, FORMS)

    assert remarks == []
    assert config["model"]["init_args"]["learning_rate"] == 0.001
    assert config["trainer"]["checkpoint"]["save_top_k"] == 2
    assert config["seed"] == 42


def test_what_does_not_fit_becomes_a_remark_and_not_an_exception() -> None:
    given_config = {
        "model": {"class_path": MODEL, "init_args": {"width": "wide", "colour": "blue"}},
        "data": {"class_path": DATA},
    }

    config, remarks = complete(given_config, FORMS)

    assert config["model"]["init_args"]["width"] == 32
    assert "colour" not in config["model"]["init_args"]
    assert any("colour" in remark for remark in remarks)
    assert any("'wide' is not a number" in remark for remark in remarks)


def test_a_new_draft_has_no_changes_and_no_link_of_changes() -> None:
    draft = new_draft()

    assert changes(draft, FORMS) == {}
    assert encode_changes(draft, FORMS) == ""


def test_changes_are_counted_against_the_base() -> None:
    draft = new_draft()
    put(draft.config, "model.init_args.width", 64)

    assert changes(draft, FORMS) == {"model.init_args.width": (32, 64)}


def test_another_class_keeps_what_fits_and_counts_against_its_own_defaults() -> None:
    draft = new_draft()
    put(draft.config, "model.init_args.dropout", 0.5)
    change_class(draft, "model", OTHER_MODEL, FORMS)

    assert draft.config["model"]["init_args"] == {"layers": 2, "dropout": 0.5, "learning_rate": 0.001}
    assert changes(draft, FORMS) == {
        "model.class_path": (MODEL, OTHER_MODEL),
        "model.init_args.dropout": (0.1, 0.5),
    }


def test_a_link_of_another_class_gives_the_same_config() -> None:
    draft = new_draft()
    draft.base["model"]["init_args"]["dropout"] = 0.7  # the base differs from the other class's default
    change_class(draft, "model", OTHER_MODEL, FORMS, keep=False)
    put(draft.config, "model.init_args.layers", 5)

    assert copy_by_link(draft).config == draft.config


@pytest.mark.parametrize("on_at_first", [True, False])
def test_an_optional_section_survives_a_link(on_at_first: bool) -> None:
    draft, other = new_draft(), new_draft()
    if on_at_first:
        for base in (draft.base, draft.config, other.base, other.config):
            switch_section(base, "trainer.early_stopping", True, TRAINER_FIELDS)
    switch_section(draft.config, "trainer.early_stopping", not on_at_first, TRAINER_FIELDS)

    apply_changes(other, encode_changes(draft, FORMS), FORMS)

    assert other.config == draft.config


@given(
    width=st.integers(1, 4096),
    rate=st.floats(1e-9, 10),
    hidden=st.lists(st.integers(1, 999), min_size=1, max_size=5),
    warmup=st.none() | st.integers(0, 10_000),
    name=st.text(max_size=50),
)
def test_any_draft_survives_its_link(width: int, rate: float, hidden: list[int], warmup: int | None, name: str) -> None:
    draft = new_draft()
    draft.name = name
    values = {"width": width, "learning_rate": rate, "hidden": hidden, "warmup_steps": warmup}
    draft.config["model"]["init_args"] |= values

    other = copy_by_link(draft)

    assert other.config == draft.config
    assert other.name == draft.name
    assert other.remarks == []


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        '"x"',
        "null",
        "[" * 100_000,
        '{"config": 5}',
        '{"config":{"model.init_args.width":"wide"}}',
        '{"config":{"model.init_args.width.more":1}}',
        '{"config":{"model":"x"}}',
        '{"config":{"model.class_path":["a"]}}',
        '{"config":{"model.class_path":"gone.Model"}}',
        '{"config":{"data.init_args":"x"}}',
        '{"config":{"trainer":5}}',
        '{"config":{"":1}}',
        '{"config":{"seed":{"a":1}}}',
    ],
)
def test_a_broken_link_is_a_remark(text: str) -> None:
    draft = new_draft()
    apply_changes(draft, text, FORMS)

    assert draft.remarks
    assert draft.config == draft.base


def test_a_link_carries_plain_json_only() -> None:
    draft = new_draft()
    put(draft.config, "model.init_args.width", 8)

    assert json.loads(encode_changes(draft, FORMS)) == {"config": {"model.init_args.width": 8}}


def test_data_modules_of_the_models_own_file_come_first() -> None:
    assert companions(FORMS[MODEL], FORMS)[0].class_path == DATA
    assert companions(FORMS[TABLE_MODEL], FORMS)[0].class_path == TABLE_DATA
