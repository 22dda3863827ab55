"""From a file to a version: whole or not at all, once per content, and openable without the database."""

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog import objects, register
from catalog.balance import class_balance, target_spread
from catalog.errors import CatalogError, VersionNotFound
from catalog.preview import preview, recast
from catalog.readers import delimited
from catalog.register import derive, publish, store
from catalog.removal import bytes_to_free, remove_content
from catalog.schema import Column, Schema
from catalog.splits import SPLITS, SplitPlan
from catalog.versions import open_version, version_numbers, version_path
from db import datasets
from db.engine import Database, Session
from db.home import data_folder
from tests.catalog.makers import labelled, picture, pictures, write, zipped

SHEET = {"title": "A test", "origin": "made up", "licence": "CC0"}
Registering = Callable[..., Any]


@pytest.fixture
def registered(database: Database) -> Registering:
    """``registered(path, name)`` registers a file and returns the version's row."""

    def _register(path: Path, name: str = "things", **options: Any) -> Any:
        with database.writing() as session:
            return register.register(session, path, name=name, sheet=SHEET, who="ana", **options)

    return _register


def test_a_file_becomes_a_version_with_its_facts(registered: Registering, tmp_path: Path) -> None:
    text = "x,city,label\n" + "".join(f"{n},{'' if n == 3 else 'Lisboa'},{'ab'[n % 2]}\n" for n in range(40))
    row = registered(write(tmp_path, "a.csv", text), note="first")

    assert (row.ref, row.kind, row.row_count, row.note, row.created_by) == ("things@1", "table", 40, "first", "ana")
    assert row.split["counts"] == {"train": 28, "validation": 6, "test": 6}
    schema = Schema.from_dict(row.schema)
    assert schema.classes == ("a", "b")
    assert (schema.column("city").missing, schema.column("city").distinct) == (1, 1)
    assert row.size_bytes == open_version("things").path.stat().st_size


def test_a_version_opens_without_the_database(registered: Registering, tmp_path: Path) -> None:
    registered(write(tmp_path, "a.csv", labelled()))
    for file in data_folder().parent.glob("bancada.sqlite*"):
        file.unlink()

    version = open_version("things@1")

    assert sum(version.table(split).num_rows for split in SPLITS) == version.row_count == 40
    assert version.table("train", ["x"]).column_names == ["x"]
    assert version.rows([5, 2]).column("x").to_pylist() == [2.5, 5.5]
    assert [batch.num_rows for batch in version.batches()] == [40]
    ids = np.concatenate([version.ids(split) for split in SPLITS])
    assert sorted(ids.tolist()) == list(range(40))


def test_equal_data_is_one_object_whatever_it_is_called(registered: Registering, tmp_path: Path) -> None:
    first = registered(write(tmp_path, "a.csv", labelled()))
    again = registered(write(tmp_path, "b.csv", labelled().replace("\n", "\r\n")))
    other = registered(tmp_path / "a.csv", "others")

    assert again == first
    assert other.content_hash == first.content_hash
    assert len(list((data_folder() / "objects").iterdir())) == 1


def test_the_hash_is_of_the_content_and_not_of_how_it_was_cut(
    bancada_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "a.csv", labelled(20_000))
    whole = store(path)
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 4096)

    assert store(path) == whole
    assert whole.content_hash == objects.file_hash(objects.object_folder(whole.content_hash) / objects.DATA_FILE)


def test_other_data_is_the_next_version_and_the_old_one_stays(registered: Registering, tmp_path: Path) -> None:
    registered(write(tmp_path, "a.csv", labelled(40)))
    second = registered(write(tmp_path, "a.csv", labelled(50)))

    assert second.ref == "things@2"
    assert open_version("things@1").row_count == 40
    assert open_version("things").row_count == 50


def test_another_split_shares_the_content(registered: Registering, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", labelled(100))
    first = registered(path)
    second = registered(path, split=SplitPlan("random", (0.5, 0.25, 0.25), 3))

    assert second.number == 2
    assert second.content_hash == first.content_hash
    assert open_version("things@2").split_counts == {"train": 50, "validation": 25, "test": 25}
    assert open_version("things@1").split_counts == {"train": 68, "validation": 16, "test": 16}


def test_a_corrected_schema_is_kept(registered: Registering, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", labelled(40))
    wanted = preview(path).schema.with_target("x", "regression")

    row = registered(path, schema=wanted)

    assert row.schema["target"] == "x"
    assert row.split["method"] == "random"
    assert open_version("things").schema.task == "regression"


def test_recast_shows_the_correction_or_the_value_that_does_not_fit(tmp_path: Path) -> None:
    text = "day,x,label\n" + "".join(f"{1 + n % 28}/12/2024,{n},{'ab'[n % 2]}\n" for n in range(40))
    looked = preview(write(tmp_path, "a.csv", text))

    def typed(kind: str) -> Schema:
        columns = tuple(Column(c.name, kind, c.role) if c.name == "day" else c for c in looked.schema.columns)
        return Schema(columns, looked.schema.task, looked.schema.target)

    assert recast(looked, typed("category")).column("day")[0].as_py() == "1/12/2024"
    assert recast(looked, typed("date")).column("day")[0].as_py().month == 12
    with pytest.raises(CatalogError, match="“1/12/2024” is not a number"):
        recast(looked, typed("number"))


def test_progress_rises_to_one_with_words(bancada_home: Path, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    store(write(tmp_path, "a.csv", labelled()), progress=lambda share, words: told.append((share, words)))

    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1] == (1.0, "40 rows stored")


@pytest.mark.parametrize(
    ("text", "words", "field"),
    [
        ("x,label\n1,a\n2,\n", "has no value in row 2", "target"),
        ("x,label\n1,a\n2,a\n", "has one class", "target"),
        ("x,label\n", "column names and no rows", "source"),
        ("x,label\n1,a\n2,a\n3,b\n", "one example", "split"),
        ("x\n1\n2\n", "No target", "target"),
    ],
)
def test_what_cannot_be_stored_leaves_nothing(
    bancada_home: Path, tmp_path: Path, text: str, words: str, field: str
) -> None:
    with pytest.raises(CatalogError, match=words) as caught:
        store(write(tmp_path, "a.csv", text))
    assert caught.value.field == field
    assert not (data_folder() / "objects").exists()
    assert not [*(data_folder() / "incoming").glob("*")]


def test_more_classes_than_binary_is_said_when_it_was_chosen(bancada_home: Path, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", labelled(classes="abc"))
    chosen = preview(path).schema.with_target("label", "binary")

    with pytest.raises(CatalogError, match="3 classes") as caught:
        store(path, schema=chosen)
    assert caught.value.field == "task"


def test_a_value_far_down_that_does_not_fit_is_named(bancada_home: Path, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", labelled(30_000) + "oops,a\n")

    with pytest.raises(CatalogError, match="row 30001: “oops” is not a number"):
        store(path)


def test_a_broken_image_in_a_parquet_file_is_found_before_training_does(bancada_home: Path, tmp_path: Path) -> None:
    images: list[bytes | None] = [picture(number) for number in range(20)]
    for bad, words in ((b"\x89PNG..", "row 20: the image cannot be read"), (None, "row 20: there is no image")):
        table = pa.table({"image": [*images[:-1], bad], "label": ["a", "b"] * 10})
        pq.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(CatalogError, match=words):
            store(tmp_path / "a.parquet")


def test_a_full_disk_is_said_and_leaves_nothing(
    bancada_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(register, "write_parquet", full)

    with pytest.raises(CatalogError, match="is full"):
        store(write(tmp_path, "a.csv", labelled()))
    assert not [*(data_folder() / "incoming").iterdir()]


@pytest.mark.parametrize("name", ["", "Über", "../evil", "a b", "-x", "a" * 101, "a@1", "a/b"])
def test_names_that_cannot_be(registered: Registering, tmp_path: Path, name: str) -> None:
    with pytest.raises(CatalogError) as caught:
        registered(write(tmp_path, "a.csv", labelled()), name)
    assert caught.value.field == "name"


def test_another_kind_of_data_needs_another_name(registered: Registering, tmp_path: Path) -> None:
    registered(write(tmp_path, "a.csv", labelled()))

    with pytest.raises(CatalogError, match="another name") as caught:
        registered(zipped(tmp_path, pictures()))
    assert caught.value.field == "name"


def test_images_are_stored_as_they_came(registered: Registering, tmp_path: Path) -> None:
    files = pictures()
    registered(zipped(tmp_path, files), "animals")

    version = open_version("animals")

    assert version.kind == "images"
    assert version.first_rows(20).column("image").to_pylist() == list(files.values())


# Versions.


@pytest.mark.parametrize("ref", ["things@9", "none", "../things", "things@x", ""])
def test_references_to_nothing(registered: Registering, tmp_path: Path, ref: str) -> None:
    registered(write(tmp_path, "a.csv", labelled()))

    with pytest.raises(VersionNotFound) as caught:
        open_version(ref)
    assert caught.value.field == "dataset"


def test_broken_contents_are_said_plainly(registered: Registering, tmp_path: Path) -> None:
    registered(write(tmp_path, "a.csv", labelled()))
    version = open_version("things")

    version.path.write_bytes(b"PAR1 broken")
    with pytest.raises(CatalogError, match="is broken"):
        version.table("train")
    version.path.unlink()
    with pytest.raises(CatalogError, match="is missing"):
        version.rows([0])
    with pytest.raises(CatalogError, match="There is no column “none”"):
        version.table("train", ["none"])
    (version.path.parent / version.split_file).unlink()
    with pytest.raises(CatalogError, match="The split of things@1 cannot be read"):
        open_version("things").ids("train")
    version_path("things", 1).write_text("{}", encoding="utf-8")
    with pytest.raises(CatalogError, match="register the data again"):
        open_version("things")


def test_rows_of_many_groups_come_in_order(
    bancada_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr("catalog.writer.GROUP_ROWS", 7)
    with database.writing() as session:
        register.register(session, write(tmp_path, "a.csv", labelled(100)), name="things", sheet={})
    version = open_version("things")

    for split in SPLITS:
        assert version.table(split).column("x").to_pylist() == [number + 0.5 for number in version.ids(split)]
    assert version.table("test", ["x"]).num_rows == version.split_counts["test"]


# Corrections of what is registered.


def corrected(session: Session, schema: Schema | None = None, split: SplitPlan | None = None) -> Any:
    version = open_version("things")
    plan = split or SplitPlan("stratified", column=version.schema.target)
    return publish(session, derive(version, schema or version.schema, plan), name="things", sheet={}, who="ana")


def test_a_new_split_of_a_version_stores_no_content_twice(
    registered: Registering, tmp_path: Path, database: Database
) -> None:
    first = registered(write(tmp_path, "a.csv", labelled(100)))
    with database.writing() as session:
        second = corrected(session, split=SplitPlan("random", (0.8, 0.1, 0.1), 5))
        assert datasets.get(session, "things").sheet == SHEET

    assert (second.number, second.content_hash) == (2, first.content_hash)
    assert open_version("things").split_counts["train"] == 80


def typed(schema: Schema, **types: str) -> Schema:
    columns = tuple(Column(column.name, types.get(column.name, column.type), column.role) for column in schema.columns)
    return Schema(columns, schema.task, schema.target)


def test_a_corrected_type_of_a_version_is_another_content(
    registered: Registering, tmp_path: Path, database: Database
) -> None:
    text = "zip,when,label\n" + "".join(f"{1000 + n % 5},{1 + n % 28}/12/2024,{'ab'[n % 2]}\n" for n in range(60))
    path = write(tmp_path, "a.csv", text)
    first = registered(path, schema=typed(preview(path).schema, when="category"))
    with database.writing() as session:
        second = corrected(session, typed(open_version("things").schema, zip="category", when="date"))

    assert (second.number, second.content_hash == first.content_hash) == (2, False)
    version = open_version("things")
    assert version.schema.column("when").format == "%d/%m/%Y"
    row = version.first_rows(1).to_pylist()[0]
    assert (row["zip"], row["when"].month) == ("1000", 12)


def test_a_correction_that_does_not_fit_changes_nothing(
    registered: Registering, tmp_path: Path, database: Database
) -> None:
    registered(write(tmp_path, "a.csv", labelled()))
    schema = Schema((Column("x", "category"), Column("label", "number", "target")), "regression", "label")

    with database.writing() as session, pytest.raises(CatalogError, match="“a” is not a number"):
        corrected(session, schema)
    assert version_numbers("things") == [1]


# What the target looks like.


def test_the_balance_counts_every_row_once(registered: Registering, tmp_path: Path) -> None:
    registered(write(tmp_path, "a.csv", labelled(100, "aab")))
    balance = class_balance(open_version("things"))

    assert balance.classes == ("a", "b")
    assert {split: sum(counts) for split, counts in balance.counts.items()} == open_version("things").split_counts
    assert sum(counts[0] for counts in balance.counts.values()) == 67


def test_the_spread_of_a_number(registered: Registering, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "x,price\n" + "".join(f"{n},{n}.5\n" for n in range(100)))
    registered(path, split=SplitPlan("random", (0.8, 0.0, 0.2)))
    spread = target_spread(open_version("things"))

    assert sum(map(sum, spread.counts.values())) == 100
    assert (spread.edges[0], spread.edges[-1]) == (0.5, 99.5)
    assert np.isnan(spread.mean["validation"])
    assert 0.5 < spread.mean["train"] < 99.5


# Removal.


def test_removal_frees_what_nobody_else_uses(registered: Registering, tmp_path: Path) -> None:
    shared = write(tmp_path, "a.csv", labelled(40))
    registered(shared)
    registered(shared, "others")
    own = registered(write(tmp_path, "b.csv", labelled(5000)))

    expected = bytes_to_free("things")
    assert expected > own.size_bytes
    assert remove_content("things") == expected

    assert version_numbers("things") == []
    assert not objects.object_folder(own.content_hash).exists()
    assert open_version("others").table("train").num_rows == 28
    assert bytes_to_free("things") == 0


def test_a_killed_registration_is_swept_a_day_later(bancada_home: Path) -> None:
    left = data_folder() / "incoming" / "1-dead"
    left.mkdir(parents=True)
    (left / "data.parquet").write_bytes(b"half")
    with objects.incoming():
        assert left.exists()
    os.utime(left, (0, 0))
    with objects.incoming():
        assert not left.exists()


def test_a_small_file_is_written_whole(bancada_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data_folder() / "versions" / "a@1.json"
    objects.write_json(path, {"one": 1})

    def broken(*_: object, **__: object) -> str:
        raise io.UnsupportedOperation("stopped in the middle")

    monkeypatch.setattr(json, "dumps", broken)
    with pytest.raises(io.UnsupportedOperation):
        objects.write_json(path, {"two": 2})
    assert json.loads(path.read_text(encoding="utf-8")) == {"one": 1}
