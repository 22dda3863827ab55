"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from db.engine import Database, connect, forget_connections

# Two test processes share the machine: one thread each that waits without spinning, and no pool that a fork would
# break. Set before torch is imported.
_CALM = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
for _name, _value in _CALM.items():
    os.environ.setdefault(_name, _value)

# How long an example takes says nothing on a machine that does other things, too.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
if "CI" not in os.environ:  # there, hypothesis has a profile of its own: the same examples every time, no deadline
    hypothesis.settings.load_profile("house")


@pytest.fixture
def bancada_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh, empty data folder that every part of the product uses during the test."""
    folder = tmp_path / "bancada-data"
    monkeypatch.setenv("BANCADA_HOME", str(folder))
    monkeypatch.delenv("BANCADA_DATABASE_URL", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield folder
    connect().close()
    forget_connections()


@pytest.fixture
def database(bancada_home: Path) -> Database:
    """A database at the newest migration, in the fresh data folder."""
    from db.migrate import upgrade

    made = connect()
    upgrade(made)
    return made
