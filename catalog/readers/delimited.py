"""Delimited text (CSV and its relatives): delimiter, encoding, header and decimal comma are guessed from the file."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from catalog.errors import CatalogError
from catalog.infer import has_decimal_comma
from catalog.readers.source import Source

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ENCODING_NAMES = {"utf-8": "UTF-8", "cp1252": "Windows-1252", "utf-16": "UTF-16"}
SNIFF_BYTES = 256 * 1024
BLOCK_BYTES = 4 * 1024 * 1024
LONGEST_ROW_BYTES = 64 * 1024 * 1024
GUESS_ROWS = 2000
BLANK_LINES = re.compile(r"([^\S\r\n]*(\r\n|\r|\n))+")


class DelimitedSource(Source):
    """A delimited text file; every column comes as strings, an empty field as null."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.encoding = guess_encoding(path)
        sample = _sample(path, self.encoding)
        blank = BLANK_LINES.match(sample)
        self.blank_lines = len(blank[0].splitlines()) if blank else 0
        self.delimiter = guess_delimiter(sample)
        first = next(_rows(sample, self.delimiter), [])
        if not first:
            raise CatalogError(f"{path.name}: the first line is longer than {SNIFF_BYTES // 1024} kB.", "source")
        self.has_header = not _looks_like_data(first)
        self.columns = _names(first, path) if self.has_header else [f"column_{i + 1}" for i in range(len(first))]
        self.block_bytes = BLOCK_BYTES
        self.decimal_comma = has_decimal_comma(self.head(GUESS_ROWS))
        self.description = ", ".join(
            [
                "Delimited text",
                DELIMITERS[self.delimiter],
                ENCODING_NAMES[self.encoding],
                *(["decimal comma"] if self.decimal_comma else []),
                *([] if self.has_header else ["no header line"]),
            ]
        )

    def batches(self) -> Iterator[tuple[pa.RecordBatch, float]]:
        done = 0
        while True:
            try:
                for batch, share in self._batches_after(done):
                    done += batch.num_rows
                    yield batch, share
                return
            except _BlockTooSmall:
                self.block_bytes *= 4

    def _batches_after(self, rows: int) -> Iterator[tuple[pa.RecordBatch, float]]:
        """The batches with the first ``rows`` rows left out, read in blocks of the present size."""
        size = max(1, self.path.stat().st_size)
        try:
            with pa.OSFile(str(self.path)) as file:
                for batch in self._reader(file):
                    left_out = min(rows, batch.num_rows)
                    rows -= left_out
                    if left_out < batch.num_rows:
                        yield batch.slice(left_out), min(1.0, file.tell() / size)
        except pa.ArrowInvalid as error:
            if "straddl" in str(error) and self.block_bytes < LONGEST_ROW_BYTES:
                raise _BlockTooSmall from error
            raise CatalogError(self._explain(str(error)), "source") from error

    def row_count(self) -> int:
        return sum(batch.num_rows for batch, _ in self.batches())

    def _reader(self, file: pa.NativeFile) -> pacsv.CSVStreamingReader:
        return pacsv.open_csv(
            file,
            read_options=pacsv.ReadOptions(
                block_size=self.block_bytes,
                encoding=self.encoding,
                column_names=self.columns,
                skip_rows=self.blank_lines,
                skip_rows_after_names=1 if self.has_header else 0,
            ),
            parse_options=pacsv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )

    def _explain(self, message: str) -> str:
        if "Expected" in message and "columns" in message:
            return (
                f"{self.path.name}: a line has another number of fields than the first line. {message[:200]} "
                f"Fields are taken to be cut by {DELIMITERS[self.delimiter]}; a field that holds one needs quotes."
            )
        if "straddl" in message:
            return f"{self.path.name}: a row is over {LONGEST_ROW_BYTES // 2**20} MB long, or a quote is never closed."
        return f"{self.path.name} cannot be read as delimited text: {message[:200]}"


class _BlockTooSmall(Exception):
    """A row (a very long text) does not fit into a block: read on in larger ones."""


def guess_encoding(path: Path) -> str:
    """UTF-16 by its mark, UTF-8 when every byte fits, else Windows-1252. Reads the whole file once."""
    with path.open("rb") as file:
        start = file.read(4096)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if b"\x00" in start:
            raise CatalogError(f"{path.name} is not a text file, whatever its ending says.", "source")
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(4 * 2**20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _rows(sample: str, delimiter: str) -> Iterator[list[str]]:
    """The sample's rows that are not blank, up to one that Python's csv module does not read (a very long field)."""
    blank = BLANK_LINES.match(sample)
    text = io.StringIO(sample[blank.end() :] if blank else sample, newline=None)
    rows = csv.reader(text, delimiter=delimiter)
    try:
        yield from (row for row in rows if row)
    except csv.Error:
        return


def guess_delimiter(sample: str) -> str:
    """The delimiter that cuts the sample's lines into the same number of fields, the most fields winning."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = [len(row) for row in islice(_rows(sample, delimiter), 200)]
        if not widths:
            continue
        width, times = Counter(widths).most_common(1)[0]
        score = (times / len(widths), width) if width > 1 else (0.0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _sample(path: Path, encoding: str) -> str:
    """The first lines of the file, cut at a line's end when the file goes on."""
    with path.open("r", encoding=encoding, errors="replace", newline="") as file:
        text = file.read(SNIFF_BYTES)
        cut = bool(file.read(1))
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise CatalogError(f"{path.name} is empty: it holds only blank lines.", "source")
    end = max(text.rfind("\n"), text.rfind("\r")) + 1
    return text[:end] or text if cut else text


def _looks_like_data(first: list[str]) -> bool:
    """Whether the first line is numbers, so that it cannot be column names."""
    filled = [field.strip().replace(",", ".") for field in first if field.strip()]
    if not filled:
        return False
    try:
        [float(field) for field in filled]
    except ValueError:
        return False
    return True


def _names(first: list[str], path: Path) -> list[str]:
    names = [name.strip() or f"column_{index + 1}" for index, name in enumerate(first)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise CatalogError(f"{path.name} has two columns of the same name: {', '.join(twice)}. Rename one.", "source")
    return names
