"""What stands in the way of a launch, and where in a pasted YAML it stands."""

import copy
from typing import Any

import pytest

from pages.parts.draft import NOTES_LIMIT, YAML_LIMIT, Draft, blank_config, complete, put
from pages.parts.fields import class_form
from pages.parts.launch_checks import find_problems, read_pasted
from tests.pages.descriptions import DATA, DESCRIPTIONS, MODEL

BY_PATH = {one["class_path"]: one for one in DESCRIPTIONS}
FORMS = {path: class_form(one) for path, one in BY_PATH.items()}


def draft_with(**changes: Any) -> Draft:
    config, _ = complete(blank_config(FORMS[MODEL], FORMS[DATA]), FORMS)
    put(config, "data.init_args.dataset", "reviews")
    for path, value in changes.items():
        put(config, path.replace("__", "."), value)
    return Draft(source={}, base=config, base_name="the defaults", config=copy.deepcopy(config))


def paths(draft: Draft) -> list[str]:
    return [path for path, _ in find_problems(draft, BY_PATH, {"reviews": "Reviews"}, {"far": "Fetch it first."})]


def test_a_sound_draft_has_no_problems() -> None:
    assert paths(draft_with()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.init_args.width", 0),
        ("model.init_args.width", None),
        ("model.init_args.hidden", "abc"),
        ("model.init_args.pooling", "sum"),
        ("trainer.max_epochs", 0),
        ("trainer.max_minutes", -1.0),
        ("seed", -1),
        ("data.init_args.dataset", None),
        ("data.init_args.dataset", "gone"),
        ("model.class_path", "not_there.Model"),
    ],
)
def test_a_fault_is_found_at_its_field(path: str, value: object) -> None:
    assert path in paths(draft_with(**{path.replace(".", "__"): value}))


def test_faults_of_every_section_are_found_at_once() -> None:
    draft = draft_with(model__init_args__width=0, trainer__max_epochs=0, scaling__devices=[0, 0])

    assert {"model.init_args.width", "trainer.max_epochs"} <= set(paths(draft))
    assert any(path.startswith("scaling") for path in paths(draft))


def test_a_data_module_of_ones_own_may_bring_its_data_along() -> None:
    own = {**BY_PATH, DATA: {**BY_PATH[DATA], "fields": []}}
    draft = draft_with()
    draft.config["data"]["init_args"] = {}

    assert find_problems(draft, own, {}, {}) == []


def test_a_sample_that_cannot_be_loaded_says_why() -> None:
    found = find_problems(draft_with(data__init_args__dataset="far"), BY_PATH, {}, {"far": "Fetch it first."})

    assert ("data.init_args.dataset", "Fetch it first.") in found


def test_notes_have_a_limit() -> None:
    draft = draft_with()
    draft.notes = "x" * (NOTES_LIMIT + 1)

    assert paths(draft) == ["notes"]


def test_a_fault_in_a_pasted_yaml_has_its_line() -> None:
    text = f"model:\n  class_path: {MODEL}\n  init_args:\n    width: 0\ndata: {{class_path: {DATA}}}\n"

    values, faults = read_pasted(text, BY_PATH)

    assert values is None
    assert any(fault.startswith("Line 4, model.init_args.width") for fault in faults)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [*x]",
        "? [1, 2]\n: 3",
        "1: 2",
        "[" * 500,
        "\x00",
        "a: b: c",
        "🦊: {🦊: 1}",
        "a: 2024-01-01",
        "a: 2024-13-45",
        "a: !!int nine",
        "model: 3",
        "\n",
    ],
)
def test_strange_yaml_is_answered_and_never_raises(text: str) -> None:
    values, faults = read_pasted(text, BY_PATH)

    assert values is None
    assert faults


def test_a_pasted_text_has_a_limit() -> None:
    values, faults = read_pasted("x" * 10_000_000, BY_PATH)

    assert values is None
    assert f"{YAML_LIMIT:,} at most" in faults[0]
