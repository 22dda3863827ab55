"""The parts of the runs page that know no browser: the link, columns, cells, edits, acts and the file."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db import filters, progress, queue, runs
from db.engine import Database
from db.errors import BadValue, IllegalMove
from db.rows import RunRow
from db.states import Reason, RunState
from pages.parts import runs_acts, runs_edits
from pages.parts.runs_columns import columns_of, in_words, seconds_taken, standard, state_word, why
from pages.parts.runs_csv import write_csv
from pages.parts.runs_grid import grid, heading, next_sort, run_address
from pages.parts.runs_link import DEFAULT_SORT, Shelf, View, from_link, full_filter, to_link
from pages.parts.runs_read import read_listing, typo
from tests.pages.test_home_page import CONFIG, make_run


def link_of(view: View) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else value for name, value in to_link(view).items()}


VIEWS = [
    View(),
    View(query='status = failed and name ~ "a b"', page=3),
    View(states=(RunState.FAILED, RunState.LOST), tags=("a,b", "ü"), mine=True),
    View(shelf=Shelf.TRASH, sort="metric.val_loss.min", columns=("config.lr", "metric.val_loss")),
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_asks_for_the_view_that_it_was_made_from(view: View) -> None:
    assert from_link(link_of(view)) == view


def test_the_usual_view_has_no_parameters() -> None:
    assert to_link(View()) == {}


@pytest.mark.parametrize(
    "link",
    [
        {"page": ["0"]}, {"page": ["-3"]}, {"page": ["9" * 30]}, {"page": ["two"]}, {"page": ["²"]}, {"page": []},
        {"view": ["attic"]}, {"status": ["asleep"]}, {"tag": [""]}, {"mine": ["perhaps"]}, {"other": ["x"]},
    ],
)  # fmt: skip
def test_what_makes_no_sense_in_a_link_is_left_out(link: dict[str, list[str]]) -> None:
    assert from_link(link) == View()


def test_all_that_narrows_a_view_becomes_one_filter() -> None:
    view = View(query="a or b", states=(RunState.FAILED, RunState.LOST), tags=('x "y"', "none"), mine=True)
    text = full_filter(view, "me")

    assert text.startswith("(a or b) and status in (failed, lost)")
    assert typo(text, ()) is None
    assert filters.parse(full_filter(View(), "me")) == filters.And(())


def run_row(**changes: Any) -> RunRow:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    known: dict[str, Any] = dict.fromkeys(RunRow.__dataclass_fields__)
    known |= {
        "id": 7, "name": "A run", "state": RunState.FINISHED, "stalled": False, "reason_text": "", "tags": (),
        "model_class": "a.b.Net", "launched_by": "me", "notes": "", "created_at": now, "attempt": 1, "step": 0,
        "epoch": 0.0, "phase": "", "folder_bytes": 0, "values": {},
    }  # fmt: skip
    return RunRow(**known | changes)


def test_the_duration_goes_on_while_a_run_is_worked_on_and_only_then() -> None:
    began = datetime(2026, 5, 1, tzinfo=UTC)
    later = began + timedelta(seconds=90)

    assert seconds_taken(run_row(started_at=began, state=RunState.RUNNING), later) == 90
    assert seconds_taken(run_row(started_at=began, ended_at=later)) == 90
    assert seconds_taken(run_row(started_at=began, state=RunState.QUEUED), later) is None
    assert seconds_taken(run_row(started_at=later, state=RunState.RUNNING), began) == 0


def test_states_and_reasons_in_words() -> None:
    assert state_word(run_row(state=RunState.RUNNING, stalled=True)) == "stalled"
    assert state_word(run_row(state=RunState.FAILED, stalled=True)) == "failed"
    assert why(run_row(reason=Reason.COMPLETED)) is None
    assert why(run_row(reason=Reason.OUT_OF_MEMORY)) == "out of memory"
    assert why(run_row(state=RunState.RUNNING, stop_kind="pause", stop_requested_at=datetime.now(UTC))) == "pausing"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, None), (0.123456, "0.1235"), (3.0, "3"), (1e-5, "1e-05"), (True, "True"), (64, "64"), ("adam", "adam"),
        (float("nan"), "nan"), (float("inf"), "inf"), (1e300, "1e+300"),
    ],
)  # fmt: skip
def test_values_of_configs_and_metrics_as_cells(value: Any, words: str | None) -> None:
    assert in_words(value) == words


def test_the_usual_columns_take_the_validation_metrics_that_exist() -> None:
    assert "metric.val_loss" in standard(["metric.val_loss", "config.lr"])
    assert not [name for name in standard([]) if name.startswith("metric.")]


def test_a_header_sorts_large_first_then_small_first_and_texts_from_a() -> None:
    assert next_sort("metric.val_loss", DEFAULT_SORT) == "-metric.val_loss"
    assert next_sort("metric.val_loss", "-metric.val_loss") == "metric.val_loss"
    assert next_sort("name", DEFAULT_SORT) == "name"
    assert next_sort("tags", DEFAULT_SORT) == DEFAULT_SORT
    [column] = [column for column in columns_of((), progress=False) if column.name == "name"]
    assert heading(column, "-name") == "Name ↓"


def test_a_name_leads_to_its_run_and_stays_a_name() -> None:
    assert run_address(7, "50% *x* #1/ü") == "run?id=7#50%25%20%2Ax%2A%20%231%2F%C3%BC"


def test_the_grid_has_a_typed_cell_for_every_run_and_column() -> None:
    columns = columns_of(("created_at", "tags", "notes", "config.lr"), progress=True)
    rows = [
        run_row(tags=("a", "b"), notes="x" * 1000, values={"config.lr": 0.1}),
        run_row(id=8, state=RunState.RUNNING, step=5, total_steps=10),
    ]
    table = grid(rows, columns, links=True)

    assert table.column_names == ["id", "name", "state", "progress", "created_at", "tags", "notes", "config.lr"]
    assert table["progress"].to_pylist() == [None, 0.5]
    assert table["state"].to_pylist() == [["finished"], ["running"]]
    assert table["config.lr"].to_pylist() == ["0.1", None]
    assert len(table["notes"][0].as_py()) == 300
    assert len(grid(rows, columns, links=False)["notes"][0].as_py()) == 1000


def one(database: Database, run_id: int) -> RunRow:
    with database.reading() as session:
        return runs.get(session, run_id)


def test_an_edit_writes_only_what_changed(database: Database) -> None:
    run_id = make_run(database)
    before = one(database, run_id)
    with database.writing() as session:
        assert runs_edits.write(session, before, {"name": before.name, "tags": ["b", " a ", "a"]}, "me") == ["tags"]
    assert one(database, run_id).tags == ("a", "b")

    with database.writing() as session:
        assert runs_edits.write(session, before, {"tags": ["a", "b"]}, "me") == []


def test_an_edit_never_writes_over_somebody_elses(database: Database) -> None:
    run_id = make_run(database)
    before = one(database, run_id)
    with database.writing() as session:
        runs.set_notes(session, run_id, "theirs", "she")
    with database.writing() as session, pytest.raises(IllegalMove, match="meanwhile"):
        runs_edits.write(session, before, {"notes": "mine"}, "me")
    with database.writing() as session:
        assert runs_edits.write(session, before, {"name": "Another field is free"}, "me") == ["name"]

    assert one(database, run_id).notes == "theirs"


def test_a_run_keeps_its_name_rather_than_none(database: Database) -> None:
    run_id = make_run(database)
    with database.writing() as session, pytest.raises(BadValue):
        runs_edits.write(session, one(database, run_id), {"name": "  "}, "me")


def test_acts_leave_alone_what_they_do_not_fit(database: Database) -> None:
    running, finished = (make_run(database, state=state) for state in (RunState.RUNNING, RunState.FINISHED))
    both = [running, finished]
    with database.writing() as session:
        assert runs_acts.end(session, Shelf.RUNS, both, "me", pause=False).ids == (running,)
        assert runs_acts.resume(session, Shelf.RUNS, both, "me").ids == ()
        assert runs_acts.archive(session, Shelf.RUNS, both, "me").ids == (finished,)
        again = runs_acts.archive(session, Shelf.RUNS, [finished], "me")
        assert again.ids == ()
        assert "No run was archived" in again.said
        assert runs_acts.unarchive(session, Shelf.ARCHIVED, [finished], "me").ids == (finished,)


def test_a_delete_says_what_it_frees_and_what_blocks_it(database: Database) -> None:
    running, queued, failed = (
        make_run(database, state=s) for s in (RunState.RUNNING, RunState.QUEUED, RunState.FAILED)
    )
    with database.writing() as session:
        progress.set_folder_bytes(session, failed, 5_000)
        plan = runs_acts.plan_delete(session, Shelf.RUNS, [running, queued, failed, 999])
        assert plan.free == (queued, failed)
        assert [run.id for run in plan.blocking] == [running]
        assert plan.size_bytes == 5_000

        assert runs_acts.delete(session, Shelf.RUNS, [running, queued, failed], "me").ids == (queued, failed)
        assert runs_acts.delete(session, Shelf.RUNS, [queued], "me").ids == ()
        assert runs_acts.restore(session, Shelf.TRASH, [queued, failed], "me").ids == (queued, failed)


def test_only_what_lies_in_the_trash_is_deleted_for_good(database: Database, bancada_home: Path) -> None:
    kept, doomed = make_run(database), make_run(database)
    folder = bancada_home / "runs" / str(doomed)
    folder.mkdir(parents=True)
    with database.writing() as session:
        runs_acts.delete(session, Shelf.RUNS, [doomed], "me")
        assert runs_acts.purge(session, [kept, doomed]).ids == (doomed,)

    assert not folder.exists()
    with database.reading() as session:
        assert runs.matching_ids(session, "") == [kept]


def test_a_page_behind_the_last_one_shows_the_last_one(database: Database) -> None:
    for number in range(3):
        make_run(database, f"Run {number}")
    with database.reading() as session:
        listing = read_listing(session, View(page=9), "me", "", [])

    assert (listing.view.page, len(listing.rows), listing.pages) == (1, 3, 1)


def test_an_order_that_does_not_exist_is_told(database: Database) -> None:
    make_run(database)
    with database.reading() as session:
        listing = read_listing(session, View(sort="-shoe_size"), "me", "", [])

    assert "shoe_size" in listing.notice
    assert len(listing.rows) == 1


def test_the_file_has_every_run_exactly(database: Database) -> None:
    with database.writing() as session:
        for number in range(5):
            runs.create(session, name=f"=1+{number}, “ü”", config=CONFIG, tags=["a", "b"])
    view = View(sort="id")
    text = write_csv(view, "", columns_of(("tags", "created_at", "config.dataset"), progress=False)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert len(rows) == 5
    assert rows[0]["name"] == "'=1+0, “ü”"
    assert rows[0]["tags"] == "a, b"
    assert rows[0]["config.dataset"] == "x@1"
    assert datetime.fromisoformat(rows[0]["created_at"]).tzinfo is not None
    assert len(list(csv.reader(io.StringIO(write_csv(view, "", columns_of((), progress=False), 2).decode())))) == 3


def test_a_filtered_file_has_only_what_matches(database: Database) -> None:
    kept = make_run(database, "kept")
    make_run(database, "other")
    with database.writing() as session:
        queue.cancel(session, [kept], "me")
    columns = columns_of((), progress=False)

    assert len(write_csv(View(), "status = cancelled", columns).splitlines()) == 2
    assert len(write_csv(replace(View(), shelf=Shelf.TRASH), "", columns).splitlines()) == 1
