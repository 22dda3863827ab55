"""Questions about all datasets at once: their newest versions, how many runs used each, and which were deleted."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Dataset, DatasetVersion, Run


@dataclass(frozen=True)
class DeletedDataset:
    """A dataset that was taken out of sight; `db.datasets.restore` brings it back."""

    name: str
    kind: str
    deleted_at: datetime
    deleted_by: str


def newest_schemas(session: Session) -> dict[str, dict[str, Any]]:
    """Dataset name to the schema of its newest version."""
    last = select(func.max(DatasetVersion.id)).group_by(DatasetVersion.dataset_id)
    question = (
        select(Dataset.name, DatasetVersion.schema)
        .join(DatasetVersion, DatasetVersion.dataset_id == Dataset.id)
        .where(Dataset.deleted_at.is_(None), DatasetVersion.id.in_(last))
    )
    return {name: dict(schema) for name, schema in session.execute(question)}


def run_counts(session: Session) -> dict[str, int]:
    """Dataset name to how many runs used any of its versions; runs in the trash are not counted."""
    question = (
        select(Run.dataset, func.count())
        .where(Run.dataset.is_not(None), Run.deleted_at.is_(None))
        .group_by(Run.dataset)
    )
    counts: Counter[str] = Counter()
    for reference, count in session.execute(question):
        counts[str(reference).partition("@")[0]] += count
    return dict(counts)


def deleted(session: Session) -> list[DeletedDataset]:
    """What was deleted, the latest first."""
    question = select(Dataset).where(Dataset.deleted_at.is_not(None)).order_by(Dataset.deleted_at.desc())
    return [
        DeletedDataset(row.name, row.kind, row.deleted_at, str(row.sheet.get("deleted_by", "")))
        for row in session.scalars(question)
        if row.deleted_at is not None
    ]
