"""A dataset on its way into the catalog: what was looked at, and what a person made of it."""

import getpass
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.errors import CatalogError
from catalog.preview import Preview, recast
from catalog.progress import Progress
from catalog.register import check_name, publish, store
from catalog.schema import Schema
from catalog.splits import SplitPlan
from db.engine import connect
from db.rows import DatasetRow, VersionRow
from pages.parts.data_kept import Values, collect
from pages.parts.data_schema import SchemaEdit
from pages.parts.data_sheet import sheet_of
from pages.parts.data_split import SplitEdit
from pages.parts.data_upload import dataset_name


@dataclass
class DataDraft:
    """A source that was looked at, with everything that a person corrected; it outlives errors and page changes."""

    title: str  # the file's name
    path: Path
    looked: Preview
    schema: SchemaEdit
    split: SplitEdit
    prefix: str
    values: Values = field(default_factory=dict)  # name, note and the sheet
    failed: tuple[Any, CatalogError] | None = None  # what was tried and refused

    @classmethod
    def of(cls, title: str, path: Path, looked: Preview, name: str = "") -> "DataDraft":
        """A fresh draft from a look at a source."""
        prefix = f"new.{uuid.uuid4().hex[:8]}"
        return cls(
            title,
            path,
            looked,
            SchemaEdit(f"{prefix}.schema", looked.schema, looked.raw, looked.decimal_comma),
            SplitEdit(f"{prefix}.split", looked.split),
            prefix,
            {"name": name or dataset_name(title)},
        )

    @property
    def name(self) -> str:
        """The dataset's name as typed."""
        return str(self.values.get("name") or "").strip()


@dataclass
class Checked:
    """What a draft comes to right now: its parts as far as they are sound, and what is wrong, by field."""

    schema: Schema | None = None
    plan: SplitPlan | None = None
    head: pa.Table | None = None
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, error: CatalogError, otherwise: str) -> None:
        """Keep a fault at the field it names."""
        self.faults[error.field or otherwise].append(str(error))


def check(draft: DataDraft, known: dict[str, DatasetRow]) -> Checked:
    """Look at the draft as it stands; quick enough for every rerun."""
    draft.schema.collect()
    collect(draft.split.values, draft.split.prefix)
    collect(draft.values, draft.prefix)
    found = Checked()
    try:
        found.schema = draft.schema.schema()
        found.head = recast(draft.looked, found.schema)
    except CatalogError as error:
        found.note(error, "columns")
    try:
        found.plan = draft.split.plan(found.schema or draft.looked.schema)
    except CatalogError as error:
        found.note(error, "split")
    try:
        check_name(draft.name)
        same = known.get(draft.name)
        if found.schema and same and same.kind != found.schema.kind:
            raise CatalogError(
                f"The dataset “{draft.name}” holds {same.kind}, and this is {found.schema.kind}: choose another name.",
                "name",
            )
    except CatalogError as error:
        found.note(error, "name")
    if draft.failed and draft.failed[0] == attempt(draft, found):
        found.note(draft.failed[1], "source")
    return found


def attempt(draft: DataDraft, checked: Checked) -> Any:
    """What a registration would be made of: the same again would fail in the same way."""
    return draft.name, checked.schema, checked.plan


def register(draft: DataDraft, checked: Checked, is_new: bool, progress: Progress) -> VersionRow:
    """Store the draft as a version; the long part. Knows no Streamlit. Raises CatalogError."""
    stored = store(draft.path, schema=checked.schema, split=checked.plan, progress=progress)
    sheet = sheet_of(draft.values) if is_new else {}
    note = str(draft.values.get("note") or "").strip()
    with connect().writing() as session:
        return publish(session, stored, name=draft.name, sheet=sheet, note=note, who=getpass.getuser())
