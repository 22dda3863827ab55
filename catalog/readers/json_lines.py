"""JSON lines: one object per line, or one JSON array of objects."""

import codecs
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from catalog.errors import CatalogError
from catalog.readers.source import Source

BATCH_ROWS = 10_000
KEY_ROWS = 10_000  # rows that are looked at to learn the keys
LARGEST_ARRAY_BYTES = 256 * 2**20


class JsonLinesSource(Source):
    """Objects as rows; every value comes as a string, an absent key as null, a nested value as JSON text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            start = file.read(4096)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise CatalogError(f"{path.name} is written in UTF-16: save it as UTF-8, as JSON has to be.", "source")
        self.is_array = start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        self.description = "JSON array" if self.is_array else "JSON lines"
        if self.is_array and path.stat().st_size > LARGEST_ARRAY_BYTES:
            raise CatalogError(f"{path.name} is one large JSON array: write one object per line instead.", "source")
        self.columns = self._keys()

    def batches(self) -> Iterator[tuple[pa.RecordBatch, float]]:
        known = set(self.columns)
        rows: list[dict[str, str | None]] = []
        done, share = 0, 0.0
        for where, row, share in self._objects():
            if not known.issuperset(row):
                strange = ", ".join(sorted(set(row) - known))
                raise CatalogError(
                    f"{self.path.name}, {where}: the key “{strange}” is in none of the first {KEY_ROWS} rows. "
                    "Give every row the same keys, or move this one up.",
                    "source",
                )
            rows.append({key: _text(value) for key, value in row.items()})
            if len(rows) == BATCH_ROWS:
                yield self._batch(rows, done), share
                done, rows = done + len(rows), []
        if rows:
            yield self._batch(rows, done), share

    def _batch(self, rows: list[dict[str, str | None]], first_row: int) -> pa.RecordBatch:
        try:
            return pa.RecordBatch.from_pylist(rows, pa.schema([(name, pa.string()) for name in self.columns]))
        except UnicodeEncodeError as error:
            number = next(index for index, row in enumerate(rows) if not all(map(_is_text, row.values())))
            raise CatalogError(
                f"{self.path.name}, row {first_row + number + 1}: a text holds half of a character "
                "(a lone surrogate, written \\ud800 to \\udfff). Write the whole character or leave it out.",
                "source",
            ) from error

    def row_count(self) -> int:
        return sum(1 for _ in self._objects())

    def _keys(self) -> list[str]:
        keys: dict[str, None] = {}
        for number, (_, row, _) in enumerate(self._objects()):
            if number == KEY_ROWS:
                break
            keys.update(dict.fromkeys(row))
        if not keys:
            raise CatalogError(f"{self.path.name} holds no JSON object with keys.", "source")
        return list(keys)

    def _objects(self) -> Iterator[tuple[str, dict[str, Any], float]]:
        """Each row with its place for a message and the share of the file read so far."""
        for where, value, share in self._array() if self.is_array else self._lines():
            if not isinstance(value, dict):
                raise CatalogError(
                    f"{self.path.name}, {where}: expected an object with keys, found {str(value)[:60]}.", "source"
                )
            yield where, value, share

    def _lines(self) -> Iterable[tuple[str, Any, float]]:
        size, read = max(1, self.path.stat().st_size), 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                read += len(line)
                if not line.strip():
                    continue
                try:
                    value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                except (ValueError, RecursionError) as error:
                    self._refuse(f"line {number}", error, line)
                yield f"line {number}", value, read / size

    def _array(self) -> Iterable[tuple[str, Any, float]]:
        try:
            values = json.loads(self.path.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise CatalogError(f"{self.path.name} is not JSON: {str(error)[:200]}.", "source") from error
        for index, value in enumerate(values, start=1):
            yield f"item {index}", value, index / len(values)

    def _refuse(self, where: str, error: Exception, line: bytes) -> NoReturn:
        shown = line[:60].decode("utf-8", errors="replace").strip()
        raise CatalogError(
            f"{self.path.name}, {where} is not JSON ({str(error)[:200]}): “{shown}”. Wanted: one object on each line, "
            "or one array of objects.",
            "source",
        ) from error


def _is_text(value: str | None) -> bool:
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)
