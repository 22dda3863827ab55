"""Brings a database to the version of the tables that this program knows, once, however many processes ask for it.

A new version: change `db/tables.py`, add a file to ``db/migrations/versions``, and name it in `HEAD`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from db.engine import Database
from db.errors import RecordError

HEAD = "0001"  # the newest file of db/migrations/versions; asking Alembic would cost its import at every start
PATIENCE_SECONDS = 600.0  # a migration of a large database takes its time
_FOLDER = Path(__file__).resolve().parent / "migrations"
_LOCK_NUMBER = 0x42414E43414441  # "BANCADA", for PostgreSQL's advisory lock
_FIRST_TABLE = "runs"


def head() -> str:
    """The version of the tables that this program knows."""
    return HEAD


def revision(database: Database) -> str | None:
    """The version of a database's tables; None when it holds none yet."""
    with database.reading() as session:
        return _revision(session.connection())


def upgrade(database: Database) -> None:
    """Make or change the tables as far as needed; returns within milliseconds when nothing is.

    Safe when many processes ask at once, and when one is killed in the middle: the change is one transaction.

    Raises:
        RecordError: when the database is newer than this program, or holds tables of something else.
    """
    if _seems_up_to_date(database):
        return
    with _alone(database), database.engine.connect() as connection, _foreign_keys_off(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        present = _revision(connection)
        if present != HEAD:  # else somebody else was faster
            _check(connection, present)
            _run(connection)


def _seems_up_to_date(database: Database) -> bool:
    """Without a lock, and without making the file; a database that cannot be asked yet is judged under the lock."""
    path = _sqlite_path(database)
    if path is not None and (not path.exists() or path.stat().st_size == 0):
        return False
    try:
        return revision(database) == HEAD
    except OperationalError:
        if path is None:
            raise
        return False  # another process is making the file at this moment


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _check(connection: Connection, present: str | None) -> None:
    if present is None:
        if inspect(connection).has_table(_FIRST_TABLE):
            raise RecordError(
                f"The database holds a table “{_FIRST_TABLE}” that this program has not made. Choose an empty database "
                "with BANCADA_DATABASE_URL, or another data folder with BANCADA_HOME."
            )
        return
    known = {path.name.split("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py")}
    if present not in known:
        raise RecordError(
            f"The database is newer than this program: its version is {present}, and this program knows {HEAD}. "
            "Nothing was changed. Update the program, or choose another data folder with BANCADA_HOME."
        )


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise RecordError("The migration would have left rows that refer to nothing, so nothing was changed.")


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """A lock file beside an SQLite database: switching a fresh file to WAL does not wait for others, it fails."""
    path = _sqlite_path(database)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f"{path.name}.upgrade-lock"), timeout=PATIENCE_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise RecordError(
            f"Another process has been changing the tables of {path} for {PATIENCE_SECONDS:.0f} s; wait for its end."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    """SQLite changes a column by dropping the old table, which would take every row that refers to it along."""
    driver = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
    if driver is None:
        yield
        return
    driver.execute("PRAGMA foreign_keys = OFF")  # has no effect inside a transaction
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _sqlite_path(database: Database) -> Path | None:
    url = database.engine.url
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)
