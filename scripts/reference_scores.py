"""Train presets with several seeds and print what they reach on the test split, beside a simple baseline's score.

    python -m scripts.reference_scores [PRESET ...] [--seeds 42,43,44] [--json FILE] [--strict]

Each run is plain Lightning: the preset's model, data and trainer settings, the best checkpoint measured on the test
split. The baseline (`scripts.baselines`) is fitted in the same session on the same split: once with the validation
rows, as on the data sheets, and once on the training rows alone, which are all that a preset learns from. Seconds are
processor seconds, so that a busy machine does not count.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from catalog.errors import CatalogError
from catalog.samples import load_sample
from db.engine import connect
from db.migrate import upgrade
from db.run_config import ClassConfig, RunConfig, TrainerConfig, read_config
from lightning_modules import presets
from scripts.baselines import baseline
from training.fit import trainer_arguments


@dataclass(frozen=True)
class Score:
    """What one training of a preset came to. ``metrics``: names such as "test_accuracy", best checkpoint's."""

    seed: int
    metrics: dict[str, float]
    processor_seconds: float
    wall_seconds: float


@dataclass(frozen=True)
class Row:
    """One preset's line of the table. ``ranking`` is the test AUROC where there is one; seconds are of one run."""

    preset: str
    metric: str
    mean: float
    lowest: float
    highest: float
    validation: float
    ranking: float | None
    reference: float
    reference_on_training_rows: float
    reference_name: str
    processor_seconds: float
    reached: bool


def train_once(config: RunConfig, seed: int) -> Score:
    """Train a config as a single process on CPU and measure its best checkpoint on validation and test."""
    started, busy = time.perf_counter(), time.process_time()
    pl.seed_everything(seed, verbose=False)
    model, data = _built(config.model), _built(config.data)
    with tempfile.TemporaryDirectory(prefix="bancada-scores-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers
        trainer = _trainer(config.trainer, Path(folder))
        trainer.fit(model, datamodule=data)
        (validation,) = trainer.validate(datamodule=data, ckpt_path="best", weights_only=True, verbose=False)
        (test,) = trainer.test(datamodule=data, ckpt_path="best", weights_only=True, verbose=False)
    return Score(seed, {**validation, **test}, time.process_time() - busy, time.perf_counter() - started)


def measure(preset: presets.Preset, seeds: Sequence[int]) -> Row:
    """A preset trained with each seed, beside the baseline of its sample."""
    with connect().writing() as session:
        load_sample(session, preset.sample, "reference scores", None)
    reference = baseline(preset.sample)
    scores = [train_once(read_config(preset.config), seed) for seed in seeds]
    found = [score.metrics[f"test_{reference.metric}"] for score in scores]
    rankings = [score.metrics["test_auroc"] for score in scores if "test_auroc" in score.metrics]
    return Row(
        preset=preset.key,
        metric=reference.metric,
        mean=statistics.fmean(found),
        lowest=min(found),
        highest=max(found),
        validation=statistics.fmean(score.metrics[f"val_{reference.metric}"] for score in scores),
        ranking=statistics.fmean(rankings) if rankings else None,
        reference=reference.value,
        reference_on_training_rows=reference.on_training_rows,
        reference_name=reference.name,
        processor_seconds=statistics.fmean(score.processor_seconds for score in scores),
        reached=round(statistics.fmean(found), 3) >= round(reference.value, 3),
    )


def _built(given: ClassConfig) -> Any:
    module, _, name = given.class_path.rpartition(".")
    return getattr(import_module(module), name)(**given.init_args)


def _trainer(asked: TrainerConfig, folder: Path) -> pl.Trainer:
    kept = asked.checkpoint
    best = ModelCheckpoint(folder, monitor=kept.monitor, mode=kept.mode, save_top_k=1)
    callbacks: list[Callback] = [best]
    if asked.early_stopping is not None:
        callbacks.append(EarlyStopping(**asked.early_stopping.model_dump()))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    arguments = trainer_arguments(asked) | quiet
    return pl.Trainer(accelerator="cpu", devices=1, callbacks=callbacks, **arguments)


def print_row(row: Row) -> None:
    """One line of the table."""
    ranking = f"{row.ranking:.3f}" if row.ranking is not None else "    –"
    print(
        f"{row.preset:28} {row.metric:8} {row.mean:.3f} ({row.lowest:.3f}–{row.highest:.3f})  {ranking}  "
        f"{row.validation:.3f}       {row.reference:.3f}     {row.reference_on_training_rows:.3f}  "
        f"{'yes' if row.reached else 'no ':7}  {row.processor_seconds:6.1f}  {row.reference_name}",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table; with ``--strict`` a preset that stays below its reference is exit status 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="keys of presets (default: all)")
    parser.add_argument("--seeds", default="42,43,44", help="seeds, separated by commas (default: 42,43,44)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a reference is not reached")
    chosen = parser.parse_args(arguments)
    try:
        wanted = [presets.get(key) for key in chosen.presets] or presets.every()
        seeds = [int(seed) for seed in chosen.seeds.split(",")]
    except (presets.PresetError, ValueError) as error:
        parser.error(str(error))
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    upgrade(connect())
    print(f"{'preset':28} metric   test (range)         AUROC  validation  reference  (same rows)  reached  CPU s")
    rows = []
    for preset in wanted:
        try:
            rows.append(measure(preset, seeds))
        except CatalogError as error:
            print(f"{preset.key:28} not measured: {error}")
            continue
        print_row(rows[-1])
        if chosen.json:
            chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    return 1 if chosen.strict and not (len(rows) == len(wanted) and all(row.reached for row in rows)) else 0


if __name__ == "__main__":
    sys.exit(main())
