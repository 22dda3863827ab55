"""Datasets and their immutable versions. The contents lie in the data folder (`catalog`); here are names and facts."""

from typing import Any

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from db.errors import BadValue, IllegalMove, NotFound
from db.rows import DatasetRow, RunRow, VersionRow
from db.run_rows import rows_of, select_runs
from db.tables import Dataset, DatasetVersion, Run
from db.texts import cut
from db.types import utc_now
from db.upsert import upsert

RUNS_SHOWN = 50
_NAME_CHARACTERS = 100


def add_version(
    session: Session,
    *,
    name: str,
    kind: str,
    sheet: dict[str, Any],
    content_hash: str,
    row_count: int,
    size_bytes: int,
    schema: dict[str, Any],
    split: dict[str, Any],
    note: str = "",
    created_by: str = "",
) -> VersionRow:
    """The next version of a dataset, which is made when there is none of that name.

    The same content, schema and split as the newest version give that one. An empty sheet leaves the present one.
    A deleted dataset comes back, and its numbers go on: a reference never comes to mean something else.

    Raises:
        IllegalMove: when the dataset holds another kind of data. BadValue: when the name cannot be kept.
    """
    dataset = _lock_or_make(session, name, kind, sheet)
    newest = session.scalars(_versions(dataset).order_by(DatasetVersion.number.desc()).limit(1)).first()
    if newest and (newest.content_hash, newest.schema, newest.split) == (content_hash, schema, split):
        return _version_row(dataset, newest)
    facts = {"content_hash": content_hash, "row_count": row_count, "size_bytes": size_bytes}
    version = DatasetVersion(
        dataset_id=dataset.id,
        number=newest.number + 1 if newest else 1,
        schema=schema,
        split=split,
        note=cut(note, 100_000),
        created_by=cut(created_by, 200),
        created_at=utc_now(),
        **facts,
    )
    session.add(version)
    session.flush()
    return _version_row(dataset, version)


def every(session: Session) -> list[DatasetRow]:
    """Every dataset with its newest version, by name."""
    return [_dataset_row(dataset, version) for dataset, version in session.execute(_newest().order_by(Dataset.name))]


def get(session: Session, name: str) -> DatasetRow:
    """One dataset with its newest version; NotFound when it is not there or was deleted."""
    found = session.execute(_newest().where(Dataset.name == name)).first()
    if found is None:
        raise _missing(session, name)
    return _dataset_row(*found)


def versions(session: Session, name: str) -> list[VersionRow]:
    """Every version of a dataset, newest first; NotFound when it is not there or was deleted."""
    dataset = _get(session, name)
    found = session.scalars(_versions(dataset).order_by(DatasetVersion.number.desc()))
    return [_version_row(dataset, version) for version in found]


def resolve(session: Session, reference: str) -> VersionRow:
    """The version that a reference means: "name@3", or the newest one for "name".

    Raises:
        NotFound: the message says which names or numbers there are.
    """
    name, at, number = reference.strip().partition("@")
    dataset = _get(session, name)
    question = _versions(dataset)
    if at:
        if not (number.isascii() and number.isdigit()) or len(number) > 9:
            raise NotFound(f"“{reference}” is no reference to a dataset; write a name, or name@3 for its version 3.")
        question = question.where(DatasetVersion.number == int(number))
    found = session.scalars(question.order_by(DatasetVersion.number.desc()).limit(1)).first()
    if found is None:
        newest = session.scalar(select(func.max(DatasetVersion.number)).where(DatasetVersion.dataset_id == dataset.id))
        raise NotFound(f"The dataset “{name}” has no version {number}; its newest is {name}@{newest}.")
    return _version_row(dataset, found)


def set_sheet(session: Session, name: str, sheet: dict[str, Any]) -> None:
    """Replace the data sheet; NotFound when the dataset is not there."""
    dataset = _get(session, name)
    session.execute(update(Dataset).where(Dataset.id == dataset.id).values(sheet=sheet))


def delete(session: Session, name: str, who: str) -> None:
    """Take a dataset out of sight; runs keep their data, and `restore` or a new version brings it back.

    Raises:
        NotFound: when it is not there.
    """
    dataset = _get(session, name)
    sheet = {**dataset.sheet, "deleted_by": who}
    session.execute(update(Dataset).where(Dataset.id == dataset.id).values(deleted_at=utc_now(), sheet=sheet))


def restore(session: Session, name: str) -> None:
    """Bring a deleted dataset back; NotFound when there never was one."""
    dataset = session.scalars(_select().where(Dataset.name == name).with_for_update()).first()
    if dataset is None:
        raise _missing(session, name)
    _revive(session, dataset, dict(dataset.sheet))


def runs_using(session: Session, name: str) -> list[RunRow]:
    """The newest runs that were trained on any version of a dataset."""
    of = or_(Run.dataset == name, Run.dataset.startswith(f"{name}@", autoescape=True))
    question = select_runs(RunRow).where(of, Run.deleted_at.is_(None))
    return rows_of(session, RunRow, question.order_by(Run.id.desc()).limit(RUNS_SHOWN))


def _lock_or_make(session: Session, name: str, kind: str, sheet: dict[str, Any]) -> Dataset:
    """The dataset's row, which nobody else changes before this transaction ends."""
    if not name or len(name) > _NAME_CHARACTERS:
        raise BadValue(f"A dataset's name has 1 to {_NAME_CHARACTERS} characters; this one has {len(name)}.")
    row = {"name": name, "kind": kind, "sheet": sheet, "created_at": utc_now()}
    upsert(session, Dataset, row, key=("name",), replace=False)
    dataset = session.scalars(_select().where(Dataset.name == name).with_for_update()).one()
    if dataset.deleted_at is not None:
        _revive(session, dataset, sheet or dict(dataset.sheet), kind)
        return _get(session, name)
    if dataset.kind != kind:
        raise IllegalMove(f"The dataset “{name}” holds {dataset.kind}; give a dataset of {kind} another name.")
    if sheet and sheet != dataset.sheet:
        set_sheet(session, name, sheet)
    return dataset


def _revive(session: Session, dataset: Dataset, sheet: dict[str, Any], kind: str | None = None) -> None:
    sheet.pop("deleted_by", None)
    values = {"deleted_at": None, "sheet": sheet, "kind": kind or dataset.kind}
    session.execute(update(Dataset).where(Dataset.id == dataset.id).values(**values))


def _get(session: Session, name: str) -> Dataset:
    found = session.scalars(_select().where(Dataset.name == name, Dataset.deleted_at.is_(None))).first()
    if found is None:
        raise _missing(session, name)
    return found


def _missing(session: Session, name: str) -> NotFound:
    deleted = session.scalar(select(Dataset.deleted_at).where(Dataset.name == name))
    if deleted is not None:
        return NotFound(f"The dataset “{name}” was deleted; restore it, or register it again.")
    return NotFound(f"There is no dataset “{name[:100]}”; the Data page lists those that are registered.")


def _select() -> Select[Dataset]:
    return select(Dataset).execution_options(populate_existing=True)


def _versions(dataset: Dataset) -> Select[DatasetVersion]:
    return select(DatasetVersion).where(DatasetVersion.dataset_id == dataset.id)


def _newest() -> Select[Dataset, DatasetVersion]:
    last = (
        select(DatasetVersion.dataset_id, func.max(DatasetVersion.number).label("number"))
        .group_by(DatasetVersion.dataset_id)
        .subquery()
    )
    here = (DatasetVersion.dataset_id == last.c.dataset_id) & (DatasetVersion.number == last.c.number)
    question = select(Dataset, DatasetVersion).join(last, last.c.dataset_id == Dataset.id).join(DatasetVersion, here)
    return question.where(Dataset.deleted_at.is_(None)).execution_options(populate_existing=True)


def _dataset_row(dataset: Dataset, version: DatasetVersion) -> DatasetRow:
    return DatasetRow(
        name=dataset.name,
        kind=dataset.kind,
        sheet=dict(dataset.sheet),
        created_at=dataset.created_at,
        version=version.number,
        row_count=version.row_count,
        size_bytes=version.size_bytes,
        updated_at=version.created_at,
    )


def _version_row(dataset: Dataset, version: DatasetVersion) -> VersionRow:
    names = [name for name in VersionRow.__dataclass_fields__ if name not in ("name", "kind")]
    kind = str(version.schema.get("kind") or dataset.kind)
    return VersionRow(name=dataset.name, kind=kind, **{name: getattr(version, name) for name in names})
