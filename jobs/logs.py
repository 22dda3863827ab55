"""The supervisor's log: everything it and its warm server print, in one file that does not grow for ever."""

import logging
import os
import sys
from pathlib import Path

from db.home import home

MOST_BYTES = 2 * 2**20


def log_path() -> Path:
    """The newest log; the one before it has ``.1`` at its end."""
    return home() / "supervisor.log"


def open_log() -> None:
    """Send stdout, stderr and logging of this process to the log."""
    _redirect()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    logging.captureWarnings(True)


def rotate_when_big() -> None:
    """Begin a new file when the present one is big."""
    try:
        if log_path().stat().st_size > MOST_BYTES:
            log_path().replace(log_path().with_name("supervisor.log.1"))
            _redirect()
    except OSError as error:
        logging.getLogger(__name__).warning("the log could not be begun anew: %s", error)


def _redirect() -> None:
    output = os.open(log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
