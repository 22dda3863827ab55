"""From a claimed run to orders for its processes: folder, config file, free port, environment."""

import os
from collections.abc import Sequence

from db.machine import free_port, usable_cores
from db.rows import RunDetail
from db.run_config import read_config
from jobs.devices import DeviceState
from jobs.rank_process import Order
from jobs.run_files import AttemptFiles

RANK_TARGET = "training.rank:main"


def prepare(run: RunDetail, attempt: int) -> AttemptFiles:
    """Make the run's folder with its config in it, before the run is claimed.

    Raises:
        OSError: when the data folder cannot be written.
    """
    files = AttemptFiles(run.id, attempt)
    files.prepare()
    config = files.folder / "config.yaml"
    if not config.exists():
        config.write_text(read_config(run.config).to_yaml(), encoding="utf-8")
    return files


def orders(
    files: AttemptFiles, world_size: int, devices: Sequence[DeviceState], target: str = RANK_TARGET
) -> list[Order]:
    """One order for each rank."""
    port = free_port()
    environment = {**rank_environment(devices, world_size), **_own_settings()}
    return [
        Order(
            key=key(files, rank),
            target=target,
            arguments=[files.run_id, rank, world_size, files.attempt, port],
            log=str(files.log(rank)),
            environment=environment,
            note=str(files.note_path(rank)),
            outcome=str(files.outcome_path(rank)),
            exit=str(files.exit_path(rank)),
        )
        for rank in range(world_size)
    ]


def key(files: AttemptFiles, rank: int) -> str:
    """The name of a rank's process in orders and news."""
    return f"{files.run_id}-{files.attempt}-{rank}"


def rank_environment(devices: Sequence[DeviceState], world_size: int) -> dict[str, str]:
    """Only the given processors can be seen by the process, and its ranks share the cores."""
    gpus = [device for device in devices if device.kind == "gpu"]
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(device.uuid or device.name.partition(":")[2] for device in gpus),
        "OMP_NUM_THREADS": str(max(1, usable_cores() // max(1, world_size))),
    }


def _own_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("BANCADA_")}
