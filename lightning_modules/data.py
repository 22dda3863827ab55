"""What the data modules of all families share: open a version, fit features on its training split, hand out batches."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pyarrow as pa
import pytorch_lightning as pl

from catalog.versions import OpenVersion, open_version
from features import Features
from lightning_modules.loading import Batches, BatchOrder, Store, run_seed


class DatasetData(pl.LightningDataModule, ABC):
    """Batches of a registered dataset.

    Attributes:
        features: Fitted on the training split, after ``setup``.
        left_out: Split to the number of its examples without a usable target, which are not used.
    """

    kind: str
    features: Features

    def __init__(self, dataset: str, batch_size: int, num_workers: int = 0) -> None:
        super().__init__()
        self.dataset = dataset
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.left_out: dict[str, int] = {}
        self._stores: dict[str, Store] = {}
        self._version: OpenVersion | None = None
        self._training: Batches | None = None
        self._resume: dict[str, int] | None = None

    @abstractmethod
    def fit_features(self, table: pa.Table, schema: Any) -> Features:
        """Features learned from the training split."""

    @abstractmethod
    def make_store(self, table: pa.Table, target: np.ndarray) -> Store:
        """A split held ready, its examples in the table's order; ``target`` as `Features.targets` gives it."""

    def setup(self, stage: str) -> None:
        """Fit the features and prepare the splits of a stage: "fit", "validate", "test" or "predict"."""
        splits = {"fit": ("train", "validation"), "validate": ("validation",)}.get(stage, ("test",))
        version = self.version()
        if not hasattr(self, "features"):
            table = version.table("train")
            if not table.num_rows:
                raise ValueError(f"The training split of {version.ref} is empty: register it with another split.")
            self.features = self.fit_features(table, version.schema)
            if "train" in splits:
                self._prepare("train", table)
        for split in splits:
            if split not in self._stores:
                self._prepare(split, version.table(split))  # type: ignore[arg-type]

    def version(self) -> OpenVersion:
        """The dataset's version, opened once.

        Raises:
            ValueError: when its kind is not what this data module reads.
        """
        if self._version is None:
            version = open_version(self.dataset)
            if version.kind != self.kind:
                raise ValueError(
                    f"{version.ref} is a dataset of {version.kind}, and {type(self).__name__} reads {self.kind}: "
                    "choose another dataset, or the data module and model of its kind."
                )
            self._version = version
        return self._version

    def signature(self) -> dict[str, Any]:
        """What a model must know to be built: the features' signature. Plain JSON."""
        return self.features.signature()

    def train_dataloader(self) -> Batches:
        """Batches of the training split, in another order every epoch."""
        self._training = self._batches("train", shuffle=True)
        if self._resume is not None:
            self._training.load_state_dict(self._resume)
        return self._training

    def val_dataloader(self) -> Batches | list[Batches]:
        """Batches of the validation split; an empty list when it has no examples."""
        return self._batches("validation") if len(self._stores["validation"]) else []

    def test_dataloader(self) -> Batches | list[Batches]:
        """Batches of the test split; an empty list when it has no examples."""
        return self._batches("test") if len(self._stores["test"]) else []

    def predict_dataloader(self) -> Batches | list[Batches]:
        """The test split's batches, in its order."""
        return self.test_dataloader()

    def state_dict(self) -> dict[str, Any]:
        """Which features the weights belong to, and where training stands in its epoch.

        The Trainer saves the position, too, but it does not give it back when a model has asked how many steps there
        will be (`estimated_stepping_batches`): it makes the loader for that, before it has read the position.
        """
        state: dict[str, Any] = {"dataset": self.version().ref, "features": self.features.fingerprint}
        return state | ({"batches": self._training.state_dict()} if self._training is not None else {})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where the state stands; refuse to go on with weights that were trained on other features."""
        if state_dict.get("features") != self.features.fingerprint:
            raise ValueError(
                f"The checkpoint was trained on {state_dict.get('dataset')} with other features than these, so its "
                "weights would read the inputs wrongly. Resume with the dataset and data settings of that run."
            )
        self._resume = state_dict.get("batches")

    def _prepare(self, split: str, table: pa.Table) -> None:
        target = self.features.targets(table)
        usable = np.isfinite(target) if target.dtype.kind == "f" else target >= 0
        self.left_out[split] = int(len(target) - usable.sum())
        if self.left_out[split]:
            table, target = table.filter(pa.array(usable)), target[usable]
        if split == "train" and not len(target):
            raise ValueError(f"No example of {self.version().ref} has a usable target: correct its schema.")
        self._stores[split] = self.make_store(table, target)

    def _batches(self, split: str, shuffle: bool = False) -> Batches:
        store = self._stores[split]
        shared = (self.trainer.distributed_sampler_kwargs if self.trainer is not None else None) or {}
        order = BatchOrder(
            len(store),
            self.batch_size,
            shuffle=shuffle,
            seed=run_seed(),
            rank=shared.get("rank", 0),
            processes=shared.get("num_replicas", 1),
        )
        return Batches(store, order, self.num_workers)
