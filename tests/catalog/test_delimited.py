"""Delimited text: what is guessed about a file, and what is said about one that cannot be read."""

from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.readers import delimited, open_source
from tests.catalog.makers import labelled, rows_of, write


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.csv", "x,y\n1,a\n", "commas, UTF-8"),
        ("a.csv", "x;y\n1,5;a\n2,25;b\n", "semicolons, UTF-8, decimal comma"),
        ("a.tsv", "x\ty\n1\ta\n", "tabs, UTF-8"),
        ("a.txt", "x|y\n1|a\n", "bars, UTF-8"),
        ("a.csv", "1,2\n3,4\n", "commas, UTF-8, no header line"),
    ],
)
def test_the_format_is_recognised(tmp_path: Path, name: str, text: str, found: str) -> None:
    with open_source(write(tmp_path, name, text)) as source:
        assert source.description == f"Delimited text, {found}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_common_encoding_gives_the_same_rows(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "a.csv", "opinião,rótulo\nNão é mau,bom\nPéssimo,mau\n".encode(encoding))

    assert rows_of(path) == [{"opinião": "Não é mau", "rótulo": "bom"}, {"opinião": "Péssimo", "rótulo": "mau"}]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_gives_the_same_rows(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, "a.csv", f"x,y{ending}1,a{ending}2,b{ending}")

    assert rows_of(path) == [{"x": "1", "y": "a"}, {"x": "2", "y": "b"}]


def test_quotes_hold_delimiters_line_breaks_and_emoji(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,y\n"one, two\nand ""three"" 😀",a\n')

    assert rows_of(path) == [{"text": 'one, two\nand "three" 😀', "y": "a"}]


def test_blank_lines_before_the_names_are_no_rows(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path, "a.csv", "\n  \nx,y\n1,a\n")) == [{"x": "1", "y": "a"}]


def test_an_empty_field_is_no_value_and_a_nameless_column_gets_a_name(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path, "a.csv", ",y\n1,\n")) == [{"column_1": "1", "y": None}]


@pytest.mark.parametrize("place", [1, 3000], ids=["among the first rows", "far down"])
def test_a_row_longer_than_a_block_is_read_wherever_it_stands(
    tmp_path: Path, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 10_000)
    lines = [f"{number},a" for number in range(5000)]
    lines[place] = f'"{"word " * 20_000}",b'

    rows = rows_of(write(tmp_path, "a.csv", "x,label\n" + "\n".join(lines)))

    assert len(rows) == 5000
    assert rows[place] == {"x": "word " * 20_000, "label": "b"}
    assert [row["x"] for row in rows[place + 1 : place + 3]] == [str(place + 1), str(place + 2)]


def test_ten_megabytes_in_one_cell(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f'text,label\n"{"word " * 2_000_000}",b\nshort,a\n')

    assert [len(str(row["text"])) for row in rows_of(path)] == [10_000_000, 5]


def test_the_share_read_never_falls_and_ends_at_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1000)
    with open_source(write(tmp_path, "a.csv", labelled(2000))) as source:
        shares = [share for _, share in source.batches()]

    assert len(shares) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n\n ", "only blank lines"),
        (b"x,x\n1,2\n", "two columns of the same name: x"),
        (b"x,y\n1,a\n2,b,c\n", "another number of fields"),
        (bytes(range(256)), "not a text file"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
    ],
    ids=["empty", "blank", "same names", "ragged", "binary", "a renamed workbook"],
)
def test_what_cannot_be_read_is_said_plainly(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(CatalogError, match=words) as caught:
        rows_of(write(tmp_path, "data.csv", content))
    assert caught.value.field == "source"
    assert "data.csv" in str(caught.value)


def test_a_row_over_the_limit_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(delimited, "LONGEST_ROW_BYTES", 1000)

    with pytest.raises(CatalogError, match="a quote is never closed"):
        rows_of(write(tmp_path, "a.csv", 'x,label\n"' + "word " * 1000))
