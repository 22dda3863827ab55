"""Metric names in words."""

import pytest

from charts.words import heading, in_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("val_average_precision", "validation average precision"),
        ("train/loss", "training loss"),
        ("test_auroc", "test AUROC"),
        ("lr", "learning rate"),
        ("lr-AdamW", "lr-AdamW"),
        ("train per epoch", "training per epoch"),
        ("valley", "valley"),
        ("_", "_"),
    ],
)
def test_a_name_becomes_words(name: str, words: str) -> None:
    assert in_words(name) == words


def test_a_heading_begins_with_a_capital() -> None:
    assert [heading(name) for name in ("loss", "r2", "GPU use")] == ["Loss", "R²", "GPU use"]
