"""Ending everything gently, and keeping a supervisor alive."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from db.states import Reason, RunState
from jobs import place
from jobs.stopping import print_status, stop_everything
from jobs.supervise import ensure_supervisor, keep_supervisor_alive, stop_supervisor
from tests.jobs.conftest import World, wait_for


def test_make_stop_pauses_what_runs_and_leaves_the_queue_as_it_is(world: World) -> None:
    world.set(max_cpu_runs=1)
    world.start()
    first, second = world.queue("wait"), world.queue("wait")
    world.wait_running(first)
    said: list[str] = []
    assert stop_everything(said.append) == 0
    assert world.run(first).reason is Reason.PAUSED
    assert world.run(second).state is RunState.QUEUED
    assert not place.is_taken()
    assert any(f"run {first}" in line and "can be resumed" in line for line in said)
    assert stop_everything(said.append) == 0
    assert said[-1] == "Nothing is running any more."


def test_status_tells_who_supervises(world: World) -> None:
    said: list[str] = []
    assert print_status(said.append) == 1
    pid = world.start()
    world.wait_ended(world.queue("finish"))
    said.clear()
    assert print_status(said.append) == 0
    assert any(f"process {pid}" in line for line in said)
    assert any("1 finished" in line for line in said)


def test_a_supervisor_is_started_once_and_ended(world: World) -> None:
    del world  # it only clears away afterwards
    ensure_supervisor()
    ensure_supervisor()
    wait_for(place.holder)
    first = place.holder()
    ensure_supervisor()
    assert place.holder() == first
    assert stop_supervisor()
    assert not place.is_taken()
    assert not stop_supervisor()


def test_a_killed_supervisor_comes_back_while_a_dashboard_is_up(world: World) -> None:
    async def story() -> tuple[int, int]:
        keeper = asyncio.create_task(keep_supervisor_alive())
        first = await _holder_other_than(0)
        os.kill(first, 9)
        second = await _holder_other_than(first)
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        return first, second

    with ThreadPoolExecutor(1) as elsewhere:  # a browser of other tests may hold this thread's event loop
        first, second = elsewhere.submit(asyncio.run, asyncio.wait_for(story(), 40)).result()
    assert first != second
    world.clear()


async def _holder_other_than(pid: int) -> int:
    while True:
        found = (place.holder() or {}).get("pid", 0)
        if found not in (0, pid):
            return int(found)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("times", [1, 2])
def test_ending_the_supervisor_in_the_middle_of_a_run_and_starting_it_again(world: World, times: int) -> None:
    world.start()
    run_id = world.queue("wait")
    world.wait_running(run_id)
    for _ in range(times):
        assert world.end_supervisor() == 0
        world.start()
    assert world.run(run_id).state is RunState.RUNNING
