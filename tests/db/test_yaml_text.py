"""YAML with tricks, and configs without end: one sentence, at once, and never a hang."""

import time
from typing import Any

import pytest

from db import yaml_text
from db.config_paths import differing
from db.run_config import ConfigError, read_config, read_yaml

CONFIG = {"model": {"class_path": "a.Model", "init_args": {}}, "data": {"class_path": "a.Data", "init_args": {}}}
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


def with_argument(value: Any) -> dict[str, Any]:
    return {**CONFIG, "model": {"class_path": "a.Model", "init_args": {"width": value}}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "aliases"),
        ("model: &m {class_path: a.B, init_args: {me: *m}}", "aliases"),
        ("[" * 5_000, "levels deep"),
        ("model: {class_path: a.B\n", "not valid YAML"),
        ("seed: 2024-13-45", "month must be in"),
        ("seed: !!int nine", "cannot be read"),
        ("seed: !!python/object/apply:os.getcwd []", "not valid YAML"),
        ("\x00", "not valid YAML"),
        ("just words", "mapping"),
        ("", "mapping"),
    ],
)
def test_a_text_that_is_not_read_says_why_at_once(text: str, said: str) -> None:
    began = time.monotonic()
    with pytest.raises(ConfigError, match=said):
        read_yaml(text)
    assert time.monotonic() - began < 1


def test_the_place_of_a_fault_is_told() -> None:
    with pytest.raises(yaml_text.YamlError) as caught:
        yaml_text.load("seed: 1\nmodel: *there\n")
    assert (caught.value.line, caught.value.column) == (2, 8)


def test_a_config_without_end_is_refused() -> None:
    inside: list[Any] = []
    inside.append(inside)
    many: list[Any] = ["x"]
    for _ in range(30):
        many = [many, many]
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    for value in (inside, many, deep, ["x"] * 200_000):
        with pytest.raises(ConfigError, match=r"levels deep|values"):
            read_config(with_argument(value))
    assert read_config(with_argument([0.5] * 1_000)).model.init_args["width"][-1] == 0.5


def test_a_message_does_not_repeat_megabytes() -> None:
    with pytest.raises(ConfigError) as caught:
        read_config({**CONFIG, "seed": "9" * 1_000_000})
    assert len(str(caught.value)) < 1_000


def test_a_typing_error_does_not_start_thousands_of_processes() -> None:
    with pytest.raises(ConfigError, match="64"):
        read_config({**CONFIG, "scaling": {"strategy": "ddp", "devices": 2_000}})


def test_nan_is_no_change_against_nan() -> None:
    rate = float("nan")
    assert differing({"a": {"rate": rate, "width": 1}}, {"a": {"rate": float("nan"), "width": 2}}) == {
        "a.width": (1, 2)
    }
