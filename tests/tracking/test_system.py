"""What the machine does is measured, for all processes of the run, and costs next to nothing."""

import os
import subprocess
import sys
import time

import pytest

from tracking import system
from tracking.system import Measure, SystemMetrics

NAMES = {
    "system/cpu_percent", "system/memory_bytes", "system/machine_cpu_percent", "system/machine_memory_percent",
    "system/disk_free_bytes", "system/network_received_bytes_per_second", "system/network_sent_bytes_per_second",
}  # fmt: skip


class Memory:
    """Keeps what is sampled."""

    def __init__(self) -> None:
        self.samples: list[dict[str, float]] = []

    def sample(self, metrics: dict[str, float]) -> None:
        self.samples.append(metrics)


def test_the_usual_names(bancada_home: object) -> None:
    measured = Measure(lambda: [os.getpid()], None)()
    assert set(measured) >= NAMES
    assert measured["system/memory_bytes"] > 10e6
    assert measured["system/disk_free_bytes"] > 0
    assert all(isinstance(value, float | int) for value in measured.values())


def test_all_processes_of_the_run_and_their_children_count(bancada_home: object) -> None:
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = 0\\nwhile True: x += 1'])"
    busy = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        measure = Measure(lambda: [os.getpid(), busy.pid, 2**22 - 7], None)
        alone = Measure(lambda: [busy.pid], None)
        deadline = time.monotonic() + 20
        while alone()["system/cpu_percent"] < 10 and time.monotonic() < deadline:
            time.sleep(0.2)
        measure()
        time.sleep(0.2)
        measured = measure()
        assert measured["system/cpu_percent"] > 10
        assert measured["system/memory_bytes"] > alone()["system/memory_bytes"] > 10e6
    finally:
        os.killpg(busy.pid, 9)
        busy.wait()


def test_sampling_goes_on_after_a_surprise(
    bancada_home: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory()
    fails = [True, True, False]

    def machine() -> dict[str, float]:
        if fails and fails.pop(0):
            raise OSError("the kernel does not say")
        return {}

    monkeypatch.setattr(system, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(system, "_of_machine", machine)
    sampler = SystemMetrics(memory, every_seconds=0.01).start()  # type: ignore[arg-type]
    deadline = time.monotonic() + 10
    while len(memory.samples) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    sampler.close()
    assert len(memory.samples) >= 3
    assert caplog.text.count("could not be measured") == 1


def test_a_measurement_costs_less_than_a_hundredth_of_a_core(bancada_home: object) -> None:
    measure = Measure(lambda: [os.getpid()], None)
    measure()
    costs = []
    for _ in range(10):
        began = time.process_time()
        measure()
        costs.append(time.process_time() - began)
    assert sorted(costs)[5] < 0.01 * system.EVERY_SECONDS
