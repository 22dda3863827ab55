"""A team's own modules, end to end: an import path typed into the settings, or a file put into ``lightning_modules``,
is described by the supervisor's training process, becomes a form, and trains.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from db import curves, modules, runs
from db.engine import Database
from db.states import RunState
from jobs import presence
from jobs.logs import log_path
from tests.jobs.conftest import World, wait_for
from tests.pages.conftest import OpenPage, texts
from tests.source_tree import copy_project

SECONDS = 120.0  # importing torch on a busy machine takes a while
OURS = '''
"""A model and its data, written before anybody here knew of Bancada."""
from typing import Literal

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset


class Doubler(LightningModule):
    """Learns to double.

    Args:
        rate: Step size.
    """

    def __init__(self, rate: float = 0.1, shape: Literal["line", "flat"] = "line"):
        super().__init__()
        self.rate = rate
        self.layer = torch.nn.Linear(1, 1, bias=shape == "line")

    def training_step(self, batch, batch_index):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.rate)


class Numbers(LightningDataModule):
    """Numbers and their doubles."""

    def __init__(self, count: int = 64):
        super().__init__()
        x = torch.linspace(-1, 1, count)[:, None]
        self.pairs = TensorDataset(x, 2 * x)

    def train_dataloader(self):
        return DataLoader(self.pairs, batch_size=8)
'''


@pytest.fixture
def project(tmp_path: Path, database: Database) -> Iterator[Path]:
    """A copy of the project with a supervisor at work; ``elsewhere`` beside it is on its Python path."""
    folder = copy_project(tmp_path / "project")
    (tmp_path / "elsewhere" / "our_team").mkdir(parents=True)
    (tmp_path / "elsewhere" / "our_team" / "__init__.py").touch()
    (tmp_path / "elsewhere" / "our_team" / "doubling.py").write_text(OURS)
    with ExitStack() as stack:
        stack.callback(presence.leave, presence.arrive(1))  # as long as a dashboard is up, the supervisor stays
        output = stack.enter_context(log_path().open("ab"))
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "jobs"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "elsewhere")},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        stack.callback(supervisor.wait)
        stack.callback(World(database).clear)
        yield folder


def described(database: Database) -> dict[str, str]:
    """Class path, or file, to its error."""
    with database.reading() as session:
        return {row.class_path: row.error for row in modules.every(session)}


@pytest.mark.slow
@pytest.mark.xdist_group("promises")
def test_from_a_file_of_ones_own_to_a_finished_run(open_page: OpenPage, database: Database, project: Path) -> None:
    at = open_page("settings")
    at.text_input(key="new_path").set_value("our_team.doubling")
    next(button for button in at.button if button.label == "Add").click().run()
    wait_for(lambda: "our_team.doubling.Doubler" in described(database), SECONDS)
    shown = texts(open_page("settings"))
    assert "Doubler · model" in shown
    assert "Numbers · data" in shown

    (project / "lightning_modules" / "mine.py").write_text(OURS)
    (project / "lightning_modules" / "broken.py").write_text("import a_package_that_is_nowhere\n")
    wait_for(lambda: "lightning_modules.mine.Doubler" in described(database), SECONDS)
    assert "a_package_that_is_nowhere" in described(database)["lightning_modules.broken"]
    assert not described(database)["lightning_modules.tabular.MLP"], "one broken file hinders no other"
    assert any("broken could not be read" in fold.label for fold in open_page("settings").expander)

    for number, module in enumerate(("our_team.doubling", "lightning_modules.mine"), start=1):
        at = open_page("launch", model=f"{module}.Doubler")
        assert at.number_input(key="form.model.init_args.rate").value == 0.1
        at.number_input(key="form.model.init_args.rate").set_value(0.5).run()
        at.number_input(key="form.trainer.max_epochs").set_value(2).run()
        at.button(key="launch").click().run()
        assert not at.exception
        wait_for(lambda number=number: _state(database, number).ended, SECONDS)
        with database.reading() as session:
            run = runs.get(session, number)
            losses = curves.read(session, number, "loss").values
        assert (run.state, run.dataset) == (RunState.FINISHED, None), f"{run.reason_text}\n{run.last_lines}"
        assert (run.config["model"]["init_args"]["rate"], len(losses)) == (0.5, 16)
        assert losses[-1] < losses[0] / 2


def _state(database: Database, run_id: int) -> RunState:
    with database.reading() as session:
        return runs.get(session, run_id).state
