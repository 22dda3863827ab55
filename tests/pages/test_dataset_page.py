"""A dataset: its rows, columns, parts, sheet, versions and runs; correcting it, deleting it, and links to nothing."""

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from catalog.register import register
from catalog.splits import SplitPlan
from catalog.versions import open_version, version_numbers, version_path
from db import datasets, progress, queue, runs
from db.engine import Database
from db.states import Reason, RunState
from pages.parts.dataset_pictures import thumbnail
from tests.catalog.makers import labelled, picture, pictures, write, zipped
from tests.pages.conftest import OpenPage, texts
from tests.pages.descriptions import DATA, MODEL

Store = Callable[..., None]
SHEET = {
    "title": "My *things*",
    "licence": "CC0",
    "origin": "made up",
    "reference": "a line reaches 0.7",
    "sample": "x",
}


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    """``store(content)`` registers a CSV, or a path, as the next version of ``things``."""

    def _store(content: str | Path, **options: Any) -> None:
        path = write(tmp_path, "a.csv", content) if isinstance(content, str) else content
        with database.writing() as session:
            register(session, path, name="things", sheet=SHEET, who="ana", **options)
        st.cache_data.clear()

    return _store


def settled(at: AppTest) -> AppTest:
    """Run the page until the correction is stored and shown."""
    end = time.monotonic() + 30
    while "correct.work" in at.session_state:
        assert time.monotonic() < end
        at.session_state["correct.work"].wait(5)
        at.run()
    return at


def field(at: AppTest, group: str, ending: str) -> Any:
    return next(widget for widget in getattr(at, group) if str(widget.key).endswith(ending))


def make_run(database: Database, reference: str, name: str = "A run", state: RunState | None = None) -> int:
    config: dict[str, Any] = {"model": {"class_path": MODEL}, "data": {"class_path": DATA}}
    with database.writing() as session:
        run_id = runs.create(session, name=name, config=config, dataset=reference)
        if state is not None:
            queue.claim(session, run_id, "here", ["cpu"])
            progress.check_in(session, run_id, step=1, epoch=0.1, total_steps=9, max_epochs=1, samples_per_second=1.0,
                              phase="fit", next_check_in_seconds=5)  # fmt: skip
            if state.ended:
                progress.end(session, run_id, state, Reason.COMPLETED)
    return run_id


@pytest.mark.parametrize("link", [{}, {"name": "none"}, {"name": "../../etc"}, {"name": "x" * 500}])
def test_links_to_nothing_say_so_and_lead_on(open_page: OpenPage, store: Store, link: dict[str, str]) -> None:
    store(labelled())
    at = open_page("dataset", **link)

    assert not at.exception
    assert "There is no such dataset" in texts(at)
    assert "name=things" in [shown.proto.query_string for shown in at.page_link]


def test_the_head_says_what_it_is(open_page: OpenPage, store: Store) -> None:
    store(labelled(60))
    at = open_page("dataset", name="things")

    assert not at.exception
    assert at.title[0].value == "My \\*things\\*"
    assert "`things@1`" in texts(at)
    assert "a line reaches 0.7" in texts(at)
    metrics = {metric.label: metric.value for metric in at.metric}
    assert (metrics["Rows"], metrics["Features"], metrics["Predicts"]) == ("60", "1", "2 classes")


def test_an_older_version_is_shown_by_its_link(open_page: OpenPage, store: Store) -> None:
    store(labelled(40))
    store(labelled(60))
    at = open_page("dataset", name="things", version="1")
    assert "This is version 1; the newest is 2" in " ".join(info.value for info in at.info)
    assert next(metric for metric in at.metric if metric.label == "Rows").value == "40"

    at = open_page("dataset", name="things", version="9")
    assert "has no version 9" in texts(at)
    assert next(metric for metric in at.metric if metric.label == "Rows").value == "60"


def test_rows_of_a_table_by_part_and_page(open_page: OpenPage, store: Store) -> None:
    store(labelled(1000), split=SplitPlan("random", (0.7, 0.15, 0.15)))
    at = open_page("dataset", name="things", part="test")

    version = open_version("things")
    first = version.table("test").column("x").to_pylist()
    assert at.dataframe[0].value["x"].tolist() == first[:50]
    field(at, "number_input", ".test").set_value(3).run()
    assert at.dataframe[0].value["x"].tolist() == first[100:150]

    at.segmented_control(key="link.part").set_value("train").run()
    assert at.dataframe[0].value["x"].tolist() == version.table("train").column("x").to_pylist()[:50]
    assert "part" not in at.query_params


def test_texts_are_readable_whole_sentences_and_long_ones_are_cut(open_page: OpenPage, store: Store) -> None:
    rows = [f"a sentence with *stars* and number {n}" for n in range(60)]
    rows[0] = "word " * 2_000_000
    store("text,label\n" + "".join(f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(rows)))
    at = open_page("dataset", name="things", part=part_of_row(0))

    assert not at.exception
    assert "9,999,300 letters more" in texts(at).replace("9999300", "9,999,300")
    assert "a sentence with *stars* and number" in texts(at)
    assert len(texts(at)) < 20_000


def part_of_row(row: int) -> str:
    version = open_version("things")
    return next(part for part in ("train", "validation", "test") if row in version.ids(part))  # type: ignore[arg-type]


def test_images_are_pictures_of_several_classes(open_page: OpenPage, store: Store, tmp_path: Path) -> None:
    store(zipped(tmp_path, pictures(("cat", "dog", "owl"), each=60)))
    at = open_page("dataset", name="things")

    shown = at.get("image")
    assert len(shown) == 36
    captions = " ".join(str(element.proto) for element in shown)
    assert all(name in captions for name in ("cat", "dog", "owl"))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (500, 3), (900, 900)])
def test_every_image_has_a_small_picture(mode: str, size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    grey = np.linspace(0, 250, size[0] * size[1]).reshape(size[1], size[0])
    deep = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    image = (
        Image.fromarray(grey.astype(deep[mode]))
        if mode in deep
        else Image.fromarray(grey.astype("uint8")).convert(mode)
    )
    image.save(buffer, "tiff")

    small = Image.open(io.BytesIO(thumbnail(buffer.getvalue()) or b""))

    assert max(small.size) <= 128
    assert small.mode in ("L", "RGB", "RGBA")


def test_what_is_no_image_has_no_picture() -> None:
    assert thumbnail(b"hello") is None
    assert thumbnail(picture()[:30]) is None


def test_columns_with_what_was_counted(open_page: OpenPage, store: Store) -> None:
    store("when,city,label\n" + "".join(f"2024-01-{1 + n % 9:02d},{'' if n < 10 else 'L'},{'ab'[n % 2]}\n"
                                        for n in range(50)))  # fmt: skip
    at = open_page("dataset", name="things", view="Columns")

    table = at.dataframe[0].value.set_index("Column")
    assert table.loc["city", ["Type", "Use", "Missing", "Distinct"]].tolist() == ["category", "feature", 10, 1]
    assert table.loc["when", "Date format"] == "ISO 8601"
    assert table.loc["label", "Use"] == "target"


def test_parts_with_the_balance_of_classes(open_page: OpenPage, store: Store) -> None:
    store(labelled(100, "aaab"))
    at = open_page("dataset", name="things", view="Parts")

    assert not at.exception
    assert {m.label: m.value for m in at.metric}["Train"] == str(open_version("things").split_counts["train"])
    counts = at.dataframe[0].value.set_index("Class")
    assert counts.loc["a", "All"] == 75
    assert counts[["Train", "Validation", "Test"]].to_numpy().sum() == 100


def test_parts_with_the_spread_of_a_number(open_page: OpenPage, store: Store) -> None:
    store("x,price\n" + "".join(f"{n},{n * 1.5}\n" for n in range(100)))
    at = open_page("dataset", name="things", view="Parts")

    assert not at.exception
    assert "Spread of the target" in texts(at)


def test_the_sheet_is_edited_and_what_is_not_on_it_stays(open_page: OpenPage, store: Store, database: Database) -> None:
    store(labelled())
    at = open_page("dataset", name="things", view="Data sheet")
    assert "made up" in texts(at)

    at.button(key="sheet.edit").click().run()
    field(at, "text_input", ".licence").set_value("CC BY 4.0")
    field(at, "text_input", ".url").set_value("javascript:alert(1)")
    field(at, "text_area", ".origin").set_value(" ")
    at.button(key="sheet.save").click().run()

    assert not at.exception
    with database.reading() as session:
        sheet = datasets.get(session, "things").sheet
    assert (sheet["licence"], sheet["sample"], "origin" in sheet) == ("CC BY 4.0", "x", False)
    assert "](javascript" not in "".join(element.value for element in at.markdown)
    at.button(key="sheet.edit").click().run()
    assert field(at, "text_input", ".licence").value == "CC BY 4.0"
    at.button(key="sheet.leave").click().run()
    assert not at.text_input


def test_versions_with_note_hash_and_link(open_page: OpenPage, store: Store) -> None:
    store(labelled(40), note="the *first*")
    store(labelled(60))
    at = open_page("dataset", name="things", view="Versions")

    assert "the *first*" in texts(at)
    assert open_version("things@1").content_hash[:12] in texts(at)
    assert "name=things&version=1" in [link.proto.query_string for link in at.page_link]


def test_runs_that_used_any_version(open_page: OpenPage, store: Store, database: Database) -> None:
    store(labelled())
    first = make_run(database, "things@1", state=RunState.FINISHED)
    other = make_run(database, "things-too@1")
    at = open_page("dataset", name="things", view="Runs")

    links = [link.proto.query_string for link in at.page_link]
    assert f"id={first}" in links
    assert f"id={other}" not in links


def test_launching_with_it_names_an_older_version(open_page: OpenPage, store: Store, described: Database) -> None:
    store(labelled(40))
    store(labelled(60))
    at = open_page("dataset", name="things", version="1", view="Versions")
    at.button(key="launch").click().run()

    assert not at.exception
    assert at.query_params["dataset"] == "things@1"


# Correcting.


def test_a_corrected_split_is_the_next_version(open_page: OpenPage, store: Store) -> None:
    store(labelled(100))
    at = open_page("dataset", name="things", view="Correct")
    field(at, "segmented_control", ".method").set_value("random").run()
    field(at, "number_input", ".validation").set_value(30).run()
    field(at, "text_input", ".note").set_value("more validation")
    at.button(key="correct.store").click().run()
    settled(at)

    assert not at.exception
    assert at.query_params == {"name": "things", "version": "2", "view": "Versions"}
    assert open_version("things@2").split_counts == {"train": 55, "validation": 30, "test": 15}
    assert open_version("things@2").content_hash == open_version("things@1").content_hash
    assert "more validation" in texts(at)


def test_a_corrected_target_is_the_next_version(open_page: OpenPage, store: Store) -> None:
    store(labelled(100))
    at = open_page("dataset", name="things", view="Correct")
    field(at, "selectbox", ".target").set_value("x").run()
    at.button(key="correct.store").click().run()
    settled(at)

    version = open_version("things")
    assert (version.ref, version.schema.target, version.schema.task) == ("things@2", "x", "regression")


def test_a_correction_that_does_not_fit_says_why_at_its_field(open_page: OpenPage, store: Store) -> None:
    store(labelled(100))
    at = open_page("dataset", name="things", view="Correct")
    field(at, "selectbox", ".task").set_value("regression").run()
    at.button(key="correct.store").click().run()
    settled(at)

    assert not at.exception
    assert "“a” is not a number" in texts(at)
    assert field(at, "selectbox", ".task").value == "regression"
    assert version_numbers("things") == [1]


def test_a_split_as_it_is_stored_can_be_stored_again(open_page: OpenPage, store: Store) -> None:
    text = "part,x,label\n" + "".join(f"{('train', 'val', 'test')[n % 3]},{n},{'ab'[n % 2]}\n" for n in range(60))
    store(text, split=SplitPlan("column", column="part"))
    at = open_page("dataset", name="things", view="Correct")
    assert field(at, "selectbox", ".column_column").value == "part"
    at.button(key="correct.store").click().run()
    settled(at)

    assert not at.exception
    assert version_numbers("things") == [1]


# Deleting, and broken contents.


def test_deleting_says_what_it_takes_first(open_page: OpenPage, store: Store, database: Database) -> None:
    store(labelled(40))
    store(labelled(60))
    make_run(database, "things@1", state=RunState.FINISHED)
    make_run(database, "things@2", state=RunState.RUNNING)
    at = open_page("dataset", name="things")
    at.button(key="delete").click().run()
    words = texts(at)
    assert "2 versions" in words
    assert "2 runs used it and keep their record" in words
    assert "1 of them is being trained" in words

    at.button(key="delete_yes").click().run()
    with database.reading() as session:
        assert datasets.every(session) == []
    assert version_numbers("things") == [1, 2]

    at.switch_page("data.py").run()
    at.button(key="data.undo").click().run()
    with database.reading() as session:
        assert datasets.get(session, "things").version == 2


@pytest.mark.parametrize("view", ["Rows", "Columns", "Parts", "Versions", "Correct"])
def test_a_version_whose_rows_are_gone_says_so(open_page: OpenPage, store: Store, view: str) -> None:
    store(labelled())
    open_version("things").path.unlink()
    at = open_page("dataset", name="things", view=view)

    assert not at.exception
    if view in ("Rows", "Parts", "Correct"):
        assert "is missing" in texts(at)


def test_a_version_file_that_is_gone_says_so(open_page: OpenPage, store: Store) -> None:
    store(labelled())
    version_path("things", 1).unlink()
    for view in ("Rows", "Parts", "Correct"):
        at = open_page("dataset", name="things", view=view)
        assert not at.exception
        assert "cannot be read" in texts(at)
