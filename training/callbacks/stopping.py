"""A gentle end: asked for by a person (through the recorder) or by SIGTERM, agreed on by all ranks, then carried out.

Ranks agree by a reduction at batch ends whose cadence rank 0 sets along with it, so that it costs nothing to speak of
and every rank does the same at the same batch. `Checkpointing` then saves, and the next hook raises `Stopped`.
"""

import signal
import time
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.trainer.states import TrainerFn

from tracking.recorder import Recorder
from training.outcome import Stopped

KINDS = (None, "pause", "stop")  # the number of a kind goes over the wire; a stop wins over a pause
LOOK_SECONDS = 0.2
MOST_BATCHES = 20  # between two agreements: batches may suddenly get slow


class Stopping(Callback):
    """Ends the run when asked to.

    Attributes:
        kind: "stop" or "pause" once all ranks have agreed to end, else None.
        saved_step: the step of the checkpoint that was saved for it.
    """

    def __init__(self, recorder: Recorder | None, world_size: int) -> None:
        self.kind: str | None = None
        self.saved_step: int | None = None
        self._recorder = recorder
        self._world_size = world_size
        self._terminated = False
        self._in_loop = False
        self._wait_batches = 0
        self._looked_at = 0.0
        self._batches_since = 0
        self._validation_agrees = True

    def listen(self) -> None:
        """Take SIGTERM and SIGINT; Lightning's own handler would speak to other ranks from inside a signal."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def be_deaf(self) -> None:
        """The outcome is decided; a gentle signal changes nothing any more."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._terminated = True
        if not self._in_loop:  # nothing is there to be saved yet, or any more
            raise Stopped("stop", f"Stopped by {signal.Signals(number).name}; there was nothing to save.")

    def on_train_start(self, *_: Any) -> None:
        """From here on a signal waits for the end of a batch."""
        self.listen()
        self._in_loop = True

    def on_train_end(self, *_: Any) -> None:
        """The last checkpoint is saved; a signal ends the rest at once."""
        self._in_loop = False

    def on_test_start(self, *_: Any) -> None:
        """Lightning has put its own handler in place again."""
        self.listen()
        self._raise_if_asked_after_training()

    def on_test_batch_end(self, *_: Any) -> None:
        """A test has nothing to save, so it ends as soon as rank 0 hears of it; the others are ended with it."""
        self._raise_if_asked_after_training()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Agree, when it is time."""
        self._agree(trainer)

    def on_train_batch_start(self, *_: Any) -> None:
        """What was agreed on at the last batch is saved by now."""
        self._raise_if_saved()

    def on_train_epoch_start(self, *_: Any) -> None:
        """The same between epochs."""
        self._raise_if_saved()

    def on_validation_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """A validation can be left early where all ranks have equally many batches."""
        if trainer.state.fn is not TrainerFn.FITTING or self._world_size == 1:
            return
        count = sum(batches for batches in trainer.num_val_batches)
        number = -1 if count == float("inf") else int(count)
        most = self._highest(trainer, [number, -number])
        self._validation_agrees = number >= 0 and most[0] == -most[1]

    def on_validation_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Agree also within a validation, which may be long."""
        if trainer.state.fn is TrainerFn.FITTING and self._validation_agrees:
            self._agree(trainer)

    def stopped(self) -> Stopped:
        """What ends the run."""
        assert self.kind is not None
        word = "Paused" if self.kind == "pause" else "Stopped"
        saved = f"at step {self.saved_step:,}; its checkpoint is saved." if self.saved_step is not None else "early."
        return Stopped(self.kind, f"{word} {saved}")

    def _raise_if_saved(self) -> None:
        if self.kind is not None and self.saved_step is not None:
            self._in_loop = False
            raise self.stopped()

    def _raise_if_asked_after_training(self) -> None:
        wish = self._wish()
        if wish is not None:
            self.kind = wish
            raise Stopped(
                wish, f"{'Paused' if wish == 'pause' else 'Stopped'} while testing; the training was complete."
            )

    def _wish(self) -> str | None:
        if self._terminated:
            return "pause" if self._recorder is not None and self._recorder.asked == "pause" else "stop"
        return self._recorder.asked if self._recorder is not None else None

    def _agree(self, trainer: pl.Trainer) -> None:
        """Make the wish of any rank the decision of all."""
        if self.kind is not None:
            return
        if self._world_size == 1:
            self.kind = self._wish()
            return
        self._batches_since += 1
        if self._batches_since <= self._wait_batches:
            return
        pause = self._next_pause() if trainer.is_global_zero else 0
        code, self._wait_batches = self._highest(trainer, [KINDS.index(self._wish()), pause])
        self._batches_since = 0
        self.kind = KINDS[code]

    def _next_pause(self) -> int:
        """How many batches pass in `LOOK_SECONDS`, as rank 0 sees it."""
        now = time.monotonic()
        each = (now - self._looked_at) / (self._batches_since or 1)
        self._looked_at = now
        return int(min(MOST_BATCHES, LOOK_SECONDS / max(each, 1e-6)))

    def _highest(self, trainer: pl.Trainer, numbers: list[int]) -> list[int]:
        """The highest of all ranks, for each number."""
        tensor = torch.tensor(numbers, dtype=torch.int64, device=trainer.strategy.root_device)
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
        found: list[int] = tensor.tolist()
        return found
