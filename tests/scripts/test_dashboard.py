"""What keeps the dashboard from starting is said before anything starts."""

import os
import socket
from contextlib import nullcontext
from pathlib import Path

import pytest

from db import migrate
from db.machine import free_port
from jobs import presence
from scripts.dashboard import is_loopback, main, why_no_folder, why_not


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "example.org", "::"])
def test_an_address_that_others_can_reach_is_refused_in_three_lines(host: str) -> None:
    why = why_not(host, free_port())
    assert len(why.splitlines()) == 3
    assert "no sign-in" in why
    assert "ssh -L" in why


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_loopback_is_fine(host: str) -> None:
    assert is_loopback(host)


def test_a_port_in_use_by_another_program(bancada_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bancada_home.parent.exists()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    assert f"Port {port} is used by another program" in capsys.readouterr().err


def test_a_port_that_this_dashboard_has_already(bancada_home: Path) -> None:
    assert bancada_home.parent.exists()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sign = presence.arrive(port)
        assert f"up already: http://127.0.0.1:{port} (process {os.getpid()})" in why_not("127.0.0.1", port)
        presence.leave(sign)


def test_a_port_that_is_no_port() -> None:
    assert "PORT=99999" in why_not("127.0.0.1", 99_999)


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://nobody@127.0.0.1:9/nothing", "no address", "sqlite:////nowhere/at/all.sqlite"]
)
def test_a_database_that_cannot_be_opened_is_said_in_one_line(
    bancada_home: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert bancada_home.parent.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "_alone", lambda _database: nullcontext())
        patch.setenv("BANCADA_DATABASE_URL", url)
        assert main(["--port", str(free_port())]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("The database of BANCADA_DATABASE_URL cannot be opened")


def test_a_data_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("BANCADA_HOME", str(blocked / "data"))
    assert "cannot be written" in why_no_folder()
    assert "BANCADA_HOME" in why_no_folder()
