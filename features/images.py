"""Pictures to arrays: decoded, brought to one size and number of channels, then scaled by the training split's mean.

Pictures arrive as encoded bytes (PNG, JPEG and whatever Pillow opens), or as arrays ``(height, width[, channels])``.
"""

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps

from features.base import Features, FeaturesError, Odd, SchemaLike, fit_target
from features.columns import Examples, column, count, plain
from features.targets import Target

MAX_PIXELS = 50_000_000
"""A larger picture is not decoded: a small file can hold a picture that fills the memory."""

_MODES = {1: "L", 3: "RGB"}
_GREY = ("1", "L", "I", "F", "LA")
_UNREADABLE = (  # what Pillow's decoders raise over broken files
    OSError, ValueError, TypeError, SyntaxError, OverflowError, EOFError, LookupError, AttributeError,
    NotImplementedError, struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
_SAMPLE = 2000  # pictures that size, channels, mean and deviation are learned from


class ImageFeatures(Features):
    """A column of pictures as ``image``, float32 ``(examples, channels, size, size)``."""

    kind: ClassVar[str] = "images"

    def __init__(
        self, column_name: str, size: int, channels: int, mean: list[float], deviation: list[float], target: Target
    ) -> None:
        self.column = column_name
        self.size = size
        self.channels = channels
        self.mean = mean
        self.deviation = deviation
        self.target = target

    @classmethod
    def fit(cls, table: pa.Table, schema: SchemaLike, *, size: int | None = None, **_: Any) -> Self:
        """Learn the size (unless given), the channels, and each channel's mean and deviation.

        At most 2,000 pictures, evenly spread over the training split, are looked at.

        Args:
            table: The training split.
            schema: The dataset's schema.
            size: Edge of the square in pixels; None takes the median of the training split, at most 224.
        """
        names = [c.name for c in schema.columns if c.role == "feature" and c.type == "image"]
        if len(names) != 1:
            raise FeaturesError(f"A picture model reads one image column; this dataset has {len(names)}.")
        target = fit_target(table, schema)
        picks = np.unique(np.linspace(0, max(count(table) - 1, 0), _SAMPLE).astype(np.int64))
        sample = table.select([names[0]]).take(pa.array(picks[: count(table)]))
        opened = [picture for value in plain(sample.column(names[0])) if (picture := _open(value)) is not None]
        if not opened:
            raise FeaturesError(f"No picture in the column {names[0]} can be opened; register the dataset again.")
        size = size or min(224, int(np.median([max(picture.size) for picture in opened])))
        channels = 1 if all(picture.mode == "L" for picture in opened) else 3
        pixels = np.stack([_fit(picture, size, channels) for picture in opened]).astype(np.float64) / 255
        mean = [round(float(value), 6) for value in pixels.mean(axis=(0, 2, 3))]
        deviation = [round(float(value), 6) or 1.0 for value in pixels.std(axis=(0, 2, 3))]
        return cls(names[0], size, channels, mean, deviation, target)

    def pixels(self, examples: Examples, odd: list[Odd] | None = None) -> np.ndarray:
        """Decoded and resized, uint8 ``(examples, channels, size, size)``; what cannot be opened is all zero."""
        values = plain(column(examples, self.column))
        found = np.zeros((len(values), self.channels, self.size, self.size), dtype=np.uint8)
        for row, value in enumerate(values):
            picture = _open(value)
            if picture is not None:
                found[row] = _fit(picture, self.size, self.channels)
            elif odd is not None:
                odd.append(Odd(row, self.column, "is missing" if value is None else "is not a picture that opens"))
        return found

    def scale(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 pixels to float32 with mean 0 and deviation 1 per channel, same shape."""
        factor, shift = self.scaling()
        scaled: np.ndarray = pixels.astype(np.float32) * factor[:, None, None] + shift[:, None, None]
        return scaled

    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """``(channels,)`` float32 factor and shift: ``scaled = pixels * factor + shift``."""
        deviation = np.array(self.deviation)
        return (1 / (255 * deviation)).astype(np.float32), (-np.array(self.mean) / deviation).astype(np.float32)

    def transform(self, examples: Examples, odd: list[Odd] | None = None) -> dict[str, np.ndarray]:
        """``{"image": float32 (examples, channels, size, size)}``."""
        return {"image": self.scale(self.pixels(examples, odd))}

    def inputs(self) -> dict[str, dict[str, Any]]:
        """One input, ``image``."""
        return {"image": {"shape": [None, self.channels, self.size, self.size], "dtype": "float32"}}

    def content(self) -> dict[str, Any]:
        """Column, size, channels, scaling and target."""
        return {
            "column": self.column,
            "size": self.size,
            "channels": self.channels,
            "mean": self.mean,
            "deviation": self.deviation,
            "target": self.target.outputs(),
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `content`."""
        target = Target.from_outputs(content["target"])
        return cls(
            content["column"], content["size"], content["channels"], content["mean"], content["deviation"], target
        )


def _open(value: Any) -> Image.Image | None:
    """The picture, decoded, upright and in mode L or RGB; None when the value is no picture."""
    try:
        picture = _from_array(value) if isinstance(value, np.ndarray | list) else _from_bytes(value)
        return _plain_mode(picture) if picture is not None and min(picture.size) > 0 else None
    except _UNREADABLE:
        return None


def _from_bytes(value: Any) -> Image.Image | None:
    if not isinstance(value, bytes | bytearray | memoryview):
        return None
    picture = Image.open(io.BytesIO(value))
    if picture.width * picture.height > MAX_PIXELS:
        return None
    picture.load()
    return ImageOps.exif_transpose(picture)


def _from_array(value: Any) -> Image.Image | None:
    """Of an array ``(height, width[, channels])`` with values 0 to 255."""
    array = np.asarray(value)
    if array.dtype.kind not in "buif" or not array.size or not (array.min() >= 0 and array.max() <= 255):
        return None
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return Image.fromarray(array.astype(np.uint8))


def _plain_mode(picture: Image.Image) -> Image.Image:
    """Mode L when it is grey, else RGB; what is transparent becomes white, deep grey becomes 8 bits."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        largest = values.max()
        top = 1.0 if picture.mode == "F" and largest <= 1 else 255.0 if largest <= 255 else 65535.0
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    mode = "L" if picture.mode in _GREY else "RGB"
    if "transparency" in picture.info or picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return picture.convert(mode)


def _fit(picture: Image.Image, size: int, channels: int) -> np.ndarray:
    """``(channels, size, size)`` uint8: the whole picture, centred on black, its shape kept."""
    picture = picture.convert(_MODES[channels])
    if picture.size != (size, size):
        picture = ImageOps.pad(picture, (size, size), Image.Resampling.BILINEAR)
    array = np.asarray(picture, dtype=np.uint8)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
