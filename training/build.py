"""Objects from a config, through jsonargparse: nested classes, types, bounds and defaults as LightningCLI has them.

A constructor's own error becomes a `BuildError` that names the part of the config; its message is the class's own.
"""

import difflib
import importlib
import inspect
import re
from contextlib import suppress
from typing import Any, TypeVar

import pytorch_lightning as pl
from jsonargparse import ArgumentError, ArgumentParser, Namespace

from catalog.errors import CatalogError
from db.run_config import ClassConfig, RunConfig
from features.base import FeaturesError
from training.outcome import BuildError, is_disk_full, is_out_of_memory

T = TypeVar("T")
_MARKS = re.compile(r"\s*\[type=.*\]$|\btyping\.")
_KEY = re.compile(r'^Parser key "(?P<key>[^"]+)": (?P<text>.*)$', re.DOTALL)
_NOISE = re.compile(r"^\d+ validation errors? for|^For further information")


def build_model(config: RunConfig) -> pl.LightningModule:
    """The model of a config.

    Raises:
        BuildError: when the class is not there, is of another kind, refuses its arguments or raises.
    """
    return _build(pl.LightningModule, config.model, "model")


def build_data(config: RunConfig) -> pl.LightningDataModule:
    """The data module of a config; raises like `build_model`."""
    return _build(pl.LightningDataModule, config.data, "data")


def import_class(class_path: str, part: str) -> type:
    """A class by its import path.

    Raises:
        BuildError: when there is none, with the nearest names, or the error that its module raises.
    """
    module_name, _, name = class_path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and (error.name or "") in (module_name, class_path)
        text = f"there is no module {module_name}" if missing else f"{module_name} cannot be imported: {error}"
        raise BuildError([(f"{part}.class_path", f"{text}.")]) from error
    except Exception as error:
        text = f"importing {module_name} fails: {type(error).__name__}: {error}"
        raise BuildError([(f"{part}.class_path", text)]) from error
    found = getattr(module, name, None)
    if not isinstance(found, type):
        near = difflib.get_close_matches(name, [one for one in vars(module) if not one.startswith("_")], 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise BuildError([(f"{part}.class_path", f"{module_name} has no class {name}{hint}")])
    return found


def _build(base: type[T], config: ClassConfig, part: str) -> T:
    cls = import_class(config.class_path, part)
    if not issubclass(cls, base):
        raise BuildError([(f"{part}.class_path", f"{config.class_path} is not a {base.__name__}.")])
    if inspect.isabstract(cls):
        raise BuildError([(f"{part}.class_path", f"{config.class_path} is a base class and cannot be made itself.")])
    parser = ArgumentParser(exit_on_error=False)
    known = parser.add_class_arguments(cls, part, fail_untyped=False, instantiate=False)
    arguments, extra = _split(cls, config.init_args, {name.split(".")[1] for name in known if "." in name})
    try:
        read = parser.parse_object({part: arguments})
    except (ArgumentError, TypeError, ValueError, KeyError) as error:
        raise BuildError([_problem(part, _plain(error))]) from error
    return _make(cls, parser, read, part, extra)


def _make(cls: type[T], parser: ArgumentParser, read: Namespace, part: str, extra: dict[str, Any]) -> T:
    """Make nested objects, then the object itself."""
    try:
        given = parser.instantiate_classes(read)
        arguments = vars(given[part]) if part in given else {}
        return cls(**arguments, **extra)
    except (BuildError, CatalogError, FeaturesError):
        raise
    except Exception as error:
        if is_disk_full(error) or is_out_of_memory(error):
            raise
        name = f"{cls.__module__}.{cls.__qualname__}"
        text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise BuildError([(part, f"{name} could not be made: {text}")]) from error


def _split(cls: type, arguments: dict[str, Any], known: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(arguments that the signature knows, those that only its ``**kwargs`` takes)."""
    open_ended = False
    with suppress(TypeError, ValueError):
        parameters = inspect.signature(cls).parameters.values()
        open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    extra = {name: value for name, value in arguments.items() if open_ended and name not in known}
    return {name: value for name, value in arguments.items() if name not in extra}, extra


def _problem(part: str, text: str) -> tuple[str, str]:
    """(path in the config, message) of what jsonargparse says."""
    found = _KEY.match(text)
    if found is None or "." not in found["key"]:
        return part, text
    return f"{part}.init_args.{found['key'].partition('.')[2]}", found["text"]


def _plain(error: BaseException) -> str:
    """What jsonargparse and pydantic say, without their marks and links."""
    lines = [_MARKS.sub("", line).strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not _NOISE.match(line))
