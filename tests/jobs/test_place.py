"""One place, one holder, and a signal that reaches it."""

import os
import time
from pathlib import Path

import pytest

from jobs import place, presence
from jobs.errors import PlaceTaken
from jobs.processes import identify
from jobs.wake import CLOSING, LOOK, Ear, wake


def test_the_place_is_taken_until_it_is_left(bancada_home: Path) -> None:
    assert bancada_home.parent.exists()
    assert not place.is_taken()
    held = place.Place()
    assert place.is_taken()
    me = identify(os.getpid())
    assert place.holder_process() == me
    with pytest.raises(PlaceTaken, match=f"process {os.getpid()} on"):
        place.Place(patience_seconds=0.05)
    held.leave()
    assert not place.is_taken()
    assert place.holder() is None


def test_looking_whether_somebody_holds_it_is_cheap(bancada_home: Path) -> None:
    assert bancada_home.parent.exists()
    held = place.Place()
    start = time.perf_counter()
    for _ in range(100):
        assert place.is_taken()
    assert (time.perf_counter() - start) / 100 < 0.002
    held.leave()


def test_a_signal_arrives_and_many_do_no_harm(bancada_home: Path) -> None:
    assert bancada_home.parent.exists()
    assert not wake(), "nobody listens"
    ear = Ear()
    for _ in range(100_000):  # more than the pipe holds
        wake()
    wake(CLOSING)
    heard = ear.wait(1.0, [])
    assert LOOK in heard
    start = time.monotonic()
    assert ear.wait(0.05, []) == set()
    assert time.monotonic() - start >= 0.04
    ear.close()


def test_dashboards_are_those_that_live(bancada_home: Path) -> None:
    path = presence.arrive(1234)
    assert list(presence.dashboards()) == [1234]
    dead = bancada_home / "dashboard-99.json"
    text = path.read_text(encoding="utf-8")
    dead.write_text(text.replace(f'"pid": {os.getpid()}', '"pid": 999999'), encoding="utf-8")
    assert list(presence.dashboards()) == [1234]
    assert not dead.exists()
    presence.leave(path)
    assert presence.dashboards() == {}
