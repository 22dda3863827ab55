"""The summary of a series: what a table of runs shows and filters by without opening the curve."""

import math
from dataclasses import dataclass, replace

import numpy as np

from db.points import Points


@dataclass(frozen=True)
class Summary:
    """The columns of `db.tables.Series` that follow from its points that count (superseded ones do not).

    ``last`` is None when the newest value is not a finite number; then ``last_text`` is "nan", "inf" or "-inf".
    ``min`` and ``max`` are over finite values, at the first step that reached them.
    """

    count: int = 0
    first_step: int | None = None
    last_step: int | None = None
    last: float | None = None
    last_text: str | None = None
    min: float | None = None
    max: float | None = None
    min_step: int | None = None
    max_step: int | None = None
    not_finite: int = 0

    def with_points(self, points: Points) -> "Summary":
        """The summary after these points were added at the end."""
        if not len(points.steps):
            return self
        last = float(points.values[-1])
        finite = np.isfinite(points.values)
        grown = replace(
            self,
            count=self.count + len(points.steps),
            first_step=int(points.steps[0]) if self.count == 0 else self.first_step,
            last_step=int(points.steps[-1]),
            last=last if math.isfinite(last) else None,
            last_text=None if math.isfinite(last) else str(last),
            not_finite=self.not_finite + len(finite) - int(finite.sum()),
        )
        return grown._with_extremes(points.chosen(finite))

    def _with_extremes(self, points: Points) -> "Summary":
        if not len(points.values):
            return self
        changed = self
        low, high = int(points.values.argmin()), int(points.values.argmax())
        if self.min is None or points.values[low] < self.min:
            changed = replace(changed, min=float(points.values[low]), min_step=int(points.steps[low]))
        if self.max is None or points.values[high] > self.max:
            changed = replace(changed, max=float(points.values[high]), max_step=int(points.steps[high]))
        return changed


def last_value(last: float | None, last_text: str | None) -> float | None:
    """The newest value of a stored summary, NaN and infinities included; None when there is none."""
    return float(last_text) if last_text is not None else last
