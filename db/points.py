"""How points lie in a chunk: ``count`` int64 steps, then as many float64 times and float64 values, little-endian.

Any float survives, NaN and the infinities included. Knows nothing of tables.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BYTES_PER_POINT = 24
STEP = np.dtype("<i8")
FLOAT = np.dtype("<f8")
_KINDS = (STEP, FLOAT, FLOAT)


class Points(NamedTuple):
    """Points in the order in which they were written; three arrays of length points.

    Attributes:
        steps: int64; they need not grow.
        times: float64, seconds since the epoch.
        values: float64.
    """

    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray

    def chosen(self, which: np.ndarray | slice) -> "Points":
        """A part of the points, by mask or slice."""
        return Points(self.steps[which], self.times[which], self.values[which])


def as_points(steps: Sequence[int] | np.ndarray, times: Sequence[float] | np.ndarray, values: object) -> Points:
    """Checked arrays of the right types.

    Raises:
        ValueError: when they are not three flat arrays of one length.
    """
    points = Points(np.asarray(steps, STEP), np.asarray(times, FLOAT), np.asarray(values, FLOAT))
    if points.steps.ndim != 1 or not points.steps.shape == points.times.shape == points.values.shape:
        shapes = ", ".join(str(array.shape) for array in points)
        raise ValueError(f"steps, times and values must be flat and of one length; their shapes are {shapes}")
    return points


def pack(points: Points) -> bytes:
    """The bytes of a chunk."""
    return b"".join(array.astype(kind, copy=False).tobytes() for array, kind in zip(points, _KINDS, strict=True))


def unpack(packed: bytes, count: int) -> Points:
    """The points of a chunk, as read-only views of its bytes.

    Raises:
        ValueError: when the bytes are not ``count`` points long.
    """
    if len(packed) != count * BYTES_PER_POINT:
        raise ValueError(f"a chunk of {count} points has {len(packed)} bytes instead of {count * BYTES_PER_POINT}")
    return Points(
        np.frombuffer(packed, STEP, count, 0),
        np.frombuffer(packed, FLOAT, count, 8 * count),
        np.frombuffer(packed, FLOAT, count, 16 * count),
    )


def join(parts: Sequence[Points]) -> Points:
    """All points in order, as read-only arrays; one part is not copied."""
    if len(parts) == 1:
        joined = parts[0]
    elif parts:
        joined = Points(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    else:
        joined = Points(np.empty(0, STEP), np.empty(0, FLOAT), np.empty(0, FLOAT))
    for array in joined:
        array.flags.writeable = False
    return joined
