"""What recording costs a training loop: the same loop with the product's logger and with none.

Both are blocks of steps of one fit, in turns: a few steps with the logger, as many without any, and so on. Neighbours
share the machine's mood, so that hundreds of pairs tell one per cent apart. Processor time is compared. What the
threads of the recorder and of the system metrics use, which work all the while, is added in full, though another core
may do it. They keep to the clock on the wall: on a busy machine, where steps take longer, their part looks larger.
"""

import logging
import time
import warnings
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from db.run_config import TrainerConfig
from scripts.benchmarks import scratch
from scripts.benchmarks.record_writers import count_points, new_run
from scripts.benchmarks.results import Result, median, within
from tracking.lightning_logger import BancadaLogger
from tracking.recorder import Recorder
from tracking.system import SystemMetrics

BLOCK = 10
PAIRS = 200
WARM_UP_PAIRS = 5
BATCH = 512
FEATURES = 128
BATCHES = 50
LOGGED = 10


class Loop(pl.LightningModule):
    """A small network that logs ten values at every step, as a user's own module would."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
        )

    def training_step(self, batch: list[Tensor]) -> Tensor:
        """Cross-entropy of (batch, features) against (batch,)."""
        inputs, targets = batch
        logits = self.layers(inputs)  # (batch, classes)
        loss = nn.functional.cross_entropy(logits, targets)
        self.log_dict({f"metric_{number}": loss.detach() for number in range(LOGGED)})
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


class Turns(pl.Callback):
    """Takes the logger away and gives it back, and keeps what each block of steps took."""

    def __init__(self, logger: BancadaLogger) -> None:
        self._logger = logger
        self._block = 0
        self._began: tuple[float, float] = (0.0, 0.0)
        self.main_seconds: dict[bool, list[float]] = {True: [], False: []}  # by whether there was a logger
        self.other_seconds = 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, _module: Any, _batch: Any, batch_index: int) -> None:
        """At the edge of a block: close the one before, open the next. The order within a pair changes by turns."""
        if batch_index % BLOCK:
            return
        now = time.thread_time(), time.process_time()
        if self._block > 2 * WARM_UP_PAIRS:
            main, all_threads = now[0] - self._began[0], now[1] - self._began[1]
            self.main_seconds[bool(trainer.loggers)].append(main)
            self.other_seconds += all_threads - main
        self._block += 1
        pair, place = divmod(self._block, 2)
        trainer.loggers = [self._logger] if place == pair % 2 else []
        if pair > WARM_UP_PAIRS + PAIRS:
            trainer.should_stop = True
        self._began = time.thread_time(), time.process_time()


def measure() -> list[Result]:
    """One row, at the product's own pace of logging."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the loop is compared with itself; a pool of threads only adds noise
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    try:
        with scratch.data_folder():
            return [_row(TrainerConfig().log_every_n_steps)]
    finally:
        torch.set_num_threads(threads)


def _row(every_steps: int) -> Result:
    recorder = Recorder(scratch.database(), new_run(), 1).start()
    system = SystemMetrics(recorder).start()
    turns = Turns(BancadaLogger(recorder, run_id=recorder.run_id))
    try:
        scratch.wait_for(lambda: recorder.has_checked_in, "the first check-in")
        _fit(turns, every_steps)
    finally:
        system.close()
        done = recorder.close()
    ours, none = turns.main_seconds[True], turns.main_seconds[False]
    if not done or count_points(recorder.run_id) < len(ours) * BLOCK // every_steps * LOGGED:
        raise RuntimeError("the logger did not record what the loop logged")
    caller = median([one - other for one, other in zip(ours, none, strict=False)])
    threads = turns.other_seconds / (len(ours) + len(none))
    more_percent = 100 * (caller + threads) / median(none)
    said = (
        f"the same loop without a logger, {1000 * median(none) / BLOCK:.2f} ms a step; processor time, {len(none)} "
        f"pairs of blocks of {BLOCK} steps; {1e6 * caller / BLOCK:.0f} µs a step in the loop (Lightning's own part "
        f"with any logger among them), {1e6 * threads / BLOCK:.0f} µs in the recorder's and the sampler's threads"
    )
    name = f"training with the logger, ten values at every {every_steps} steps, and system metrics"
    return within(name.replace("every 1 steps", "every step"), more_percent, "% more", 1.0, against=said)


def _fit(turns: Turns, every_steps: int) -> None:
    torch.manual_seed(0)
    trainer = pl.Trainer(
        max_epochs=-1,
        accelerator="cpu",
        devices=1,
        logger=False,
        log_every_n_steps=every_steps,
        callbacks=[turns],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no validation loop, no workers: as meant
        trainer.fit(Loop(), _data())


def _data() -> DataLoader[Any]:
    """A loader over tensors in memory."""
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(BATCH * BATCHES, FEATURES, generator=random)
    targets = torch.randint(0, 10, (len(inputs),), generator=random)
    return DataLoader(TensorDataset(inputs, targets), batch_size=BATCH)
