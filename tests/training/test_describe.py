"""Constructors become forms: those of the product, and odd ones of users."""

import sys
from pathlib import Path

import pytest

from db import modules
from db.engine import Database
from training.describe import describe, describe_all

ODD = '''
import enum
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytorch_lightning as pl
from annotated_types import Ge, Lt
from pydantic import Field, PositiveInt
from torch import nn


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Base(pl.LightningModule):
    """A base.

    Args:
        depth: How deep.
    """

    def __init__(self, depth: PositiveInt = 2) -> None:
        super().__init__()


class Odd(Base):
    """An odd one: much
    in one line.

    More of it.
    """

    def __init__(
        self,
        dataset: str,
        size: Annotated[int, Ge(1), Lt(9)],
        rate: Annotated[float, Field(gt=0, le=1)] | None = None,
        colour: Colour = Colour.BLUE,
        mode: Literal["a", "b", None] = "a",
        layers: list[int] = [8, 4],
        names: tuple[str, ...] = (),
        options: dict[str, Any] | None = None,
        number: int | float = 1,
        activation: Callable[..., nn.Module] = nn.ReLU,
        loss: Any = nn.CrossEntropyLoss(),
        path: Path = Path("x/y"),
        untyped=3,
        unknown=None,
        **more: Any,
    ) -> None:
        """Make it.

        Args:
            size: How large
                it is.
        """
        super().__init__(**more)


class NotAModule:
    pass
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place on the Python path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_an_odd_constructor(folder: Path) -> None:
    (folder / "odd_module.py").write_text(ODD)
    form = describe("odd_module.Odd")
    fields = {field["name"]: field for field in form["fields"]}

    assert (form["error"], form["kind"], form["title"]) == (None, "model", "Odd")
    assert form["summary"] == "An odd one: much in one line."
    types = {name: field["type"] for name, field in fields.items()}
    assert types == {
        "dataset": "dataset", "size": "int", "rate": "float", "colour": "choice", "mode": "choice", "layers": "list",
        "names": "list", "options": "dict", "number": "float", "activation": "any", "path": "str", "untyped": "int",
        "unknown": "any", "depth": "int",
    }  # fmt: skip
    assert (fields["size"]["ge"], fields["size"]["lt"], fields["size"]["required"]) == (1, 9, True)
    assert fields["size"]["help"] == "How large it is."
    assert (fields["rate"]["gt"], fields["rate"]["le"], fields["rate"]["nullable"]) == (0, 1, True)
    assert (fields["colour"]["choices"], fields["colour"]["default"]) == (["RED", "BLUE"], "BLUE")
    assert (fields["mode"]["choices"], fields["mode"]["nullable"]) == (["a", "b"], True)
    assert (fields["layers"]["item_type"], fields["layers"]["default"]) == ("int", [8, 4])
    assert fields["activation"]["default"] == "torch.nn.modules.activation.ReLU"
    assert (fields["depth"]["gt"], fields["depth"]["help"], fields["depth"]["advanced"]) == (0, "How deep.", True)


def test_everything_is_described_and_stored(database: Database, folder: Path) -> None:
    (folder / "team").mkdir()
    (folder / "team" / "__init__.py").write_text("")
    (folder / "team" / "fine.py").write_text(ODD)
    (folder / "team" / "broken.py").write_text("import torch\nraise SystemExit('not today')\n")
    describe_all(["team", "no_such_place", "team.fine.NotAModule"])
    with database.reading() as session:
        rows = {row.class_path: row for row in modules.every(session)}

    assert {"lightning_modules.text.TextData", "lightning_modules.images.SmallViT", "team.fine.Odd"} <= rows.keys()
    assert not [name for name, row in rows.items() if name.startswith("lightning_modules") and row.error]
    assert "lightning_modules.task.TaskModel" not in rows
    assert "not today" in rows["team.broken"].error
    assert "no_such_place" in rows["no_such_place"].error
    assert "neither" in rows["team.fine.NotAModule"].error
    describe_all([])
    with database.reading() as session:
        assert "team.fine.Odd" not in {row.class_path for row in modules.every(session)}
    assert "team.broken" not in sys.modules


def test_fields_of_the_product() -> None:
    form = describe("lightning_modules.text.TransformerClassifier")
    fields = {field["name"]: field for field in form["fields"]}
    assert (fields["width"]["type"], fields["width"]["ge"], fields["width"]["le"]) == ("int", 4, 4096)
    assert (fields["learning_rate"]["group"], fields["learning_rate"]["advanced"]) == ("Optimization", False)
    assert fields["schedule"]["choices"] == ["constant", "linear", "cosine"]
    assert fields["weight_decay"]["advanced"]
    assert fields["weight_decay"]["help"].startswith("Pull of the weight matrices")
    data = {field["name"]: field for field in describe("lightning_modules.images.ImageData")["fields"]}
    assert (data["zoom"]["group"], data["dataset"]["type"], data["size"]["nullable"]) == (
        "Augmentation",
        "dataset",
        True,
    )
