"""Every model on tiny data: shapes, gradients, learning, seeds, padding, what it must refuse."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from lightning_modules.images import SmallViT
from lightning_modules.tabular import MLP, FTTransformer, LinearModel
from lightning_modules.task import TaskModel
from lightning_modules.text import EmbeddingBagClassifier, TransformerClassifier
from tests.lightning_modules.small import FAMILIES, Family, data_of

TASKS = ["binary", "multiclass", "regression"]


def ready(family: Family, task: Any, **changes: Any) -> tuple[TaskModel, dict[str, Tensor]]:
    """A built model and a batch for it."""
    data = data_of(family, task)
    data.setup("fit")
    pl.seed_everything(1, verbose=False)
    model = family.make(**changes)
    model.build(data.signature())
    return model, next(iter(data.train_dataloader()))


def answers(model: TaskModel, batch: dict[str, Tensor]) -> Tensor:
    output: Tensor = model(**{name: value for name, value in batch.items() if name != "target"})
    return output


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_shapes_and_gradients(bancada_home: Path, family: Family, task: Any) -> None:
    model, batch = ready(family, task)
    output = answers(model, batch)
    size = len(batch["target"])
    assert output.shape == {"binary": (size, 2), "multiclass": (size, 3), "regression": (size,)}[task]
    assert batch["target"].shape == (size,)
    model._loss(output, batch["target"], training=True).backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert not without
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_batch_can_be_learned_by_heart(bancada_home: Path, family: Family, task: Any) -> None:
    changes = {"token_dropout": 0.0} if "text" in family.model.__module__ else {}
    model, batch = ready(family, task, **changes, **({} if family.model is LinearModel else {"dropout": 0.0}))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
    losses = []
    for _ in range(60):
        loss = model._loss(answers(model, batch), batch["target"], training=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_seed_decides_the_weights(bancada_home: Path, family: Family) -> None:
    data = data_of(family, "binary")
    data.setup("fit")
    weights = []
    for seed in (1, 1, 2):
        pl.seed_everything(seed, verbose=False)
        model = family.make()
        model.build(data.signature())
        weights.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_an_example_is_answered_alike_alone_and_in_a_batch(bancada_home: Path, family: Family) -> None:
    model, batch = ready(family, "multiclass")
    model.eval()
    whole = answers(model, batch)
    for row in range(3):
        alone = answers(model, {name: value[row : row + 1] for name, value in batch.items()})
        torch.testing.assert_close(alone[0], whole[row], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES[:2], ids=str)
def test_padding_changes_no_answer(bancada_home: Path, family: Family) -> None:
    model, batch = ready(family, "binary")
    model.eval()
    tokens = batch["tokens"][:, :6]
    padded = torch.nn.functional.pad(tokens, (0, 3))
    torch.testing.assert_close(model(tokens=padded), model(tokens=tokens), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES[:2], ids=str)
def test_the_order_of_words_matters_to_both_text_models(bancada_home: Path, family: Family) -> None:
    """The bag knows it through hashed pairs, the Transformer through positions."""
    data = data_of(family, "binary")
    data.setup("fit")
    pl.seed_everything(3, verbose=False)
    model = family.make().eval()
    model.build(data.signature())
    one, other = (
        torch.from_numpy(data.features.transform([{"text": text}])["tokens"]) for text in ("is it one", "one is it")
    )
    assert not torch.allclose(model.eval()(tokens=one), model(tokens=other), atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_parts_to_be_sharded_belong_to_the_network(bancada_home: Path, family: Family) -> None:
    model, _ = ready(family, "binary")
    assert {id(part) for part in model.shard_blocks()} <= {id(part) for part in model.modules()}
    assert len(model.shard_blocks()) == family.sizes.get("depth", 0) * (family.model is not MLP) + (
        3 if family.model.__name__ == "SmallResNet" else 0
    )


@pytest.mark.parametrize("family", [f for f in FAMILIES if "tabular" in f.model.__module__], ids=str)
def test_a_category_never_met_in_training_says_nothing(bancada_home: Path, family: Family) -> None:
    model, _ = ready(family, "binary")
    tables = [part for part in model.modules() if isinstance(part, torch.nn.Embedding)]
    assert tables
    for table in tables:
        assert not table.weight[0].any()
        assert table.weight[2:].any()


@pytest.mark.parametrize("model", [TransformerClassifier, FTTransformer, SmallViT])
def test_a_width_that_heads_do_not_divide_is_refused_at_once(model: Any) -> None:
    with pytest.raises(ValueError, match="width 10 must be a multiple of heads 4"):
        model(width=10, heads=4)


def test_a_patch_larger_than_the_pictures_is_refused(bancada_home: Path) -> None:
    with pytest.raises(ValueError, match="patch is 9 pixels, but the pictures have 8"):
        ready(FAMILIES[-1], "binary", patch=9)


def test_constructor_arguments_are_remembered() -> None:
    model = EmbeddingBagClassifier(width=4, weight_decay=0.5, schedule="linear")
    assert dict(model.hparams) == {
        "width": 4, "dropout": 0.2, "token_dropout": 0.2, "learning_rate": 5e-3, "weight_decay": 0.5,
        "schedule": "linear",
    }  # fmt: skip
    with pytest.raises(TypeError, match="wieght_decay"):
        EmbeddingBagClassifier(wieght_decay=0.5)


def test_a_stem_comes_before_the_patches(bancada_home: Path) -> None:
    """As many patches as without it, each made of the stem's channels; everything learns."""
    model, batch = ready(FAMILIES[-1], "multiclass", stem=4)
    assert answers(model, batch).shape == (len(batch["target"]), 3)
    answers(model, batch).sum().backward()
    assert not [name for name, weight in model.named_parameters() if weight.grad is None]
    stem = {name: tuple(value.shape) for name, value in model.named_parameters() if "stem" in name}
    assert stem["network.stem.0.weight"] == (4, 1, 3, 3)
    plain, _ = ready(FAMILIES[-1], "multiclass")
    assert not [name for name, _ in plain.named_parameters() if "stem" in name]
