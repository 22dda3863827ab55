"""Every table. Rows leave ``db`` as small frozen dataclasses (``db/rows.py``), not as these classes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.curve_tables import Chunk as Chunk
from db.curve_tables import Series as Series
from db.states import Mirror, Reason, Relation, RunState
from db.table_base import Base as Base
from db.types import utc_now


class Run(Base):
    """One training run: what was asked, where it stands, and what it was made of."""

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "state", "queue_position"),
        Index(None, "deleted_at", "archived_at", "created_at"),
        Index(None, "deleted_at", "state", "ended_at"),  # the counts of the sidebar, and what ended lately
        {"sqlite_autoincrement": True},  # a number is never given again: links and folders carry it
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    notes: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[RunState]
    stalled: Mapped[bool] = mapped_column(default=False)
    queue_position: Mapped[float | None]  # smaller goes first; None when not queued
    wait_reason: Mapped[str] = mapped_column(Text, default="")  # why a queued run has not started yet

    # what was asked
    config: Mapped[dict[str, Any]]  # the shape of `db.run_config.RunConfig`: seed, model, data, trainer, scaling
    preset: Mapped[str | None] = mapped_column(String(200))
    model_class: Mapped[str] = mapped_column(String(300))
    dataset: Mapped[str | None] = mapped_column(String(300))  # "name@3"
    dataset_hash: Mapped[str | None] = mapped_column(String(64))
    seed: Mapped[int | None] = mapped_column(BigInteger)  # up to 2**32 - 1
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), index=True)
    relation: Mapped[Relation | None]
    mirror: Mapped[Mirror] = mapped_column(default=Mirror.OFF)
    launched_by: Mapped[str] = mapped_column(String(200), default="")

    # times
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]  # in the trash since then; files go when the trash is emptied

    # what it was made of, filled by the training process when it starts
    command: Mapped[str] = mapped_column(Text, default="")
    code: Mapped[dict[str, Any] | None]  # commit, branch, dirty, diff_path
    packages: Mapped[dict[str, Any] | None]  # name -> version
    machine: Mapped[dict[str, Any] | None]  # host, os, cpu, cores, memory_bytes, devices, python

    # asked of the run by a person
    stop_requested_at: Mapped[datetime | None]
    stop_requested_by: Mapped[str | None] = mapped_column(String(200))
    stop_kind: Mapped[str | None] = mapped_column(String(16))  # "stop" | "pause"

    # why it ended
    reason: Mapped[Reason | None]
    reason_text: Mapped[str] = mapped_column(Text, default="")  # one sentence for a person
    failing_rank: Mapped[int | None]
    last_lines: Mapped[str] = mapped_column(Text, default="")  # of the failing rank's log

    # progress, written with the metrics about twice a second
    attempt: Mapped[int] = mapped_column(default=1)  # number of the newest attempt (its row exists from the launch on)
    step: Mapped[int] = mapped_column(default=0)
    total_steps: Mapped[int | None]
    epoch: Mapped[float] = mapped_column(default=0.0)
    max_epochs: Mapped[int | None]
    samples_per_second: Mapped[float | None]
    phase: Mapped[str] = mapped_column(String(40), default="")  # "fit", "validate", "test", "checkpoint", ...
    last_activity_at: Mapped[datetime | None]
    next_check_in_seconds: Mapped[float | None]  # the promise: next sign of life within so many seconds

    # processes and devices of the newest attempt
    host: Mapped[str | None] = mapped_column(String(200))
    processes: Mapped[list[Any] | None]  # [{"rank": 0, "pid": 1, "started": 123.4}]
    devices: Mapped[list[Any] | None]  # ["cpu"], or ["cuda:0", "cuda:1"]
    folder_bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # of the run's folder, when last measured

    # W&B mirror
    wandb: Mapped[dict[str, Any] | None]  # mode, url, folder, points_sent, points_total, trouble


class Attempt(Base):
    """One go at a run: the first, or a resume from a checkpoint."""

    __tablename__ = "attempts"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, ...
    resumed_from_checkpoint_id: Mapped[int | None]
    resumed_from_step: Mapped[int | None]  # earlier points past it are superseded; None: all, it began anew
    started_at: Mapped[datetime | None]  # when it was claimed
    ended_at: Mapped[datetime | None]
    state: Mapped[RunState | None]  # how it ended
    reason: Mapped[Reason | None]
    journal_bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # of the journal already in the database


class RunTag(Base):
    """A tag on a run."""

    __tablename__ = "run_tags"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(100), primary_key=True, index=True)


class ConfigValue(Base):
    """One leaf of a run's config, so that filters and columns need not open the JSON."""

    __tablename__ = "config_values"
    __table_args__ = (Index(None, "key", "number", "run_id"), Index(None, "key", "text", "run_id"))

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(300), primary_key=True)  # "model.init_args.learning_rate"
    leaf: Mapped[str] = mapped_column(String(120))  # "learning_rate"
    number: Mapped[float | None]  # numbers and booleans (0, 1)
    text: Mapped[str] = mapped_column(String(500))


class Checkpoint(Base):
    """A saved state of a run; the folder beside the weights explains it."""

    __tablename__ = "checkpoints"
    __table_args__ = ({"sqlite_autoincrement": True},)  # attempts and links carry the number

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(Text)  # folder, relative to the data folder
    step: Mapped[int]
    epoch: Mapped[float]
    is_last: Mapped[bool] = mapped_column(default=False)
    is_best: Mapped[bool] = mapped_column(default=False)  # among the best k by `metric`
    pinned: Mapped[bool] = mapped_column(default=False)  # a person keeps it
    metric: Mapped[str | None] = mapped_column(String(200))
    metric_value: Mapped[float | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    deleted_at: Mapped[datetime | None]  # its files are gone


class Event(Base):
    """Something that happened to a run: launched, started, stop asked, stalled, resumed, deleted. Append-only."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    who: Mapped[str] = mapped_column(String(200), default="")
    what: Mapped[str] = mapped_column(Text)


class Dataset(Base):
    """A named dataset; its contents are its versions."""

    __tablename__ = "datasets"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(16))  # "text" | "table" | "images"
    sheet: Mapped[dict[str, Any]]  # the data sheet: origin, licence, purpose, known_drift, sample
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    deleted_at: Mapped[datetime | None]


class DatasetVersion(Base):
    """One immutable content of a dataset, addressed by its hash."""

    __tablename__ = "dataset_versions"
    __table_args__ = (Index(None, "dataset_id", "number", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    number: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    row_count: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    schema: Mapped[dict[str, Any]]  # columns, roles, target, task
    split: Mapped[dict[str, Any]]  # method, ratios, seed, column, counts
    note: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ModuleDescription(Base):
    """The form of a model or data module, made in a training process and read by the pages."""

    __tablename__ = "module_descriptions"

    class_path: Mapped[str] = mapped_column(String(300), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))  # "model" | "data"
    fingerprint: Mapped[str] = mapped_column(String(64))  # of the file it was read from
    description: Mapped[dict[str, Any]]
    error: Mapped[str] = mapped_column(Text, default="")
    described_at: Mapped[datetime] = mapped_column(default=utc_now)


class Setting(Base):
    """One value of the team's settings."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[dict[str, Any]]  # {"value": ...}
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)
    changed_by: Mapped[str] = mapped_column(String(200), default="")


class Supervisor(Base):
    """The run supervisor of a machine, and what it last measured there."""

    __tablename__ = "supervisors"

    host: Mapped[str] = mapped_column(String(200), primary_key=True)
    pid: Mapped[int]
    process_started: Mapped[float]  # seconds since the epoch, to tell a reused pid
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    phase: Mapped[str] = mapped_column(String(40), default="")  # "warming up", "ready", "ended"
    devices: Mapped[list[Any] | None]  # measured: name, kind, total/free memory, use, held by which run
    trouble: Mapped[str] = mapped_column(Text, default="")
