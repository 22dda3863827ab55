"""Every table on one page. Rows leave ``db`` as small frozen dataclasses (``db/rows.py``), not as these classes."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Enum, ForeignKey, Index, LargeBinary, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.states import Mirror, Reason, Relation, RunState
from db.types import UtcDateTime, utc_now


def _text_enum(kind: type) -> Enum:
    """An enum stored as plain text, so that a new member needs no migration."""
    return Enum(
        kind, native_enum=False, length=32, values_callable=lambda e: [m.value for m in e], create_constraint=False
    )


class Base(DeclarativeBase):
    """Naming and types that all tables share."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        RunState: _text_enum(RunState),
        Reason: _text_enum(Reason),
        Relation: _text_enum(Relation),
        Mirror: _text_enum(Mirror),
    }


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
    config: Mapped[dict[str, Any]]  # the shape of DESIGN section 3: seed, model, data, trainer, scaling
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
    resumed_from_step: Mapped[int | None]  # points of earlier attempts past this step are superseded
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


class Series(Base):
    """One metric of one run; its summary, so that a table of runs never opens a curve."""

    __tablename__ = "series"
    __table_args__ = (Index(None, "run_id", "name", unique=True), Index(None, "name", "last", "run_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))  # "val_accuracy", "system/cpu_percent"
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    first_step: Mapped[int | None] = mapped_column(BigInteger)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    last: Mapped[float | None]  # None when the last value is not a number; see `last_text`
    last_text: Mapped[str | None] = mapped_column(String(8))  # "nan", "inf", "-inf"
    min: Mapped[float | None]  # over finite values
    max: Mapped[float | None]
    min_step: Mapped[int | None] = mapped_column(BigInteger)
    max_step: Mapped[int | None] = mapped_column(BigInteger)
    not_finite: Mapped[int] = mapped_column(BigInteger, default=0)  # how many values were NaN or infinite
    stored: Mapped[int] = mapped_column(BigInteger, default=0)  # points in its chunks; `count` has no superseded ones
    loose_chunks: Mapped[int] = mapped_column(default=0)  # chunks since the last packing
    attempt: Mapped[int] = mapped_column(default=1)  # the newest attempt that the summary knows of


class Chunk(Base):
    """Points of a series as packed little-endian arrays: ``count`` int64 steps, float64 times, float64 values.

    ``number`` is the number of points of the series before the chunk. A chunk holds points of one attempt.
    """

    __tablename__ = "chunks"

    series_id: Mapped[int] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # a packed chunk keeps its first number
    attempt: Mapped[int]
    count: Mapped[int]
    first_step: Mapped[int] = mapped_column(BigInteger)  # the lowest
    last_step: Mapped[int] = mapped_column(BigInteger)  # the highest
    points: Mapped[bytes] = mapped_column(LargeBinary)


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
