"""Tiny registered datasets of every kind, tiny models over them, and a Trainer that says nothing."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytorch_lightning as pl
import torch

from catalog.register import store_batches
from catalog.schema import Column, ColumnType, Schema, Task
from catalog.splits import SplitPlan
from catalog.versions import OpenVersion, write_version_file
from lightning_modules.data import DatasetData
from lightning_modules.images import ImageData, SmallResNet, SmallViT
from lightning_modules.tabular import MLP, FTTransformer, LinearModel, TableData
from lightning_modules.task import TaskModel
from lightning_modules.text import EmbeddingBagClassifier, TextData, TransformerClassifier
from tests.features.examples import picture

CLASSES = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"]}
STORED = {"number": pa.float64(), "category": pa.string(), "text": pa.string(), "image": pa.binary()}


@dataclass(frozen=True)
class Family:
    """A model with the sizes of a toy, and the data module of its kind."""

    model: type[TaskModel]
    sizes: dict[str, Any]
    data: type[DatasetData]
    options: dict[str, Any]

    def __str__(self) -> str:
        return self.model.__name__

    def make(self, **changes: Any) -> TaskModel:
        return self.model(**{**self.sizes, **changes})


TEXT = {"max_tokens": 12}
FAMILIES = [
    Family(EmbeddingBagClassifier, {"width": 8}, TextData, {**TEXT, "pair_buckets": 30}),
    Family(TransformerClassifier, {"width": 8, "depth": 1, "heads": 2}, TextData, TEXT),
    Family(LinearModel, {}, TableData, {}),
    Family(MLP, {"width": 16, "depth": 1}, TableData, {}),
    Family(FTTransformer, {"width": 8, "depth": 1, "heads": 2}, TableData, {}),
    Family(SmallResNet, {"width": 4}, ImageData, {}),
    Family(SmallViT, {"width": 8, "depth": 1, "heads": 2, "patch": 4}, ImageData, {}),
]


def put(name: str, table: pa.Table, types: dict[str, ColumnType], task: Task, parts: list[str] | None = None) -> None:
    """Make a dataset openable in the data folder of the test; ``parts`` says each row's split."""
    features = [Column(column, kind) for column, kind in types.items()]
    label = Column("label", "number" if task == "regression" else "category", "target")
    columns = (*features, label, Column("part", "category", "ignore"))
    parts = parts or [("train", "train", "train", "validation", "test")[row % 5] for row in range(table.num_rows)]
    table = table.append_column("part", pa.array(parts))
    schema = Schema(columns, task, "label")
    table = table.select(schema.names).cast(pa.schema([(c.name, STORED[c.type]) for c in columns]))
    stored = store_batches(
        iter(table.combine_chunks().to_batches()), schema, SplitPlan("column", column="part"), task_is_guessed=False,
        title=name,
    )  # fmt: skip
    version = OpenVersion(
        f"{name}@1", stored.schema.kind, stored.schema, stored.content_hash, stored.row_count, stored.split["counts"],
        stored.split_file,
    )  # fmt: skip
    write_version_file(version, stored.split)


def labels(task: Task, rows: int) -> list[Any]:
    """A label for each row, all classes in turn."""
    if task == "regression":
        return [float(100 + 10 * (row % 4)) for row in range(rows)]
    return [CLASSES[task][row % len(CLASSES[task])] for row in range(rows)]


def put_small(kind: str, task: Task, rows: int = 60) -> str:
    """A dataset of a kind in which the label can be learned; gives its name."""
    answers = labels(task, rows)
    if kind == "text":
        fill = ["one", "two", "three", "four"]
        table = pa.table({"text": [f"it is {answer} {fill[row % 3]}" for row, answer in enumerate(answers)]})
        types: dict[str, ColumnType] = {"text": "text"}
    elif kind == "images":
        values = sorted(set(answers))
        pictures = [picture(size=(8, 8), seed=values.index(answer)) for answer in answers]
        table, types = pa.table({"image": pa.array(pictures, pa.binary())}), {"image": "image"}
    else:
        drawn = np.random.default_rng(0).normal(size=rows)
        table = pa.table({"size": drawn, "colour": [f"colour {answer}" for answer in answers]})
        types = {"size": "number", "colour": "category"}
    name = f"small-{kind}-{task}"
    put(name, table.append_column("label", pa.array(answers)), types, task)
    return name


def data_of(family: Family, task: Task, batch_size: int = 12, **options: Any) -> DatasetData:
    """The family's data module over a small dataset, not yet set up."""
    name = put_small(family.data.kind, task)
    return family.data(dataset=name, batch_size=batch_size, **{**family.options, **options})  # type: ignore[call-arg]


def trainer(folder: Path, **options: Any) -> pl.Trainer:
    """A Trainer on one CPU that writes nothing unless asked."""
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "deterministic": True,
        "default_root_dir": folder,
    }
    return pl.Trainer(**{**quiet, **options})


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Torch's deterministic mode, and what it was afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
