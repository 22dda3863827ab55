"""Lightning's advice to a user of small data is no fault; torch's deterministic mode is left as it was."""

import logging
import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

ADVICE = (
    "does not have many workers",
    "The number of training batches",
    "is a wildcard",
    "Checkpoint directory .* exists and is not empty",
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "lightning_modules" in item.path.parts:
            for words in ADVICE:
                item.add_marker(pytest.mark.filterwarnings(f"ignore:.*{words}"))


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    mode, seed = torch.are_deterministic_algorithms_enabled(), os.environ.get("PL_GLOBAL_SEED")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.ERROR)
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode)
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])
    for name in [name for name in os.environ if name.startswith("PL_")]:
        del os.environ[name]
    if seed is not None:
        os.environ["PL_GLOBAL_SEED"] = seed
