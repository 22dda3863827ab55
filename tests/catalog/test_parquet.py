"""Parquet: every column type becomes something usable, broken files are said plainly."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import CatalogError
from catalog.preview import preview
from tests.catalog.makers import picture, rows_of, write

ROWS = 40
LABELS = ["a", "b"] * (ROWS // 2)
NUMBERS = np.arange(ROWS)
DAYS = [dt.date(2024, 1, 1 + day % 28) for day in range(ROWS)]
COLUMNS = {
    "small": (pa.array(NUMBERS, pa.int8()), "number"),
    "huge": (pa.array([2**63 + int(n) for n in NUMBERS], pa.uint64()), "number"),
    "half": (pa.array(NUMBERS.astype(np.float16)), "number"),
    "single": (pa.array(NUMBERS.astype(np.float32) + 0.5), "number"),
    "decimal": (pa.array([Decimal(int(n)) for n in NUMBERS]), "number"),
    "yes": (pa.array(NUMBERS % 2 == 0), "category"),
    "day": (pa.array(DAYS), "date"),
    "moment": (pa.array(DAYS).cast(pa.timestamp("ns")).cast(pa.timestamp("ns", "Europe/Lisbon")), "date"),
    "clock": (pa.array([dt.time(n % 24) for n in range(ROWS)]), "category"),
    "nothing": (pa.nulls(ROWS), "category"),
    "dictionary": (pa.array(LABELS).dictionary_encode(), "category"),
    "large": (pa.array(LABELS, pa.large_string()), "category"),
    "bytes": (pa.array([b"\x00\xff"] * ROWS), "text"),
    "many_bytes": (pa.array([b"\x00\xff"] * ROWS, pa.large_binary()), "text"),
    "list": (pa.array([[1, 2]] * ROWS), "text"),
    "struct": (pa.array([{"a": 1}] * ROWS), "text"),
    "image": (pa.array([picture(n) for n in range(ROWS)]), "image"),
    "hugging_face": (pa.array([{"bytes": picture(n), "path": str(n)} for n in range(ROWS)]), "image"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_type_of_column_is_taken(tmp_path: Path, name: str) -> None:
    values, wanted = COLUMNS[name]
    pq.write_table(pa.table({name: values, "label": LABELS}), tmp_path / "a.parquet")

    looked = preview(tmp_path / "a.parquet")

    assert looked.row_count == ROWS
    assert looked.schema.column(name).type == wanted
    assert looked.schema.target == "label"
    assert looked.head.num_rows == ROWS


def test_rows_come_whole_and_in_order(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": range(1000), "y": ["é"] * 1000}), tmp_path / "a.parquet", row_group_size=64)

    rows = rows_of(tmp_path / "a.parquet")

    assert [row["x"] for row in rows] == list(range(1000))


def test_what_cannot_be_read_is_said_plainly(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": range(1000)}), tmp_path / "good.parquet")
    good = (tmp_path / "good.parquet").read_bytes()
    pq.write_table(pa.table({"x": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    pq.write_table(pa.table([[1], [2]], names=["x", "x"]), tmp_path / "twice.parquet")
    broken = {
        write(tmp_path, "cut.parquet", good[:-20]): "is no Parquet file, or it is broken",
        write(tmp_path, "other.parquet", b"hello"): "is no Parquet file, or it is broken",
        write(tmp_path, "page.parquet", good[:4] + b"\xff" * 60 + good[64:]): "broken after row 0",
        tmp_path / "none.parquet": "has no rows",
        tmp_path / "twice.parquet": "two columns of the same name",
    }
    for path, words in broken.items():
        with pytest.raises(CatalogError, match=words):
            rows_of(path)
