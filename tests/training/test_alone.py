"""``python -m training FILE``: the same record without a dashboard, a gentle Ctrl-C, and exit codes that tell."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from db import checkpoints, curves, runs
from db.home import PROJECT_ROOT
from db.states import Reason, RunState
from jobs.run_files import AttemptFiles
from tests.jobs.conftest import wait_for
from tests.training.conftest import IRIS, Lab
from training.__main__ import main


def start(folder: Path, model: str, *arguments: str, **config: object) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({"model": {"class_path": model}, "data": IRIS, **config}))
    return subprocess.Popen(
        [sys.executable, "-m", "training", str(file), *arguments],
        cwd=PROJECT_ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_ranks_train_and_are_recorded(lab: Lab, tmp_path: Path) -> None:
    changes = ("--", "trainer.max_epochs=2", "scaling.strategy=ddp", "scaling.devices=2", "scaling.accelerator=cpu")
    process = start(tmp_path, "lightning_modules.tabular.MLP", "--name", "by hand", "--tag", "cli", *changes)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0, output
    assert "epoch 2/2" in output
    with lab.database.reading() as session:
        row = runs.find(session, query='"by hand"', limit=1).rows[0]
        run = runs.get(session, row.id)
        assert (run.state, run.reason, run.tags) == (RunState.FINISHED, Reason.COMPLETED, ("cli",))
        assert (run.dataset, run.config["trainer"]["max_epochs"]) == ("iris@1", 2)
        assert "--name 'by hand'" in run.command
        assert len(curves.read(session, run.id, "train_loss").steps) == 8
        assert checkpoints.of_run(session, run.id)
    assert f"run {run.id} " in output


def test_ctrl_c_saves_a_checkpoint(lab: Lab, tmp_path: Path) -> None:
    process = start(
        tmp_path, "tests.training.mine.Noisy", "--name", "cut", "--", "model.init_args.step_seconds=0.05",
        "trainer.max_epochs=500", "scaling.accelerator=cpu",
    )  # fmt: skip

    def step() -> int:
        with lab.database.reading() as session:
            rows = runs.find(session, query="cut", limit=1).rows
        return rows[0].step if rows else 0

    wait_for(lambda: step() > 3, 120)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 3, output
    with lab.database.reading() as session:
        run = runs.find(session, query="cut", limit=1).rows[0]
        last = checkpoints.latest(session, run.id)
    assert (run.state, run.reason) == (RunState.STOPPED, Reason.STOPPED_BY_USER)
    assert last is not None
    assert f"Stopped at step {last.step}" in output


def test_a_run_goes_on_from_the_terminal(lab: Lab) -> None:
    """A run that the supervisor had started and a person stopped; once it has finished, nothing is left to resume."""
    run_id = lab.launch("Noisy step_seconds=0.05", max_epochs=12)
    wait_for(lambda: lab.run(run_id).step > 3, 120)
    stopped = lab.ask(run_id, "stop")
    assert stopped.state is RunState.STOPPED

    def resume(run: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "training", "--resume", str(run)],
            cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    done = resume(run_id)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"going on from step {stopped.step}" in done.stdout
    run = lab.finished(lab.run(run_id))
    steps, _ = lab.curve(run_id)
    assert (run.attempt, run.step) == (2, len(steps))
    assert sorted(set(steps.tolist())) == steps.tolist(), "no step twice"
    notes = AttemptFiles(run_id, 2).processes()
    assert sorted(notes) == [0], "whoever sees the run claimed can find its processes, however early"
    again = resume(run_id)
    assert (again.returncode, "clone it" in again.stderr) == (2, True)
    assert resume(999_999).returncode == 2


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("model: [", [], "not valid YAML"),
        ("model: [", ["seed=1"], "not valid YAML"),
        ("a: &a [*a]", [], "aliases"),
        ("just words", ["seed=1"], "mapping"),
        ("{}", ["seed"], "is no change"),
        ("{}", ["=1"], "is no change"),
        ("{}", ["seed=[1"], "cannot be used"),
        ("{}", ["seed=2024-13-45"], "cannot be used"),
        ("{}", ["model.class_path=a.B"], "data: is missing"),
        ("\xff\x00", [], "cannot be read"),
    ],
)
def test_a_file_or_a_change_that_is_wrong_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, changes: list[str], said: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="latin-1")
    assert main([str(file), *(["--", *changes] if changes else [])]) == 2
    assert said in capsys.readouterr().err
    assert main([str(tmp_path / "missing.yaml")]) == 2


def test_what_cannot_be_used_is_told_at_once(lab: Lab, tmp_path: Path) -> None:
    process = start(tmp_path, "lightning_modules.tabular.MLP", "--", "trainer.max_epochs=none", "trainer.epochs=3")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "trainer.max_epochs" in output
    assert "trainer.epochs" in output
    process = start(tmp_path, "lightning_modules.tabular.MLP", "--", "data.init_args.dataset=nothing")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "nothing" in output
