"""The files beside a checkpoint's weights that explain them: config, data, code, signature, fitted features."""

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from features import Features
from lightning_modules.data import DatasetData
from training.context import RunContext

CODE = "code.json"


def explain(context: RunContext, data: pl.LightningDataModule, folder: Path) -> None:
    """Write these files into a folder, once the data is set up. It reads only what does not change any more."""
    features = getattr(data, "features", None)
    version = data.version() if isinstance(data, DatasetData) else None
    (folder / "config.yaml").write_text(context.config.to_yaml(), encoding="utf-8")
    write_json(folder / "data.json", _data_facts(context, version))
    write_json(folder / CODE, {"class_path": context.config.model.class_path, **_code_facts(context)})
    write_json(folder / "signature.json", features.signature() if isinstance(features, Features) else {})
    if isinstance(features, Features):
        features.save(folder)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """A small file for people and programs."""
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False, default=str), encoding="utf-8")


def _data_facts(context: RunContext, version: Any) -> dict[str, Any]:
    facts = {"class_path": context.config.data.class_path, "dataset": context.run.dataset}
    if version is not None:
        facts |= {"dataset": version.ref, "content_hash": version.content_hash, "kind": version.kind}
        facts |= {"split_counts": version.split_counts, "schema": version.schema.to_dict()}
    return facts


def _code_facts(context: RunContext) -> dict[str, Any]:
    """The code version, once `training.facts` has found it; a checkpoint within the first second may lack it."""
    path = context.folder / CODE
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found
