"""What leaves the database: small frozen rows of plain values, never live ORM objects."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from db.states import Mirror, Reason, Relation, RunState


@dataclass(frozen=True)
class RunRow:
    """A run as lists show it. ``values`` holds the asked-for columns, such as ``config.learning_rate``."""

    id: int
    name: str
    state: RunState
    stalled: bool
    reason: Reason | None
    reason_text: str
    model_class: str
    dataset: str | None
    preset: str | None
    seed: int | None
    parent_id: int | None
    relation: Relation | None
    launched_by: str
    tags: tuple[str, ...]
    notes: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    archived_at: datetime | None
    deleted_at: datetime | None
    stop_requested_at: datetime | None
    stop_kind: str | None
    attempt: int
    step: int
    total_steps: int | None
    epoch: float
    max_epochs: int | None
    samples_per_second: float | None
    phase: str
    last_activity_at: datetime | None
    next_check_in_seconds: float | None
    folder_bytes: int
    values: dict[str, Any] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class RunDetail(RunRow):
    """Everything recorded of one run but its curves, logs and files; the fields are those of `db.tables.Run`."""

    config: dict[str, Any]
    dataset_hash: str | None
    mirror: Mirror
    command: str
    code: dict[str, Any] | None
    packages: dict[str, Any] | None
    machine: dict[str, Any] | None
    stop_requested_by: str | None
    failing_rank: int | None
    last_lines: str
    queue_position: float | None
    wait_reason: str
    host: str | None
    processes: list[Any] | None
    devices: list[Any] | None
    wandb: dict[str, Any] | None


@dataclass(frozen=True)
class RunPage:
    """One page of a list of runs, and how many there are in all."""

    rows: list[RunRow]
    total: int


@dataclass(frozen=True)
class AttemptRow:
    """One go at a run."""

    run_id: int
    number: int
    resumed_from_checkpoint_id: int | None
    resumed_from_step: int | None
    started_at: datetime | None
    ended_at: datetime | None
    state: RunState | None
    reason: Reason | None
    journal_bytes: int


@dataclass(frozen=True)
class EventRow:
    """Something that happened to a run."""

    id: int
    run_id: int
    at: datetime
    who: str
    what: str


@dataclass(frozen=True)
class SeriesRow:
    """The summary of one metric of one run; ``last`` is NaN or infinite when the newest value was."""

    id: int
    run_id: int
    name: str
    count: int
    first_step: int | None
    last_step: int | None
    last: float | None
    min: float | None
    max: float | None
    min_step: int | None
    max_step: int | None
    not_finite: int


@dataclass(frozen=True)
class CheckpointRow:
    """A saved state of a run; ``path`` is its folder, relative to the data folder."""

    id: int
    run_id: int
    path: str
    step: int
    epoch: float
    is_last: bool
    is_best: bool
    pinned: bool
    metric: str | None
    metric_value: float | None
    size_bytes: int
    sha256: str
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True)
class VersionRow:
    """One immutable version of a dataset."""

    name: str
    number: int
    kind: str
    content_hash: str
    row_count: int
    size_bytes: int
    schema: dict[str, Any]
    split: dict[str, Any]
    note: str
    created_by: str
    created_at: datetime

    @property
    def ref(self) -> str:
        """How runs name it: ``name@3``."""
        return f"{self.name}@{self.number}"


@dataclass(frozen=True)
class DatasetRow:
    """A dataset with its newest version."""

    name: str
    kind: str
    sheet: dict[str, Any]
    created_at: datetime
    version: int
    row_count: int
    size_bytes: int
    updated_at: datetime


@dataclass(frozen=True)
class ModuleRow:
    """The form of a model or data module; ``error`` says why there is none."""

    class_path: str
    kind: str
    fingerprint: str
    description: dict[str, Any]
    error: str
    described_at: datetime


@dataclass(frozen=True)
class SupervisorRow:
    """The run supervisor of a machine, and what it last measured there."""

    host: str
    pid: int
    process_started: float
    started_at: datetime
    seen_at: datetime
    phase: str
    devices: list[dict[str, Any]] | None
    trouble: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
