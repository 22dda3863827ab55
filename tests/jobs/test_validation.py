"""Faults are found at their field before anything starts, without torch."""

import subprocess
import sys
from typing import Any

import pytest

from db.run_config import ClassConfig, RunConfig
from jobs.validation import problems, value_problem

MODEL = {
    "class_path": "my.models.Net",
    "kind": "model",
    "fields": [
        {"name": "width", "type": "int", "required": True, "nullable": False, "ge": 1, "le": 512},
        {"name": "learning_rate", "type": "float", "required": False, "default": 0.1, "nullable": False, "gt": 0},
        {"name": "schedule", "type": "choice", "choices": ["cosine", "linear"], "nullable": False},
        {"name": "bias", "type": "bool", "nullable": False},
        {"name": "sizes", "type": "list", "item_type": "int", "nullable": True},
    ],
}
DATA = {
    "class_path": "my.data.Table",
    "kind": "data",
    "fields": [{"name": "dataset", "type": "dataset", "required": True, "nullable": False}],
}
DESCRIPTIONS = {one["class_path"]: one for one in (MODEL, DATA)}


def found(model: dict[str, Any], data: dict[str, Any] | None = None, path: str = "my.models.Net") -> dict[str, str]:
    config = RunConfig(
        model=ClassConfig(class_path=path, init_args=model),
        data=ClassConfig(class_path="my.data.Table", init_args={"dataset": "iris@1"} if data is None else data),
    )
    return dict(problems(config, DESCRIPTIONS))


def test_nothing_is_wrong_with_a_good_config() -> None:
    assert found({"width": 8, "learning_rate": 1, "schedule": "cosine", "bias": True, "sizes": None}) == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("width", "8", "a whole number"),
        ("width", 8.5, "a whole number"),
        ("width", True, "a whole number"),
        ("width", 0, "at least 1"),
        ("width", 513, "at most 512"),
        ("width", None, "must not be empty"),
        ("learning_rate", 0, "more than 0"),
        ("learning_rate", float("nan"), "finite"),
        ("schedule", "cosin", "did you mean cosine"),
        ("bias", "yes", "true or false"),
        ("sizes", [1, "2"], "a whole number each"),
        ("sizes", 3, "a list"),
    ],
)
def test_a_wrong_value_is_named_at_its_field(name: str, value: Any, words: str) -> None:
    answers = found({"width": 8, name: value})
    assert list(answers) == [f"model.init_args.{name}"]
    assert words in answers[f"model.init_args.{name}"]


def test_a_misspelt_argument_gets_a_hint() -> None:
    answers = found({"width": 8, "learnin_rate": 0.1})
    assert "did you mean learning_rate" in answers["model.init_args.learnin_rate"]


def test_what_is_missing_is_said() -> None:
    assert found({}, data={}) == {"model.init_args.width": "is missing", "data.init_args.dataset": "is missing"}


def test_a_data_module_is_no_model() -> None:
    assert "LightningDataModule" in found({"dataset": "iris"}, path="my.data.Table")["model.class_path"]


def test_a_misspelt_class_gets_a_hint_and_an_unknown_one_is_left_to_training() -> None:
    assert "did you mean my.models.Net" in found({}, path="my.models.Ner")["model.class_path"]
    assert found({"anything": 1}, path="elsewhere.Other") == {}


def test_an_empty_dataset_is_asked_for() -> None:
    assert value_problem(DATA["fields"][0], " ") == "choose a dataset"  # type: ignore[index]


def test_torch_is_not_needed() -> None:
    subprocess.run([sys.executable, "-c", "import jobs.validation, sys; sys.exit('torch' in sys.modules)"], check=True)
