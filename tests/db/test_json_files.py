"""Small files that are there whole or not at all."""

import threading
from pathlib import Path

import pytest

from db.json_files import read_json, write_json


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "é", "path": tmp_path}, indent=1)
    assert read_json(tmp_path / "a.json") == {"name": "é", "path": str(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_is_no_object_is_nothing(tmp_path: Path) -> None:
    for number, text in enumerate(("", "{", "[1]", "null")):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        assert read_json(path) is None
    assert read_json(tmp_path / "missing.json") is None


def test_a_reader_never_sees_half_of_a_file(tmp_path: Path) -> None:
    path, ended = tmp_path / "busy.json", threading.Event()
    write_json(path, {"number": 0})

    def write_on() -> None:
        for number in range(300):
            write_json(path, {"number": number, "text": "x" * 20_000})
        ended.set()

    writers = [threading.Thread(target=write_on) for _ in range(2)]
    for writer in writers:
        writer.start()
    while not ended.is_set():
        assert read_json(path) is not None
    for writer in writers:
        writer.join()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_json(tmp_path / "taken", {"a": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
