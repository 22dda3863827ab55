"""Notices when code that a run would use has changed: modules are then described anew, and the warm server renewed.

Looks at files only. Nothing is imported here: a user's module may import torch, or raise.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from db.home import PROJECT_ROOT

DESCRIBE_TARGET = "training.describe:describe_all"
MODULES = "lightning_modules"
CODE_FOLDERS = ("training", "tracking", "features", "catalog", "db")

Stamps = dict[str, tuple[int, int]]


def module_stamps(module_paths: Iterable[str]) -> Stamps:
    """Path to (time, size) of every file that holds modules: the project's folder and the settings' import paths."""
    files = list((PROJECT_ROOT / MODULES).rglob("*.py"))
    for name in module_paths:
        files += find_files(name)
    return _stamps(files)


def code_stamps() -> Stamps:
    """Path to (time, size) of the project's code that a training process imports."""
    return _stamps(path for folder in CODE_FOLDERS for path in (PROJECT_ROOT / folder).rglob("*.py"))


def find_files(import_path: str) -> list[Path]:
    """The files of "package.module" (a class's name may follow), or every file of a package, without importing it."""
    parts = import_path.split(".")
    for length in range(len(parts), 0, -1):
        relative = Path(*parts[:length])
        for root in (PROJECT_ROOT, *(Path(entry) for entry in sys.path if entry)):
            file = (root / relative).with_suffix(".py")
            if file.is_file():
                return [file]
            if (root / relative / "__init__.py").is_file():
                return sorted((root / relative).rglob("*.py"))
    return []


def _stamps(files: Iterable[Path]) -> Stamps:
    found: Stamps = {}
    for path in files:
        try:
            status = path.stat()
        except OSError:
            continue
        found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found
