"""The plan is fair: strict order for each kind of processor, nobody twice, nobody beyond what is free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.run_config import ScalingConfig
from jobs.devices import DeviceState
from jobs.schedule import PRECISE_REASONS, Request, plan, request_of

CPU = DeviceState("cpu", places=2)
GIB = 2**30


def gpu(number: int, *, free: int = 80, held_by: tuple[int, ...] = (), foreign: str = "") -> DeviceState:
    return DeviceState(
        f"cuda:{number}", "GPU", 1, 80 * GIB, free * GIB, held_by=held_by, foreign=foreign, uuid=f"GPU-{number}"
    )


def test_the_cpu_takes_as_many_runs_as_it_has_places() -> None:
    made = plan([Request(1, "cpu"), Request(2, "cpu"), Request(3, "cpu"), Request(4, "cpu")], [CPU])
    assert made.starts == [(1, ("cpu",)), (2, ("cpu",))]
    assert made.waits[3] == "waits for 1 of 2 CPU places; run 1 and run 2 hold them"
    assert made.waits[4] == "waits behind run 3"


def test_a_run_that_needs_two_gpus_holds_back_the_smaller_one_behind_it() -> None:
    made = plan([Request(1, "gpu", 2), Request(2, "gpu", 1), Request(3, "cpu")], [CPU, gpu(0), gpu(1, held_by=(9,))])
    assert made.starts == [(3, ("cpu",))]
    assert made.waits[1] == "waits for 2 GPUs; GPU 1: run 9 holds it"
    assert made.waits[2] == "waits behind run 1"


def test_somebody_elses_memory_keeps_a_run_waiting() -> None:
    made = plan([Request(1, "gpu")], [gpu(0, free=3)])
    assert made.starts == []
    assert made.waits[1] == "waits for 1 GPU; GPU 0 has 3 GiB of 80 GiB free, somebody else holds the rest"


def test_a_foreign_process_is_named() -> None:
    made = plan([Request(1, "gpu")], [gpu(0, free=79, foreign="somebody else's process holds it: x (pid 7)")])
    assert "somebody else's process holds it: x (pid 7)" in made.waits[1]


def test_what_this_machine_can_never_do_holds_nobody_back() -> None:
    queue = [Request(1, "gpu", 4), Request(2, "gpu", 1, (7,)), Request(3, "gpu", 1)]
    made = plan(queue, [CPU, gpu(0)])
    assert made.starts == [(3, ("cuda:0",))]
    assert "asks for 4 GPUs, and this machine has 1" in made.waits[1]
    assert "asks for cuda:7" in made.waits[2]
    assert "has none" in plan([Request(1, "gpu")], [CPU]).waits[1]


def test_a_named_gpu_is_waited_for_although_another_one_is_free() -> None:
    made = plan([Request(1, "gpu", 1, (1,))], [gpu(0), gpu(1, held_by=(5,))])
    assert made.waits == {1: "waits for GPU 1; GPU 1: run 5 holds it"}


def test_far_back_in_a_long_queue_the_reason_no_longer_changes_with_every_start() -> None:
    queue = [Request(number, "cpu") for number in range(1, 1001)]
    made = plan(queue, [CPU])
    assert len(made.starts) == 2
    assert len({made.waits[number] for number in range(PRECISE_REASONS + 5, 1001)}) == 1


@pytest.mark.parametrize(
    ("scaling", "gpus", "expected"),
    [
        ({}, 0, ("cpu", 1, ())),
        ({}, 2, ("gpu", 1, ())),
        ({"accelerator": "cpu"}, 2, ("cpu", 1, ())),
        ({"strategy": "ddp"}, 0, ("cpu", 2, ())),
        ({"strategy": "ddp"}, 4, ("gpu", 4, ())),
        ({"strategy": "fsdp", "devices": 2}, 0, ("cpu", 2, ())),
        ({"devices": [1, 3], "strategy": "ddp"}, 4, ("gpu", 2, (1, 3))),
        ({"accelerator": "gpu"}, 0, ("gpu", 1, ())),
    ],
)
def test_what_a_config_asks_for(scaling: dict[str, object], gpus: int, expected: tuple[object, ...]) -> None:
    made = request_of(1, ScalingConfig.model_validate(scaling), gpus)
    assert (made.kind, made.count, made.numbers) == expected


requests = st.lists(
    st.tuples(st.sampled_from(["cpu", "gpu"]), st.integers(1, 3), st.sampled_from([(), (), (0,), (1, 2), (5,)])),
    max_size=12,
).map(
    lambda asked: [
        Request(
            number + 100, kind, len(numbers) if numbers and kind == "gpu" else count, numbers if kind == "gpu" else ()
        )
        for number, (kind, count, numbers) in enumerate(asked)
    ]
)
machines = st.tuples(st.integers(0, 3), st.lists(st.sampled_from(["free", "ours", "foreign", "full"]), max_size=4)).map(
    lambda made: [
        DeviceState("cpu", places=made[0]),
        *(
            gpu(
                number,
                free=1 if how == "full" else 80,
                held_by=(7,) if how == "ours" else (),
                foreign="x" if how == "foreign" else "",
            )
            for number, how in enumerate(made[1])
        ),
    ]
)


@given(requests, machines)
def test_every_plan_is_sound(queue: list[Request], devices: list[DeviceState]) -> None:
    made = plan(queue, devices)
    asked = {request.run_id: request for request in queue}
    started = dict(made.starts)
    # Everybody either starts or is told why not.
    assert set(started) | set(made.waits) == set(asked)
    assert not set(started) & set(made.waits)
    assert all(made.waits.values())
    # Nothing is given twice, nothing is given that is not free, everybody gets what was asked for.
    given_gpus = [name for names in started.values() for name in names if name != "cpu"]
    assert len(given_gpus) == len(set(given_gpus))
    free = {device.name for device in devices if not device.why_not}
    assert set(given_gpus) <= free
    assert sum("cpu" in names for names in started.values()) <= devices[0].places
    for run_id, names in started.items():
        request = asked[run_id]
        assert len(names) == (1 if request.kind == "cpu" else request.count)
        assert not request.names or set(names) == set(request.names)
    # Strict order for each kind: nobody starts behind one that only waits.
    able = {device.name for device in devices if device.kind == "gpu"}
    for kind in ("cpu", "gpu"):
        line = [request for request in queue if request.kind == kind]
        possible = [
            request
            for request in line
            if (devices[0].places > 0 if kind == "cpu" else request.count <= len(able) and set(request.names) <= able)
        ]
        outcomes = [request.run_id in started for request in possible]
        assert outcomes == sorted(outcomes, reverse=True)
