"""Lightning's door to the recorder: ``Trainer(logger=BancadaLogger(recorder))``.

Only rank zero records. Lightning hands over plain numbers or tensors; what is not a number is left out, once with a
word in the log. ``epoch``, which Lightning adds to every call, is recorded as a series of its own: the pages' x axis
by epoch needs it.
"""

import logging
from argparse import Namespace
from collections.abc import Mapping
from numbers import Real
from typing import Any

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from db.home import run_folder
from tracking.recorder import Recorder

log = logging.getLogger(__name__)
_PLAIN = frozenset({float, int})  # what Lightning hands over nearly always


class BancadaLogger(Logger):
    """Logs into a run's recorder; without one (a rank other than zero) it only knows names and folders.

    The config is recorded with the run itself, so hyperparameters are not recorded again.
    """

    def __init__(self, recorder: Recorder | None, *, run_id: int, attempt: int = 1) -> None:
        super().__init__()
        self._recorder = recorder
        self._run_id = run_id
        self._attempt = attempt
        self._left_out: set[str] = set()

    @property
    def name(self) -> str:
        """The folder's name below "runs"."""
        return str(self._run_id)

    @property
    def version(self) -> str:
        """The attempt."""
        return f"attempt-{self._attempt}"

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(run_folder(self._run_id))

    @property
    def log_dir(self) -> str:
        """The same."""
        return self.save_dir

    @property
    @rank_zero_experiment
    def experiment(self) -> Recorder | None:
        """The recorder."""
        return self._recorder

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Append one point for each metric; tensors of one element are taken to the CPU."""
        if self._recorder is None:
            return
        at = self._recorder.step if step is None else int(step)
        plain = _PLAIN.issuperset(map(type, metrics.values()))
        self._recorder.log(metrics if plain else self._numbers_only(metrics), at)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_args: Any, **_more: Any) -> None:
        """Nothing: the whole config is in the run's row."""

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Nothing: whoever made the recorder closes it, after the last words of the run."""

    def _numbers_only(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for name, value in metrics.items():
            if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
                numbers[name] = float(value.detach())
            elif isinstance(value, Real):
                numbers[name] = float(value)
            elif name not in self._left_out:
                self._left_out.add(name)
                log.warning("metric %r is left out of the record: %s is not a number", name, type(value).__name__)
        return numbers
