"""Metrics are scikit-learn's on the same predictions, however these arrive, and in any number of processes."""

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torch import Tensor

from lightning_modules import metrics
from lightning_modules.metrics import TaskMetrics
from tests.lightning_modules.small import deterministic

REGRESSION = {"task": "regression", "target": "y", "mean": 7.0, "deviation": 2.5}


def outputs(classes: int) -> dict[str, Any]:
    names = [str(number) for number in range(classes)]
    return {"task": "binary" if classes == 2 else "multiclass", "target": "y", "classes": names, "class_counts": []}


def drawn(classes: int, rows: int = 300, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(classes, (rows,), generator=generator)
    logits = torch.randn(rows, classes, generator=generator) + 1.5 * torch.nn.functional.one_hot(target, classes)
    return logits, target


def measured(
    about: dict[str, Any], output: Tensor, target: Tensor, exact: bool = True, batch: int = 32
) -> dict[str, float]:
    found = TaskMetrics(about, exact)
    for start in range(0, len(target), batch):
        found.update(output[start : start + batch], target[start : start + batch])
    return {name: float(value) for name, value in found.compute().items()}


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_classification_equals_scikit_learn(classes: int) -> None:
    logits, target = drawn(classes)
    shares, right = logits.softmax(-1).double().numpy(), target.numpy()
    guessed = shares.argmax(1)
    columns = [1] if classes == 2 else range(classes)
    one_hot = np.eye(classes)[right]
    wanted = {
        "accuracy": reference.accuracy_score(right, guessed),
        "f1": reference.f1_score(right, guessed, average="macro"),
        "auroc": np.mean([reference.roc_auc_score(one_hot[:, k], shares[:, k]) for k in columns]),
        "average_precision": np.mean([reference.average_precision_score(one_hot[:, k], shares[:, k]) for k in columns]),
    }
    assert measured(outputs(classes), logits, target) == pytest.approx(wanted, abs=1e-5)


def test_training_metrics_come_close_in_constant_memory() -> None:
    logits, target = drawn(4, 2000)
    exact, binned = (measured(outputs(4), logits, target, exact) for exact in (True, False))
    assert binned == pytest.approx(exact, abs=0.01)
    assert binned["accuracy"] == exact["accuracy"]


def test_regression_equals_scikit_learn_in_the_targets_own_unit() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(200, generator=generator)
    output = target + 0.3 * torch.randn(200, generator=generator)
    right, guessed = (values.double().numpy() * 2.5 + 7 for values in (target, output))
    wanted = {
        "rmse": reference.root_mean_squared_error(right, guessed),
        "mae": reference.mean_absolute_error(right, guessed),
        "r2": reference.r2_score(right, guessed),
    }
    assert measured(REGRESSION, output, target) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("about", [outputs(3), REGRESSION], ids=["classes", "values"])
def test_batches_and_pieces_change_nothing(about: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    logits, target = drawn(3)
    given = (logits, target) if about is not REGRESSION else (logits[:, 0], logits[:, 1])
    at_once = measured(about, *given, batch=300)
    monkeypatch.setattr(metrics, "_PIECE", 50)
    assert measured(about, *given, batch=7) == pytest.approx(at_once, abs=1e-6)


def test_a_class_that_a_split_lacks_is_left_out_of_the_ranking() -> None:
    logits, target = drawn(3)
    kept = target != 2
    shares, right = logits[kept].softmax(-1).double().numpy(), target[kept].numpy()
    found = measured(outputs(3), logits[kept], target[kept])
    assert found["auroc"] == pytest.approx(
        np.mean([reference.roc_auc_score(right == k, shares[:, k]) for k in (0, 1)]), abs=1e-5
    )


def test_a_split_of_one_class_has_no_ranking() -> None:
    assert measured(outputs(2), torch.randn(5, 2), torch.zeros(5, dtype=torch.int64)).keys() == {"accuracy", "f1"}


def test_r2_needs_two_examples() -> None:
    assert measured(REGRESSION, torch.zeros(1), torch.ones(1)).keys() == {"rmse", "mae"}
    assert measured(REGRESSION, torch.zeros(2), torch.ones(2))["r2"] == reference.r2_score([1, 1], [0, 0])


def test_reset_forgets() -> None:
    logits, target = drawn(3)
    found = TaskMetrics(outputs(3), exact=True)
    found.update(logits, 2 - target)
    found.compute()
    found.update(logits, target)
    found.reset()
    found.update(logits, target)
    assert float(found.compute()["accuracy"]) == pytest.approx(measured(outputs(3), logits, target)["accuracy"])


def test_deterministic_mode_costs_no_memory() -> None:
    """torchmetrics compares each example with each bin there: 40 GB for these few numbers."""
    logits, target = drawn(10, 9000)
    with deterministic():
        found = measured(outputs(10), logits, target, exact=False, batch=64)
        assert torch.are_deterministic_algorithms_enabled()
    assert found == measured(outputs(10), logits, target, exact=False, batch=64)


def _process(rank: int, folder: str, rows: int) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    logits, target = drawn(3, rows)
    kinds = {"classes": (outputs(3), logits, target), "values": (REGRESSION, logits[:, 0], logits[:, 1])}
    found = {
        f"{name} {key}": value
        for name, (about, output, right) in kinds.items()
        for key, value in measured(about, output[rank::2], right[rank::2]).items()
    }
    torch.save(found, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("rows", [3, 101])
def test_processes_bring_their_counts_together(tmp_path: Path, rows: int) -> None:
    """With three examples, one process has a single one; it must not stay away from what the other waits in."""
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_process, args=(rank, str(tmp_path), rows), daemon=True) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    logits, target = drawn(3, rows)
    wanted = {f"classes {key}": value for key, value in measured(outputs(3), logits, target).items()}
    wanted |= {f"values {key}": value for key, value in measured(REGRESSION, logits[:, 0], logits[:, 1]).items()}
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt", weights_only=True) == pytest.approx(wanted, abs=1e-5)
