"""The first tables."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Columns = dict[str, sa.types.TypeEngine[Any]]

WHOLE, BIG, FLAG = sa.Integer(), sa.BigInteger(), sa.Boolean()
REAL: sa.Double[float] = sa.Double()
TEXT, JSON, BYTES, TIME = sa.Text(), sa.JSON(), sa.LargeBinary(), sa.DateTime(timezone=True)
TABLES = (
    "datasets", "module_descriptions", "runs", "settings", "supervisors", "attempts", "checkpoints",
    "config_values", "dataset_versions", "events", "run_tags", "series", "chunks",
)  # fmt: skip


def upgrade() -> None:
    """Make every table, those that others refer to first."""
    _datasets()
    _module_descriptions()
    _runs()
    _settings()
    _supervisors()
    _attempts()
    _checkpoints()
    _config_values()
    _dataset_versions()
    _events()
    _run_tags()
    _series()
    _chunks()


def downgrade() -> None:
    """Remove every table with all that it holds."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _chars(most: int) -> sa.String:
    return sa.String(most)


def _table(
    name: str,
    columns: Columns,
    *,
    key: tuple[str, ...],
    refers: Mapping[str, tuple[str, str]] | None = None,
    unique: tuple[str, ...] = (),
    **options: Any,
) -> None:
    """Make a table.

    Args:
        columns: name to type; a name with a question mark may be empty.
        refers: column to (the column that it refers to, what is done when that row goes).
    """
    made: list[sa.schema.SchemaItem] = [
        sa.Column(one.removesuffix("?"), kind, nullable=one.endswith("?")) for one, kind in columns.items()
    ]
    made.append(sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"))
    made += [sa.UniqueConstraint(one, name=f"uq_{name}_{one}") for one in unique]
    made += [
        sa.ForeignKeyConstraint([one], [target], name=f"fk_{name}_{one}_{target.split('.')[0]}", ondelete=then)
        for one, (target, then) in (refers or {}).items()
    ]
    op.create_table(name, *made, **options)


def _index(table: str, *columns: str, unique: bool = False) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), unique=unique)


def _datasets() -> None:
    columns: Columns = {
        "id": WHOLE, "name": _chars(100), "kind": _chars(16), "sheet": JSON, "created_at": TIME,
        "deleted_at?": TIME,
    }  # fmt: skip
    _table("datasets", columns, key=("id",), unique=("name",))


def _module_descriptions() -> None:
    columns: Columns = {
        "class_path": _chars(300), "kind": _chars(8), "fingerprint": _chars(64), "description": JSON,
        "error": TEXT, "described_at": TIME,
    }  # fmt: skip
    _table("module_descriptions", columns, key=("class_path",))


def _runs() -> None:
    # Long texts come last: SQLite then finds the short columns of a run without following them to other pages.
    columns: Columns = {
        "id": WHOLE, "name": _chars(200), "state": _chars(32), "stalled": FLAG, "queue_position?": REAL,
        "preset?": _chars(200), "model_class": _chars(300), "dataset?": _chars(300), "dataset_hash?": _chars(64),
        "seed?": BIG, "parent_id?": WHOLE, "relation?": _chars(32), "mirror": _chars(32),
        "launched_by": _chars(200), "created_at": TIME, "started_at?": TIME, "ended_at?": TIME,
        "archived_at?": TIME, "deleted_at?": TIME, "stop_requested_at?": TIME, "stop_requested_by?": _chars(200),
        "stop_kind?": _chars(16), "reason?": _chars(32), "failing_rank?": WHOLE, "attempt": WHOLE, "step": WHOLE,
        "total_steps?": WHOLE, "epoch": REAL, "max_epochs?": WHOLE, "samples_per_second?": REAL,
        "phase": _chars(40), "last_activity_at?": TIME, "next_check_in_seconds?": REAL, "host?": _chars(200),
        "folder_bytes": BIG, "wait_reason": TEXT, "reason_text": TEXT, "command": TEXT, "notes": TEXT,
        "last_lines": TEXT, "config": JSON, "code?": JSON, "packages?": JSON, "machine?": JSON,
        "processes?": JSON, "devices?": JSON, "wandb?": JSON,
    }  # fmt: skip
    _table("runs", columns, key=("id",), refers={"parent_id": ("runs.id", "SET NULL")}, sqlite_autoincrement=True)
    _index("runs", "created_at")
    _index("runs", "deleted_at", "archived_at", "created_at")
    _index("runs", "deleted_at", "state", "ended_at")
    _index("runs", "name")
    _index("runs", "parent_id")
    _index("runs", "state", "queue_position")


def _settings() -> None:
    columns: Columns = {
        "name": _chars(100), "value": JSON, "changed_at": TIME, "changed_by": _chars(200),
    }  # fmt: skip
    _table("settings", columns, key=("name",))


def _supervisors() -> None:
    columns: Columns = {
        "host": _chars(200), "pid": WHOLE, "process_started": REAL, "started_at": TIME, "seen_at": TIME,
        "phase": _chars(40), "devices?": JSON, "trouble": TEXT,
    }  # fmt: skip
    _table("supervisors", columns, key=("host",))


def _attempts() -> None:
    columns: Columns = {
        "run_id": WHOLE, "number": WHOLE, "resumed_from_checkpoint_id?": WHOLE, "resumed_from_step?": WHOLE,
        "started_at?": TIME, "ended_at?": TIME, "state?": _chars(32), "reason?": _chars(32),
        "journal_bytes": BIG,
    }  # fmt: skip
    _table("attempts", columns, key=("run_id", "number"), refers={"run_id": ("runs.id", "CASCADE")})


def _checkpoints() -> None:
    columns: Columns = {
        "id": WHOLE, "run_id": WHOLE, "path": TEXT, "step": WHOLE, "epoch": REAL, "is_last": FLAG,
        "is_best": FLAG, "pinned": FLAG, "metric?": _chars(200), "metric_value?": REAL, "size_bytes": BIG,
        "sha256": _chars(64), "created_at": TIME, "deleted_at?": TIME,
    }  # fmt: skip
    _table("checkpoints", columns, key=("id",), refers={"run_id": ("runs.id", "CASCADE")}, sqlite_autoincrement=True)
    _index("checkpoints", "run_id")


def _config_values() -> None:
    columns: Columns = {
        "run_id": WHOLE, "key": _chars(300), "leaf": _chars(120), "number?": REAL, "text": _chars(500),
    }  # fmt: skip
    _table("config_values", columns, key=("run_id", "key"), refers={"run_id": ("runs.id", "CASCADE")})
    _index("config_values", "key", "number", "run_id")
    _index("config_values", "key", "text", "run_id")


def _dataset_versions() -> None:
    columns: Columns = {
        "id": WHOLE, "dataset_id": WHOLE, "number": WHOLE, "content_hash": _chars(64), "row_count": BIG,
        "size_bytes": BIG, "schema": JSON, "split": JSON, "note": TEXT, "created_by": _chars(200),
        "created_at": TIME,
    }  # fmt: skip
    _table("dataset_versions", columns, key=("id",), refers={"dataset_id": ("datasets.id", "CASCADE")})
    _index("dataset_versions", "content_hash")
    _index("dataset_versions", "dataset_id", "number", unique=True)


def _events() -> None:
    columns: Columns = {
        "id": WHOLE, "run_id": WHOLE, "at": TIME, "who": _chars(200), "what": TEXT,
    }  # fmt: skip
    _table("events", columns, key=("id",), refers={"run_id": ("runs.id", "CASCADE")})
    _index("events", "run_id")


def _run_tags() -> None:
    columns: Columns = {
        "run_id": WHOLE, "tag": _chars(100),
    }  # fmt: skip
    _table("run_tags", columns, key=("run_id", "tag"), refers={"run_id": ("runs.id", "CASCADE")})
    _index("run_tags", "tag")


def _series() -> None:
    columns: Columns = {
        "id": WHOLE, "run_id": WHOLE, "name": _chars(200), "count": BIG, "first_step?": BIG, "last_step?": BIG,
        "last?": REAL, "last_text?": _chars(8), "min?": REAL, "max?": REAL, "min_step?": BIG, "max_step?": BIG,
        "not_finite": BIG, "stored": BIG, "loose_chunks": WHOLE, "attempt": WHOLE,
    }  # fmt: skip
    _table("series", columns, key=("id",), refers={"run_id": ("runs.id", "CASCADE")})
    _index("series", "name", "last", "run_id")
    _index("series", "run_id", "name", unique=True)


def _chunks() -> None:
    columns: Columns = {
        "series_id": WHOLE, "number": BIG, "attempt": WHOLE, "count": WHOLE, "first_step": BIG, "last_step": BIG,
        "points": BYTES,
    }  # fmt: skip
    _table("chunks", columns, key=("series_id", "number"), refers={"series_id": ("series.id", "CASCADE")})
