"""Insert a row, or change the one that is there, in one statement that two processes can run at the same moment."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.tables import Base


def upsert(
    session: Session, table: type[Base], values: Mapping[str, Any], *, key: Sequence[str], replace: bool = True
) -> None:
    """Write one row.

    Args:
        key: the columns that say which row it is; they are unique together.
        replace: whether a row that is there takes the other values, or stays as it is.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**values)
    if replace:
        changed = {name: statement.excluded[name] for name in values if name not in key}
        session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
    else:
        session.execute(statement.on_conflict_do_nothing(index_elements=list(key)))
