"""Metric names as people read them: "val_average_precision" is "validation average precision"."""

import re

_WORDS = {
    "train": "training",
    "val": "validation",
    "lr": "learning rate",
    "auroc": "AUROC",
    "auc": "AUC",
    "f1": "F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
    "r2": "R²",
    "cpu": "CPU",
    "gpu": "GPU",
}


def in_words(name: str) -> str:
    """A metric's or a setting's name as words; a name that is made of none stays as it is."""
    return " ".join(_WORDS.get(word, word) for word in re.split(r"[_/ ]+", name) if word) or name


def heading(name: str) -> str:
    """The same above something: "Average precision", "AUROC"."""
    words = in_words(name)
    return words[:1].upper() + words[1:]
