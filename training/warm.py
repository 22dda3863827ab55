"""Imported by the warm server: everything that a rank needs, so that a fork of it can train at once.

Importing this does work on purpose: it is the one place where the price of torch and Lightning is paid, and where
what all ranks share (the list of installed packages) is read.
"""

import importlib
import pkgutil

import lightning_modules
import training.describe
import training.environment
import training.rank
from db.run_config import read_config
from training.build import build_data, build_model


def import_modules() -> None:
    """Import every file of `lightning_modules`.

    Raises:
        ImportError: naming those that could not be imported, after all others were.
    """
    broken = []
    for found in pkgutil.iter_modules(lightning_modules.__path__):
        name = f"{lightning_modules.__name__}.{found.name}"
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a broken file of a user must not keep the others from being warm
            broken.append(f"{name} ({type(error).__name__}: {error})")
    if broken:
        raise ImportError(f"could not be imported: {'; '.join(broken)}")


def build_once() -> None:
    """What jsonargparse imports only when it first reads a signature."""
    model = {"class_path": "lightning_modules.tabular.LinearModel"}
    data = {"class_path": "lightning_modules.tabular.TableData", "init_args": {"dataset": "none"}}
    config = read_config({"model": model, "data": data})
    build_model(config)
    build_data(config)


training.environment.packages()
import_modules()
build_once()
