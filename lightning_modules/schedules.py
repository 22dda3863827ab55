"""The learning rate over a run: a linear warm-up, then constant, linear or cosine to zero."""

import math
from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Schedule = Literal["constant", "linear", "cosine"]


def warm_up_then(optimizer: Optimizer, schedule: Schedule, warmup_share: float, total_steps: float) -> LambdaLR:
    """A schedule over optimizer steps.

    Args:
        optimizer: Its own rate is the highest one.
        schedule: What follows the warm-up.
        warmup_share: Share of all steps in which the rate grows from near zero.
        total_steps: Optimizer steps of the whole run; infinity (a run without an end) keeps the rate after 100 steps.
    """
    endless = not math.isfinite(total_steps)
    warm_up = (100 if endless else round(total_steps * warmup_share)) if warmup_share else 0

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / (warm_up + 1)
        if endless or schedule == "constant":
            return 1.0
        progress = min(1.0, (step - warm_up) / max(1, total_steps - warm_up))
        return 1 - progress if schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2

    return LambdaLR(optimizer, factor)
