"""Lightning hands its metrics over, and every point is in the record."""

import warnings
from argparse import Namespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from db import curves
from db.engine import Database
from tracking.lightning_logger import BancadaLogger
from tracking.recorder import Recorder


class Small(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def training_step(self, batch: list[Tensor]) -> Tensor:
        loss = self.layer(batch[0]).square().mean()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor]) -> None:
        self.log("val_loss", self.layer(batch[0]).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_a_training_loop_is_recorded(database: Database, run_id: int) -> None:
    recorder = Recorder(database, run_id, 1).start()
    logger = BancadaLogger(recorder, run_id=run_id, attempt=1)
    loader: DataLoader[Any] = DataLoader(TensorDataset(torch.randn(40, 4)), batch_size=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            max_epochs=3, accelerator="cpu", devices=1, logger=logger, log_every_n_steps=1,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Small(), loader, loader)
    assert recorder.close()
    with database.reading() as session:
        loss, validation, epoch = (curves.read(session, run_id, name) for name in ("train_loss", "val_loss", "epoch"))
    assert loss.steps.tolist() == list(range(15))
    assert validation.steps.tolist() == [4, 9, 14]
    assert set(epoch.values.tolist()) == {0.0, 1.0, 2.0}
    assert (logger.name, logger.version) == (str(run_id), "attempt-1")
    assert logger.save_dir.endswith(f"runs/{run_id}")


def test_what_is_no_number_is_left_out_once(database: Database, run_id: int, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(database, run_id, 1).start()
    logger = BancadaLogger(recorder, run_id=run_id)
    weight = torch.ones(1, requires_grad=True)
    for step in range(2):
        logger.log_metrics({"a": weight * step, "b": "words", "c": torch.ones(3), "d": True, "e": 3}, step)
    logger.log_hyperparams(Namespace(lr=1.0))
    assert recorder.close()
    with database.reading() as session:
        assert {row.name: row.count for row in curves.summaries(session, run_id)} == {"a": 2, "d": 2, "e": 2}
    assert caplog.text.count("'b' is left out") == 1
    assert caplog.text.count("'c' is left out") == 1


def test_other_ranks_record_nothing() -> None:
    BancadaLogger(None, run_id=1).log_metrics({"loss": 1.0}, 0)
