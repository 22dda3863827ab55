"""The end of an attempt, recorded exactly once: the journal's tail, then state, reason and last lines."""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from db import curves, progress, runs
from db.engine import Database
from db.errors import IllegalMove, NotFound
from db.rows import RunDetail
from jobs.crew import Crew
from jobs.ending import Circumstances, RankEnd, Verdict, judge
from jobs.processes import boot_id
from jobs.run_files import AttemptFiles, Exit, folder_bytes
from tracking.drain import drain

log = logging.getLogger(__name__)
MEMORY_KILLER_SECONDS = 15.0  # how long ago the out-of-memory killer may have been at work to be suspected
_OOM_FILES = ("/proc/vmstat", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


class MemoryWatch:
    """Notices that the system's out-of-memory killer took a process; it is only a hint which one."""

    def __init__(self) -> None:
        self._count = _oom_kills()
        self._changed: float | None = None

    def look(self) -> None:
        """Read the counters."""
        count = _oom_kills()
        if count > self._count:
            self._changed = time.monotonic()
        self._count = count

    def was_at_work(self) -> bool:
        """Whether it took something in the last seconds."""
        self.look()
        return self._changed is not None and time.monotonic() - self._changed < MEMORY_KILLER_SECONDS


def finalise(database: Database, crew: Crew, memory: MemoryWatch) -> Verdict | None:
    """Record how an attempt ended; None when the run is gone or was ended by somebody else.

    The tail of the journal comes first: while it cannot be brought in, the run is not ended (the caller tries again),
    but after some tries it is ended all the same.
    """
    files = crew.files
    try:
        drain(database, files.run_id, files.attempt)
    except Exception:
        crew.end_failures += 1
        if crew.end_failures < 5:
            raise
        log.exception("run %s: the end of its journal could not be brought in", files.run_id)
    try:
        with database.reading() as session:
            run = runs.get(session, files.run_id)
        verdict = judge(_ends(crew), _circumstances(run, crew, memory))
        _record(database, files, verdict)
    except (NotFound, IllegalMove) as error:
        log.warning("run %s: its end was not recorded: %s", files.run_id, error)
        return None
    log.info("run %s attempt %s: %s (%s)", files.run_id, files.attempt, verdict.state, verdict.reason)
    return verdict


def tidy(database: Database, run_id: int) -> None:
    """After the end: measure the folder, and pack the curves' small chunks together."""
    with database.writing() as session:
        progress.set_folder_bytes(session, run_id, folder_bytes(AttemptFiles(run_id, 0).folder))
    with database.writing() as session:
        curves.compact(session, run_id)


def _record(database: Database, files: AttemptFiles, verdict: Verdict) -> None:
    lines = ""
    if verdict.rank is not None:
        word = files.outcome(verdict.rank)
        lines = files.last_lines(verdict.rank) or (word.traceback if word else "")
    with database.writing() as session:
        progress.end(
            session,
            files.run_id,
            verdict.state,
            verdict.reason,
            reason_text=verdict.text,
            failing_rank=verdict.rank,
            last_lines=lines,
            at=verdict.at,
        )


def _ends(crew: Crew) -> list[RankEnd]:
    kills = crew.files.kills()
    return [
        RankEnd(rank, crew.files.outcome(rank), _exit(crew, rank), kills.get(str(rank), ""))
        for rank in range(max(1, crew.world_size))
    ]


def _exit(crew: Crew, rank: int) -> Exit | None:
    seen = crew.files.exit(rank)
    if seen is None and rank in crew.codes:
        return Exit(crew.codes[rank], datetime.now(UTC))
    return seen


def _circumstances(run: RunDetail, crew: Crew, memory: MemoryWatch) -> Circumstances:
    here = boot_id()
    return Circumstances(
        stop_by=(run.stop_requested_by or "a user") if run.stop_requested_at else None,
        stop_kind=run.stop_kind,
        memory_killer=memory.was_at_work(),
        rebooted=any(process.boot not in (None, here) for process in crew.processes.values()),
        last_activity=run.last_activity_at,
    )


def _oom_kills() -> int:
    total = 0
    for name in _OOM_FILES:
        try:
            text = Path(name).read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == "oom_kill":
                total += int(words[1])
    return total
