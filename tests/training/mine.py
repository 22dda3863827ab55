"""What users write: modules that know nothing of Bancada, and some that misbehave."""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from db import checkpoints
from db.engine import connect
from lightning_modules.tabular import MLP


class Noisy(MLP):
    """An MLP whose steps draw from every random state, and which may die once.

    Args:
        kill_at: step at which a rank is killed, once.
        killed_rank: which one.
        marker: file that remembers it.
        step_seconds: how long a step takes, at least.
    """

    def __init__(
        self,
        kill_at: int | None = None,
        killed_rank: int = 0,
        marker: str = "",
        step_seconds: float = 0.0,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.kill_at, self.killed_rank, self.marker, self.step_seconds = kill_at, killed_rank, marker, step_seconds

    def training_step(self, batch: dict[str, Tensor]) -> Tensor:
        time.sleep(self.step_seconds)
        batch = dict(batch)
        noise = random.random() + float(np.random.rand()) + float(torch.rand(()))
        batch["numbers"] = batch["numbers"] * (1 + 0.1 * noise)
        if self.global_step == self.kill_at and self.global_rank == self.killed_rank and not Path(self.marker).exists():
            Path(self.marker).touch()
            self._wait_for_a_checkpoint()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(batch)

    def _wait_for_a_checkpoint(self) -> None:
        run_id = int(Path(self.trainer.default_root_dir).name)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with connect().reading() as session:
                if checkpoints.latest(session, run_id) is not None:
                    return
            time.sleep(0.02)


class Plain(pl.LightningModule):
    """A layer over the four measurements of the iris table, without forward and validation."""

    def __init__(self, learning_rate: float = 0.01) -> None:
        super().__init__()
        self.learning_rate, self.layer = learning_rate, nn.Linear(4, 3)

    def training_step(self, batch):  # type: ignore[no-untyped-def]
        inputs, target = (batch["numbers"], batch["target"]) if isinstance(batch, dict) else batch
        loss = functional.cross_entropy(self.layer(inputs), target)
        self.log("my loss", loss)
        return loss

    def configure_optimizers(self):  # type: ignore[no-untyped-def]
        return torch.optim.SGD(self.parameters(), lr=self.learning_rate)


class Plateau(Plain):
    """Validates, and lowers its rate when the loss stays; keeps an object among its hyperparameters."""

    def __init__(
        self, learning_rate: float = 0.5, activation: Any = nn.ReLU, dies_at: int | None = None, marker: str = ""
    ) -> None:
        super().__init__(learning_rate)
        self.dies_at, self.marker = dies_at, marker
        self.activation = activation
        self.save_hyperparameters()
        self.layer = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 3))

    def training_step(self, batch):  # type: ignore[no-untyped-def]
        self.log("rate", self.optimizers().param_groups[0]["lr"])
        if self.global_step == self.dies_at and not Path(self.marker).exists():
            Path(self.marker).touch()
            raise RuntimeError("it dies here")
        return super().training_step(batch)

    def validation_step(self, batch):  # type: ignore[no-untyped-def]
        self.log("val_loss", functional.cross_entropy(self.layer(batch[0]), batch[1]))

    def configure_optimizers(self):  # type: ignore[no-untyped-def]
        optimizer = torch.optim.SGD(self.parameters(), lr=self.learning_rate)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=10.0)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"}}


class OwnData(pl.LightningDataModule):
    """Random points in four dimensions, shuffled by an ordinary DataLoader."""

    def __init__(self, size: int = 48) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        points = torch.randn(size, 4, generator=generator)
        self.all = TensorDataset(points, points[:, :3].argmax(dim=1))

    def train_dataloader(self):  # type: ignore[no-untyped-def]
        return DataLoader(self.all, batch_size=8, shuffle=True)

    def val_dataloader(self):  # type: ignore[no-untyped-def]
        return DataLoader(self.all, batch_size=8)


class Exploding(Plain):
    """Its loss becomes NaN at the third step."""

    def training_step(self, batch):  # type: ignore[no-untyped-def]
        loss = super().training_step(batch) * (float("nan") if self.global_step == 2 else 1.0)
        self.log("train_loss", loss)
        return loss


class Refusing(Plain):
    """Its constructor raises."""

    def __init__(self, size: int = 3) -> None:
        raise ValueError(f"size {size} must be even")


class Hungry(Plain):
    """Wants more memory than there is."""

    def training_step(self, batch):  # type: ignore[no-untyped-def]
        return super().training_step(batch) + torch.empty(2**60).sum()


class SlowToCheck(Noisy):
    """A validation that takes its time."""

    def validation_step(self, batch: dict[str, Tensor]) -> None:
        time.sleep(0.25)
        super().validation_step(batch)
