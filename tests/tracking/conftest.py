"""A run to record into."""

import numpy as np
import pytest

from db import queue, runs
from db.engine import Database
from scripts.benchmarks import invented


@pytest.fixture
def run_id(database: Database) -> int:
    """A claimed run: its processes are being made."""
    with database.writing() as session:
        made = runs.create(session, name="recorded", config=invented.config(np.random.default_rng(0)))
        assert queue.claim(session, made, "here", ["cpu"])
    return made
