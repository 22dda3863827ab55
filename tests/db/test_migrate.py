"""From nothing to the newest version, by whomever and however many at once."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from db import migrate, runs
from db.engine import Database
from db.errors import RecordError
from db.home import PROJECT_ROOT
from db.tables import Base
from tests.db.conftest import MakeRun

PROCESSES = 30
_OPEN_AT_ONCE = """
import os, sys, traceback
from db import settings
from db.engine import Database
from db.migrate import upgrade

Database(sys.argv[1])  # imports the driver once for all
ready, go = os.pipe()
children = []
for number in range(int(sys.argv[2])):
    child = os.fork()
    if child:
        children.append(child)
        continue
    code = 1
    try:
        os.close(go)
        os.read(ready, 1)  # returns when the parent closes its end: all begin at the same moment
        database = Database(sys.argv[1])
        upgrade(database)
        with database.writing() as session:
            settings.write(session, str(number), max_cpu_runs=number + 1)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
os.close(go)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


@pytest.fixture
def record(empty_url: str) -> Iterator[Database]:
    """A database of its own, because these tests change its tables."""
    made = Database(empty_url)
    migrate.upgrade(made)
    yield made
    made.close()


def tables(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def test_the_migrations_make_what_the_tables_say(record: Database) -> None:
    with record.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_version_is_the_one_that_is_named(record: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(PROJECT_ROOT / "db" / "migrations"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrate.head()] == [migrate.revision(record)]
    assert all(Path(one.path).name.startswith(f"{one.revision}_") for one in script.walk_revisions())


def test_numbers_of_runs_are_never_given_again(record: Database, make_run: MakeRun) -> None:
    first = make_run()
    with record.writing() as session:
        runs.move_to_trash(session, [first], "ana")
        assert runs.purge(session, [first]) == [first]
    assert make_run() > first


def test_many_processes_open_a_fresh_database_at_once(empty_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OPEN_AT_ONCE, empty_url, str(PROCESSES)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == str([0] * PROCESSES)
    database = Database(empty_url)
    assert migrate.revision(database) == migrate.head()
    database.close()


def test_nothing_is_waited_for_when_nothing_is_to_do(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(empty_url)
    assert migrate.revision(database) is None
    migrate.upgrade(database)

    def refuse(*_: object) -> None:
        raise AssertionError("the lock was asked for")

    monkeypatch.setattr(migrate, "_alone", refuse)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        migrate.upgrade(database)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.02
    database.close()


def test_a_newer_database_is_refused_and_left_alone(record: Database) -> None:
    with record.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RecordError, match=r"newer than this program.*Update the program"):
        migrate.upgrade(record)
    assert migrate.revision(record) == "9999"


def test_tables_of_something_else_are_left_alone(empty_url: str) -> None:
    database = Database(empty_url)
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE runs (distance_km INTEGER)"))
    with pytest.raises(RecordError, match="BANCADA_DATABASE_URL"):
        migrate.upgrade(database)
    assert tables(database) == {"runs"}
    database.close()


def test_a_migration_that_fails_leaves_nothing_half_done(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(empty_url)
    run = migrate._run

    def break_off(connection: Connection) -> None:
        run(connection)
        raise OSError("the disk is full")

    monkeypatch.setattr(migrate, "_run", break_off)
    with pytest.raises(OSError, match="full"):
        migrate.upgrade(database)
    monkeypatch.setattr(migrate, "_run", run)
    assert tables(database) == set()
    migrate.upgrade(database)
    assert migrate.revision(database) == migrate.head()
    database.close()


def test_changing_a_column_loses_no_rows_that_refer_to_it(
    record: Database, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite changes a column by dropping the table; with foreign keys on, tags and events would go with it."""
    run_id = make_run(tags=["kept"])

    def change(connection: Connection) -> None:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("runs", recreate="auto") as batch:
            batch.alter_column("name", nullable=True)

    monkeypatch.setattr(migrate, "HEAD", "next")
    monkeypatch.setattr(migrate, "_check", lambda *_: None)
    monkeypatch.setattr(migrate, "_run", change)
    migrate.upgrade(record)
    with record.reading() as session:
        assert runs.get(session, run_id).tags == ("kept",)
        assert len(runs.events(session, run_id)) == 1
    if record.engine.dialect.name == "sqlite":
        with record.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_going_back_removes_every_table(record: Database) -> None:
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(PROJECT_ROOT / "db" / "migrations"))
    config.set_main_option("path_separator", "os")
    with record.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert tables(record) <= {"alembic_version", "sqlite_sequence"}


def test_a_folder_with_odd_letters_is_no_trouble(tmp_path: Path) -> None:
    folder: Any = tmp_path / "100% açaí #1"
    database = Database(f"sqlite:///{folder / 'x.sqlite'}")
    migrate.upgrade(database)
    assert migrate.revision(database) == migrate.head()
    database.close()
