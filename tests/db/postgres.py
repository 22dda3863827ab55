"""A throw-away PostgreSQL server from the system's own programs, reached through a socket file."""

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

TO_INSTALL = "install PostgreSQL's server programs (on Debian and Ubuntu: apt-get install postgresql)"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "listen_addresses=")


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs; the test is skipped when it is not there."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not on this machine: {TO_INSTALL}")
    return found


def user() -> str:
    """Who runs the server: it refuses root."""
    if os.getuid() != 0:
        return getpass.getuser()
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.skip(f"PostgreSQL does not run as root and there is no other user: {TO_INSTALL}")


@contextmanager
def server() -> Iterator[str]:
    """Start a server; its URL without the database's name, such as ``postgresql+psycopg://…{database}…``."""
    initdb, postgres, runs_as = program("initdb"), program("postgres"), user()
    folder = Path(tempfile.mkdtemp(prefix="bancada-pg-", dir="/tmp"))  # a socket's path must be short
    as_user = {"user": runs_as} if os.getuid() == 0 else {}
    try:
        if as_user:
            shutil.chown(folder, runs_as)
        data = folder / "data"
        options = ["-U", "bancada", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([initdb, "-D", str(data), *options], check=True, capture_output=True, cwd=folder, **as_user)
        settings = [part for setting in (*_QUICK, f"unix_socket_directories={folder}") for part in ("-c", setting)]
        with (folder / "log").open("wb") as output:
            process = subprocess.Popen(
                [postgres, "-D", str(data), *settings], stdout=output, stderr=output, cwd=folder, **as_user
            )
        try:
            _wait(folder, process)
            yield f"postgresql+psycopg://bancada@/{{database}}?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)  # at once, also when somebody is connected
            process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(folder: Path, process: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(f"host={folder} user=bancada dbname=postgres").close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((folder / "log").read_text(encoding="utf-8", errors="replace")) from None
            time.sleep(0.02)


def execute(url: str, statement: str) -> None:
    """Run a statement that cannot stand in a transaction, such as CREATE DATABASE."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)
