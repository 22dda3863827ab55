"""Whole runs through a real supervisor: they finish, are recorded, and leave checkpoints that explain themselves."""

import json

import pytest
import torch

from db.home import home, run_folder
from db.states import Reason
from tests.training.conftest import Lab

DDP = {"strategy": "ddp", "devices": 2}
FSDP = {"strategy": "fsdp", "devices": 2}


@pytest.mark.parametrize("scaling", [None, DDP, FSDP], ids=["single", "ddp", "fsdp"])
def test_a_run_finishes_and_is_recorded(lab: Lab, scaling: dict[str, object] | None) -> None:
    run = lab.finished(lab.train("lightning_modules.tabular.FTTransformer", scaling=scaling, test_after_fit=True))
    batches = 4 if scaling else 7
    steps, losses = lab.curve(run.id)

    assert run.reason is Reason.COMPLETED
    assert steps.tolist() == list(range(1, 2 * batches + 1))
    assert losses[-1] < losses[0]
    assert len(lab.curve(run.id, "val_accuracy")[0]) == 2
    assert len(lab.curve(run.id, "test_accuracy")[0]) == 1
    assert (run.step, run.total_steps, run.epoch, run.max_epochs) == (2 * batches, 2 * batches, 2.0, 2)

    last = next(row for row in lab.checkpoints(run.id) if row.is_last)
    folder = home() / last.path
    content = torch.load(folder / "weights.ckpt", map_location="cpu", weights_only=True)
    assert content["global_step"] == last.step == 2 * batches
    assert all(type(tensor) is torch.Tensor for tensor in content["state_dict"].values())
    assert last.size_bytes == (folder / "weights.ckpt").stat().st_size
    assert {path.name for path in folder.iterdir()} >= {"config.yaml", "code.json", "signature.json", "features.json"}
    assert json.loads((folder / "data.json").read_text())["dataset"] == "iris@1"
    assert json.loads((folder / "metrics.json").read_text())["metrics"]["val_loss"] == last.metric_value


def test_what_a_run_is_made_of_is_recorded(lab: Lab) -> None:
    run = lab.finished(lab.train("Plain"))

    assert run.machine is not None
    assert run.machine["python"]
    assert run.packages is not None
    assert run.packages["torch"] == torch.__version__.partition("+")[0] or "torch" in run.packages
    assert run.code is not None
    assert (run_folder(run.id) / "packages.txt").is_file()
    assert "epoch 2/2" in lab.log(run.id)


@pytest.mark.parametrize("scaling", [DDP, FSDP], ids=["ddp", "fsdp"])
def test_a_module_that_knows_nothing_of_sharing_the_work(lab: Lab, scaling: dict[str, object]) -> None:
    run = lab.finished(lab.train("Plain", scaling=scaling))

    assert len(lab.curve(run.id, "my loss")[0]) == 8
    assert lab.checkpoints(run.id)[-1].metric is None
