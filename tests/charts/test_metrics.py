"""Which metrics share a chart, in which order, and in which unit."""

import pytest

from charts.metrics import BYTES, BYTES_PER_SECOND, PERCENT, PLAIN, WATTS, metric_groups, split_stage, unit_of
from charts.system import system_groups


def test_train_validation_and_test_of_a_metric_share_a_chart_in_this_order() -> None:
    [loss] = metric_groups(["val_loss", "test_loss", "train_loss"])

    assert loss.title == "loss"
    assert list(loss.names.items()) == [("train_loss", "train"), ("val_loss", "val"), ("test_loss", "test")]


def test_losses_come_first_and_the_axes_are_no_metrics() -> None:
    names = ["lr", "epoch", "step", "val_accuracy", "train_loss", "train_aux_loss", "system/cpu_percent", "grad_norm"]

    assert [group.title for group in metric_groups(names)] == ["loss", "aux_loss", "accuracy", "grad_norm", "lr"]


def test_what_lightning_logs_per_step_and_per_epoch_belongs_together() -> None:
    [loss] = metric_groups(["train_loss_step", "train_loss_epoch", "val_loss"])

    assert loss.names == {"train_loss_epoch": "train per epoch", "train_loss_step": "train per step", "val_loss": "val"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("train_loss", ("train", "loss")),
        ("val/f1", ("val", "f1")),
        ("training_time", ("", "training_time")),
        ("test_", ("", "test_")),
        ("validation", ("", "validation")),
    ],
)
def test_a_stage_is_only_a_whole_beginning(name: str, parts: tuple[str, str]) -> None:
    assert split_stage(name) == parts


def test_no_metric_is_lost_or_shown_twice() -> None:
    names = ["a", "b_loss", "train_b_loss", "val/b_loss", "val_a", "train_a_step"]
    shown = [name for group in metric_groups(names) for name in group.names]

    assert sorted(shown) == sorted(names)


def test_units_follow_the_end_of_a_name() -> None:
    found = [unit_of(f"system/{name}") for name in ("cpu_percent", "memory_bytes", "gpu0_power_watts", "loss")]

    assert found == [PERCENT, BYTES, WATTS, PLAIN]
    assert unit_of("disk_read_bytes_per_second") is BYTES_PER_SECOND


def test_the_same_measure_of_several_gpus_shares_a_chart_in_the_order_of_their_numbers() -> None:
    names = [f"system/gpu{number}_{what}" for number in (10, 2, 0) for what in ("memory_bytes", "percent")]
    use, memory = system_groups(names)

    assert (use.title, list(use.names.values())) == ("GPU use", ["GPU 0", "GPU 2", "GPU 10"])
    assert memory.unit is BYTES


def test_system_metrics_that_nobody_knows_get_a_chart_of_their_own() -> None:
    names = ["system/cpu_percent", "system/machine_cpu_percent", "system/fan_speed", "system/gpu0_fan_percent", "loss"]
    groups = system_groups(names)

    assert [group.title for group in groups] == ["Processor", "GPU Fan percent", "Fan speed"]
    assert groups[0].names == {"system/cpu_percent": "this run", "system/machine_cpu_percent": "whole machine"}
