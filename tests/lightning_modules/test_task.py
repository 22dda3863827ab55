"""Whole trainings on tiny data: metrics of every split, seeds, precision, checkpoints, going on in mid-epoch."""

import math
import os
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from torch import Tensor

from lightning_modules.data import DatasetData
from lightning_modules.tabular import MLP, LinearModel, TableData
from lightning_modules.task import TaskModel
from tests.lightning_modules.small import FAMILIES, Family, data_of, put_small, trainer

CLASSIFICATION = {"loss", "accuracy", "f1", "auroc", "average_precision"}
REGRESSION = {"loss", "rmse", "mae", "r2"}
TABLE = FAMILIES[3]


class Seen(Callback):
    """Every value of a metric, in the order in which it was logged."""

    def __init__(self, name: str) -> None:
        self.name, self.values = name, list[float]()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.values.append(float(trainer.callback_metrics[self.name]))


def trained(
    folder: Path, family: Family, task: Any, seed: int = 7, changes: dict[str, Any] | None = None, **options: Any
) -> tuple[TaskModel, DatasetData, pl.Trainer]:
    data = data_of(family, task)
    pl.seed_everything(seed, verbose=False)
    model = family.make(**(changes or {}))
    runner = trainer(folder, **{"max_epochs": 2, **options})
    runner.fit(model, datamodule=data)
    return model, data, runner


def weights(model: TaskModel) -> Tensor:
    return torch.cat([weight.detach().double().flatten() for weight in model.parameters()])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[3], FAMILIES[5]], ids=str)
def test_every_split_reports_loss_and_the_metrics_of_its_task(
    bancada_home: Path, tmp_path: Path, family: Family, task: Any
) -> None:
    model, data, runner = trained(tmp_path, family, task)
    wanted = REGRESSION if task == "regression" else CLASSIFICATION
    found = dict(runner.callback_metrics)
    assert {name for name in found if name.startswith("train_")} == {f"train_{name}" for name in wanted}
    assert {name for name in found if name.startswith("val_")} == {f"val_{name}" for name in wanted}
    (tested,) = runner.test(model, datamodule=data, verbose=False)
    assert tested.keys() == {f"test_{name}" for name in wanted}
    assert all(math.isfinite(float(value)) for value in [*found.values(), *tested.values()])


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_seed_decides_the_whole_training(bancada_home: Path, tmp_path: Path, family: Family) -> None:
    augmented = {"rotate_degrees": 10.0, "erase": 0.3} if family.data.kind == "images" else {}
    family = Family(family.model, family.sizes, family.data, family.options | augmented)
    one, same, other = (weights(trained(tmp_path, family, "binary", seed, max_epochs=1)[0]) for seed in (7, 7, 8))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_learning_shows_in_the_metrics(bancada_home: Path, tmp_path: Path) -> None:
    model, data, runner = trained(tmp_path, TABLE, "multiclass", max_epochs=15, changes={"learning_rate": 0.05})
    (tested,) = runner.test(model, datamodule=data, verbose=False)
    assert tested["test_accuracy"] == 1.0
    assert tested["test_loss"] < 0.3
    regression, values, runner = trained(tmp_path, TABLE, "regression", max_epochs=25, changes={"learning_rate": 0.05})
    (tested,) = runner.test(regression, datamodule=values, verbose=False)
    assert tested["test_r2"] > 0.8
    assert 0 < tested["test_mae"] <= tested["test_rmse"] < 5.0, "in the target's own unit, whose deviation is 11"


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_precision_trains(bancada_home: Path, tmp_path: Path, family: Family, task: Any, precision: Any) -> None:
    model, data, runner = trained(
        tmp_path, family, task, precision=precision, max_epochs=1, changes={"class_weights": "balanced"}
    )
    (tested,) = runner.test(model, datamodule=data, verbose=False)
    assert all(math.isfinite(value) for value in tested.values())
    kinds = {"bf16-mixed": torch.float32, "bf16-true": torch.bfloat16, "64-true": torch.float64}
    assert {weight.dtype for weight in model.parameters()} == {kinds[precision]}


def test_the_learning_rate_warms_up_and_falls(bancada_home: Path, tmp_path: Path) -> None:
    seen = Seen("lr")
    trained(
        tmp_path, TABLE, "binary", max_epochs=5, callbacks=[seen], changes={"learning_rate": 0.1, "warmup_share": 0.2}
    )
    assert len(seen.values) == 15
    assert seen.values[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert seen.values[3:] == sorted(seen.values[3:], reverse=True)
    assert seen.values[-1] < 0.01


def test_accumulated_gradients_move_the_schedule_once_a_step(bancada_home: Path, tmp_path: Path) -> None:
    seen = Seen("lr")
    trained(
        tmp_path, TABLE, "binary", max_epochs=4, accumulate_grad_batches=3, callbacks=[seen],
        changes={"schedule": "linear", "warmup_share": 0.0, "learning_rate": 0.1},
    )  # fmt: skip
    assert seen.values == pytest.approx([rate for rate in (0.1, 0.075, 0.05, 0.025) for _ in range(3)])


def test_biases_and_scales_are_not_pulled_to_zero(bancada_home: Path, tmp_path: Path) -> None:
    for optimizer, kind in (("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)):
        model, _, runner = trained(
            tmp_path, FAMILIES[4], "binary", max_epochs=1, changes={"optimizer": optimizer, "weight_decay": 0.5}
        )
        made = runner.optimizers[0]
        assert isinstance(made, kind)
        pulled, left = made.param_groups
        assert (pulled["weight_decay"], left["weight_decay"]) == (0.5, 0.0)
        assert {weight.ndim for weight in left["params"]} == {1}
        assert len(pulled["params"]) + len(left["params"]) == len(list(model.parameters()))


def test_balanced_weights_let_each_class_count_the_same() -> None:
    model = LinearModel(class_weights="balanced")
    outputs = {"task": "multiclass", "target": "y", "classes": ["a", "b", "c", "d"], "class_counts": [60, 30, 10, 0]}
    model.build({"inputs": {"numbers": {"shape": [None, 2]}}, "outputs": outputs})
    found = model._class_weights()
    assert found is not None
    counts = torch.tensor([60.0, 30.0, 10.0])
    torch.testing.assert_close(found[:3] * counts, torch.full((3,), 100 / 3))
    assert found[3] == 0.0
    logits, target = torch.randn(8, 4), torch.tensor([0, 0, 0, 1, 1, 2, 2, 0])
    wanted = torch.nn.functional.cross_entropy(logits, target, weight=found)
    torch.testing.assert_close(model._loss(logits, target, training=True), wanted)
    plain = torch.nn.functional.cross_entropy(logits, target)
    torch.testing.assert_close(model._loss(logits, target), plain)


def test_a_checkpoint_brings_back_the_very_model_without_the_data(bancada_home: Path, tmp_path: Path) -> None:
    model, data, runner = trained(tmp_path, TABLE, "multiclass", enable_checkpointing=True)
    runner.save_checkpoint(tmp_path / "saved.ckpt")
    again = MLP.load_from_checkpoint(tmp_path / "saved.ckpt", weights_only=True)
    assert again.signature == model.signature
    assert torch.equal(weights(again), weights(model))
    batch = next(iter(data.val_dataloader()))
    inputs = {name: value for name, value in batch.items() if name != "target"}
    torch.testing.assert_close(again.eval()(**inputs), model.eval()(**inputs))


def test_predictions_are_shares_or_values_in_the_targets_unit(bancada_home: Path, tmp_path: Path) -> None:
    for task in ("multiclass", "regression"):
        model, data, runner = trained(tmp_path, TABLE, task)
        found = torch.cat(runner.predict(model, datamodule=data))  # type: ignore[arg-type]
        if task == "regression":
            assert found.shape == (12,)
            assert 90 < float(found.mean()) < 140
        else:
            assert found.shape == (12, 3)
            torch.testing.assert_close(found.sum(1), torch.ones(12))


@pytest.mark.parametrize("steps", [2, 3])
def test_a_resumed_training_ends_like_one_that_never_stopped(bancada_home: Path, tmp_path: Path, steps: int) -> None:
    """Stopped in mid-epoch (three batches an epoch) or at an epoch's end: same batches, same weights, to the bit."""
    family = Family(TABLE.model, {**TABLE.sizes, "dropout": 0.3}, TABLE.data, TABLE.options)
    runs = []
    for again in (False, True):
        data = data_of(family, "multiclass")
        pl.seed_everything(8 if again else 7, verbose=False)
        os.environ["PL_GLOBAL_SEED"] = "7"
        saver = ModelCheckpoint(tmp_path / "saved", "at-{step}", every_n_train_steps=steps, save_top_k=-1)
        runner = trainer(tmp_path, callbacks=[saver, _Reseed()], enable_checkpointing=True, max_epochs=3)
        path = tmp_path / "saved" / f"at-step={steps}.ckpt" if again else None
        runs.append(family.make())
        runner.fit(runs[-1], datamodule=data, ckpt_path=path, weights_only=True if again else None)
        assert runner.global_step == 9
    assert torch.equal(weights(runs[1]), weights(runs[0]))


class _Reseed(Callback):
    """Random numbers of a step follow from the step: what a run does with the states that it saves."""

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        torch.manual_seed(trainer.global_step)


def test_a_model_refuses_data_of_another_kind(bancada_home: Path, tmp_path: Path) -> None:
    name = put_small("text", "binary")
    with pytest.raises(ValueError, match="small-text-binary@1 is a dataset of text, and TableData reads table"):
        trainer(tmp_path, max_epochs=1).fit(LinearModel(), datamodule=TableData(name))
