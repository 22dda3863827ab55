"""The first moments of a rank's process: its own session, its log file, its signals; then the target by name.

This is executed in a fork of the warm server, which has imported torch and Lightning already. Nothing here may need
the server or the supervisor: both may die while the rank works.
"""

import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.engine import forget_connections
from db.home import PROJECT_ROOT
from db.json_files import write_json
from db.states import Reason, RunState
from jobs.processes import identify

COULD_NOT_LOG = 74  # exit code: the log file could not be opened
ALREADY_THERE = 75  # exit code: another process does this work already


@dataclass(frozen=True)
class Order:
    """What to do in a new process.

    Attributes:
        key: name of the process for whoever ordered it.
        target: "module:function", called with ``arguments``.
        log: file that gets everything the process prints.
        note: file that says who the process is, written once; None for none.
        outcome: file for the outcome when the target raises without leaving one; None for none.
        exit: file for the exit code, written by whoever sees the process end; None for none.
    """

    key: str
    target: str
    arguments: list[Any]
    log: str
    environment: dict[str, str] = field(default_factory=dict)
    note: str | None = None
    outcome: str | None = None
    exit: str | None = None

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


def execute(order: Order) -> int:
    """Become the ordered process; returns its exit code."""
    try:
        _separate(Path(order.log))
    except OSError as error:
        print(f"{order.log} could not be opened: {error}", file=sys.stderr)
        return COULD_NOT_LOG
    os.environ.update(order.environment)
    os.chdir(PROJECT_ROOT)
    if order.note and not _write_note(Path(order.note)):
        print(f"Another process already works on this ({order.note}); this one ends.", file=sys.stderr)
        return ALREADY_THERE
    forget_connections()
    try:
        find(order.target)(*order.arguments)
    except SystemExit as ending:
        return _code_of(ending)
    except BaseException as error:  # noqa: BLE001 - the last frame of the process: whatever it is, it must be written down
        traceback.print_exc()
        if order.outcome:
            _leave_outcome(Path(order.outcome), error)
        return 1
    return 0


def find(target: str) -> Callable[..., Any]:
    """The function of "module:function"."""
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _separate(log: Path) -> None:
    """Leave the parent's session, terminal, output and signals behind."""
    os.setsid()
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, number)
    os.close(output)
    os.close(nothing)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN if number is signal.SIGPIPE else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable(file=sys.stderr)
    with suppress(OSError):  # when memory runs out, the system should take a run and not the dashboard
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _write_note(path: Path) -> bool:
    """Say who does this work. False when somebody else said so before."""
    me = identify(os.getpid())
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(me.as_dict() if me else {"pid": os.getpid(), "started": time.time()}))
    except FileExistsError:
        return False
    return True


def _code_of(ending: SystemExit) -> int:
    if ending.code is None or isinstance(ending.code, int):
        return ending.code or 0
    print(ending.code, file=sys.stderr)
    return 1


def _leave_outcome(path: Path, error: BaseException) -> None:
    """An outcome for a target that could not write its own, such as one that could not be imported."""
    if path.exists():
        return
    with suppress(OSError):
        write_json(
            path,
            {
                "state": RunState.FAILED.value,
                "reason": Reason.EXCEPTION.value,
                "text": f"{type(error).__name__}: {error}",
                "traceback": "".join(traceback.format_exception(error)),
                "at": datetime.now(UTC).isoformat(),
            },
        )
