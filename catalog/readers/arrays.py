"""Images as NumPy arrays: an .npz with images and labels (or x_train, y_train, …), or images.npy beside labels.npy."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from catalog.errors import CatalogError
from catalog.readers.source import Source
from catalog.schema import Column, Schema

IMAGE_KEYS = ("images", "image", "x", "X", "data", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "Y", "target", "targets", "arr_1")
PARTS = {"train": "train", "val": "validation", "valid": "validation", "test": "test"}
BATCH_ROWS = 500


class ArraySource(Source):
    """Arrays of images, rows of image (as PNG bytes) and label, and split where the arrays are named so."""

    def __init__(self, path: Path) -> None:
        parts = _parts(path)
        for name, (images, labels) in parts.items():
            _check_part(path.name, name, images, labels)
        self.parts = parts
        self.split_column = "split" if len(parts) > 1 else None
        classes = set(np.unique(np.concatenate([labels for _, labels in parts.values()])).tolist())
        columns = [Column("image", "image"), Column("label", "category", "target")]
        if self.split_column:
            columns.append(Column("split", "category", "ignore"))
        self.schema = Schema(tuple(columns), "binary" if len(classes) == 2 else "multiclass", "label")
        images = next(iter(parts.values()))[0]
        self.description = f"NumPy arrays, images of {images.shape[1]}×{images.shape[2]}"

    def batches(self) -> Iterator[tuple[pa.RecordBatch, float]]:
        total, done = self.row_count(), 0
        for split, (images, labels) in self.parts.items():
            for start in range(0, len(images), BATCH_ROWS):
                chunk = slice(start, start + BATCH_ROWS)
                batch = image_batch(images[chunk], labels[chunk], split if self.split_column else None)
                done += batch.num_rows
                yield batch, done / total

    def head(self, rows: int) -> pa.Table:
        images, labels = next(iter(self.parts.values()))
        every = np.unique(np.linspace(0, len(images) - 1, min(rows, len(images))).astype(int))
        return pa.Table.from_batches(
            [image_batch(images[every], labels[every], "train" if self.split_column else None)]
        )

    def row_count(self) -> int:
        return sum(len(labels) for _, labels in self.parts.values())


def image_batch(images: np.ndarray, labels: np.ndarray, split: str | None = None) -> pa.RecordBatch:
    """Images of shape (rows, height, width[, channels]) and labels (rows,) as PNG bytes and strings."""
    columns = {
        "image": pa.array([_png(image) for image in as_bytes(images)], pa.binary()),
        "label": pa.array([str(label) for label in labels.tolist()], pa.string()),
    }
    if split is not None:
        columns["split"] = pa.array([split] * len(labels), pa.string())
    return pa.RecordBatch.from_pydict(columns)


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Pixels as uint8: floats within 0 to 1 are spread over 0 to 255. Raises CatalogError for other ranges."""
    if images.dtype == np.uint8:
        return images
    if images.dtype == bool:
        return images.astype(np.uint8) * 255
    if not np.isfinite(images).all():
        raise CatalogError("The images hold NaN or infinite pixels: correct them before registering.", "source")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 255:
        raise CatalogError(f"Pixels must be within 0 to 1 or 0 to 255; they are within {low:g} to {high:g}.", "source")
    if np.issubdtype(images.dtype, np.floating) and high <= 1:
        images = images * 255
    return np.rint(images).astype(np.uint8)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image).save(buffer, "png")
    return buffer.getvalue()


def _parts(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels by split; one part named “all” when the arrays are not divided."""
    try:
        if path.suffix.lower() == ".npy":
            return {"all": (np.load(path, mmap_mode="r", allow_pickle=False), _labels_beside(path))}
        with np.load(path, allow_pickle=False) as arrays:
            return _parts_of(path, arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, CatalogError):
            raise
        raise CatalogError(f"{path.name} cannot be read as NumPy arrays: {error}.", "source") from error


def _parts_of(path: Path, arrays: np.lib.npyio.NpzFile) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for short, split in PARTS.items():
        images = next((f"{x}_{short}" for x in ("x", "X", "images") if f"{x}_{short}" in arrays), None)
        labels = next((f"{y}_{short}" for y in ("y", "Y", "labels") if f"{y}_{short}" in arrays), None)
        if images and labels:
            found[split] = (arrays[images], arrays[labels])
    if found:
        return found
    image_key = next((key for key in IMAGE_KEYS if key in arrays), None)
    label_key = next((key for key in LABEL_KEYS if key in arrays), None)
    if image_key is None or label_key is None:
        raise CatalogError(
            f"{path.name} needs an array named images and one named labels; it has {', '.join(arrays.files)}.", "source"
        )
    return {"all": (arrays[image_key], arrays[label_key])}


def _labels_beside(path: Path) -> np.ndarray:
    for images, labels in (("images", "labels"), ("image", "label"), ("x", "y"), ("X", "Y"), ("X", "y")):
        beside = path.with_name(path.name.replace(images, labels, 1))
        if beside != path and beside.is_file():
            loaded: np.ndarray = np.load(beside, allow_pickle=False)
            return loaded
    raise CatalogError(f"{path.name} has no labels: put a labels.npy beside an images.npy, or use an .npz.", "target")


def _check_part(title: str, name: str, images: np.ndarray, labels: np.ndarray) -> None:
    shaped = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] in (1, 3, 4))
    if not shaped:
        raise CatalogError(
            f"{title}: images must have the shape (rows, height, width) or (rows, height, width, 1, 3 or 4), "
            f"not {images.shape}.",
            "source",
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels.shape = (len(labels),)
    if labels.shape != (len(images),):
        raise CatalogError(f"{title} ({name}): {len(images)} images and labels of shape {labels.shape}.", "target")
    if not len(images):
        raise CatalogError(f"{title} holds no image.", "source")
    if images.dtype.kind not in "uifb":
        raise CatalogError(f"{title}: pixels must be whole numbers or decimals, not {images.dtype}.", "source")
