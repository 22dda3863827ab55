"""Small data of every kind, and what every kind of features promises, checked in one place."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from catalog.schema import Column, ColumnType, Schema, Task
from features import Features, Odd, load


def schema(types: dict[str, ColumnType], task: Task = "binary", classes: tuple[str, ...] = ()) -> Schema:
    """Feature columns of these types, and the target ``label``."""
    features = tuple(Column(name, kind) for name, kind in types.items())
    label = Column("label", "number" if task == "regression" else "category", "target")
    return Schema((*features, label), task, "label", classes)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The same examples as plain rows."""
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def picture(mode: str = "L", size: tuple[int, int] = (6, 6), seed: int = 0, form: str = "PNG") -> bytes:
    """An encoded picture of noise."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    made = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels, mode if channels > 1 else "L").convert(mode)
    written = io.BytesIO()
    made.save(written, form)
    return written.getvalue()


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """The same names, types, shapes and bits."""
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        np.testing.assert_array_equal(array, other[name])


def assert_keeps_promises(features: Features, table: pa.Table, folder: Path) -> None:
    """What holds for every kind: rows equal the table, batches do not matter, JSON brings everything back."""
    whole = features.transform(table)
    for name, about in features.inputs().items():
        assert list(whole[name].shape[1:]) == about["shape"][1:], name
        assert whole[name].dtype == about["dtype"], name
        assert len(whole[name]) == table.num_rows
    assert_equal(features.transform(rows_of(table)), whole)
    single = [features.transform([row]) for row in rows_of(table)]
    assert_equal({name: np.concatenate([one[name] for one in single]) for name in whole}, whole)
    odd: list[Odd] = []
    assert_equal(features.transform(table, odd), whole)
    features.save(folder)
    again = load(folder)
    assert again.fingerprint == features.fingerprint
    assert again.signature() == features.signature()
    assert_equal(again.transform(table), whole)
    np.testing.assert_array_equal(again.targets(table), features.targets(table))
    np.testing.assert_array_equal(features.targets(rows_of(table)), features.targets(table))
    for name, array in features.transform([]).items():
        assert array.shape == (0, *whole[name].shape[1:])
        assert array.dtype == whole[name].dtype
