"""Trains one run in this process: data, model, logger, callbacks and Trainer from its config; then fit and test."""

from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.utilities.model_helpers import is_overridden

from db.home import home
from db.run_config import TrainerConfig
from db.states import Reason, RunState
from training.beside import Beside
from training.build import build_data, build_model
from training.callbacks.checkpointing import Checkpointing
from training.callbacks.finite import Finite
from training.callbacks.progress import Progress
from training.callbacks.report import Report
from training.callbacks.stopping import Stopping
from training.checkpoints import CheckpointFolders
from training.context import RunContext
from training.explain import explain
from training.logger import StepLogger
from training.outcome import Outcome
from training.strategies import choose_accelerator, choose_strategy
from training.weights_file import WEIGHTS, WeightsFile


class Fit:
    """One attempt at a run, in one rank."""

    def __init__(self, context: RunContext, stopping: Stopping) -> None:
        self._context = context
        self._stopping = stopping
        self._file = WeightsFile()
        self._folders: CheckpointFolders | None = None
        self._beside: Beside | None = None
        self._logger = StepLogger(context.recorder, run_id=context.run.id, attempt=context.attempt)
        self._early: EarlyStopping | None = None

    def run(self) -> Outcome:
        """Build, fit, test.

        Raises:
            Stopped: when somebody asked for it. Whatever else goes wrong comes out as it is.
        """
        context, config = self._context, self._context.config
        pl.seed_everything(config.seed, workers=True, verbose=False)
        data = build_data(config)
        model = build_model(config)
        accelerator = choose_accelerator(config.scaling)
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=context.world_size,
            strategy=choose_strategy(config.scaling, context.world_size),
            logger=self._logger,
            callbacks=self._callbacks(data, accelerator),
            plugins=[self._file],
            default_root_dir=str(context.folder),
            **trainer_arguments(config.trainer),
        )
        weights = str(context.resume_from / WEIGHTS) if context.resume_from else None
        self._logger.fitting = True
        trainer.fit(model, datamodule=data, ckpt_path=weights, weights_only=True)
        self._logger.fitting = False
        self._settle()
        if config.trainer.test_after_fit:
            self._test(trainer, model, data)
        return self._outcome(trainer)

    def close(self) -> None:
        """Finish what threads still do; rank 0's own."""
        if self._beside is not None:
            self._beside.finish()
        if self._folders is not None:
            self._folders.close()

    def _callbacks(self, data: pl.LightningDataModule, accelerator: str) -> list[Callback]:
        context, config = self._context, self._context.config
        made: list[Callback] = [self._stopping]
        progress: Progress | None = None
        if context.recorder is not None:
            self._beside = Beside(context, context.recorder, accelerator)
            self._folders = CheckpointFolders(context, lambda folder: explain(context, data, folder)).start()
            progress = Progress(context.recorder, context.world_size, self._beside.begin)
            made.append(progress)
        if config.trainer.stop_on_nan:
            made.append(Finite(config.trainer.log_every_n_steps))
        if config.trainer.early_stopping is not None:
            rules = config.trainer.early_stopping
            self._early = EarlyStopping(
                rules.monitor,
                mode=rules.mode,
                patience=rules.patience,
                min_delta=rules.min_delta,
                check_finite=False,
            )
            made.append(self._early)
        saving = Checkpointing(context, self._folders, self._file, self._stopping)
        return [*made, Report(progress), saving]

    def _settle(self) -> None:
        if self._folders is not None:
            self._folders.settle()

    def _test(self, trainer: pl.Trainer, model: pl.LightningModule, data: pl.LightningDataModule) -> None:
        """Measure the best checkpoint, or else the last weights, on the test split."""
        if not is_overridden("test_step", model) or not is_overridden("test_dataloader", data):
            return
        best: str | None = None
        if self._folders is not None and (row := self._folders.best()) is not None:
            best = str(home() / row.path / WEIGHTS)
            print(f"testing the best checkpoint: step {row.step:,}, {row.metric} {row.metric_value:.4g}")
        best = trainer.strategy.broadcast(best)
        trainer.test(model, datamodule=data, ckpt_path=best, weights_only=True, verbose=False)

    def _outcome(self, trainer: pl.Trainer) -> Outcome:
        step, epochs = trainer.global_step, trainer.current_epoch
        early = self._early
        if early is not None and early.stopped_epoch > 0:
            text = (
                f"{early.monitor} did not get better for {early.patience} validations in a row; "
                f"best {float(early.best_score):.4g}. Stopped early after {epochs} epochs, {step:,} steps."
            )
            return Outcome(RunState.FINISHED, Reason.EARLY_STOPPED, text)
        return Outcome(RunState.FINISHED, Reason.COMPLETED, f"Finished after {epochs} epochs, {step:,} steps.")


def trainer_arguments(config: TrainerConfig) -> dict[str, Any]:
    """What the config says, in the Trainer's own words."""
    limits = {"limit_train_batches": config.limit_train_batches, "limit_val_batches": config.limit_val_batches}
    minutes = config.max_minutes
    return {
        "max_epochs": config.max_epochs,
        "max_steps": config.max_steps,
        "max_time": timedelta(minutes=minutes) if minutes is not None else None,
        "precision": config.precision,
        "accumulate_grad_batches": config.accumulate_grad_batches,
        "gradient_clip_val": config.gradient_clip_val,
        "val_check_interval": share_or_count(config.val_check_interval),
        "log_every_n_steps": config.log_every_n_steps,
        "deterministic": "warn" if config.deterministic else False,
        "detect_anomaly": config.detect_anomaly,
        **{name: share_or_count(value) for name, value in limits.items() if value is not None},
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_autolog_hparams": False,
    }


def share_or_count(value: float) -> float | int:
    """Lightning tells a share (a float up to 1) from a number of batches (an int) by the type alone."""
    return float(value) if value <= 1 else int(value)
