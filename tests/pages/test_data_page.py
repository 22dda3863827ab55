"""Data: the list, registering step by step, what is refused and where, deleting and bringing back."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from catalog import fetch
from catalog.errors import CatalogError
from catalog.fetch import vader_table, write_sample
from catalog.register import register
from catalog.samples import SAMPLES, load_sample
from catalog.schema import Column, Schema
from catalog.versions import open_version, version_numbers
from db import datasets, runs
from db.engine import Database
from db.home import data_folder
from pages.parts import data_register, samples, samples_loading
from pages.parts.data_schema import SchemaEdit
from pages.parts.data_upload import dataset_name, safe_name
from tests.catalog.makers import labelled, pictures, write, zipped
from tests.pages.conftest import OpenPage, texts
from tests.pages.descriptions import DATA, MODEL

FETCHED = [one.key for one in SAMPLES if one.is_fetched]
SENTENCES = "".join(f"{n}\t{1.0 if n % 2 else -1.0}\tsentence {n}\n" for n in range(40))


def settled(at: AppTest, *names: str) -> AppTest:
    """Run the page until the work in a thread is done and shown; what a browser does by itself every half second."""
    end = time.monotonic() + 30
    while any(name in at.session_state for name in names):
        assert time.monotonic() < end, f"still at work: {names}"
        for name in names:
            if name in at.session_state:
                at.session_state[name].wait(5)
        at.run()
    return at


def look_at(at: AppTest, path: Path | str) -> AppTest:
    at.segmented_control(key="new.way").set_value("path").run()
    at.text_input(key="new.path").set_value(str(path))
    next(button for button in at.button if button.label == "Look at it").click().run()
    return settled(at, "data.look")


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    at.file_uploader[0].upload(name, content, "application/octet-stream").run()
    return settled(at, "data.look")


def press_register(at: AppTest) -> AppTest:
    at.button(key="new.register").click().run()
    return settled(at, "data.store")


def field(at: AppTest, group: str, ending: str) -> Any:
    return next(widget for widget in getattr(at, group) if str(widget.key).endswith(ending))


def registered(database: Database) -> list[str]:
    with database.reading() as session:
        return [row.name for row in datasets.every(session)]


def store(database: Database, path: Path, name: str = "things", **options: Any) -> None:
    with database.writing() as session:
        register(session, path, name=name, sheet={"title": f"My {name}"}, **options)
    st.cache_data.clear()


# The list.


def test_an_empty_catalog_offers_samples_and_registering(open_page: OpenPage) -> None:
    at = open_page("data")

    assert not at.exception
    assert "Nothing is registered yet" in texts(at)
    assert at.button(key="data.new")


def test_a_line_tells_what_a_dataset_is_and_leads_to_it(
    open_page: OpenPage, database: Database, tmp_path: Path
) -> None:
    store(database, write(tmp_path, "a.csv", labelled(60)), "old")
    store(database, write(tmp_path, "b.csv", labelled(40, "abc")), "things")
    config: dict[str, Any] = {"model": {"class_path": MODEL}, "data": {"class_path": DATA}}
    with database.writing() as session:
        for reference in ("things@1", "things@2", "things-more@1"):
            runs.create(session, name="a", config=config, dataset=reference)
    at = open_page("data")

    assert not at.exception
    words = texts(at)
    assert "version 1 · 40 rows" in words
    assert "predicts label, 3 classes" in words
    assert "2 runs" in words
    assert "not used yet" in words
    links = [link.proto.query_string for link in at.page_link]
    assert links.index("name=things") < links.index("name=old")
    assert "dataset=things" in links


def test_many_datasets_can_be_filtered_by_a_link(open_page: OpenPage, database: Database, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", labelled())
    for number in range(9):
        store(database, path, f"set-{number}")
    at = open_page("data", find_data="my set-3 table")

    assert [link.label for link in at.page_link if "set" in link.label] == ["**set\\-3**"]


# Registering.


def test_from_an_upload_to_a_version(open_page: OpenPage, database: Database) -> None:
    at = upload(open_page("data", new="1"), "Minhas Opiniões.csv", labelled(60).encode())

    assert not at.exception
    assert "60 rows · 2 columns" in texts(at)
    assert field(at, "text_input", ".name").value == "minhas-opinioes"
    field(at, "text_input", ".licence").set_value("CC0")
    field(at, "text_input", ".note").set_value("first")
    field(at, "text_area", ".origin").set_value("  made up ")
    press_register(at)

    assert not at.exception
    with database.reading() as session:
        row = datasets.resolve(session, "minhas-opinioes")
        assert datasets.get(session, row.name).sheet == {"licence": "CC0", "origin": "made up"}
    assert (row.row_count, row.note) == (60, "first")
    assert at.query_params == {"name": "minhas-opinioes"}
    assert list((data_folder() / "incoming").iterdir()) == []


def test_from_a_folder_of_images_on_the_server(open_page: OpenPage, database: Database, tmp_path: Path) -> None:
    for name, content in pictures().items():
        write(tmp_path / "Animals", name, content)
    at = look_at(open_page("data", new="1"), tmp_path / "Animals")

    assert "Image folder" in texts(at)
    assert len(at.get("image")) == 12
    press_register(at)
    assert open_version("animals").kind == "images"


def test_everything_guessed_can_be_corrected(open_page: OpenPage, database: Database, tmp_path: Path) -> None:
    text = "day,price,part,label\n" + "".join(
        f"2024-{1 + n // 28:02d}-{1 + n % 28:02d},{n}.5,{'train' if n < 70 else 'test'},{'ab'[n % 2]}\n"
        for n in range(100)
    )
    at = look_at(open_page("data", new="1"), write(tmp_path, "shop.csv", text))
    field(at, "selectbox", ".target").set_value("price").run()
    assert field(at, "selectbox", ".task").value == "regression"
    assert field(at, "segmented_control", ".method").value == "random"

    field(at, "segmented_control", ".method").set_value("time").run()
    field(at, "selectbox", ".time_column").set_value("day").run()
    field(at, "number_input", ".validation").set_value(20).run()
    field(at, "number_input", ".test").set_value(10).run()
    press_register(at)

    version = open_version("shop")
    assert (version.schema.target, version.schema.task) == ("price", "regression")
    assert version.split_counts == {"train": 70, "validation": 20, "test": 10}
    assert version.table("test").column("price").to_pylist() == [n + 0.5 for n in range(90, 100)]


def test_the_table_of_columns_corrects_types_and_use(monkeypatch: pytest.MonkeyPatch) -> None:
    start = Schema((Column("zip", "number"), Column("x", "number"), Column("y", "category", "target")), "binary", "y")
    edit = SchemaEdit("edit", start, pa.table({"zip": ["1000"], "x": ["1"], "y": ["a"]}))
    edit.values["shown"] = [{"column": column.name, "type": column.type, "used": True} for column in start.columns]
    changed = {0: {"type": "category"}, 1: {"used": False}}
    monkeypatch.setattr(st, "session_state", {"edit.columns": {"edited_rows": changed}})

    edit.collect()

    assert [(column.name, column.type, column.role) for column in edit.schema().columns] == [
        ("zip", "category", "feature"), ("x", "number", "ignore"), ("y", "category", "target"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x,x\n1,2\n", "two columns of the same name"),
        ("a.csv", b"x,y\n1,2,3\n", "another number of fields"),
        ("a.csv", bytes(range(256)), "not a text file"),
        ("a.jsonl", b"{oops", "is not JSON"),
        ("a.parquet", b"PAR1", "is no Parquet file"),
        ("a.zip", b"PK..", "is no zip file"),
    ],
)
def test_what_cannot_be_read_is_said_at_the_source(open_page: OpenPage, name: str, content: bytes, words: str) -> None:
    at = upload(open_page("data", new="1"), name, content)

    assert not at.exception
    assert words in texts(at)
    assert len(at.file_uploader) == 1
    assert list((data_folder() / "incoming").iterdir()) == []


def test_a_zip_that_means_harm_is_refused(open_page: OpenPage, tmp_path: Path) -> None:
    outside = zipped(tmp_path, pictures() | {"../../evil.png": b"x"})

    assert "points outside the archive" in texts(look_at(open_page("data", new="1"), outside))


@pytest.mark.parametrize(("path", "words"), [("", "the whole path"), ("a.csv", "the whole path"), ("/none", "no file")])
def test_paths_that_lead_nowhere(open_page: OpenPage, path: str, words: str) -> None:
    assert words in texts(look_at(open_page("data", new="1"), path))


def test_a_refused_registration_keeps_everything_and_says_why_at_its_field(
    open_page: OpenPage, database: Database, tmp_path: Path
) -> None:
    at = look_at(open_page("data", new="1"), write(tmp_path, "a.csv", labelled(40) + "1.5,c\n"))
    field(at, "text_input", ".name").set_value("mine")
    field(at, "text_area", ".origin").set_value("long work")
    press_register(at)

    assert "The class “c” has one example (row 41)" in texts(at)
    assert registered(database) == []
    assert field(at, "text_area", ".origin").value == "long work"

    field(at, "segmented_control", ".method").set_value("random").run()
    assert "has one example" not in texts(at)
    press_register(at)
    assert registered(database) == ["mine"]


def test_faults_are_marked_while_typing_and_nothing_is_stored_with_one(
    open_page: OpenPage, database: Database, tmp_path: Path
) -> None:
    at = look_at(open_page("data", new="1"), write(tmp_path, "a.csv", labelled()))
    field(at, "text_input", ".name").set_value("Not Good").run()
    field(at, "segmented_control", ".method").set_value("time").run()
    field(at, "selectbox", ".task").set_value("regression").run()

    words = texts(at)
    assert "cannot be a dataset's name" in words
    assert "needs the name of its column" in words
    assert "“a” is not a number" in words
    assert "3 to correct" in words
    press_register(at)
    assert registered(database) == []


def test_a_draft_waits_while_one_looks_elsewhere(open_page: OpenPage, database: Database, tmp_path: Path) -> None:
    at = look_at(open_page("data", new="1"), write(tmp_path, "a.csv", labelled()))
    field(at, "text_input", ".name").set_value("kept").run()
    at.switch_page("settings.py").run()
    at.switch_page("data.py")
    at.query_params.clear()
    at.run()
    assert "You were registering **a.csv**" in texts(at)

    at.button(key="data.go_on").click().run()
    assert field(at, "text_input", ".name").value == "kept"
    at.button(key="new.leave").click().run()
    assert "data.draft" not in at.session_state


def test_storing_goes_on_while_one_looks_elsewhere(
    open_page: OpenPage, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, real = threading.Event(), data_register.register

    def slow(*arguments: Any) -> Any:
        arguments[-1](0.5, "half of it")
        assert go_on.wait(30)
        return real(*arguments)

    monkeypatch.setattr(data_register, "register", slow)
    at = look_at(open_page("data", new="1"), write(tmp_path, "a.csv", labelled()))
    at.button(key="new.register").click().run()
    assert "It goes on when you leave this page" in " ".join(info.value for info in at.info)

    at.button(key="data.back").click().run()
    [bar] = at.get("progress")
    assert "half of it" in bar.proto.text
    go_on.set()
    settled(at, "data.store")
    assert registered(database) == ["a"]
    assert "name=a" in [link.proto.query_string for link in at.page_link]


def test_a_known_name_makes_the_next_version_and_keeps_the_sheet(
    open_page: OpenPage, database: Database, tmp_path: Path
) -> None:
    store(database, write(tmp_path, "a.csv", labelled(40)))
    at = look_at(open_page("data", new="1", name="things"), write(tmp_path, "b.csv", labelled(60)))
    assert "this becomes its version 2" in texts(at)
    press_register(at)

    with database.reading() as session:
        assert datasets.resolve(session, "things").number == 2
        assert datasets.get(session, "things").sheet == {"title": "My things"}


def test_a_name_of_another_kind_of_data_is_refused_before_storing(
    open_page: OpenPage, database: Database, tmp_path: Path
) -> None:
    store(database, write(tmp_path, "a.csv", labelled(40)))
    at = look_at(open_page("data", new="1", name="things"), zipped(tmp_path, pictures()))

    assert "holds table, and this is images" in texts(at)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Ação 2.csv", "acao-2"),
        ("日本.csv", "data"),
        ("a" * 300 + ".csv", "a" * 100),
        ("x.tar.gz", "x"),
        ("...", "data"),
    ],
)
def test_a_name_is_made_of_the_files(name: str, made: str) -> None:
    assert dataset_name(name) == made


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd"), ("..\\x.csv", "x.csv"), ("", "upload"), ("a/b\0c.csv", "b_c.csv"), (".x", "x")],
)
def test_an_uploads_name_is_not_trusted(name: str, kept: str) -> None:
    assert safe_name(name) == kept
    assert len(safe_name("a" * 500 + ".csv")) <= 120


# Deleting, and back.


def test_what_was_deleted_can_come_back(open_page: OpenPage, database: Database, tmp_path: Path) -> None:
    store(database, write(tmp_path, "a.csv", labelled()))
    with database.writing() as session:
        datasets.delete(session, "things", "ana")
    st.cache_data.clear()
    at = open_page("data")
    assert "deleted just now by ana" in texts(at)

    at.button(key="restore.things").click().run()
    assert registered(database) == ["things"]
    assert not at.exception


def test_disk_space_is_freed_only_after_saying_what_it_takes(
    open_page: OpenPage, database: Database, tmp_path: Path
) -> None:
    store(database, write(tmp_path, "a.csv", labelled()))
    with database.writing() as session:
        datasets.delete(session, "things", "ana")
    at = open_page("data")
    at.button(key="free.things").click().run()
    assert "Runs keep their record" in texts(at)
    assert version_numbers("things") == [1]

    at.button(key="free_yes").click().run()
    assert version_numbers("things") == []
    assert "Deleted" not in " ".join(expander.label for expander in open_page("data").expander)


# Samples, on this page and on Home.


def samples_label(at: AppTest) -> str:
    return next(expander.label for expander in at.expander if "Sample data" in expander.label)


@pytest.mark.parametrize("page", ["home", "data"])
def test_samples_are_shown_with_licence_and_state(open_page: OpenPage, page: str) -> None:
    at = open_page(page)

    assert not at.exception
    assert samples_label(at) == "Sample data · 0 of 11 loaded, 4 not on this machine"
    assert "CC BY 4.0" in texts(at)
    assert "fetched from the Python package index" in texts(at)
    assert {str(button.key) for button in at.button} >= {"sample.iris", "samples.fetch"}
    assert f"sample.{FETCHED[0]}" not in {str(button.key) for button in at.button}


def test_a_sample_is_loaded_with_one_press(open_page: OpenPage, database: Database) -> None:
    at = open_page("home")
    at.button(key="sample.iris").click().run()
    settled(at, "samples.work")

    assert not at.exception
    assert registered(database) == ["iris"]
    assert "name=iris" in [link.proto.query_string for link in at.page_link]
    assert samples_label(at).startswith("Sample data · 1 of 11 loaded")


def test_loading_shows_how_far_it_is_and_the_page_stays_alive(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(key: str, progress: Callable[[float, str], None]) -> None:
        progress(0.5, "half of it")
        assert go_on.wait(30)

    monkeypatch.setattr(samples, "load_one", slow)
    at = open_page("data")
    at.button(key="sample.iris").click().run()

    [bar] = at.get("progress")
    assert bar.proto.value == 50
    assert "half of it" in bar.proto.text
    assert at.button(key="sample.wine").disabled
    go_on.set()
    assert not settled(at, "samples.work").exception


def test_without_a_network_fetching_says_so_and_can_be_tried_again(
    open_page: OpenPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> Path:
        raise CatalogError("The package index cannot be reached, so it was not downloaded. Try again later.")

    monkeypatch.setattr(fetch, "download", unreachable)
    at = open_page("home")
    at.button(key="samples.fetch").click().run()
    settled(at, "samples.work")
    assert "cannot be reached" in texts(at)

    for key in FETCHED:
        write_sample(key, vader_table(SENTENCES))
    st.cache_data.clear()
    at.run()
    assert "samples.fetch" not in {str(button.key) for button in at.button}
    at.button(key=f"sample.{FETCHED[0]}").click().run()
    settled(at, "samples.work")
    assert registered(database) == [FETCHED[0]]


def test_loaded_samples_fold_away(open_page: OpenPage, database: Database) -> None:
    assert next(e for e in open_page("home").expander if "Sample" in e.label).proto.expanded
    with database.writing() as session:
        load_sample(session, "iris")
    st.cache_data.clear()

    assert not next(e for e in open_page("home").expander if "Sample" in e.label).proto.expanded


def test_a_loaded_sample_is_not_loaded_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first = samples_loading.load_one("iris", lambda *_: None)
    monkeypatch.setattr(samples_loading, "store_sample", lambda *_: pytest.fail("stored again"))

    assert samples_loading.load_one("iris", lambda *_: None) == first
