"""Two described families of modules, as a training process would write them down."""

from typing import Any

MODEL = "lightning_modules.text.BagModel"
OTHER_MODEL = "lightning_modules.text.BigModel"
TABLE_MODEL = "lightning_modules.tabular.Mlp"
DATA = "lightning_modules.text.TextData"
TABLE_DATA = "lightning_modules.tabular.TableData"


def field(name: str, kind: str, **facts: Any) -> dict[str, Any]:
    """One field of a description."""
    empty = dict.fromkeys(("default", "choices", "ge", "gt", "le", "lt", "item_type"))
    return {"name": name, "type": kind, "required": False, "nullable": False, "help": "", "group": "", **empty} | {
        "advanced": False,
        **facts,
    }


def description(class_path: str, kind: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """One class."""
    module, _, name = class_path.rpartition(".")
    return {
        "class_path": class_path,
        "kind": kind,
        "title": name,
        "summary": f"What {name} is.",
        "module": module,
        "fields": fields,
        "error": None,
    }


LEARNING_RATE = field("learning_rate", "float", default=0.001, gt=0, le=10, group="Optimization", help="Size of a step")
DROPOUT = field("dropout", "float", default=0.1, ge=0, lt=1, help="Share of units that are switched off")
DESCRIPTIONS = [
    description(
        MODEL,
        "model",
        [
            field("width", "int", default=32, ge=1, le=4096, help="Size of a word's vector"),
            DROPOUT,
            field("pooling", "choice", default="mean", choices=["mean", "max"]),
            field("normalise", "bool", default=True),
            LEARNING_RATE,
            field("weight_decay", "float", default=0.0, ge=0, group="Optimization", advanced=True),
            field("hidden", "list", default=[64, 32], item_type="int", advanced=True),
            field("warmup_steps", "int", default=None, nullable=True, ge=0, group="Optimization", advanced=True),
        ],
    ),
    description(OTHER_MODEL, "model", [field("layers", "int", default=2, ge=1), DROPOUT, LEARNING_RATE]),
    description(TABLE_MODEL, "model", [field("depth", "int", default=3, ge=1), LEARNING_RATE]),
    description(
        DATA,
        "data",
        [
            field("dataset", "dataset", required=True, help="Name of a registered dataset"),
            field("batch_size", "int", default=64, ge=1),
            field("lowercase", "bool", default=False, advanced=True),
        ],
    ),
    description(
        TABLE_DATA, "data", [field("dataset", "dataset", required=True), field("batch_size", "int", default=32, ge=1)]
    ),
]
