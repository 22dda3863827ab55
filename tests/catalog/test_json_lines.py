"""JSON lines and arrays."""

import json
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.readers import json_lines
from tests.catalog.makers import rows_of, write

ROWS = [{"text": "olá 😀", "n": 1, "nested": {"a": [1, None]}}, {"text": "", "n": 2.5, "yes": True}]
READ = [
    {"text": "olá 😀", "n": "1", "nested": '{"a": [1, null]}', "yes": None},
    {"text": None, "n": "2.5", "nested": None, "yes": "true"},
]


def test_lines_and_an_array_give_the_same_rows(tmp_path: Path) -> None:
    lines = "\n\n".join(json.dumps(row) for row in ROWS)

    assert rows_of(write(tmp_path, "a.jsonl", lines)) == READ
    assert rows_of(write(tmp_path, "b.json", json.dumps(ROWS, indent=2))) == READ
    assert rows_of(write(tmp_path, "c.ndjson", b"\xef\xbb\xbf" + lines.encode())) == READ


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"x": 1}\n{oops', "line 2 is not JSON"),
        (b'{\n "x": 1\n}', "one object on each line"),
        (b"[1, 2]", "expected an object"),
        (b"{}\n{}", "no JSON object with keys"),
        (b'{"x": "\xe9"}', "line 1 is not JSON"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 1 is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"x": "fine"}\n{"x": "\\ud800"}', "row 2: a text holds half of a character"),
        ('{"x": 1}'.encode("utf-16"), "UTF-16"),
    ],
    ids=["cut", "pretty", "numbers", "no keys", "latin-1", "deep", "deep array", "surrogate", "UTF-16"],
)
def test_what_cannot_be_read_is_said_plainly(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(CatalogError, match=words) as caught:
        rows_of(write(tmp_path, "data.json", content))
    assert caught.value.field == "source"


def test_a_key_that_comes_late_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "KEY_ROWS", 2)

    with pytest.raises(CatalogError, match="line 4: the key “late”"):
        rows_of(write(tmp_path, "a.jsonl", '{"x": 1}\n{"x": 2}\n{"x": 3}\n{"x": 4, "late": 5}\n'))
