"""What a curve is drawn over: steps, epochs, seconds of training, or the clock.

Points carry a step and a time. Epochs come from the run's own ``epoch`` series, which Lightning adds to all that is
logged; between the ends of two epochs they grow evenly with the steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from db.curves import Curve
from db.rows import AttemptRow

XKind = Literal["step", "epoch", "time", "clock"]
EPOCH = "epoch"


@dataclass(frozen=True)
class Pauses:
    """When a run's attempts began, in epoch seconds, and how long nothing ran before each; ascending, (attempts,)."""

    begins: np.ndarray = field(default_factory=lambda: np.empty(0))
    paused_seconds: np.ndarray = field(default_factory=lambda: np.empty(0))


def pauses_of(attempts: Sequence[AttemptRow]) -> Pauses:
    """From the attempts' rows, in their order."""
    began = [row for row in attempts if row.started_at is not None]
    begins = [row.started_at.timestamp() for row in began if row.started_at]
    ends = [row.ended_at.timestamp() if row.ended_at else None for row in began]
    gaps = [0.0] + [
        max(0.0, begin - end) if end is not None else 0.0 for begin, end in zip(begins[1:], ends[:-1], strict=True)
    ]
    return Pauses(np.array(begins), np.cumsum(gaps) if begins else np.empty(0))


def training_seconds(times: np.ndarray, pauses: Pauses) -> np.ndarray:
    """Seconds since the run began, without the time between attempts; never falling, also when the clock did.

    Args:
        times: epoch seconds in the order in which the points were written, (points,).
    """
    if not len(times):
        return times
    if len(pauses.begins):
        attempt = np.maximum.accumulate(np.searchsorted(pauses.begins, times, side="right") - 1).clip(0)
        seconds = times - pauses.begins[0] - pauses.paused_seconds[attempt]
    else:
        seconds = times - times[0]
    ascending: np.ndarray = seconds[0] + np.concatenate([[0.0], np.cumsum(np.maximum(np.diff(seconds), 0.0))])
    return ascending


@dataclass(frozen=True)
class EpochAxis:
    """Epochs by step: ``epochs`` at ``steps``, both ascending, (knots,); even between them and after the last."""

    steps: np.ndarray
    epochs: np.ndarray

    def at(self, steps: np.ndarray) -> np.ndarray:
        """The epoch at each step, as float64, (points,)."""
        if len(self.steps) < 2:
            return np.zeros(len(steps)) if not len(self.epochs) else np.full(len(steps), self.epochs[0])
        found: np.ndarray = np.interp(steps, self.steps, self.epochs)
        return found


def epoch_axis(curve: Curve, steps_per_epoch: float | None = None) -> EpochAxis:
    """The axis that an ``epoch`` series describes.

    Args:
        curve: values 0, 1, 2, ... that say in which epoch a step was.
        steps_per_epoch: for the epoch that has not ended; by default as many as the others had.
    """
    order = np.argsort(curve.steps, kind="stable")
    steps, epochs = curve.steps[order].astype(np.float64), curve.values[order]
    known = np.isfinite(epochs)
    steps, epochs = steps[known], np.maximum.accumulate(epochs[known])
    if not len(steps):
        return EpochAxis(np.empty(0), np.empty(0))
    turns = np.flatnonzero(epochs[1:] > epochs[:-1])  # the last point of each epoch but the newest
    knots = np.concatenate([[0.0 if epochs[0] == 0 else steps[0]], steps[turns] + 1])
    values = np.concatenate([[epochs[0]], epochs[turns + 1]])
    lengths = np.diff(knots) / np.diff(values)
    usual = steps_per_epoch or (float(np.median(lengths)) if len(lengths) else None)
    last = steps[-1] + 1
    share = min(1.0, (last - knots[-1]) / usual) if usual else 1.0
    if last > knots[-1]:
        knots, values = np.append(knots, last), np.append(values, values[-1] + share)
    distinct = np.append(np.diff(knots) > 0, True)
    return EpochAxis(knots[distinct], values[distinct])
