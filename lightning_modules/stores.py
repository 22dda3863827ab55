"""Splits held ready in memory, one class a kind of data: rows in, a batch of tensors out. See `loading.Store`."""

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from features.images import ImageFeatures
from features.text import PADDING, TextFeatures
from lightning_modules.augmentation import Augmentation
from lightning_modules.loading import BatchKey

_DECODED_BYTES = 1 << 30  # a split of pictures that is larger when decoded stays encoded
_TEXTS, _PICTURES = 4096, 1024  # transformed at once


class ArrayStore:
    """Arrays of equal length, from which a batch takes rows."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def __len__(self) -> int:
        return len(self.tensors["target"])

    def batch(self, key: BatchKey) -> dict[str, Tensor]:
        """Each array's rows, ``(batch, ...)``."""
        rows = torch.from_numpy(key.rows)
        return {name: tensor.index_select(0, rows) for name, tensor in self.tensors.items()}


class TokenStore:
    """Token numbers of all examples in one array, padded per batch to the batch's longest."""

    def __init__(self, features: TextFeatures, table: pa.Table, target: np.ndarray) -> None:
        pieces, lengths = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
        for start in range(0, table.num_rows, _TEXTS):
            tokens = features.transform(table.slice(start, _TEXTS))["tokens"]  # (chunk, width)
            pieces.append(tokens[tokens != PADDING].astype(np.int32))
            lengths.append((tokens != PADDING).sum(axis=1))
        self.tokens = np.concatenate(pieces)
        self.lengths = np.concatenate(lengths)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.target = target

    def __len__(self) -> int:
        return len(self.target)

    def batch(self, key: BatchKey) -> dict[str, Tensor]:
        """``tokens`` int64 ``(batch, longest)`` and ``target`` ``(batch,)``."""
        lengths = self.lengths[key.rows]
        places = np.arange(lengths.max())[None, :]  # (1, longest)
        inside = places < lengths[:, None]  # (batch, longest)
        tokens = np.full(inside.shape, PADDING, dtype=np.int64)
        tokens[inside] = self.tokens[(self.starts[key.rows][:, None] + places)[inside]]
        return {"tokens": torch.from_numpy(tokens), "target": torch.from_numpy(self.target[key.rows])}


class ImageStore:
    """Pictures of a split, decoded once or at every use."""

    def __init__(
        self, features: ImageFeatures, table: pa.Table, target: np.ndarray, augmentation: Augmentation
    ) -> None:
        self.features = features
        self.target = torch.from_numpy(target)
        self.augmentation = augmentation
        self.encoded = table.select([features.column])
        factor, shift = features.scaling()
        self.factor, self.shift = torch.from_numpy(factor)[:, None, None], torch.from_numpy(shift)[:, None, None]
        needed = len(target) * features.channels * features.size**2
        self.pixels: Tensor | None = None
        if needed <= _DECODED_BYTES:
            self.pixels = torch.empty((len(target), features.channels, features.size, features.size), dtype=torch.uint8)
            for start in range(0, len(target), _PICTURES):
                decoded = features.pixels(self.encoded.slice(start, _PICTURES))
                self.pixels[start : start + _PICTURES] = torch.from_numpy(decoded)
            self.encoded = self.encoded.slice(0, 0)

    def __len__(self) -> int:
        return len(self.target)

    def batch(self, key: BatchKey) -> dict[str, Tensor]:
        """``image`` float32 ``(batch, channels, size, size)`` and ``target`` ``(batch,)``."""
        rows = torch.from_numpy(key.rows)
        if self.pixels is not None:
            pixels = self.pixels.index_select(0, rows)
        else:
            pixels = torch.from_numpy(self.features.pixels(self.encoded.take(pa.array(key.rows))))
        image = pixels.float() * self.factor + self.shift
        if key.seed is not None:
            darkest = self.shift  # what black became; new edges are black too
            image = self.augmentation(image - darkest, torch.Generator().manual_seed(key.seed)) + darkest
        return {"image": image, "target": self.target.index_select(0, rows)}
