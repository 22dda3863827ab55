"""Small files of every format, made on the spot."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from catalog.readers import open_source


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """A file with that content; folders in its name are made."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(path: Path) -> list[dict[str, object]]:
    """Every raw row of a source."""
    with open_source(path) as source:
        return [row for batch, _ in source.batches() for row in batch.to_pylist()]


def picture(shade: int = 0, size: tuple[int, int] = (8, 8), form: str = "png") -> bytes:
    """A grey image file."""
    buffer = io.BytesIO()
    Image.new("L", size, shade).save(buffer, form)
    return buffer.getvalue()


def pictures(classes: tuple[str, ...] = ("cat", "dog"), each: int = 10, below: str = "") -> dict[str, bytes]:
    """Name to content of an image folder with a sub-folder a class; no two images are equal."""
    return {
        f"{below}{name}/{index}.png": picture(20 * number + index)
        for number, name in enumerate(classes)
        for index in range(each)
    }


def zipped(folder: Path, files: Mapping[str, str | bytes], name: str = "data.zip") -> Path:
    """A zip with those files."""
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return path


def labelled(rows: int = 40, classes: str = "ab") -> str:
    """A small CSV with a number and a label."""
    return "x,label\n" + "".join(f"{index}.5,{classes[index % len(classes)]}\n" for index in range(rows))
