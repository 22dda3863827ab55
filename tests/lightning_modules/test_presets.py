"""Every preset is a config that runs: its classes take its arguments, its sample is there; two are really trained."""

import math
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from catalog.samples import load_sample, sample
from catalog.schema import Schema
from catalog.versions import open_version
from db.engine import Database
from db.run_config import RunConfig, read_config
from jobs.validation import problems
from lightning_modules import presets
from lightning_modules.presets import Preset, PresetError
from training.describe import describe

EVERY = presets.every()
FAMILIES = {
    "text.EmbeddingBagClassifier", "text.TransformerClassifier", "tabular.LinearModel", "tabular.MLP",
    "tabular.FTTransformer", "images.SmallResNet", "images.SmallViT",
}  # fmt: skip


def config_of(preset: Preset, **trainer: Any) -> RunConfig:
    config = read_config(preset.config)
    return config.model_copy(update={"trainer": config.trainer.model_copy(update=trainer)})


@pytest.mark.parametrize("preset", EVERY, ids=lambda preset: preset.key)
def test_a_preset_fits_the_constructors(preset: Preset) -> None:
    config = config_of(preset)
    descriptions = {path: describe(path) for path in (config.model.class_path, config.data.class_path)}
    assert [one["error"] for one in descriptions.values()] == [None, None]
    assert problems(config, descriptions) == []
    for part in (config.model, config.data):
        module, _, name = part.class_path.rpartition(".")
        getattr(import_module(module), name)(**part.init_args)


@pytest.mark.parametrize("preset", EVERY, ids=lambda preset: preset.key)
def test_a_preset_names_its_sample_and_itself(preset: Preset) -> None:
    config, needed = config_of(preset), sample(preset.sample)
    assert config.data.init_args["dataset"] == preset.sample
    assert preset.kind == needed.kind
    assert config.data.class_path.split(".")[1] == {"text": "text", "table": "tabular", "images": "images"}[preset.kind]
    assert 10 <= len(preset.title) <= 60
    assert 20 <= len(preset.summary) <= 200
    assert preset.summary.endswith((".", "?"))


def test_every_model_family_has_a_preset_and_every_sample_is_used() -> None:
    used = {config_of(preset).model.class_path.removeprefix("lightning_modules.") for preset in EVERY}
    assert used == FAMILIES
    assert {preset.sample for preset in EVERY} >= {
        "movie-reviews", "frases-pt", "breast-cancer", "wine", "iris", "diabetes", "mnist-5k", "digits",
    }  # fmt: skip


def test_the_order_is_decided_and_begins_with_one_of_each_kind() -> None:
    places = Counter(preset.place for preset in EVERY)
    assert max(places.values()) == 1
    first: dict[str, str] = {}
    for preset in EVERY:
        first.setdefault(preset.kind, preset.key)
    assert set(first) == {"text", "table", "images"}
    assert {preset.key for preset in EVERY[:3]} == set(first.values())


def test_a_file_of_ones_own_appears_and_a_broken_one_is_named(tmp_path: Path) -> None:
    written = "title: Mine\nsummary: My own.\nkind: table\nsample: wine\nconfig: {}\nplace: 1\n"
    (tmp_path / "mine.yaml").write_text(written, "utf-8")
    assert [preset.key for preset in presets.every(tmp_path)] == ["mine"]
    for broken in ("title: [", "title: Mine\n", "- a list\n", written + "colour: red\n"):
        (tmp_path / "broken.yaml").write_text(broken, "utf-8")
        with pytest.raises(PresetError, match=r"broken\.yaml"):
            presets.every(tmp_path)
    with pytest.raises(PresetError, match="no preset nothing; there are"):
        presets.get("nothing")


def test_the_first_table_preset_reaches_the_baseline_on_the_same_rows(database: Database) -> None:
    """A real training on real data, as on the first press of a button."""
    from scripts.baselines import baseline
    from scripts.reference_scores import train_once

    preset = presets.get("breast-cancer-linear")
    with database.writing() as session:
        load_sample(session, preset.sample, "tests", None)
    config = config_of(preset)
    score = train_once(config, config.seed)
    assert round(score.metrics["test_accuracy"], 4) >= round(baseline(preset.sample).on_training_rows, 4)
    assert score.metrics["test_auroc"] > 0.98


def test_pictures_are_learned_within_two_epochs(database: Database) -> None:
    from scripts.reference_scores import train_once

    preset = presets.get("digits-resnet")
    with database.writing() as session:
        load_sample(session, preset.sample, "tests", None)
    score = train_once(config_of(preset, max_epochs=2), 42)
    assert score.metrics["test_accuracy"] > 0.6
    assert math.isfinite(score.metrics["test_loss"])


def test_baselines_are_those_of_the_data_sheets(database: Database) -> None:
    from scripts.baselines import baseline

    with database.writing() as session:
        for key in ("breast-cancer", "wine", "iris", "diabetes"):
            load_sample(session, key, "tests", None)
            assert isinstance(open_version(key).schema, Schema)
    assert baseline("breast-cancer").value == pytest.approx(0.974, abs=0.0005)
    assert baseline("wine").value == 1.0
    assert baseline("iris").value == pytest.approx(0.967, abs=0.0005)
    assert (baseline("diabetes").metric, round(baseline("diabetes").value, 2)) == ("r2", 0.33)
