"""How far the run is, told to the recorder: step, epoch with its fraction, total steps, samples a second, phase."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.trainer.states import TrainerFn

from tracking.recorder import Recorder

TELL_SECONDS = 0.1
FIRST_STEP_SECONDS = 300.0  # the first batch may compile, warm up a GPU, or open files
VALIDATION_SECONDS = 300.0  # before its first batch is done
MEMORY = 0.9  # of the last speeds


class Progress(Callback):
    """Rank 0's word to the recorder.

    Args:
        on_first_step: called once, when the first optimizer step is done.
    """

    def __init__(self, recorder: Recorder, world_size: int, on_first_step: Callable[[], None]) -> None:
        self.samples_per_second: float | None = None
        self._recorder = recorder
        self._world_size = world_size
        self._on_first_step: Callable[[], None] | None = on_first_step
        self._told_at = 0.0
        self._samples = 0
        self._batch: int | None = None  # of the epoch, the last one done
        self._since = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """How much there is to do is known now."""
        total = trainer.estimated_stepping_batches
        self._recorder.progress(
            step=trainer.global_step,
            epoch=float(trainer.current_epoch),
            total_steps=int(total) if math.isfinite(total) and total >= 0 else None,
            max_epochs=trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None,
            phase="fit",
        )
        self._recorder.promise(FIRST_STEP_SECONDS)
        self._begin_counting()

    def on_train_epoch_start(self, *_: Any) -> None:
        """What was between two epochs does not count as training time."""
        self._begin_counting()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Count, and tell a few times a second."""
        _module, _outputs, batch, self._batch = args
        self._samples += batch_size(batch) * self._world_size
        now = time.monotonic()
        if now - self._told_at < TELL_SECONDS and not trainer.is_last_batch:
            return
        self._told_at = now
        self._measure(now)
        self._recorder.progress(samples_per_second=self.samples_per_second, phase="fit", **self._place(trainer))
        if self._on_first_step is not None and trainer.global_step > 0:
            self._on_first_step()
            self._on_first_step = None

    def on_exception(self, trainer: pl.Trainer, *_: Any) -> None:
        """A stop, or an error, falls between two tellings: the record shall name the very last step."""
        if trainer.state.fn is TrainerFn.FITTING and self._batch is not None:
            self._recorder.progress(**self._place(trainer))

    def on_validation_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """A validation begins."""
        if trainer.state.fn is TrainerFn.FITTING:
            self._say("validate")

    def on_validation_batch_end(self, *_: Any) -> None:
        """It goes on."""
        self._tell_again()

    def on_validation_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Back to training."""
        if trainer.state.fn is TrainerFn.FITTING:
            self._recorder.progress(phase="fit")
            self._begin_counting()

    def on_test_start(self, *_: Any) -> None:
        """The test begins."""
        self._say("test")

    def on_test_batch_end(self, *_: Any) -> None:
        """It goes on."""
        self._tell_again()

    def _place(self, trainer: pl.Trainer) -> dict[str, Any]:
        batches, done = trainer.num_training_batches, 0 if self._batch is None else self._batch + 1
        share = done / batches if batches and math.isfinite(batches) else 0.0
        return {"step": trainer.global_step, "epoch": trainer.current_epoch + share}

    def _say(self, phase: str) -> None:
        self._recorder.progress(phase=phase)
        self._recorder.promise(VALIDATION_SECONDS)

    def _tell_again(self) -> None:
        now = time.monotonic()
        if now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            self._recorder.progress()

    def _begin_counting(self) -> None:
        self._samples, self._since = 0, time.monotonic()

    def _measure(self, now: float) -> None:
        if now <= self._since or not self._samples:
            return
        speed = self._samples / (now - self._since)
        before = self.samples_per_second
        self.samples_per_second = speed if before is None else MEMORY * before + (1 - MEMORY) * speed
        self._samples, self._since = 0, now


def batch_size(batch: Any) -> int:
    """Examples in a batch: the length of the first tensor in it; 1 when there is none."""
    if isinstance(batch, torch.Tensor):
        return len(batch) if batch.ndim else 1
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, list | tuple):
        for part in batch:
            if isinstance(part, torch.Tensor | Mapping | list | tuple):
                return batch_size(part)
    return 1
