"""Runs that cannot end well say why, in words, and leave what they had."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from catalog.objects import DATA_FILE, object_folder
from catalog.samples import load_sample
from catalog.versions import open_version
from db import queue, runs
from db.engine import forget_connections
from db.home import home, run_folder
from db.states import EXIT_NO_ROOM, Reason, RunState
from tests.training.conftest import Lab
from training import rank


def failed(lab: Lab, model: str, **options: Any) -> tuple[Reason | None, str]:
    """(reason, sentence) of a run that fails."""
    run = lab.train(model, **options)
    assert run.state is RunState.FAILED
    assert run.failing_rank == 0
    assert run.last_lines
    return run.reason, run.reason_text


def test_a_loss_that_is_not_a_number(lab: Lab) -> None:
    reason, text = failed(lab, "Exploding")
    assert reason is Reason.NOT_FINITE
    assert text.startswith("train_loss became NaN at step 3 ")


def test_a_constructor_that_raises(lab: Lab) -> None:
    reason, text = failed(lab, "Refusing size=5")
    assert reason is Reason.CONFIG_ERROR
    assert "size 5 must be even" in text


def test_an_argument_of_the_wrong_kind(lab: Lab) -> None:
    reason, text = failed(lab, "Plain learning_rate=fast")
    assert reason is Reason.CONFIG_ERROR
    assert text.startswith("model.init_args.learning_rate: ")


def test_a_class_that_is_not_there(lab: Lab) -> None:
    reason, text = failed(lab, "tests.training.mine.Plane")
    assert reason is Reason.CONFIG_ERROR
    assert "did you mean Plain?" in text


def test_memory_that_runs_out(lab: Lab) -> None:
    reason, text = failed(lab, "Hungry")
    assert reason is Reason.OUT_OF_MEMORY
    assert "smaller batch" in text


def test_early_stopping_that_watches_in_vain(lab: Lab) -> None:
    reason, text = failed(lab, "Plain", early_stopping={"monitor": "val_loss"})
    assert reason is Reason.CONFIG_ERROR
    assert "val_loss" in text


@pytest.mark.parametrize("fault", ["missing", "broken"])
def test_a_data_file(lab: Lab, fault: str) -> None:
    with lab.database.writing() as session:
        load_sample(session, "wine", "test", None)
    path = object_folder(open_version("wine").content_hash) / DATA_FILE
    whole = path.read_bytes()
    try:
        if fault == "missing":
            path.unlink()
        else:
            path.write_bytes(whole[: len(whole) // 2])
        data = {"class_path": "lightning_modules.tabular.TableData", "init_args": {"dataset": "wine"}}
        reason, text = failed(lab, "lightning_modules.tabular.LinearModel", data=data)
    finally:
        path.write_bytes(whole)
    assert reason is Reason.DATA_ERROR
    assert fault in text
    assert "wine@1" in text


def test_early_stopping(lab: Lab) -> None:
    rules = {"monitor": "val_loss", "patience": 1, "min_delta": 1000.0}
    run = lab.finished(lab.train("lightning_modules.tabular.LinearModel", max_epochs=50, early_stopping=rules))
    assert run.reason is Reason.EARLY_STOPPED
    assert run.step == 2 * 7
    assert "val_loss did not get better" in run.reason_text


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 3 MiB for the checkpoints of the next run."""
    root = home() / "small"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(root)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small file system")
    yield root
    subprocess.run(["umount", "-l", str(root)], check=True)
    shutil.rmtree(root)


def test_a_disk_that_is_full_while_a_checkpoint_is_written(lab: Lab, small_disk: Path) -> None:
    """The first checkpoint (about 1.3 MB) fits, a later one does not: it goes, and the first stays whole."""
    with lab.database.reading() as session:
        next_id = runs.find(session, limit=1).rows[0].id + 1
    run_folder(next_id).mkdir(parents=True)
    (run_folder(next_id) / "checkpoints").symlink_to(small_disk)
    run = lab.train("lightning_modules.tabular.MLP width=300", max_epochs=5, checkpoint={"save_top_k": 5})

    assert run.id == next_id
    assert (run.state, run.reason) == (RunState.FAILED, Reason.DISK_FULL)
    assert "checkpoint of step" in run.reason_text
    there = lab.checkpoints(run.id)
    assert there
    for row in there:
        torch.load(home() / row.path / "weights.ckpt", weights_only=True)
    assert {path.name for path in small_disk.iterdir()} == {f"step-{row.step}" for row in there}


def test_a_rank_that_has_no_room_for_its_last_word_ends_with_a_code_that_tells(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole data folder is full: neither the outcome nor the log can be written."""

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    config = {"model": {"class_path": "nowhere.Model"}, "data": {"class_path": "nowhere.Data"}}
    with lab.database.writing() as session:
        run_id = runs.create(session, name="no room", config=config)
        queue.claim(session, run_id, "another machine", ["cpu"])
    monkeypatch.setattr(rank, "leave", full)
    pid = os.fork()
    if pid == 0:
        try:
            forget_connections()
            rank.main(run_id, 0, 1, 1, 29_500)
        except SystemExit as ending:
            os._exit(int(str(ending.code)))
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == EXIT_NO_ROOM
