"""The file with a checkpoint's weights and state: plain values only, so that it loads with ``weights_only=True``.

What a user's module puts into its hyperparameters may be anything; only tensors and plain values are written. The file
is hashed while it is written, so that the checksum costs no second reading.
"""

import enum
import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import torch
from pytorch_lightning.plugins.io import CheckpointIO

log = logging.getLogger(__name__)
WEIGHTS = "weights.ckpt"
_PLAIN = (str, bytes, bool, int, float, complex, type(None), torch.Tensor, torch.dtype, torch.device, torch.Size)
_NOTHING = object()


class WeightsFile(CheckpointIO):
    """Lightning's door to checkpoint files.

    Attributes:
        size_bytes, sha256: of the file that was written last.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self.sha256 = ""
        self._told: set[str] = set()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write the plain values of a checkpoint.

        Raises:
            OSError: the very error of the file system, such as a full disk.
        """
        del storage_options
        left_out: list[str] = []
        plain = plain_values(checkpoint, left_out)
        for where in left_out:
            if where not in self._told:
                self._told.add(where)
                log.warning("%s is no plain value and is left out of the checkpoints", where)
        with Path(path).open("wb") as file:
            hashing = _Hashing(file)
            try:
                torch.save(plain, cast(IO[bytes], hashing))
            except RuntimeError as error:
                raise hashing.error or error from None
        self.size_bytes, self.sha256 = hashing.size, hashing.digest.hexdigest()

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint; never anything but tensors and plain values, whatever is asked."""
        del weights_only
        found: dict[str, Any] = torch.load(path, map_location=map_location or "cpu", weights_only=True)
        return found

    def remove_checkpoint(self, path: Any) -> None:
        """Remove the file."""
        Path(path).unlink(missing_ok=True)


class _Hashing:
    """A file to write to that counts, hashes and remembers its error, which torch would hide."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        part = memoryview(data).cast("B")
        try:
            self._file.write(part)
        except OSError as error:
            self.error = error
            raise
        self.digest.update(part)
        self.size += len(part)
        return len(part)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self.error = error
            raise


def plain_values(value: Any, left_out: list[str], where: str = "") -> Any:
    """A copy with plain containers and values; what is neither is left out and named in ``left_out``."""
    found = _plain(value, left_out, where)
    return None if found is _NOTHING else found


def _plain(value: Any, left_out: list[str], where: str) -> Any:
    if isinstance(value, enum.Enum):
        return _plain(value.value, left_out, where)
    if type(value) in _PLAIN or isinstance(value, torch.Tensor):
        return value.data if isinstance(value, torch.nn.Parameter) else value
    if isinstance(value, Mapping):
        return _mapping(value, left_out, where)
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(item, left_out, f"{where}[{place}]") for place, item in enumerate(value)]
        kept = [item for item in items if item is not _NOTHING]
        return tuple(kept) if isinstance(value, tuple) else set(kept) if isinstance(value, set | frozenset) else kept
    return _scalar(value, left_out, where)


def _mapping(value: Mapping[Any, Any], left_out: list[str], where: str) -> dict[Any, Any]:
    made = {}
    for key, item in value.items():
        name = _plain(key, left_out, where)
        kept = _plain(item, left_out, f"{where}.{key}" if where else str(key))
        if name is not _NOTHING and kept is not _NOTHING:
            made[name] = kept
    return made


def _scalar(value: Any, left_out: list[str], where: str) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(np.array(value))
    if isinstance(value, os.PathLike):
        return str(value)
    kind: Any = next((one for one in (bool, int, float, str, bytes) if isinstance(value, one)), None)
    if kind is not None:
        return kind(value)
    left_out.append(where)
    return _NOTHING
