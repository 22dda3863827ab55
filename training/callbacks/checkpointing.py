"""When a checkpoint is saved, and what is in it beside Lightning's own state: the random state of every rank.

Lightning can go on exactly from three places: the end of a batch after which no validation follows, the end of a
validation inside an epoch, and the end of an epoch. A save that falls due elsewhere waits for the next of them. A stop
within a validation saves a state whose validation begins anew.
"""

import math
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import CombinedLoader

from training import random_state
from training.callbacks.stopping import Stopping
from training.checkpoint_folder import Saved, checkpoint_path
from training.checkpoints import CheckpointFolders
from training.context import RunContext
from training.outcome import is_disk_full
from training.weights_file import WeightsFile

PROMISE_SECONDS = 600.0
_BEGIN_AGAIN = {"ready": 1, "started": 1, "processed": 0, "completed": 0}  # a validation whose first batch is not done


class Checkpointing(Checkpoint):
    """Saves at the end of epochs and validations, every so many steps, and when the run is asked to end."""

    def __init__(
        self, context: RunContext, folders: CheckpointFolders | None, file: WeightsFile, stopping: Stopping
    ) -> None:
        self._context = context
        self._folders = folders
        self._file = file
        self._stopping = stopping
        self._rules = context.config.trainer.checkpoint
        self._due = False
        self._mid_epoch = False
        self._fits = False
        self._loaders: list[dict[str, Any]] = []
        self._plateaus: list[tuple[int, float]] = []
        self._saved_at = -1
        self._measured = False
        self._resumed: dict[str, Any] | None = None
        self._before_validation: dict[str, Any] | None = None
        self._leaves_validation = False

    def state_dict(self) -> dict[str, Any]:
        """The random state of every rank, and whether an epoch is under way."""
        own = self._before_validation if self._leaves_validation else None
        own = own or random_state.capture()
        everybody = random_state.capture_all(own, self._context.world_size)
        return {"random": everybody, "mid_epoch": self._mid_epoch, "plateaus": self._plateaus}

    def setup(self, trainer: pl.Trainer, *_: Any, **_stage: Any) -> None:
        """A test loads a checkpoint, too, but nothing goes on there."""
        self._fits = trainer.state.fn is TrainerFn.FITTING

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loaders may draw when they are begun: at an epoch's start they must draw the same numbers as before."""
        if self._fits:
            self._resumed = state_dict
            self._restore()

    def on_load_checkpoint(self, *args: Any) -> None:
        """Lightning hands their state only to loaders that are made after this; a schedule may have asked for them."""
        self._loaders = args[-1]["loops"]["fit_loop"]["state_dict"].get("combined_loader", [])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """In the middle of an epoch the loaders had begun long before; at its end, schedules were about to move."""
        self._saved_at = trainer.global_step
        if self._resumed is not None:
            if self._resumed["mid_epoch"]:
                self._restore()
                CombinedLoader(trainer.train_dataloader)._load_state_dicts(self._loaders)
            for place, value in self._resumed["plateaus"]:
                pl_module.lr_scheduler_step(trainer.lr_scheduler_configs[place].scheduler, value)
        self._resumed = None

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Every so many steps, or when the run is asked to end."""
        every = self._rules.every_n_steps
        stepped = trainer.global_step != self._saved_at
        if every is not None and stepped and trainer.global_step % every == 0:
            self._due = True
        batch = args[-1]
        accumulates = (batch + 1) % trainer.accumulate_grad_batches != 0  # gradients are not part of a checkpoint
        wanted = self._due or (self._stopping.kind is not None and self._stopping.saved_step is None)
        if wanted and not accumulates and not trainer.is_last_batch and not _validation_follows(trainer, batch):
            self._save(trainer, mid_epoch=True)

    def on_validation_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Remember the random state, should the validation be left early."""
        if trainer.state.fn is TrainerFn.FITTING:
            self._before_validation = random_state.capture()

    def on_validation_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Leave a validation early when the run is asked to end."""
        if trainer.state.fn is not TrainerFn.FITTING or self._stopping.kind is None:
            return
        self._leaves_validation = True
        self._save(trainer, mid_epoch=True)
        raise self._stopping.stopped()

    def on_validation_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """A validation inside an epoch; at the epoch's last batch, the epoch's end follows."""
        if trainer.state.fn is TrainerFn.FITTING and not trainer.sanity_checking:
            self._measured = True
            if not trainer.is_last_batch:
                self._save(trainer, mid_epoch=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """The metrics of the whole epoch are known."""
        self._measured = self._measured or not trainer.enable_validation
        self._plateaus = _plateaus_due(trainer)
        self._save(trainer, mid_epoch=False)
        self._plateaus = []

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """A run that ends badly keeps the checkpoints it has; one of a broken state would help nobody."""

    def on_save_checkpoint(self, *args: Any) -> None:
        """A validation that is left early begins anew when the run goes on."""
        if self._leaves_validation:
            progress = args[-1]["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]
            progress.update(total=dict(_BEGIN_AGAIN), current=dict(_BEGIN_AGAIN), is_last_batch=False)

    def _save(self, trainer: pl.Trainer, *, mid_epoch: bool) -> None:
        """Write the state; all ranks call it. Rank 0 hands the folder over."""
        self._mid_epoch = mid_epoch
        step, recorder = trainer.global_step, self._context.recorder
        if recorder is not None:
            recorder.promise(PROMISE_SECONDS)
        if self._folders is None:
            trainer.save_checkpoint(checkpoint_path(self._context.folder, step), weights_only=False)
        else:
            self._write(trainer, self._folders, step)
        self._due, self._measured, self._saved_at = False, False, step
        if self._stopping.kind is not None:
            self._stopping.saved_step = step

    def _write(self, trainer: pl.Trainer, folders: CheckpointFolders, step: int) -> None:
        folder = folders.new_folder(step)
        try:
            trainer.save_checkpoint(checkpoint_path(self._context.folder, step), weights_only=False)
        except BaseException as error:
            folders.give_up(folder)
            if is_disk_full(error):
                error.add_note(f"the checkpoint of step {step:,} could not be written")
            raise
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        monitor = self._rules.monitor
        value = metrics.get(monitor) if monitor is not None and self._measured else None
        saved = Saved(
            step=step,
            epoch=_epoch(trainer),
            attempt=self._context.attempt,
            monitor=monitor,
            value=value if value is not None and math.isfinite(value) else None,
            size_bytes=self._file.size_bytes,
            sha256=self._file.sha256,
            metrics=metrics,
        )
        folders.keep(folder, saved)

    def _restore(self) -> None:
        if self._resumed is None:
            return
        states = self._resumed["random"]
        if len(states) == self._context.world_size:
            random_state.restore(states[self._context.rank])


def _validation_follows(trainer: pl.Trainer, batch: int) -> bool:
    """Whether Lightning validates after this batch of the epoch."""
    every = trainer.val_check_batch
    if not trainer.enable_validation or every is None or math.isinf(every):
        return False
    return (batch + 1) % int(every) == 0


def _plateaus_due(trainer: pl.Trainer) -> list[tuple[int, float]]:
    """(place, watched value) of each schedule that Lightning moves only after the hooks of the epoch's end."""
    metrics = trainer.callback_metrics
    return [
        (place, float(metrics[config.monitor]))
        for place, config in enumerate(trainer.lr_scheduler_configs)
        if config.reduce_on_plateau and config.interval == "epoch" and config.monitor in metrics
        if (trainer.current_epoch + 1) % config.frequency == 0
    ]


def _epoch(trainer: pl.Trainer) -> float:
    """Passes over the training split so far, such as 2.5."""
    batches = trainer.num_training_batches
    if not batches or math.isinf(batches):
        return float(trainer.current_epoch)
    epochs = trainer.fit_loop.epoch_progress.current.ready - 1  # those before the present one
    return round(epochs + min((trainer.fit_loop.batch_idx + 1) / batches, 1.0), 6)
