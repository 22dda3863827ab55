"""A model that counts, in a file of its own, the points it has logged: evidence from outside the recorder."""

import os
from typing import Any

from torch import Tensor

from lightning_modules.tabular import LinearModel


class WitnessedModel(LinearModel):
    """A linear model that logs ``witnessed`` at every step and then appends 8 bytes to a file.

    Args:
        witness: Path of the file.
    """

    def __init__(self, witness: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.witness = witness
        self._file: int | None = None

    def training_step(self, batch: dict[str, Tensor]) -> Tensor:
        """The step of the linear model; the point goes straight to the logger, and then into the file."""
        loss = super().training_step(batch)
        step = self.global_step
        if self.logger is not None:
            self.logger.log_metrics({"witnessed": float(step)}, step=step)
        if self._file is None:
            self._file = os.open(self.witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._file, step.to_bytes(8, "little"))
        return loss
