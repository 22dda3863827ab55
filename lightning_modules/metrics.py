"""The metrics of a task through torchmetrics: what a split's predictions are worth.

Predictions are gathered and counted in large pieces, because one update a step would cost more than a small model's
step. Between processes the counts are brought together in `TaskMetrics.compute`.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MeanSquaredError, MetricCollection, R2Score
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassAveragePrecision,
    MulticlassF1Score,
    MulticlassStatScores,
)

_PIECE = 8192  # examples that are gathered before they are counted
_TRAINING_THRESHOLDS = 100


class TaskMetrics(nn.Module):
    """Accuracy, macro-F1, AUROC and average precision; or RMSE, MAE and R² in the target's own unit.

    Args:
        outputs: The signature's ``outputs``.
        exact: AUROC and average precision from every single score, which keeps ``examples × classes`` floats until
            `compute`; else from 100 thresholds in constant memory.
    """

    def __init__(self, outputs: dict[str, Any], exact: bool) -> None:
        super().__init__()
        self.task = outputs["task"]
        self.deviation = float(outputs.get("deviation", 1.0))
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._waiting_examples = 0
        if self.task == "regression":
            self.counted = MetricCollection(
                {"rmse": MeanSquaredError(squared=False), "mae": MeanAbsoluteError(), "r2": R2Score()}
            )
        else:
            options: dict[str, Any] = {"num_classes": len(outputs["classes"]), "validate_args": False}
            ranking = options | {"average": None, "thresholds": None if exact else _TRAINING_THRESHOLDS}
            self.counted = MetricCollection(
                {
                    "accuracy": MulticlassAccuracy(average="micro", **options),
                    "f1": MulticlassF1Score(average="macro", **options),
                    "support": MulticlassStatScores(average=None, **options),
                    "auroc": MulticlassAUROC(**ranking),
                    "average_precision": MulticlassAveragePrecision(**ranking),
                }
            )

    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch.

        Args:
            output: Logits ``(batch, classes)``, or standardised values ``(batch,)``.
            target: Class numbers or standardised values ``(batch,)``.
        """
        target = target.detach()
        self._waiting.append((output.detach().float(), target.float() if self.task == "regression" else target))
        self._waiting_examples += len(target)
        if self._waiting_examples >= _PIECE:
            self._count()

    def compute(self) -> dict[str, Tensor]:
        """Metric name to value over all examples since `reset`; one that is not defined for them is left out."""
        self._count()
        with _plain_counting(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="No (positive|negative) samples")
            warnings.filterwarnings("ignore", message=".*score for one or more classes was `nan`")
            if self.task == "regression":
                return self._of_regression()
            found = self.counted.compute()
        support = found.pop("support")[:, -1]  # (classes,)
        present = (support > 0) & (support < support.sum())
        if self.task == "binary":
            present[0] = False  # the second class is the positive one
        for name in ("auroc", "average_precision"):
            values = found.pop(name)  # (classes,)
            if present.any():
                found[name] = values[present].mean()
        return dict(found)

    def reset(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._waiting_examples = 0
        self.counted.reset()

    def _of_regression(self) -> dict[str, Tensor]:
        r2 = self.counted["r2"]
        found = {name: self.counted[name].compute() * self.deviation for name in ("rmse", "mae")}
        try:
            value = r2.compute()  # every process asks, however few examples it has: they are brought together inside
        except ValueError:  # fewer than two examples in all: R² has no meaning
            return found
        if math.isfinite(float(value)):
            found["r2"] = value
        return found

    def _count(self) -> None:
        if not self._waiting:
            return
        output = torch.cat([item for item, _ in self._waiting])
        target = torch.cat([item for _, item in self._waiting])
        self._waiting.clear()
        self._waiting_examples = 0
        with _plain_counting():
            self.counted.update(output if self.task == "regression" else output.softmax(dim=-1), target)


@contextmanager
def _plain_counting() -> Iterator[None]:
    """Count without torch's deterministic mode, in which torchmetrics compares every example with every bin at once:
    40 GB for a thousand steps of a small model. Whole numbers add up to the same sum in any order."""
    asked = torch.are_deterministic_algorithms_enabled()
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(asked, warn_only=only_warns)
