"""What is measured, and what counts as free."""

import os

from jobs.devices import holders_of, measure
from jobs.gpus import GpuReading, NvmlReader, visible_only

GIB = 2**30


def reading(number: int, *, free: int = 80, processes: dict[int, int | None] | None = None) -> GpuReading:
    return GpuReading(number, f"GPU-{number}{number}", "H100", 80 * GIB, free * GIB, 5.0, processes or {})


def test_the_cpu_always_comes_first_with_its_places_and_holders() -> None:
    cpu, *gpus = measure(cpu_places=2, holders=holders_of([(4, ["cpu"]), (5, ["cpu"])]), read_gpus=list)
    assert not gpus
    assert cpu.held_by == (4, 5)
    assert cpu.why_not == "waits for 1 of 2 CPU places; run 4 and run 5 hold them"
    assert cpu.as_dict()["free"] is False
    assert cpu.total_bytes
    assert "cores" in cpu.title


def test_our_own_processes_are_not_foreign() -> None:
    me = os.getpid()
    found = measure(own_pids=frozenset({me}), read_gpus=lambda: [reading(0, processes={me: GIB})], visible="0")
    assert found[1].why_not == ""


def test_somebody_elses_process_is_named_with_what_it_holds() -> None:
    found = measure(read_gpus=lambda: [reading(0, free=70, processes={os.getpid(): 10 * GIB})], visible="0")
    assert f"pid {os.getpid()}, 10 GiB" in found[1].why_not
    assert "70 GiB of 80 GiB free" in found[1].why_not


def test_memory_that_nobody_owns_up_to_counts_as_taken() -> None:
    found = measure(read_gpus=lambda: [reading(0, free=10)], visible="0")
    assert "somebody else holds the rest" in found[1].why_not


def test_a_gpu_with_our_run_names_the_run() -> None:
    found = measure(holders={"cuda:0": [7]}, read_gpus=lambda: [reading(0, free=1)], visible="0")
    assert found[1].why_not == "GPU 0: run 7 holds it"


def test_visible_devices_narrow_what_may_be_used() -> None:
    three = [reading(0), reading(1), reading(2)]
    assert [one.number for one in visible_only(three, None)] == [0, 1, 2]
    assert [one.number for one in visible_only(three, "2,0")] == [2, 0]
    assert [one.number for one in visible_only(three, "GPU-11")] == [1]
    assert [one.number for one in visible_only(three, "1,9,0")] == [1]
    assert visible_only(three, "") == []
    assert visible_only(three, "-1") == []


def test_a_machine_without_a_driver_has_no_gpu_and_no_trouble() -> None:
    reader = NvmlReader()
    found = reader()
    assert found == [] or found[0].total_bytes > 0
    assert reader.trouble == ""
