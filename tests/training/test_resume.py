"""A run that was cut off goes on as if nothing had happened: the very same losses, wherever and however it was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.states import Reason, RunState
from tests.jobs.conftest import wait_for
from tests.training.conftest import Lab

DDP = {"strategy": "ddp", "devices": 2}
FSDP = {"strategy": "fsdp", "devices": 2}
OWN_DATA = {"class_path": "tests.training.mine.OwnData", "init_args": {}}


def same_curves(lab: Lab, one: int, other: int, *names: str) -> None:
    """The two runs logged exactly the same points."""
    for name in names:
        (steps, values), (others, other_values) = lab.curve(one, name), lab.curve(other, name)
        assert steps.tolist() == others.tolist()
        np.testing.assert_array_equal(values, other_values)


def killed_and_resumed(lab: Lab, tmp_path: Path, at: int, *, killed_rank: int = 0, **options: Any) -> int:
    """A run whose rank is killed at a step and which goes on from its last checkpoint."""
    marker = tmp_path / "killed"
    model = f"Noisy step_seconds=0.03 kill_at={at} killed_rank={killed_rank} marker={marker}"
    run = lab.train(model, **options)
    assert (run.state, run.reason, run.failing_rank) == (RunState.FAILED, Reason.SIGNAL, killed_rank)
    assert lab.checkpoints(run.id)
    lab.finished(lab.resume(run.id))
    return run.id


@pytest.mark.parametrize(("scaling", "rank"), [(None, 0), (DDP, 1), (FSDP, 0)], ids=["single", "ddp", "fsdp"])
def test_kill_9_in_the_middle_of_an_epoch(lab: Lab, tmp_path: Path, scaling: Any, rank: int) -> None:
    rules = {"every_n_steps": 3, "save_top_k": 1}
    options: dict[str, Any] = {"scaling": scaling, "checkpoint": rules, "max_epochs": 3}
    whole = lab.launch("Noisy", **options)
    cut = killed_and_resumed(lab, tmp_path, at=11 if scaling is None else 7, killed_rank=rank, **options)
    lab.finished(lab.wait_ended(whole))

    same_curves(lab, whole, cut, "train_loss", "lr", "val_loss", "val_accuracy")


def test_kill_9_after_the_end_of_an_epoch(lab: Lab, tmp_path: Path) -> None:
    whole = lab.launch("Noisy", max_epochs=3)
    cut = killed_and_resumed(lab, tmp_path, at=9, max_epochs=3)
    lab.finished(lab.wait_ended(whole))

    same_curves(lab, whole, cut, "train_loss", "val_loss", "train_accuracy")


def test_kill_9_after_a_validation_in_the_middle_of_an_epoch(lab: Lab, tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_epochs": 2, "val_check_interval": 4.0, "accumulate_grad_batches": 2}
    whole = lab.launch("Noisy", **options)
    cut = killed_and_resumed(lab, tmp_path, at=2, **options)
    lab.finished(lab.wait_ended(whole))

    same_curves(lab, whole, cut, "train_loss", "val_loss")


@pytest.mark.parametrize("scaling", [None, DDP], ids=["single", "ddp"])
def test_pause_and_resume(lab: Lab, scaling: Any) -> None:
    whole = lab.launch("Noisy", scaling=scaling, max_epochs=12)
    run_id = lab.launch("Noisy step_seconds=0.05", scaling=scaling, max_epochs=12)
    wait_for(lambda: lab.run(run_id).step >= 2, 60)
    paused = lab.ask(run_id, "pause")
    assert (paused.state, paused.reason) == (RunState.STOPPED, Reason.PAUSED)
    assert "asked by ana" in paused.reason_text
    assert next(row for row in lab.checkpoints(run_id) if row.is_last).step == len(lab.curve(run_id)[0])
    lab.finished(lab.resume(run_id))
    lab.finished(lab.wait_ended(whole))

    same_curves(lab, whole, run_id, "train_loss", "val_loss")


def test_stop_within_a_validation(lab: Lab) -> None:
    options: dict[str, Any] = {"max_epochs": 3, "data": small_batches()}
    whole = lab.launch("Noisy", **options)
    run_id = lab.launch("SlowToCheck", **options)
    wait_for(lambda: lab.run(run_id).phase == "validate", 60)
    stopped = lab.ask(run_id, "stop")
    assert (stopped.state, stopped.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)
    assert len(lab.curve(run_id, "val_loss")[0]) < 3
    lab.finished(lab.resume(run_id))
    lab.finished(lab.wait_ended(whole))

    same_curves(lab, whole, run_id, "train_loss", "val_loss")


def small_batches() -> dict[str, Any]:
    """Many batches of validation."""
    return {"class_path": "lightning_modules.tabular.TableData", "init_args": {"dataset": "iris", "batch_size": 2}}


def test_an_ordinary_module_goes_on_after_an_epoch(lab: Lab, tmp_path: Path) -> None:
    """A shuffled DataLoader and a schedule that watches the loss, in a module that knows nothing of Bancada."""
    options: dict[str, Any] = {"data": OWN_DATA, "max_epochs": 4}
    whole = lab.launch("Plateau", **options)
    cut = lab.train(f"Plateau dies_at=15 marker={tmp_path / 'died'}", **options)
    assert (cut.state, cut.reason) == (RunState.FAILED, Reason.EXCEPTION)
    lab.finished(lab.resume(cut.id))
    lab.finished(lab.wait_ended(whole))

    same_curves(lab, whole, cut.id, "my loss", "val_loss", "rate")
