"""Contents on disk, each in a folder named by its hash: ``data/objects/<sha-256 of data.parquet>/``.

A content is written aside and moved into place whole, so that a process killed at any moment leaves either the whole
content or nothing that anybody reads. Knows no schema and no database.
"""

import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from catalog.errors import CatalogError
from db.home import data_folder

DATA_FILE = "data.parquet"
STALE_SECONDS = 24 * 3600.0
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def object_folder(content_hash: str) -> Path:
    """Where that content lies."""
    return data_folder() / "objects" / content_hash


def incoming_root() -> Path:
    """Where contents are written before they are whole; what is left there is swept a day later."""
    return data_folder() / "incoming"


@contextmanager
def incoming() -> Iterator[Path]:
    """A fresh folder to write a content into; what is left in it at the end is removed.

    Raises CatalogError when the disk is full.
    """
    root = incoming_root()
    folder = root / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
        _sweep(root)
        yield folder
    except OSError as error:
        if error.errno in NO_SPACE or "No space left" in str(error):
            free = shutil.disk_usage(data_folder()).free
            raise CatalogError(
                f"The disk of {data_folder()} is full ({free / 1e6:.0f} MB free), so nothing was stored. "
                "Free some space and try again."
            ) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what processes that were killed left behind long ago."""
    for folder in root.iterdir():
        if time.time() - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path) -> str:
    """Move a written content into place and return its hash; equal content is stored once."""
    content_hash = file_hash(folder / DATA_FILE)
    target = object_folder(content_hash)
    target.parent.mkdir(parents=True, exist_ok=True)
    _flush(folder / DATA_FILE)
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
    return content_hash


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_split(content_hash: str, codes: np.ndarray) -> str:
    """Store a split beside its content, one byte a row, and return its file's name."""
    name = f"split-{hashlib.sha256(codes.tobytes()).hexdigest()[:16]}.npy"
    target = object_folder(content_hash) / name
    if not target.exists():
        aside = target.with_name(f".{uuid.uuid4().hex[:8]}.npy")
        np.save(aside, codes)
        _flush(aside)
        aside.replace(target)
    return name


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a small file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    aside.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    _flush(aside)
    aside.replace(path)


def _flush(path: Path) -> None:
    """Ask the disk to keep the file over a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
