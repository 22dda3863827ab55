"""Every example exactly once an epoch, in an order that seed and epoch decide, resumable at any batch."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_modules.loading import Batches, BatchKey, BatchOrder


class Numbers:
    """A store whose examples are their own row numbers, and whose randomness can be seen."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def batch(self, key: BatchKey) -> dict[str, Tensor]:
        return {"rows": torch.from_numpy(key.rows.copy()), "seed": torch.tensor(-1 if key.seed is None else key.seed)}


def order(examples: int, batch_size: int = 4, rank: int = 0, processes: int = 1, **options: Any) -> BatchOrder:
    return BatchOrder(
        examples, batch_size, **{"shuffle": True, "seed": 5} | options, rank=rank, processes=processes
    )  # fmt: skip


def seen(batches: Any) -> list[list[int]]:
    return [batch["rows"].tolist() for batch in batches]


@given(
    examples=st.integers(1, 300),
    batch_size=st.integers(1, 40),
    processes=st.integers(1, 5),
    shuffle=st.booleans(),
    epoch=st.integers(0, 3),
)
def test_every_example_exactly_once(examples: int, batch_size: int, processes: int, shuffle: bool, epoch: int) -> None:
    every = []
    for rank in range(processes):
        part = order(examples, batch_size, rank, processes, shuffle=shuffle)
        part.set_epoch(epoch)
        every.append([key.rows for key in part.keys(0)])
        assert len(every[-1]) == part.batches
    assert len({len(part) for part in every}) == 1, "every process has the same number of batches"
    sizes = [len(rows) for part in every for rows in part]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1
    assert max(sizes) <= batch_size + 1, "one more only where no process may go without"
    if examples % (batch_size * processes) == 0:
        assert set(sizes) == {batch_size}
    rows = sorted(np.concatenate([rows for part in every for rows in part]).tolist())
    if examples >= processes:
        assert rows == list(range(examples))
    else:  # each process needs one: some are seen twice
        assert set(rows) == set(range(examples))
        assert len(rows) == processes


def test_an_empty_split_has_no_batches() -> None:
    assert order(0).keys(0) == []
    assert len(Batches(Numbers(0), order(0))) == 0


def test_seed_and_epoch_decide_the_order() -> None:
    def rows(seed: int, epoch: int) -> list[int]:
        made = order(50, seed=seed)
        made.set_epoch(epoch)
        return [row for key in made.keys(0) for row in key.rows]

    assert rows(1, 0) == rows(1, 0)
    assert rows(1, 0) != rows(1, 1)
    assert rows(1, 0) != rows(2, 0)
    assert [row for key in order(50, shuffle=False).keys(0) for row in key.rows] == list(range(50))


def test_what_is_random_inside_a_batch_has_a_seed_of_its_own() -> None:
    seeds = set()
    for rank in range(2):
        for epoch in range(3):
            made = order(40, rank=rank, processes=2)
            made.set_epoch(epoch)
            seeds |= {key.seed for key in made.keys(0)}
    assert len(seeds) == 2 * 3 * 5
    assert all(key.seed is None for key in order(40, shuffle=False).keys(0))


@pytest.mark.parametrize("workers", [0, 2])
def test_going_on_in_the_middle_of_an_epoch_gives_the_very_next_batch(workers: int) -> None:
    whole = Batches(Numbers(30), order(30), workers)
    whole.sampler.set_epoch(2)
    every = list(whole)
    assert len(every) == len(whole) == 8
    stopped = Batches(Numbers(30), order(30), workers)
    stopped.sampler.set_epoch(2)
    running = iter(stopped)
    for _ in islice(running, 3):
        pass
    state = stopped.state_dict()
    assert state == {"epoch": 2, "delivered": 3, "batches": 8}
    resumed = Batches(Numbers(30), order(30), workers)
    resumed.load_state_dict(state)
    resumed.sampler.set_epoch(2)
    rest = list(resumed)
    assert seen(rest) == seen(every[3:])
    assert [int(batch["seed"]) for batch in rest] == [int(batch["seed"]) for batch in every[3:]]
    assert resumed.state_dict() == {"epoch": 2, "delivered": 8, "batches": 8}
    resumed.sampler.set_epoch(3)
    assert len(list(resumed)) == 8, "the next epoch is whole"


def test_workers_give_the_same_batches_and_leave_random_numbers_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert seen(Batches(Numbers(30), order(30), 2)) == seen(Batches(Numbers(30), order(30)))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_state_of_another_epoch_is_not_used() -> None:
    batches = Batches(Numbers(30), order(30))
    batches.load_state_dict({"epoch": 1, "delivered": 3, "batches": 8})
    batches.sampler.set_epoch(2)
    assert len(list(batches)) == 8


def test_another_number_of_processes_goes_on_at_about_the_same_place() -> None:
    batches = Batches(Numbers(30), order(30, processes=2))
    batches.load_state_dict({"epoch": 0, "delivered": 4, "batches": 8})
    assert len(list(batches)) == len(batches) // 2
