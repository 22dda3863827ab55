"""What the models of all families share: build from a signature, loss, metrics, optimizer and learning rate.

A model of another kind need not know any of this: every LightningModule can be trained.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal

import pytorch_lightning as pl
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.metrics import TaskMetrics
from lightning_modules.schedules import Schedule, warm_up_then

Rate = Annotated[float, Field(gt=0, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]
Batch = dict[str, Tensor]


class TaskModel(pl.LightningModule, ABC):
    """A network with the loss and the metrics of its task.

    The layers are made in `configure_model`, when the data module's signature (input names and shapes, classes) is
    known; `build` does the same without a Trainer.

    Args:
        learning_rate: Highest learning rate of the optimizer.
        optimizer: "adamw", or "sgd" with momentum 0.9, which wants a much higher learning rate.
        weight_decay: Pull of the weight matrices to zero; biases, norms and scales are left alone.
        schedule: What the learning rate does after the warm-up.
        warmup_share: Share of all steps in which the learning rate grows from near zero.
        class_weights: "balanced" lets each class weigh the same in the training loss, however rare it is.
        label_smoothing: Share of the target that is spread over all classes in the training loss.
    """

    def __init__(
        self,
        learning_rate: Rate = 1e-3,
        optimizer: Literal["adamw", "sgd"] = "adamw",
        weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01,
        schedule: Schedule = "cosine",
        warmup_share: Share = 0.05,
        class_weights: Literal["none", "balanced"] = "none",
        label_smoothing: Share = 0.0,
    ) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup_share = warmup_share
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.signature: dict[str, Any] | None = None
        self.network: nn.Module | None = None

    @abstractmethod
    def make_network(self, inputs: dict[str, dict[str, Any]], output_count: int) -> nn.Module:
        """The layers: called with the inputs by name, gives ``(batch, output_count)``.

        Args:
            inputs: The signature's ``inputs``.
            output_count: Number of classes, or 1 for regression.
        """

    @abstractmethod
    def shard_blocks(self) -> list[nn.Module]:
        """The parts that are sharded one by one when the model is spread over processes; empty: only as a whole."""

    def configure_model(self) -> None:
        """Make the layers from the data module's signature; called again, it does nothing.

        Without a Trainer it waits: `load_from_checkpoint` calls it before `on_load_checkpoint`, which has a signature.
        """
        if self.network is None and self._trainer is not None:
            self.build(self.trainer.datamodule.signature())  # type: ignore[attr-defined]

    def build(self, signature: dict[str, Any]) -> None:
        """Make the layers. Weights follow from torch's random state, so equal seeds give equal weights."""
        outputs = signature["outputs"]
        regression = outputs["task"] == "regression"
        self.signature = signature
        self.network = self.make_network(signature["inputs"], 1 if regression else len(outputs["classes"]))
        self.train_metrics = TaskMetrics(outputs, exact=False)
        self.val_metrics = TaskMetrics(outputs, exact=True)
        self.test_metrics = TaskMetrics(outputs, exact=True)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Logits ``(batch, classes)``, or standardised values ``(batch,)``."""
        assert self.network is not None, "call build(signature) first"
        output: Tensor = self.network(**inputs)  # (batch, output_count)
        return output.squeeze(-1) if self._is_regression else output

    def training_step(self, batch: Batch) -> Tensor:
        """The training loss, with class weights and label smoothing."""
        output = self._output(batch)
        loss = self._loss(output, batch["target"], training=True)
        self.train_metrics.update(output, batch["target"])
        size = len(batch["target"])
        self.log("train_loss", loss, prog_bar=True, batch_size=size, sync_dist=True)
        self.log("lr", self.trainer.optimizers[0].param_groups[0]["lr"], batch_size=size)
        return loss

    def validation_step(self, batch: Batch) -> None:
        """The plain loss, without class weights and smoothing, so that runs compare."""
        self._evaluate(batch, "val", self.val_metrics)

    def test_step(self, batch: Batch) -> None:
        """The same as validation, on the test split."""
        self._evaluate(batch, "test", self.test_metrics)

    def predict_step(self, batch: Batch) -> Tensor:
        """Probabilities ``(batch, classes)``, or values in the target's own unit ``(batch,)``."""
        output = self._output(batch).float()
        if not self._is_regression:
            return output.softmax(dim=-1)
        assert self.signature is not None
        outputs = self.signature["outputs"]
        return output * outputs["deviation"] + outputs["mean"]

    def on_train_epoch_end(self) -> None:
        """Log the metrics of the epoch's training examples, as they were predicted while it trained."""
        self._log_metrics("train", self.train_metrics)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the validation split."""
        self._log_metrics("val", self.val_metrics)

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test split."""
        self._log_metrics("test", self.test_metrics)

    def configure_optimizers(self) -> Any:
        """The optimizer and the schedule, which moves at every optimizer step."""
        weights = [p for p in self.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in weights if p.ndim >= 2], "weight_decay": self.weight_decay},
            {"params": [p for p in weights if p.ndim < 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        optimizer: torch.optim.Optimizer
        if self.optimizer == "sgd":
            optimizer = torch.optim.SGD(groups, lr=self.learning_rate, momentum=0.9)
        else:
            optimizer = torch.optim.AdamW(groups, lr=self.learning_rate)
        total = self.trainer.estimated_stepping_batches
        scheduler = warm_up_then(optimizer, self.schedule, self.warmup_share, total)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the signature beside the weights."""
        checkpoint["signature"] = self.signature

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Make the layers when the checkpoint is loaded without a Trainer."""
        if self.network is None and checkpoint.get("signature"):
            self.build(checkpoint["signature"])

    @property
    def _is_regression(self) -> bool:
        assert self.signature is not None
        return bool(self.signature["outputs"]["task"] == "regression")

    def _output(self, batch: Batch) -> Tensor:
        assert self.signature is not None
        output: Tensor = self(**{name: batch[name] for name in self.signature["inputs"]})
        return output

    def _loss(self, output: Tensor, target: Tensor, training: bool = False) -> Tensor:
        """In 32 bits at least, whatever the precision; class weights and smoothing are for training alone."""
        wide = output if output.dtype == torch.float64 else output.float()
        if self._is_regression:
            return functional.mse_loss(wide, target.to(wide.dtype))
        if not training:
            return functional.cross_entropy(wide, target)
        weights = self._class_weights()
        weights = weights.to(wide.dtype) if weights is not None else None
        return functional.cross_entropy(wide, target, weight=weights, label_smoothing=self.label_smoothing)

    def _class_weights(self) -> Tensor | None:
        if self.class_weights == "none":
            return None
        assert self.signature is not None
        counts = torch.tensor(self.signature["outputs"]["class_counts"], dtype=torch.float32, device=self.device)
        present = counts > 0
        return torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), 0.0)  # (classes,)

    def _evaluate(self, batch: Batch, split: str, metrics: TaskMetrics) -> None:
        output, target = self._output(batch), batch["target"]
        value = self._loss(output, target)
        self.log(f"{split}_loss", value, prog_bar=split == "val", batch_size=len(target), sync_dist=True)
        metrics.update(output, target)

    def _log_metrics(self, split: str, metrics: TaskMetrics) -> None:
        values = {f"{split}_{name}": value for name, value in metrics.compute().items()}
        metrics.reset()
        self.log_dict(values, sync_dist=True)  # the values are already those of all processes; the mean keeps them
