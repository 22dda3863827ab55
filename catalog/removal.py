"""Free the disk space of a dataset that was deleted. Content that another version shares stays."""

import json
import shutil
from pathlib import Path

from catalog.objects import object_folder
from catalog.versions import version_numbers, version_path
from db.home import data_folder


def bytes_to_free(name: str) -> int:
    """What `remove_content` would free."""
    return sum(_folder_bytes(object_folder(content)) for content in _own_contents(name))


def remove_content(name: str) -> int:
    """Remove the versions of a dataset and the contents that they alone use; returns the bytes freed.

    The versions go first: a process killed in between leaves contents that nobody names, and no version without its
    content.
    """
    contents = _own_contents(name)
    freed = sum(_folder_bytes(object_folder(content)) for content in contents)
    for number in version_numbers(name):
        version_path(name, number).unlink(missing_ok=True)
    for content in contents:
        shutil.rmtree(object_folder(content), ignore_errors=True)
    return freed


def _own_contents(name: str) -> set[str]:
    own = {version_path(name, number) for number in version_numbers(name)}
    others = set((data_folder() / "versions").glob("*@*.json")) - own
    return _named(own) - _named(others)


def _named(paths: set[Path]) -> set[str]:
    return {str(json.loads(path.read_text(encoding="utf-8"))["content_hash"]) for path in paths}


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
