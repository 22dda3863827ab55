"""What all tables share: the names of their keys and indexes, and the column types of Python's types."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Enum, MetaData
from sqlalchemy.orm import DeclarativeBase

from db.states import Mirror, Reason, Relation, RunState
from db.types import UtcDateTime


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
