"""Labels and target values: to the numbers that a loss wants, and back to what a person reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa

from features.columns import Examples, categories, column, numbers, spread
from features.errors import FeaturesError

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Target:
    """The column to be predicted.

    Attributes:
        column: Its name.
        task: "binary", "multiclass" or "regression".
        classes: Class names; a class's number is its position. Empty for regression.
        class_counts: Examples of each class in the training split.
        mean: Mean of the training split, for regression.
        deviation: Standard deviation of the training split, for regression; never 0.
    """

    column: str
    task: Task
    classes: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0
    _numbers: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_numbers", {name: number for number, name in enumerate(self.classes)})

    @classmethod
    def fit(cls, table: pa.Table, name: str, task: Task, classes: Sequence[Any] | None = None) -> Self:
        """Learn classes and their counts, or mean and deviation, from the training split.

        Raises:
            FeaturesError: when the training split has fewer than two classes, or no number.
        """
        if task == "regression":
            values = numbers(column(table, name))[0]
            values = values[np.isfinite(values)]
            if not len(values):
                raise FeaturesError(f"The target {name} has no number in the training split; choose another target.")
            mean, deviation = spread(values)
            return cls(name, task, mean=mean, deviation=deviation)
        labels = [label for label in categories(column(table, name)) if label is not None]
        given = [label for label in categories(list(classes or ())) if label is not None]
        known = tuple(given or sorted(set(labels), key=_natural))
        if len(known) < 2:
            raise FeaturesError(
                f"The target {name} has fewer than two classes in the training split; choose another one."
            )
        counts = dict.fromkeys(known, 0)
        for label in labels:
            if label in counts:
                counts[label] += 1
        return cls(name, task, known, tuple(counts.values()))

    def encode(self, examples: Examples) -> np.ndarray:
        """``(examples,)`` int64 class numbers (-1 = missing or unknown), or float32 standardised values (NaN)."""
        values = column(examples, self.column)
        if self.task == "regression":
            with np.errstate(over="ignore"):  # too large a value becomes infinite, which is no usable target
                return ((numbers(values)[0] - self.mean) / self.deviation).astype(np.float32)
        found = [self._numbers.get(label, -1) if label is not None else -1 for label in categories(values)]
        return np.array(found, dtype=np.int64)

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Standardised values in the target's own unit, ``(examples,)`` float64."""
        return np.asarray(values, dtype=np.float64) * self.deviation + self.mean

    def outputs(self) -> dict[str, Any]:
        """What a model gives: plain JSON for the signature."""
        if self.task == "regression":
            return {"task": self.task, "target": self.column, "mean": self.mean, "deviation": self.deviation}
        return {
            "task": self.task,
            "target": self.column,
            "classes": list(self.classes),
            "class_counts": list(self.class_counts),
        }

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any]) -> Self:
        """The inverse of `outputs`."""
        if outputs["task"] == "regression":
            return cls(outputs["target"], "regression", mean=outputs["mean"], deviation=outputs["deviation"])
        return cls(outputs["target"], outputs["task"], tuple(outputs["classes"]), tuple(outputs["class_counts"]))


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
