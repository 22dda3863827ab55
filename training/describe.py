"""Models and data modules as forms: what can be trained, read from the classes' own constructors.

A form is plain JSON: the pages draw fields from it and the queue checks values against it, both without torch. A file
that cannot be imported is a row with its error.
"""

import hashlib
import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytorch_lightning as pl
from jsonargparse._parameter_resolvers import get_signature_parameters

import lightning_modules
from db import modules
from db.engine import connect
from training.fields import describe_field

KINDS = {"model": pl.LightningModule, "data": pl.LightningDataModule}
Description = dict[str, Any]


def describe(class_path: str) -> Description:
    """The form of one class; ``error`` says why there is none, and is None when all is well."""
    module_name, _, name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
        return _of_class(found, class_path)
    except BaseException:  # noqa: BLE001 - a user's file may raise anything, even SystemExit
        return _broken(class_path, _last_frames())


def describe_all(module_paths: Sequence[str]) -> None:
    """Describe every class of `lightning_modules` and of the given import paths, and remember it."""
    found: dict[str, Description] = {}
    package = lightning_modules.__name__
    for info in pkgutil.iter_modules(lightning_modules.__path__):
        found |= {one["class_path"]: one for one in _under(f"{package}.{info.name}", asked=False)}
    for path in module_paths:
        found |= {one["class_path"]: one for one in _under(path, asked=True)}
    with connect().writing() as session:
        modules.replace_all(session, list(found.values()))
    for one in found.values():
        if one["error"]:
            print(f"{one['class_path']} could not be read:\n{one['error']}", file=sys.stderr)


def _under(path: str, *, asked: bool) -> list[Description]:
    """What an import path holds: a class, a module's classes, or those of every module of a package."""
    try:
        module = _import_longest(path)
    except BaseException:  # noqa: BLE001 - the error is what the person must see
        return [_broken(path, _last_frames())]
    if module.__name__ != path:
        return [describe(path)]
    found = [_of_class(cls, f"{path}.{name}") for name, cls in _classes(module)]
    if hasattr(module, "__path__"):
        for info in pkgutil.iter_modules(module.__path__):
            if info.name != "__main__":
                found += _under(f"{path}.{info.name}", asked=False)
    if asked and not found:
        return [_broken(path, f"{path} holds no LightningModule and no LightningDataModule.")]
    return found


def _import_longest(path: str) -> ModuleType:
    """The module that the path names, or the one that holds the class it names.

    Raises:
        ImportError: when neither is there; and whatever the module itself raises.
    """
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        parent = path.rpartition(".")[0]
        if not parent or (error.name or "") != path:
            raise
        return importlib.import_module(parent)


def _classes(module: ModuleType) -> Iterator[tuple[str, type]]:
    """Models and data modules that are defined in a module and can be made."""
    for name, found in vars(module).items():
        if not inspect.isclass(found) or found.__module__ != module.__name__ or name.startswith("_"):
            continue
        if _kind(found) and not inspect.isabstract(found):
            yield name, found


def _of_class(found: Any, class_path: str) -> Description:
    kind = _kind(found) if inspect.isclass(found) else None
    if kind is None:
        return _broken(class_path, f"{class_path} is neither a LightningModule nor a LightningDataModule.")
    try:
        fields = [describe_field(parameter, found) for parameter in get_signature_parameters(found, "__init__")]
    except Exception:  # noqa: BLE001 - whatever its signature hides must not hide the other classes
        return _broken(class_path, _last_frames(), kind)
    return {
        "class_path": class_path,
        "kind": kind,
        "title": found.__name__,
        "summary": _summary(found),
        "module": class_path.rpartition(".")[0],
        "fields": [field for field in fields if field is not None],
        "fingerprint": _fingerprint(found),
        "error": None,
    }


def _kind(found: type) -> str | None:
    return next((kind for kind, base in KINDS.items() if issubclass(found, base) and found is not base), None)


def _broken(class_path: str, error: str, kind: str = "model") -> Description:
    module, _, name = class_path.rpartition(".")
    return {
        "class_path": class_path,
        "kind": kind,
        "title": name,
        "summary": "",
        "module": module,
        "fields": [],
        "fingerprint": "",
        "error": error,
    }


def _summary(found: type) -> str:
    """The first paragraph of the class's own docstring."""
    text = inspect.cleandoc(found.__doc__ or "")
    return " ".join(text.split("\n\n")[0].split())


def _fingerprint(found: type) -> str:
    """SHA-256 of the file that defines the class; empty where there is none."""
    try:
        return hashlib.sha256(Path(inspect.getfile(found)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return ""


def _last_frames() -> str:
    """The error being handled, without the frames of this file and of the import system."""
    kind, error, _ = sys.exc_info()
    assert kind is not None
    assert error is not None
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__
        and not frame.filename.startswith("<frozen importlib")
        and "importlib" not in frame.filename
    ]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    return "".join([*lines, *traceback.format_exception_only(kind, error)]).strip()
