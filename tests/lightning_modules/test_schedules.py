"""The learning rate over a run."""

import math
from typing import Any

import pytest
import torch

from lightning_modules.schedules import warm_up_then


def rates(schedule: Any, warmup_share: float, total: float, steps: int) -> list[float]:
    """Each step's rate as a share of the highest."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = warm_up_then(optimizer, schedule, warmup_share, total)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"] / 0.5)
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_it_grows_to_the_highest_and_never_passes_it(schedule: Any) -> None:
    found = rates(schedule, 0.1, 100, 100)
    assert found[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert found[10] == 1.0
    assert max(found) == 1.0
    assert min(found) > 0


def test_after_the_warm_up_it_stays_or_falls_to_nearly_zero() -> None:
    assert set(rates("constant", 0.1, 100, 100)[10:]) == {1.0}
    linear, cosine = rates("linear", 0.1, 100, 100)[10:], rates("cosine", 0.1, 100, 100)[10:]
    for found in (linear, cosine):
        assert found == sorted(found, reverse=True)
        assert found[-1] < 0.02
    assert linear[45] == pytest.approx(0.5)
    assert cosine[45] == pytest.approx(0.5)
    assert cosine[10] > linear[10]


def test_no_warm_up_begins_at_the_highest() -> None:
    assert rates("cosine", 0.0, 10, 1) == [1.0]


def test_a_run_without_an_end_keeps_its_rate() -> None:
    found = rates("cosine", 0.05, math.inf, 300)
    assert found[0] == pytest.approx(1 / 101)
    assert set(found[100:]) == {1.0}


def test_steps_past_the_end_stay_at_zero() -> None:
    assert rates("linear", 0.0, 3, 6)[3:] == [0.0] * 3


@pytest.mark.parametrize("total", [0, 1, 2])
def test_the_shortest_runs_have_a_rate(total: int) -> None:
    assert rates("cosine", 0.9, total, 1)[0] > 0
