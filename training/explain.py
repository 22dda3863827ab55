"""The files beside a checkpoint's weights that explain them: config, data, code, signature, fitted features."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from db.json_files import read_json, write_json
from features import Features
from lightning_modules.data import DatasetData
from training.context import RunContext

CODE = "code.json"


def explain(context: RunContext, data: pl.LightningDataModule, folder: Path) -> None:
    """Write these files into a folder, once the data is set up. It reads only what does not change any more."""
    features = getattr(data, "features", None)
    version = data.version() if isinstance(data, DatasetData) else None
    (folder / "config.yaml").write_text(context.config.to_yaml(), encoding="utf-8")
    write_json(folder / "data.json", _data_facts(context, version), indent=1)
    write_json(folder / CODE, {"class_path": context.config.model.class_path, **_code_facts(context)}, indent=1)
    signature = features.signature() if isinstance(features, Features) else {}
    write_json(folder / "signature.json", signature, indent=1)
    if isinstance(features, Features):
        features.save(folder)


def _data_facts(context: RunContext, version: Any) -> dict[str, Any]:
    facts = {"class_path": context.config.data.class_path, "dataset": context.run.dataset}
    if version is not None:
        facts |= {"dataset": version.ref, "content_hash": version.content_hash, "kind": version.kind}
        facts |= {"split_counts": version.split_counts, "schema": version.schema.to_dict()}
    return facts


def _code_facts(context: RunContext) -> dict[str, Any]:
    """The code version, once `training.facts` has found it; a checkpoint within the first second may lack it."""
    return read_json(context.folder / CODE) or {}
