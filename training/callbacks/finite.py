"""Ends the run when the loss is not a finite number, and says which one and where."""

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.trainer.states import TrainerFn

from training.outcome import NotFinite


class Finite(Callback):
    """Looks at the training loss when it is logged anyway, and at validation losses."""

    def __init__(self, every_batches: int) -> None:
        self._every_batches = every_batches

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Raises NotFinite."""
        _module, outputs, _batch, batch_idx = args
        if (batch_idx + 1) % self._every_batches:
            return  # on a GPU, looking at a value waits for it
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, torch.Tensor) and loss.numel() == 1 and not math.isfinite(value := float(loss)):
            raise NotFinite(self._words(trainer, _name(trainer), value))

    def on_validation_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Raises NotFinite."""
        if trainer.state.fn is not TrainerFn.FITTING or trainer.sanity_checking:
            return
        for name, metric in trainer.callback_metrics.items():
            if "loss" in name and not math.isfinite(value := float(metric)):
                raise NotFinite(self._words(trainer, name, value))

    def _words(self, trainer: pl.Trainer, name: str, value: float) -> str:
        what = "NaN" if math.isnan(value) else "infinite"
        return (
            f"{name} became {what} at step {trainer.global_step:,} (epoch {trainer.current_epoch + 1}). "
            "A lower learning rate, gradient clipping or full precision often helps."
        )


def _name(trainer: pl.Trainer) -> str:
    """The name under which the loss is logged, as far as it can be known."""
    logged = [name for name, value in trainer.callback_metrics.items() if not math.isfinite(float(value))]
    losses = [name for name in logged if "loss" in name]
    return next(iter([*losses, *logged]), "The loss")
