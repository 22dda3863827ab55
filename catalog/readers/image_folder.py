"""Images as files, in a folder or a zip: the class is the sub-folder, or stands in a label file."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa

from catalog.errors import CatalogError
from catalog.pictures import image_trouble
from catalog.readers.source import Source
from catalog.schema import Column, Schema
from catalog.splits import SPELLINGS

IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
LABEL_FILES = ("labels.csv", "metadata.csv", "labels.tsv")
FILE_COLUMNS = ("file", "file_name", "filename", "image", "path", "id")
LABEL_COLUMNS = ("label", "labels", "class", "classe", "target", "category")
BATCH_ROWS = 128
BATCH_BYTES = 32 * 2**20
MOST_NAMED = 10
MOST_FILES = 2_000_000


class Files(ABC):
    """Named files that can be read one by one; names use “/”."""

    title: str
    names: list[str]

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of one file."""


class FolderFiles(Files):
    """The files below a folder; links out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.title = root.name
        home = root.resolve()
        self.names = sorted(path.relative_to(root).as_posix() for path in _files_below(root, home))

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


def _files_below(root: Path, home: Path) -> Iterator[Path]:
    for number, path in enumerate(root.rglob("*")):
        if number == MOST_FILES:
            raise CatalogError(f"{root} holds more than {MOST_FILES:,} files: name the folder of the images.", "source")
        if not path.name.startswith(".") and path.is_file() and path.resolve().is_relative_to(home):
            yield path


def label_file_of(root: Path) -> str | None:
    """The name of the folder's label file, when it has one."""
    return next((name for name in LABEL_FILES if (root / name).is_file()), None)


class ImageFiles(Source):
    """Image files as rows of file name, image bytes and label, and split where folders are named train, test, …"""

    def __init__(self, files: Files, label_file: str | None = None) -> None:
        self.files = files
        images = [name for name in files.names if PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS]
        if not images:
            raise CatalogError(
                f"{files.title} holds no image ({', '.join(sorted(IMAGE_ENDINGS))}). Wanted: one sub-folder of images "
                "for each class, or images beside a labels.csv with the columns file and label.",
                "source",
            )
        self.splits: dict[str, str] = {}
        if label_file is not None:
            self.labels = _labels_from_file(files, label_file, images)
            self.description = f"Images with labels from {label_file}"
        else:
            self.labels, self.splits = _labels_from_folders(files.title, images)
            self.description = "Image folder, a class per sub-folder"
        self.split_column = "split" if self.splits else None
        classes = set(self.labels.values())
        columns = [Column("file", "id", "ignore"), Column("image", "image"), Column("label", "category", "target")]
        if self.splits:
            columns.append(Column("split", "category", "ignore"))
        self.schema = Schema(tuple(columns), "binary" if len(classes) == 2 else "multiclass", "label")

    def batches(self) -> Iterator[tuple[pa.RecordBatch, float]]:
        names = list(self.labels)
        broken: list[str] = []
        rows: list[dict[str, str | bytes | None]] = []
        size = 0
        for number, name in enumerate(names, start=1):
            content = self.files.read(name)
            trouble = image_trouble(content)
            if trouble:
                broken.append(f"{name} ({trouble})")
                continue
            rows.append({"file": name, "image": content, "label": self.labels[name], "split": self.splits.get(name)})
            size += len(content)
            if len(rows) == BATCH_ROWS or size > BATCH_BYTES:
                yield self._batch(rows), number / len(names)
                rows, size = [], 0
        if broken:
            more = f" and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
            raise CatalogError(
                f"{len(broken)} of {len(names)} images cannot be read: {'; '.join(broken[:MOST_NAMED])}{more}. "
                "Replace or remove them.",
                "source",
            )
        if rows:
            yield self._batch(rows), 1.0

    def head(self, rows: int) -> pa.Table:
        """A sample over the whole list, because files of one class stand together."""
        names = list(self.labels)[:: max(1, len(self.labels) // rows)][:rows]
        found, broken = [], []
        for name in names:
            content = self.files.read(name)
            trouble = image_trouble(content)
            if trouble is None:
                row = {"file": name, "image": content, "label": self.labels[name], "split": self.splits.get(name)}
                found.append(row)
            else:
                broken.append(f"{name} ({trouble})")
        if not found:
            raise CatalogError(
                f"{self.files.title}: none of the {len(broken)} images looked at can be read: "
                f"{'; '.join(broken[:MOST_NAMED])}.",
                "source",
            )
        return pa.Table.from_batches([self._batch(found)])

    def row_count(self) -> int:
        return len(self.labels)

    def _batch(self, rows: list[dict[str, str | bytes | None]]) -> pa.RecordBatch:
        fields = [("file", pa.string()), ("image", pa.binary()), ("label", pa.string())]
        if self.splits:
            fields.append(("split", pa.string()))
        return pa.RecordBatch.from_pylist(rows, pa.schema(fields))


def _labels_from_folders(title: str, images: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Class and split of every image, from its folders: ``[anything/][train/]class/…/name.png``."""
    parts = {name: PurePosixPath(name).parts[:-1] for name in images}
    common = 0
    while len({folders[: common + 1] for folders in parts.values()}) == 1 and all(
        len(folders) > common + 1 for folders in parts.values()
    ):
        common += 1
    first = {folders[common].lower() if len(folders) > common else "" for folders in parts.values()}
    has_splits = first <= set(SPELLINGS) and all(len(folders) > common + 1 for folders in parts.values())
    at = common + 1 if has_splits else common
    loose = [name for name, folders in parts.items() if len(folders) <= at]
    if loose:
        raise CatalogError(
            f"{title}: {len(loose)} images lie in no class folder (such as {loose[0]}). Put each image into a "
            "sub-folder named as its class, or add a labels.csv with the columns file and label.",
            "source",
        )
    labels = {name: folders[at] for name, folders in parts.items()}
    splits: dict[str, str] = (
        {name: SPELLINGS[folders[common].lower()] for name, folders in parts.items()} if has_splits else {}
    )
    return labels, splits if len(set(splits.values())) > 1 else {}


def _labels_from_file(files: Files, label_file: str, images: list[str]) -> dict[str, str]:
    text = files.read(label_file).decode("utf-8-sig", errors="replace")
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=None), delimiter=delimiter))
    except csv.Error as error:
        raise CatalogError(f"{label_file} cannot be read as delimited text: {error}.", "source") from error
    file_column, label_column = _pick(rows, FILE_COLUMNS, label_file), _pick(rows, LABEL_COLUMNS, label_file)
    base = PurePosixPath(label_file).parent
    there = set(images)
    labels: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        name = (base / (row[file_column] or "").strip()).as_posix()
        label = (row[label_column] or "").strip()
        if name not in there:
            raise CatalogError(f"{label_file}, line {number}: there is no image {name}.", "source")
        if not label:
            raise CatalogError(f"{label_file}, line {number}: {name} has no label.", "source")
        labels[name] = label
    return labels


def _pick(rows: Sequence[Mapping[str, str]], wanted: tuple[str, ...], label_file: str) -> str:
    names = list(rows[0]) if rows else []
    for name in names:
        if name is not None and name.strip().lower() in wanted:
            return name
    raise CatalogError(f"{label_file} needs a column named {' or '.join(wanted[:3])}; it has {names}.", "source")
