"""Which row is for training, which for validation, which for the test; the same plan and data give the same answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from catalog.errors import CatalogError

SplitName = Literal["train", "validation", "test"]
Method = Literal["random", "stratified", "time", "column"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
METHODS: tuple[Method, ...] = get_args(Method)

SPELLINGS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "treino": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "validação": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "teste": "test",
}


@dataclass(frozen=True)
class SplitPlan:
    """How rows are divided.

    ``column`` is the class column of a stratified split (default: the target), the date of a split by time (the oldest
    rows train, the newest test), or the column that already says train, validation or test; parts that it does not name
    are taken from its training rows at random.
    """

    method: Method = "random"
    ratios: tuple[float, float, float] = (0.7, 0.15, 0.15)  # train, validation, test
    seed: int = 0
    column: str | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise CatalogError(f"“{self.method}” is no way to split: use {', '.join(METHODS)}.", "split")
        if len(self.ratios) != 3 or not all(map(isfinite, self.ratios)) or min(self.ratios) < 0 or not self._add_up():
            raise CatalogError(
                f"The shares of training, validation and test must add up to 1 with a training part: {self.ratios}.",
                "split",
            )
        if self.method in ("time", "column") and not self.column:
            raise CatalogError(f"A split by {self.method} needs the name of its column.", "split")

    def _add_up(self) -> bool:
        return self.ratios[0] > 0 and abs(sum(self.ratios) - 1) <= 1e-6

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self) | {"ratios": list(self.ratios)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "SplitPlan":
        """Back from `to_dict`; other keys are left alone."""
        known = {key: stored[key] for key in ("method", "ratios", "seed", "column") if key in stored}
        return cls(**known | {"ratios": tuple(known.get("ratios", cls.ratios))})


def assign_codes(table: pa.Table, plan: SplitPlan) -> np.ndarray:
    """The split of every row as uint8 numbers into `SPLITS`, shape (rows,).

    Raises CatalogError when the plan does not fit the data.
    """
    if plan.method == "random":
        codes = _random(table.num_rows, plan)
    elif plan.method == "stratified":
        codes = _stratified(_column(table, plan), plan)
    elif plan.method == "time":
        codes = _by_time(_column(table, plan), plan)
    else:
        codes = _by_column(_column(table, plan), plan)
    _check_none_empty(codes, plan)
    return codes


def split_counts(codes: np.ndarray) -> dict[str, int]:
    """Rows of each split."""
    counts = np.bincount(codes, minlength=len(SPLITS))
    return {name: int(count) for name, count in zip(SPLITS, counts, strict=True)}


def _column(table: pa.Table, plan: SplitPlan) -> pa.ChunkedArray:
    if plan.column not in table.column_names:
        raise CatalogError(f"The split needs the column “{plan.column}”, which is not there.", "split")
    return table.column(plan.column)


def _sizes(rows: int, ratios: tuple[float, float, float]) -> tuple[int, int]:
    """How many rows go to validation and test; training gets the rest, at least one."""
    validation, test = (round(rows * ratio) for ratio in ratios[1:])
    while rows - validation - test < 1 and validation + test > 0:
        validation, test = (validation - 1, test) if validation >= test else (validation, test - 1)
    return validation, test


def _random(rows: int, plan: SplitPlan) -> np.ndarray:
    order = np.random.default_rng(plan.seed).permutation(rows)
    return _cut(order, plan.ratios)


def _cut(order: np.ndarray, ratios: tuple[float, float, float]) -> np.ndarray:
    """Codes of rows, when ``order`` lists row numbers from the first training row to the last test row."""
    validation, test = _sizes(len(order), ratios)
    codes = np.zeros(len(order), dtype=np.uint8)
    codes[order[len(order) - validation - test : len(order) - test]] = 1
    codes[order[len(order) - test :]] = 2
    return codes


def _stratified(column: pa.ChunkedArray, plan: SplitPlan) -> np.ndarray:
    encoded = column.combine_chunks().dictionary_encode()
    groups = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    codes = np.zeros(len(groups), dtype=np.uint8)
    generator = np.random.default_rng(plan.seed)
    order = np.lexsort((generator.permutation(len(groups)), groups))  # rows of one class stand together, shuffled
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    for rows in np.split(order, edges):
        if len(rows) == 1:
            value = column[int(rows[0])].as_py()
            raise CatalogError(
                f"The class “{value}” has one example (row {rows[0] + 1}), which cannot be in training and test at "
                "once: add examples, merge the class with another, remove the row, or split at random.",
                "split",
            )
        codes[rows] = _cut(np.arange(len(rows)), plan.ratios)
    return codes


def _by_time(column: pa.ChunkedArray, plan: SplitPlan) -> np.ndarray:
    if not pa.types.is_timestamp(column.type):
        raise CatalogError(f"A split by time needs a date column, and “{plan.column}” is none.", "split")
    if column.null_count:
        raise CatalogError(f"{column.null_count} rows have no date in “{plan.column}”: fill or remove them.", "split")
    times = column.cast(pa.int64()).to_numpy()
    return _cut(np.argsort(times, kind="stable"), plan.ratios)


def _by_column(column: pa.ChunkedArray, plan: SplitPlan) -> np.ndarray:
    encoded = column.combine_chunks().cast(pa.string()).dictionary_encode()
    values = encoded.dictionary.to_pylist()
    strange = [value for value in values if value is None or value.strip().lower() not in SPELLINGS]
    if strange or encoded.null_count:
        shown = ", ".join(f"“{value}”" for value in strange[:3]) or "empty rows"
        raise CatalogError(
            f"The column “{plan.column}” must say train, validation or test in every row; it has {shown}.", "split"
        )
    table = np.array([SPLITS.index(SPELLINGS[value.strip().lower()]) for value in values], dtype=np.uint8)
    codes: np.ndarray = table[encoded.indices.to_numpy(zero_copy_only=False)]
    return _with_missing_parts(codes, plan)


def _with_missing_parts(codes: np.ndarray, plan: SplitPlan) -> np.ndarray:
    """Take the parts that the column does not name from its training rows at random, in the plan's proportions."""
    missing = [code for code in (1, 2) if not (codes == code).any() and plan.ratios[code] > 0]
    training = np.flatnonzero(codes == 0)
    order = np.random.default_rng(plan.seed).permutation(training)
    start = 0
    for code in missing:
        share = plan.ratios[code] / (plan.ratios[0] + sum(plan.ratios[other] for other in missing))
        rows = order[start : start + round(share * len(training))]
        codes[rows] = code
        start += len(rows)
    return codes


def _check_none_empty(codes: np.ndarray, plan: SplitPlan) -> None:
    counts = split_counts(codes)
    wanted = [name for name, ratio in zip(SPLITS, plan.ratios, strict=True) if ratio > 0]
    empty = [name for name in wanted if counts[name] == 0]
    if empty:
        raise CatalogError(
            f"{len(codes)} rows split this way leave no row for {' and '.join(empty)}: add data or change the shares.",
            "split",
        )
