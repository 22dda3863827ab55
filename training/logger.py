"""The run's logger: Bancada's, with steps counted as people and checkpoints count them."""

from collections.abc import Mapping
from typing import Any

from tracking.lightning_logger import BancadaLogger


class StepLogger(BancadaLogger):
    """While it fits, Lightning numbers the first optimizer step 0; here a point's step says how many steps were done.

    So the loss of the seventh step stands at 7, beside the checkpoint of step 7, and a run that goes on from there
    supersedes exactly the points past 7.

    Attributes:
        fitting: whether the training loop is at work.
    """

    fitting = False

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Append one point for each metric."""
        super().log_metrics(metrics, step + 1 if self.fitting and step is not None else step)
