"""A database URL becomes two doors: ``reading()`` and ``writing()``.

Knows the pragmas and the locking of SQLite. Knows no table: queries live in the modules named after their noun.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.orm import Session as Session
from sqlalchemy.orm import sessionmaker

from db.home import database_url
from db.json_text import dumps, loads

BUSY_TIMEOUT_SECONDS = 30.0


class Database:
    """One database. Sessions from it are short: open, ask or write, close."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _make_engine(url)
        self._reading = sessionmaker(
            self.engine.execution_options(bancada_door="reading"), expire_on_commit=False, autoflush=False
        )
        self._writing = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for questions; it never blocks a writer and never commits."""
        with self._reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session for one short transaction: committed at the end, rolled back on an exception."""
        with self._writing.begin() as session:
            yield session
        for call in session.info.pop("after_commit", ()):
            call()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def after_commit(session: Session, call: Callable[[], object]) -> None:
    """Have something done once what a `Database.writing` session wrote can be seen by others; never on a rollback."""
    session.info.setdefault("after_commit", []).append(call)


@lru_cache(maxsize=8)
def _database(url: str) -> Database:
    return Database(url)


def connect(url: str | None = None) -> Database:
    """The database of ``url`` (default: `db.home.database_url`), one object per URL and process."""
    return _database(url or database_url())


def forget_connections() -> None:
    """Drop the connections inherited over a fork without closing the parent's sockets; call it first in a child."""
    _database.cache_clear()


def _make_engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, json_serializer=dumps, json_deserializer=loads)
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        json_serializer=dumps,
        json_deserializer=loads,
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is off; `_begin` says which kind
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -32000")
    cursor.close()
    connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows A to Z only, and not É


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _begin(connection: Connection) -> None:
    """Writers take the lock at once: a deferred BEGIN that reads and then writes fails instead of waiting."""
    reading = connection.get_execution_options().get("bancada_door") == "reading"
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
