"""A zip with images, or with one data file. Nothing in it is trusted: names, sizes and contents are checked."""

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from catalog import objects
from catalog.errors import CatalogError
from catalog.readers.image_folder import IMAGE_ENDINGS, LABEL_FILES, Files, ImageFiles
from catalog.readers.source import Source

DATA_ENDINGS = {".csv", ".tsv", ".txt", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".npz", ".npy"}
MOST_BYTES = 50 * 10**9
MOST_FILES = 2_000_000
LARGEST_IMAGE_BYTES = 200 * 10**6
UNPACK_ERRORS = (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError)
BOMB_RATIO = 150
BOMB_BYTES = 50 * 10**6  # below this size a high ratio is only an easily packed file


class ZipFiles(Files):
    """The files of a zip, read in place."""

    def __init__(self, archive: zipfile.ZipFile, title: str, members: list[zipfile.ZipInfo]) -> None:
        self.archive = archive
        self.title = title
        self.sizes = {member.filename: member.file_size for member in members}
        self.names = sorted(self.sizes)

    def read(self, name: str) -> bytes:
        if self.sizes[name] > LARGEST_IMAGE_BYTES:
            raise CatalogError(f"{self.title}: {name} is larger than {LARGEST_IMAGE_BYTES // 10**6} MB.", "source")
        try:
            return self.archive.read(name)
        except (*UNPACK_ERRORS, OSError) as error:
            raise CatalogError(f"{self.title}: {name} cannot be unpacked ({error}).", "source") from error


@contextmanager
def open_archive(path: Path) -> Iterator[Source | Path]:
    """The images of a zip as a source, or the path of its one data file, unpacked for as long as it is open."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise CatalogError(f"{path.name} is no zip file, or it is broken: {error}.", "source") from error
    with archive:
        members = _checked(path.name, archive)
        names = {member.filename for member in members}
        if any(PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS for name in names):
            labels = (name for name in sorted(names) if PurePosixPath(name).name in LABEL_FILES)
            yield ImageFiles(ZipFiles(archive, path.name, members), next(labels, None))
            return
        data = [member for member in members if PurePosixPath(member.filename).suffix.lower() in DATA_ENDINGS]
        if len(data) != 1:
            found = ", ".join(sorted(member.filename for member in data)[:5]) or "none"
            raise CatalogError(
                f"{path.name} must hold images in class folders, or exactly one data file; it holds {found}.", "source"
            )
        with _unpacked(archive, data[0]) as unpacked:
            yield unpacked


@contextmanager
def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[Path]:
    with objects.incoming() as folder:
        target = folder / PurePosixPath(member.filename).name
        try:
            with archive.open(member) as packed, target.open("wb") as file:
                shutil.copyfileobj(packed, file, 2**20)
        except UNPACK_ERRORS as error:
            raise CatalogError(f"{member.filename} in the zip cannot be unpacked ({error}).", "source") from error
        yield target


def _checked(title: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The archive's real files, after looking for names and sizes that mean harm."""
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_clutter(member.filename)]
    if not members:
        raise CatalogError(f"{title} holds no file.", "source")
    for member in members:
        name = member.filename
        if name.startswith(("/", "\\")) or "\\" in name or ".." in PurePosixPath(name).parts or ":" in name[:3]:
            raise CatalogError(f"{title} was refused: the name “{name[:80]}” points outside the archive.", "source")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise CatalogError(f"{title} was refused: “{name[:80]}” is a link.", "source")
        if member.flag_bits & 0x1:
            raise CatalogError(f"{title} is protected with a password: unpack it first.", "source")
    unpacked = sum(member.file_size for member in members)
    packed = max(1, Path(archive.filename or "").stat().st_size)
    if len(members) > MOST_FILES or unpacked > MOST_BYTES or (unpacked > BOMB_BYTES and unpacked / packed > BOMB_RATIO):
        raise CatalogError(
            f"{title} was refused: {packed / 1e6:.1f} MB would unpack to {unpacked / 1e6:,.0f} MB in {len(members)} "
            "files, which looks like a zip bomb.",
            "source",
        )
    return members


def _is_clutter(name: str) -> bool:
    """Files that desktop systems add to an archive."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or (bool(parts) and parts[-1].startswith((".", "Thumbs.db")))
