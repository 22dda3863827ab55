"""The lines of the run's log: how it starts, each epoch with its metrics, how it ends."""

import math
import time
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from training.callbacks.progress import Progress

EVERY_SECONDS = 10.0  # within a long epoch


class Report(Checkpoint):
    """Prints to the log of rank 0. The other ranks have it, too: reading an epoch's metrics brings all together.

    It saves nothing: Lightning calls callbacks of this class last, when the model has logged its epoch's metrics.

    Args:
        progress: of rank 0; None elsewhere.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._epoch_began = time.monotonic()
        self._said_at = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What is trained, and for how long."""
        if self._progress is None:
            return
        count = sum(parameter.numel() for parameter in pl_module.parameters())
        total = trainer.estimated_stepping_batches
        steps = f"{int(total):,} steps" if math.isfinite(total) else "steps without an end"
        print(f"{count:,} parameters; {steps} in {trainer.max_epochs} epochs, from step {trainer.global_step:,}")

    def on_train_epoch_start(self, *_: Any) -> None:
        """The epoch's time begins."""
        self._epoch_began = self._said_at = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """A word now and then."""
        now = time.monotonic()
        if self._progress is None or now - self._said_at < EVERY_SECONDS:
            return
        self._said_at = now
        print(f"  step {trainer.global_step:,} · batch {args[-1] + 1:,}/{trainer.num_training_batches:,}", end="")
        print(f" · {_metrics(trainer.callback_metrics)} · {self._speed()}")

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """The epoch's metrics."""
        metrics = trainer.callback_metrics  # on every rank
        if self._progress is None:
            return
        seconds = time.monotonic() - self._epoch_began
        head = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs} · step {trainer.global_step:,}"
        print(f"{head} · {_metrics(metrics)} · {seconds:.1f} s · {self._speed()}")

    def on_test_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """The test's metrics."""
        if self._progress is None:
            return
        print(f"test · {_metrics(trainer.callback_metrics)}")

    def _speed(self) -> str:
        speed = self._progress.samples_per_second if self._progress is not None else None
        return f"{speed:,.0f} samples/s" if speed else "speed unknown"


def _metrics(values: Mapping[str, Any]) -> str:
    return " · ".join(f"{name} {float(value):.4g}" for name, value in values.items()) or "no metrics"
