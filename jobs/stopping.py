"""``make stop`` and ``python -m jobs status``: end everything gently, or say what there is."""

import getpass
import os
import signal
import time
from collections.abc import Callable

from db import runs, settings
from db.engine import connect
from db.rows import RunRow
from jobs import control, place, presence
from jobs.errors import JobsError
from jobs.processes import is_alive
from jobs.supervise import ensure_supervisor, stop_supervisor, wait_for
from jobs.wake import CLOSING, wake

Say = Callable[[str], None]


def _active() -> list[RunRow]:
    with connect().reading() as session:
        return runs.active(session)


def print_status(say: Say = print) -> int:
    """Who supervises, what runs, which dashboards are up; exit code 0 when a supervisor lives."""
    found = place.holder()
    say(f"Supervisor: process {found['pid']} on {found['host']}" if found else "Supervisor: none")
    for port, process in sorted(presence.dashboards().items()):
        say(f"Dashboard: http://127.0.0.1:{port} (process {process.pid})")
    with connect().reading() as session:
        counts = {str(state): count for state, count in runs.counts_by_state(session).items() if count}
    say("Runs: " + (", ".join(f"{count} {state}" for state, count in counts.items()) or "none"))
    return 0 if found else 1


def stop_everything(say: Say = print) -> int:
    """Runs are paused (each saves a checkpoint and can be resumed), then the dashboards end, then the supervisor.

    The dashboards go first because they start a supervisor when none lives.
    """
    wake(CLOSING)  # what waits in the queue stays there
    paused = pause_active(say)
    ended = stop_dashboards(say)
    try:
        if stop_supervisor():
            say("The run supervisor has ended.")
            ended += 1
    except JobsError as error:
        say(str(error))
        return 1
    if not (paused or ended):
        say("Nothing is running any more.")
    return 0


def pause_active(say: Say) -> int:
    """Pause every active run and wait until they have ended; returns how many there were."""
    active = _active()
    if not active:
        return 0
    if not place.is_taken():  # somebody has to record how they end
        ensure_supervisor()
        wait_for(lambda: wake(CLOSING), 10.0)
    names = ", ".join(f"run {row.id}" for row in active)
    with connect().writing() as session:
        control.pause(session, [row.id for row in active], getpass.getuser())
        grace_seconds = settings.read(session).stop_grace_seconds
    say(f"Pausing {names}: a checkpoint is saved, and the run can be resumed from its page.")
    deadline = time.monotonic() + grace_seconds + 30
    while (left := _active()) and time.monotonic() < deadline:
        time.sleep(0.2)
    if left:
        say(f"Still not ended: {', '.join(f'run {row.id}' for row in left)}. They go on without a supervisor.")
    return len(active)


def stop_dashboards(say: Say, timeout_seconds: float = 10.0) -> int:
    """End the dashboards of this data folder; returns how many there were."""
    living = presence.dashboards()
    for port, process in living.items():
        os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_seconds
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        if is_alive(process):
            os.kill(process.pid, signal.SIGKILL)
        say(f"The dashboard at port {port} has ended.")
    return len(living)
