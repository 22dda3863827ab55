"""Small JSON files in the data folder: written whole or not at all, and read without trust."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, values: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Write a file that a reader, and a kill at any moment, finds whole or not at all.

    Args:
        indent: spaces of each level, for files that people read.

    Raises:
        OSError: when it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    text = json.dumps(values, indent=indent, ensure_ascii=False, default=str)
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)  # a full disk leaves an empty file behind
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The values of a file; None when it is not there, or is no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
