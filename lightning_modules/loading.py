"""Batches in an order that only (seed, epoch) decide, so that a resumed run goes on with the very next batch.

An epoch is cut into batches of equal size (they differ by one at most) instead of full ones and a short last one:
every process gets the same number of batches and every example is seen exactly once, with any number of processes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


@dataclass(frozen=True)
class BatchKey:
    """Which examples a batch has, and where the batch stands; enough to make it again anywhere.

    Attributes:
        rows: Positions in the split, int64 ``(batch,)``.
        seed: Seed of everything random inside the batch, such as augmentation; None: nothing is random.
    """

    rows: np.ndarray
    seed: int | None


class Store(Protocol):
    """A split held ready: rows in, tensors out."""

    def __len__(self) -> int: ...

    def batch(self, key: BatchKey) -> dict[str, Tensor]:
        """Model inputs by name and ``target``, each ``(batch, ...)``."""
        ...


def run_seed() -> int:
    """The seed that ``seed_everything`` has set for this run; 0 when it was not called."""
    return int(os.environ.get("PL_GLOBAL_SEED", 0))


class BatchOrder:
    """The order of one split's batches in one process. Lightning calls `set_epoch` on it at every epoch's start."""

    def __init__(
        self, examples: int, batch_size: int, *, shuffle: bool, seed: int, rank: int = 0, processes: int = 1
    ) -> None:
        self.examples = examples
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.epoch = 0
        full = -(-examples // (batch_size * processes))  # rounded up
        self.batches = min(full, max(1, examples // processes)) if examples else 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order `keys` gives."""
        self.epoch = epoch

    def keys(self, start: int = 0) -> list[BatchKey]:
        """This process's batches of the epoch, from the given one on."""
        if not self.examples:
            return []
        rows = np.arange(max(self.examples, self.processes)) % self.examples
        if self.shuffle:
            rows = np.random.default_rng([self.seed, self.epoch]).permutation(rows)
        parts = np.array_split(rows, self.batches * self.processes)
        return [
            BatchKey(parts[number * self.processes + self.rank], self._seed_of(number))
            for number in range(start, self.batches)
        ]

    def _seed_of(self, number: int) -> int | None:
        if not self.shuffle:
            return None
        words = [self.seed, self.epoch, number, self.rank]
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Batches:
    """What a data module gives to the Trainer: iterable, sized, and resumable in the middle of an epoch.

    With ``workers`` above 0, that many processes prepare batches ahead. The Trainer's own sampler replacement leaves it
    alone, because the order already knows the processes.
    """

    def __init__(self, store: Store, order: BatchOrder, workers: int = 0) -> None:
        self.store = store
        self.sampler = order  # where Lightning looks for set_epoch
        self.batch_sampler = None
        self.workers = workers
        self._delivered = 0
        self._resume: dict[str, int] | None = None

    def __len__(self) -> int:
        return self.sampler.batches

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        # A generator: nothing is decided before the first batch is asked for, when the epoch is known.
        self._delivered = self._start()
        keys = self.sampler.keys(self._delivered)
        for batch in self._made(keys):
            self._delivered += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The epoch, how many of its batches were handed out, and how many it has."""
        return {"epoch": self.sampler.epoch, "delivered": self._delivered, "batches": len(self)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the state's batch when its epoch is the next one asked for."""
        self._resume = dict(state)

    def _start(self) -> int:
        state, self._resume = self._resume, None
        if state is None or state["epoch"] != self.sampler.epoch:
            return 0
        if state["batches"] == len(self):
            return state["delivered"]
        return round(state["delivered"] * len(self) / state["batches"])  # another number of processes than before

    def _made(self, keys: list[BatchKey]) -> Iterator[dict[str, Tensor]]:
        if not self.workers:
            yield from map(self.store.batch, keys)
            return
        loader: Any = DataLoader(
            _Keyed(self.store),
            batch_size=None,
            sampler=keys,
            num_workers=self.workers,
            generator=torch.Generator().manual_seed(0),  # leaves the run's own random numbers alone
        )
        yield from loader


class _Keyed(Dataset[dict[str, Tensor]]):
    def __init__(self, store: Store) -> None:
        self.store = store

    def __getitem__(self, key: BatchKey) -> dict[str, Tensor]:
        return self.store.batch(key)
