"""An upload becomes a file on disk that the readers can open; its name is kept for messages and not trusted."""

import re
import shutil
import unicodedata
import uuid
from pathlib import Path, PurePosixPath
from typing import Protocol

from catalog.objects import incoming_root
from catalog.versions import NAME

LONGEST_NAME = 120
UPLOAD_ENDINGS = ("csv", "tsv", "txt", "tab", "jsonl", "ndjson", "json", "parquet", "pq", "npz", "zip")


class Upload(Protocol):
    """What Streamlit hands over."""

    name: str

    def getbuffer(self) -> memoryview:
        """The bytes, not copied."""


def save_upload(upload: Upload) -> Path:
    """Write an upload into a fresh folder below the data folder; one that is left there is swept a day later."""
    folder = incoming_root() / f"upload-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    path = folder / safe_name(upload.name)
    with path.open("wb") as file:
        file.write(upload.getbuffer())
    return path


def drop_upload(path: Path) -> None:
    """Remove what `save_upload` wrote."""
    if path.parent.parent == incoming_root() and path.parent.name.startswith("upload-"):
        shutil.rmtree(path.parent, ignore_errors=True)


def safe_name(name: str) -> str:
    """The last part of a name with plain letters alone, its ending kept."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = re.sub(r"[^\w.() -]", "_", last).lstrip(".")[-LONGEST_NAME:]
    return plain or "upload"


def dataset_name(title: str) -> str:
    """A dataset's name made of a file's: small letters, digits and dashes."""
    stem = PurePosixPath(title).name.partition(".")[0]
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100]
    return name if NAME.fullmatch(name) else "data"
