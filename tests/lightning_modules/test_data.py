"""Data modules: fitted on the training split alone, rows without a target left out and counted, stores that agree."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import pytorch_lightning as pl
import torch

from catalog.errors import CatalogError
from lightning_modules import stores
from lightning_modules.images import ImageData
from lightning_modules.tabular import TableData
from lightning_modules.text import TextData
from tests.lightning_modules.small import FAMILIES, Family, data_of, put, put_small


def drawn(data: Any, split: str = "train") -> list[dict[str, torch.Tensor]]:
    return list({"train": data.train_dataloader, "val": data.val_dataloader, "test": data.test_dataloader}[split]())


@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[2], FAMILIES[5]], ids=str)
def test_splits_are_complete_and_the_training_order_changes(bancada_home: Path, family: Family) -> None:
    data = data_of(family, "multiclass", batch_size=10)
    data.setup("fit")
    data.setup("test")
    assert [sum(len(batch["target"]) for batch in drawn(data, split)) for split in ("train", "val", "test")] == [
        36, 12, 12,
    ]  # fmt: skip
    loader = data.train_dataloader()
    first = torch.cat([batch["target"] for batch in loader])
    loader.sampler.set_epoch(1)
    second = torch.cat([batch["target"] for batch in loader])
    assert sorted(first.tolist()) == sorted(second.tolist())
    assert first.tolist() != second.tolist()
    assert [batch["target"].tolist() for batch in drawn(data, "val")] == [
        batch["target"].tolist() for batch in drawn(data, "val")
    ]


@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[2], FAMILIES[5]], ids=str)
def test_batches_hold_what_the_features_say(bancada_home: Path, family: Family) -> None:
    """Training sees the very arrays that serving computes from plain rows."""
    data = data_of(family, "multiclass")
    data.setup("test")
    rows = data.version().table("test").to_pylist()
    wanted = data.features.transform(rows)
    batches = drawn(data, "test")
    for name, array in wanted.items():
        found = torch.cat([torch.nn.functional.pad(b[name], (0, array.shape[1] - b[name].shape[1])) if name == "tokens"
                           else b[name] for b in batches])  # fmt: skip
        np.testing.assert_allclose(found.numpy(), array, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(torch.cat([b["target"] for b in batches]).numpy(), data.features.targets(rows))


def test_only_the_training_split_is_fitted_on(bancada_home: Path) -> None:
    table = pa.table({"text": ["red fox", "blue fox"] * 5, "label": ["a", "b"] * 5})
    parts = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    put("one", table, {"text": "text"}, "binary", parts)
    put("other", table.set_column(0, "text", [["red fox", "blue fox"] * 3 + ["zebra"] * 4]), {"text": "text"},
        "binary", parts)  # fmt: skip
    prints = []
    for name in ("one", "other"):
        for stage in ("fit", "test"):
            data = TextData(name)
            data.setup(stage)
            prints.append(data.features.fingerprint)
    assert len(set(prints)) == 1


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_rows_without_a_target_are_left_out_and_counted(bancada_home: Path, task: Any) -> None:
    """The catalog lets no missing target in; a number that is none, or a class of another version, may still come."""
    answers: list[Any] = [math.nan if row % 5 == 0 else 1.5 * row for row in range(40)]
    if task == "binary":
        answers = ["maybe" if row % 5 == 0 else ("no", "yes")[row % 2] for row in range(40)]
    table = pa.table({"size": [float(row) for row in range(40)], "label": pa.array(answers)})
    parts = [("train", "validation", "train", "test")[row % 4] for row in range(40)]
    put("gaps", table, {"size": "number"}, "multiclass" if task == "binary" else task, parts)
    data = TableData("gaps", batch_size=8)
    if task == "binary":  # as a person's corrected schema would name the classes
        version = data.version()
        data._version = replace(version, schema=replace(version.schema, task="binary", classes=("no", "yes")))
    data.setup("fit")
    data.setup("test")
    assert data.left_out == {"train": 4, "validation": 2, "test": 2}
    assert sum(len(batch["target"]) for batch in drawn(data)) == 16
    assert torch.cat([batch["target"] for batch in drawn(data)]).isfinite().all()


def test_splits_that_are_empty_have_no_batches(bancada_home: Path) -> None:
    table = pa.table({"size": [1.0, 2.0, 3.0, 4.0], "label": [1.0, 2.0, math.nan, math.nan]})
    put("few", table, {"size": "number"}, "regression", ["train", "train", "validation", "test"])
    data = TableData("few")
    data.setup("fit")
    data.setup("test")
    assert (data.val_dataloader(), data.test_dataloader()) == ([], [])
    assert len(data.train_dataloader()) == 1


def test_a_dataset_that_is_not_there_is_named(bancada_home: Path) -> None:
    with pytest.raises(CatalogError, match="nowhere"):
        TableData("nowhere").setup("fit")


def test_weights_of_other_features_are_refused(bancada_home: Path) -> None:
    data = TextData(put_small("text", "binary"))
    data.setup("fit")
    state = data.state_dict()
    assert state["dataset"] == "small-text-binary@1"
    data.load_state_dict(state)
    other = TextData("small-text-binary", lowercase=False)
    other.setup("fit")
    with pytest.raises(ValueError, match="trained on small-text-binary@1 with other features"):
        other.load_state_dict(state)


@pytest.mark.parametrize("workers", [0, 2])
def test_pictures_decoded_at_each_use_equal_those_held_decoded(
    bancada_home: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    name = put_small("images", "multiclass")
    pl.seed_everything(1, verbose=False)
    options: dict[str, Any] = {"rotate_degrees": 15.0, "shift": 0.1, "flip": True, "erase": 0.5, "batch_size": 9}
    held = ImageData(name, **options)
    held.setup("fit")
    monkeypatch.setattr(stores, "_DECODED_BYTES", 0)
    decoded = ImageData(name, num_workers=workers, **options)
    decoded.setup("fit")
    for one, other in zip(held.train_dataloader(), decoded.train_dataloader(), strict=True):
        torch.testing.assert_close(one, other)


def test_validation_pictures_are_never_changed(bancada_home: Path) -> None:
    name = put_small("images", "multiclass")
    plain, changed = ImageData(name), ImageData(name, rotate_degrees=45.0, erase=1.0)
    for data in (plain, changed):
        data.setup("fit")
    torch.testing.assert_close(drawn(changed, "val"), drawn(plain, "val"))
    assert not torch.equal(drawn(changed)[0]["image"], drawn(plain)[0]["image"])


def test_processes_share_the_examples(bancada_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = TableData(put_small("table", "binary"), batch_size=7)
    data.setup("fit")
    found = []
    for rank in range(3):

        class Attached:
            distributed_sampler_kwargs = {"num_replicas": 3, "rank": rank}  # noqa: RUF012

        data.trainer = Attached()  # type: ignore[assignment]
        found.append(drawn(data))
    assert {len(part) for part in found} == {2}
    sizes = torch.cat([batch["numbers"][:, 0] for part in found for batch in part])
    assert len(sizes) == len(set(sizes.tolist())) == 36
