"""What the target of a version looks like in each split: rows of each class, or the spread of a number."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.splits import SPLITS, SplitName
from catalog.versions import OpenVersion

BINS = 24


@dataclass(frozen=True)
class ClassBalance:
    """Rows of each class in each split: ``counts[split][class number]``, in the order of ``classes``."""

    classes: tuple[str, ...]
    counts: dict[str, list[int]]


@dataclass(frozen=True)
class TargetSpread:
    """Of a number that is predicted: rows in bins of equal width, over all splits the same ``BINS`` bins."""

    edges: list[float]  # BINS + 1
    counts: dict[str, list[int]]
    mean: dict[str, float]
    deviation: dict[str, float]


def class_balance(version: OpenVersion) -> ClassBalance:
    """Rows of each class in each split. Reads the target column alone."""
    classes = version.schema.classes
    counts: dict[str, list[int]] = {}
    for split in SPLITS:
        column = _target(version, split)
        numbers = pc.index_in(column, pa.array(classes, pa.string())).drop_null().to_numpy()
        counts[split] = np.bincount(numbers, minlength=len(classes)).tolist()
    return ClassBalance(classes, counts)


def target_spread(version: OpenVersion) -> TargetSpread:
    """The spread of a regression's target in each split; a split without rows has NaN for mean and deviation."""
    values = {split: _target(version, split).to_numpy() for split in SPLITS}
    every = np.concatenate(list(values.values()))
    edges = np.histogram_bin_edges(every, bins=BINS)
    return TargetSpread(
        edges=edges.tolist(),
        counts={split: np.histogram(numbers, edges)[0].tolist() for split, numbers in values.items()},
        mean={split: float(numbers.mean()) if len(numbers) else float("nan") for split, numbers in values.items()},
        deviation={split: float(numbers.std()) if len(numbers) else float("nan") for split, numbers in values.items()},
    )


def _target(version: OpenVersion, split: SplitName) -> pa.Array:
    name = str(version.schema.target)
    column = version.table(split, [name]).column(name).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) and column.num_chunks else column
