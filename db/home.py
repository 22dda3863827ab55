"""Where Bancada keeps things: one data folder and one database.

Everything is read from the environment at call time, so that a test or a second installation only sets a variable.
"""

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The data folder: ``BANCADA_HOME``, or ``bancada-data`` beside app.py. It is made when it is not there."""
    folder = Path(os.environ.get("BANCADA_HOME") or PROJECT_ROOT / "bancada-data").expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def database_url() -> str:
    """``BANCADA_DATABASE_URL``, or the SQLite file in the data folder."""
    return os.environ.get("BANCADA_DATABASE_URL") or f"sqlite:///{home() / 'bancada.sqlite'}"


def run_folder(run_id: int) -> Path:
    """The folder of one run: config, journals, logs, checkpoints. The caller makes it."""
    return home() / "runs" / str(run_id)


def data_folder() -> Path:
    """The folder of dataset contents: ``objects/<hash>/`` and ``versions/<name>@<n>.json``."""
    return home() / "data"
