"""Open whatever holds a dataset as a stream of raw batches: one file of this folder for each format."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import CatalogError
from catalog.readers.archive import open_archive
from catalog.readers.arrays import ArraySource
from catalog.readers.delimited import DelimitedSource
from catalog.readers.image_folder import FolderFiles, ImageFiles, label_file_of
from catalog.readers.json_lines import JsonLinesSource
from catalog.readers.parquet import ParquetSource
from catalog.readers.source import Source

DELIMITED = (".csv", ".tsv", ".txt", ".tab")
JSON_LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
ARRAYS = (".npz", ".npy")
FORMATS = (*DELIMITED, *JSON_LINES, *PARQUET, *ARRAYS, ".zip")


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """The data at a path: a file of one of `FORMATS` or an image folder. Raises CatalogError when it is neither."""
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:
        raise CatalogError(f"{str(path)[:200]} cannot be looked at: {error.strerror}.", "source") from error
    if is_folder:
        yield ImageFiles(FolderFiles(path), label_file_of(path))
        return
    if not is_file:
        raise CatalogError(f"There is no file or folder {path} on the machine that Bancada runs on.", "source")
    if path.stat().st_size == 0:
        raise CatalogError(f"{path.name} is empty (0 bytes).", "source")
    if path.suffix.lower() == ".zip":
        with open_archive(path) as inside:
            if isinstance(inside, Path):
                with open_source(inside) as source:
                    yield source
            else:
                yield inside
        return
    yield _of_file(path)


def _of_file(path: Path) -> Source:
    ending = path.suffix.lower()
    if ending in DELIMITED:
        return DelimitedSource(path)
    if ending in JSON_LINES:
        return JsonLinesSource(path)
    if ending in PARQUET:
        return ParquetSource(path)
    if ending in ARRAYS:
        return ArraySource(path)
    raise CatalogError(
        f"{path.name}: files ending in “{ending or 'nothing'}” are not read. Give one of {', '.join(FORMATS)}, "
        "or a folder with one sub-folder of images for each class.",
        "source",
    )
