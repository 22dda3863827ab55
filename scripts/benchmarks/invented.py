"""Invented runs that look like a team's: names, configs, endings and curves of the right shape."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from db.points import as_points, pack
from db.states import Mirror, Reason, RunState

METRICS = (
    "train_loss", "train_accuracy", "train_f1", "val_loss", "val_accuracy", "val_f1", "val_auroc",
    "val_average_precision", "test_loss", "test_accuracy", "test_f1", "test_auroc", "test_average_precision", "lr",
    "epoch", "system/cpu_percent", "system/memory_bytes", "system/machine_cpu_percent",
    "system/machine_memory_percent", "system/disk_free_bytes",
)  # fmt: skip
_ENDINGS: list[tuple[RunState, Reason | None, float]] = [
    (RunState.FINISHED, Reason.COMPLETED, 0.62),
    (RunState.FINISHED, Reason.EARLY_STOPPED, 0.14),
    (RunState.FAILED, Reason.OUT_OF_MEMORY, 0.05),
    (RunState.FAILED, Reason.NOT_FINITE, 0.04),
    (RunState.FAILED, Reason.EXCEPTION, 0.04),
    (RunState.STOPPED, Reason.STOPPED_BY_USER, 0.06),
    (RunState.LOST, Reason.SIGNAL, 0.02),
    (RunState.CANCELLED, None, 0.03),
]
_MODELS = {
    "lightning_modules.text.TransformerClassifier": ("lightning_modules.text.TextData", "movie-reviews@1"),
    "lightning_modules.text.EmbeddingBagClassifier": ("lightning_modules.text.TextData", "frases-pt@1"),
    "lightning_modules.tabular.FTTransformer": ("lightning_modules.tabular.TableData", "breast-cancer@1"),
    "lightning_modules.tabular.MLP": ("lightning_modules.tabular.TableData", "wine@1"),
    "lightning_modules.images.SmallViT": ("lightning_modules.images.ImageData", "mnist-5k@1"),
    "lightning_modules.images.SmallResNet": ("lightning_modules.images.ImageData", "digits@1"),
}
_FIRST = ("amber", "brisk", "calm", "dusty", "early", "fair", "golden", "hazel", "iron", "jade", "keen", "late")
_SECOND = ("anvil", "bench", "chisel", "drill", "easel", "file", "gauge", "hammer", "lathe", "mallet", "plane", "vise")
_PEOPLE = ("ana", "bruno", "carla", "diego", "elisa")
_TAGS = ("baseline", "ablation", "sweep", "paper", "wide", "deep", "no-augment", "long")


def run(random: np.random.Generator, run_id: int, created: datetime, *, whole: bool = False) -> dict[str, Any]:
    """The columns of one ended run, as `db.tables.Run` has them; a ``whole`` one went to its end."""
    ending = 0 if whole else random.choice(len(_ENDINGS), p=[share for *_, share in _ENDINGS])
    state, reason, _ = _ENDINGS[ending]
    asked = config(random)
    epochs = asked["trainer"]["max_epochs"]
    share = 1.0 if reason is Reason.COMPLETED else float(random.uniform(0.05, 0.9))
    total = epochs * 100
    began = state is not RunState.CANCELLED
    ended = created + timedelta(seconds=float(random.gamma(2.0, 90.0)))
    return {
        "id": run_id,
        "name": f"{random.choice(_FIRST)}-{random.choice(_SECOND)}-{run_id}",
        "state": state,
        "reason": reason,
        "reason_text": "" if state is RunState.FINISHED else f"It ended at step {int(total * share)}.",
        "config": asked,
        "model_class": asked["model"]["class_path"],
        "dataset": asked["data"]["init_args"]["dataset"],
        "seed": asked["seed"],
        "mirror": Mirror.OFF,
        "launched_by": str(random.choice(_PEOPLE)),
        "created_at": created,
        "started_at": created + timedelta(seconds=1) if began else None,
        "ended_at": ended,
        "last_activity_at": ended,
        "step": int(total * share) if began else 0,
        "total_steps": total,
        "epoch": epochs * share if began else 0.0,
        "max_epochs": epochs,
        "samples_per_second": float(random.uniform(800, 20_000)) if began else None,
        "host": "workstation",
        "devices": ["cpu"],
        "folder_bytes": int(random.uniform(1e5, 4e7)),
    }


def tags(random: np.random.Generator) -> list[str]:
    """None to two tags."""
    return [str(tag) for tag in random.choice(_TAGS, size=int(random.integers(0, 3)), replace=False)]


def config(random: np.random.Generator) -> dict[str, Any]:
    """A config with 20 leaves, as a run's row holds it."""
    model = str(random.choice(list(_MODELS)))
    data, dataset = _MODELS[model]
    return {
        "seed": int(random.integers(0, 5)),
        "model": {
            "class_path": model,
            "init_args": {
                "learning_rate": float(np.float32(10 ** random.uniform(-4.5, -1.5))),
                "weight_decay": float(random.choice([0.0, 0.01, 0.1])),
                "width": int(random.choice([32, 64, 128])),
                "depth": int(random.integers(1, 5)),
                "dropout": float(random.choice([0.0, 0.1, 0.2, 0.3])),
                "schedule": str(random.choice(["cosine", "constant", "linear"])),
                "warmup_share": float(random.choice([0.0, 0.05, 0.1])),
                "label_smoothing": float(random.choice([0.0, 0.1])),
            },
        },
        "data": {
            "class_path": data,
            "init_args": {"dataset": dataset, "batch_size": int(random.choice([16, 32, 64, 128]))},
        },
        "trainer": {
            "max_epochs": int(random.integers(5, 40)),
            "precision": str(random.choice(["32-true", "bf16-mixed"])),
            "accumulate_grad_batches": int(random.choice([1, 2, 4])),
            "gradient_clip_val": 1.0,
        },
        "scaling": {"strategy": "auto", "devices": int(random.choice([1, 2])), "accelerator": "cpu"},
    }


@dataclass(frozen=True)
class Curve:
    """Points of one series: int64 steps, float64 epoch seconds, float64 values, each of length points."""

    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray

    def summary(self) -> dict[str, Any]:
        """The columns of `db.tables.Series` that follow from the points."""
        low, high = int(self.values.argmin()), int(self.values.argmax())
        return {
            "count": len(self.steps),
            "first_step": int(self.steps[0]),
            "last_step": int(self.steps[-1]),
            "last": float(self.values[-1]),
            "min": float(self.values[low]),
            "max": float(self.values[high]),
            "min_step": int(self.steps[low]),
            "max_step": int(self.steps[high]),
        }

    def chunk(self, first: int, most: int) -> dict[str, Any]:
        """The columns of `db.tables.Chunk` for up to ``most`` points from ``first``."""
        part = slice(first, first + most)
        points = as_points(self.steps[part], self.times[part], self.values[part])
        return {
            "count": len(points.steps),
            "first_step": int(points.steps.min()),
            "last_step": int(points.steps.max()),
            "points": pack(points),
        }


def curve(random: np.random.Generator, name: str, count: int, start: datetime) -> Curve:
    """A falling loss, a rising score, or a wandering load, with noise and now and then a spike."""
    steps = np.arange(count, dtype=np.int64)
    progress = steps / max(1, count - 1)
    noise = random.normal(0, 0.03, count)
    if "loss" in name:
        values = 0.2 + 1.5 * np.exp(-4 * progress) + noise
        values[random.integers(0, count, size=1 + count // 20_000)] += 3.0
    elif name == "lr":
        values = 0.001 * (1 + np.cos(np.pi * progress)) / 2
    elif name == "epoch":
        values = progress * 10
    elif name.startswith("system/"):
        values = 40 + 30 * np.abs(noise.cumsum() % 1.0)
    else:
        values = np.clip(0.5 + random.uniform(0.2, 0.45) * (1 - np.exp(-5 * progress)) + noise, 0, 1)
    return Curve(steps, start.timestamp() + steps * 0.01, values)
