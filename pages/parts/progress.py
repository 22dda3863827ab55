"""How far a run is, and about how long it still takes: as a share and in words. Knows no Streamlit."""

from datetime import UTC, datetime

from db.rows import RunRow
from db.states import RunState
from pages.parts.formats import count, duration, escape

PHASES = {"fit": "training", "validate": "validating", "test": "testing", "set up": "setting up"}


def progress_share(run: RunRow) -> float | None:
    """How far a run is, 0 to 1; None when its end is not known."""
    shares = []
    if run.total_steps and run.total_steps > 0:
        shares.append(run.step / run.total_steps)
    if run.max_epochs and run.max_epochs > 0:
        shares.append(run.epoch / run.max_epochs)
    return min(1.0, max(0.0, max(shares))) if shares else None


def seconds_left(run: RunRow, share: float | None, now: datetime | None = None) -> float | None:
    """About how long a run still takes, from how long it took so far."""
    if run.started_at is None or not share or share < 0.02:
        return None
    return ((now or datetime.now(UTC)) - run.started_at).total_seconds() / share * (1 - share)


def progress_words(run: RunRow, share: float | None) -> str:
    """What it does, epoch, step, speed and time left in one line."""
    if run.state is RunState.STARTING:
        return "starting"
    words = [PHASES.get(run.phase, escape(run.phase or "training"))]
    if run.max_epochs:
        words.append(f"epoch {min(run.epoch, run.max_epochs):.1f} of {run.max_epochs}")
    words.append(f"step {count(run.step)}")
    if run.samples_per_second:
        words.append(f"{count(run.samples_per_second)} samples/s")
    left = seconds_left(run, share)
    if left is not None:
        words.append(f"about {duration(left)} left")
    return " · ".join(words)
