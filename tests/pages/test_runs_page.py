"""Runs: filter, order, pages, columns, edits, acts on many, the trash with its undo, and the link of all that."""

import time
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db import progress, runs
from db.engine import Database
from db.rows import RunRow
from db.states import RunState
from pages.parts import runs_undo
from pages.parts.runs_link import PAGE_ROWS
from tests.pages.conftest import OpenPage, texts
from tests.pages.test_home_page import CONFIG, make_run


def make(database: Database, name: str, **facts: Any) -> int:
    with database.writing() as session:
        return runs.create(session, name=name, config=CONFIG, **facts)


def names(at: AppTest) -> list[str]:
    """The names in the table, as the links to the runs hold them."""
    if not at.dataframe:
        return []
    return [address.partition("#")[2].replace("%20", " ") for address in table(at)["name"]]


def table(at: AppTest) -> Any:
    return at.dataframe[0].value


def press(at: AppTest, key: str) -> AppTest:
    return at.button(key=key).click().run()


def choose(at: AppTest, *ids: int) -> AppTest:
    at.session_state["runs.chosen"] = frozenset(ids)
    return at.run()


def run_of(database: Database, run_id: int) -> RunRow:
    with database.reading() as session:
        return runs.get(session, run_id)


def ids_on(database: Database, **shelf: bool) -> list[int]:
    with database.reading() as session:
        return sorted(runs.matching_ids(session, "", **shelf))


def test_an_empty_database_leads_to_the_launch(open_page: OpenPage) -> None:
    at = open_page("runs")

    assert not at.exception
    assert "No runs yet" in texts(at)
    assert any(link.proto.page.endswith("launch") for link in at.page_link)
    assert not at.dataframe


def test_runs_are_listed_newest_first_with_their_links(open_page: OpenPage, database: Database) -> None:
    first, second = make(database, "first"), make(database, "second ☕ *x*")
    at = open_page("runs")

    assert not at.exception
    assert [address.split("#")[0] for address in table(at)["name"]] == [f"run?id={second}", f"run?id={first}"]
    assert "1–2 of 2" in texts(at)


def test_the_filter_box_filters_and_puts_the_filter_into_the_link(open_page: OpenPage, database: Database) -> None:
    make(database, "good", tags=["baseline"])
    make(database, "other")
    at = open_page("runs")
    at.text_input(key="runs.query").set_value("tag = baseline").run()

    assert names(at) == ["good"]
    assert at.query_params["query"] == "tag = baseline"
    assert names(open_page("runs", query="tag = baseline")) == ["good"]


def test_a_typo_is_explained_and_the_last_good_table_stays(open_page: OpenPage, database: Database) -> None:
    make(database, "kept")
    make(database, "other")
    at = open_page("runs", query="kept")
    at.text_input(key="runs.query").set_value("status = faled").run()

    assert not at.exception
    assert "Did you mean failed?" in texts(at)
    assert names(at) == ["kept"]
    at.text_input(key="runs.query").set_value("other").run()
    assert not at.error
    assert names(at) == ["other"]


@pytest.mark.parametrize(
    "query", ["(", "status =", "))) or", "metric. > 1", "'", "not " * 300, "a " * 1500, "💥 = 1", "\x00"]
)
def test_no_filter_breaks_the_page(open_page: OpenPage, database: Database, query: str) -> None:
    make(database, "kept")

    assert not open_page("runs", query=query).exception


def test_quick_filters_narrow_and_are_cleared_at_once(open_page: OpenPage, database: Database) -> None:
    failed = make_run(database, "broken", RunState.FAILED)
    make(database, "waiting", tags=["baseline"])
    at = open_page("runs")
    at.button_group(key="runs.status").set_value([RunState.FAILED]).run()
    assert names(at) == ["broken"]
    assert at.query_params["status"] == "failed"

    at.toggle(key="runs.mine").set_value(True).run()
    assert names(at) == []
    assert "No run matches the filter" in texts(at)

    press(at, "runs.clear_filter")
    assert names(at) == ["waiting", "broken"]
    assert "status" not in at.query_params
    assert names(open_page("runs", tag="baseline")) == ["waiting"]
    assert failed


def test_the_order_comes_from_the_select_its_arrow_and_the_link(open_page: OpenPage, database: Database) -> None:
    for name in ("b", "a", "c"):
        make(database, name)
    at = open_page("runs")
    at.selectbox(key="runs.sort").set_value("name").run()
    assert names(at) == ["a", "b", "c"]

    press(at, "runs.direction")
    assert names(at) == ["c", "b", "a"]
    assert at.query_params["sort"] == "-name"
    assert names(open_page("runs", sort="id")) == ["b", "a", "c"]


def test_an_order_from_an_old_link_is_refused_kindly(open_page: OpenPage, database: Database) -> None:
    make(database, "kept")
    at = open_page("runs", sort="-shoe_size")

    assert not at.exception
    assert "shoe_size" in texts(at)
    assert names(at) == ["kept"]


def test_every_column_that_is_offered_to_sort_by_sorts(open_page: OpenPage, database: Database) -> None:
    make(database, "kept")
    at = open_page("runs")
    for name in at.selectbox(key="runs.sort").options:
        assert name
    from pages.parts.runs_columns import ALWAYS, FIXED, UNSORTED

    with database.reading() as session:
        for column in {*ALWAYS, *FIXED, "config.dataset", "metric.val_loss"} - UNSORTED:
            assert runs.find(session, sort=f"-{column}").total == 1


def test_columns_of_configs_can_be_shown_and_stay_in_the_link(open_page: OpenPage, database: Database) -> None:
    make(database, "kept")
    at = open_page("runs")
    offered = at.multiselect(key="runs.columns").options
    wanted = next(name for name in offered if name.startswith("config.") and name.endswith("dataset"))
    at.multiselect(key="runs.columns").set_value([wanted, "notes"]).run()

    assert not at.exception
    assert list(table(at).columns) == ["id", "name", "state", wanted, "notes"]
    assert table(at)[wanted][0] == "x@1"
    assert at.query_params["column"] == [wanted, "notes"]
    press(at, "runs.usual")
    assert "column" not in at.query_params


def test_many_runs_come_in_pages(open_page: OpenPage, database: Database) -> None:
    for number in range(PAGE_ROWS + 3):
        make(database, f"run {number}")
    at = open_page("runs")
    assert len(names(at)) == PAGE_ROWS
    assert f"1–{PAGE_ROWS} of {PAGE_ROWS + 3}" in texts(at)

    assert names(open_page("runs", page="2")) == ["run 2", "run 1", "run 0"]
    assert names(open_page("runs", page="99")) == ["run 2", "run 1", "run 0"]


def test_all_that_match_can_be_chosen_and_another_filter_lets_them_go(open_page: OpenPage, database: Database) -> None:
    ids = [make(database, f"run {number}") for number in range(PAGE_ROWS + 3)]
    at = choose(open_page("runs", query="run"), ids[0], ids[1])
    assert "2 runs selected, 2 of them on other pages" in texts(at).replace("**", "")

    press(at, "runs.all")
    assert at.session_state["runs.chosen"] == frozenset(ids)
    at.text_input(key="runs.query").set_value("run 5").run()
    assert not at.session_state["runs.chosen"]


def test_stop_reaches_what_runs_and_what_waits(open_page: OpenPage, database: Database) -> None:
    running, queued, ended = (
        make_run(database, state=s) for s in (RunState.RUNNING, RunState.QUEUED, RunState.FINISHED)
    )
    at = choose(open_page("runs"), running, queued, ended)
    press(at, "runs.act.stop")

    assert not at.exception
    assert run_of(database, running).stop_requested_at is not None
    assert run_of(database, queued).state is RunState.CANCELLED
    assert "2 runs asked to stop; 1 had ended." in at.toast[0].value.replace("\\", "")
    press(at, "runs.act.stop")
    assert not at.exception


def test_resume_puts_what_failed_into_the_queue(open_page: OpenPage, database: Database) -> None:
    failed = make_run(database, state=RunState.FAILED)
    at = press(choose(open_page("runs"), failed), "runs.act.resume")

    assert not at.exception
    assert run_of(database, failed).state is RunState.QUEUED


def test_tags_are_added_to_and_taken_from_many(open_page: OpenPage, database: Database) -> None:
    ids = [make(database, "one", tags=["old"]), make(database, "two")]
    at = choose(open_page("runs"), *ids)
    at.multiselect(key="runs.tags_to_change").set_value(["old"])
    press(at, "runs.act.tag")
    assert [run_of(database, one).tags for one in ids] == [("old",), ("old",)]

    at.multiselect(key="runs.tags_to_change").set_value(["old"])
    press(at, "runs.act.untag")
    assert [run_of(database, one).tags for one in ids] == [(), ()]
    press(at, "runs.act.untag")
    assert "Choose or type a tag first" in at.toast[0].value


def test_archived_runs_are_out_of_sight_and_come_back(open_page: OpenPage, database: Database) -> None:
    ended = make_run(database, "ended", RunState.FINISHED)
    make(database, "waiting")
    at = press(choose(open_page("runs"), ended), "runs.act.archive")
    assert names(at) == ["waiting"]
    assert names(open_page("runs", view="archived")) == ["ended"]

    press(at, "runs.undo_now")
    assert names(at) == ["waiting", "ended"]
    assert not any(button.key == "runs.undo_now" for button in at.button)


def test_a_delete_says_what_it_frees_and_can_be_undone(open_page: OpenPage, database: Database) -> None:
    ended = make_run(database, "ended", RunState.FINISHED)
    kept = make(database, "kept")
    with database.writing() as session:
        progress.set_folder_bytes(session, ended, 1_200_000_000)
    at = press(choose(open_page("runs"), ended), "runs.act.delete")
    assert "This frees 1.2 GB" in texts(at).replace("**", "")
    assert ids_on(database) == [ended, kept]

    press(at, "runs.delete_yes")
    assert not at.exception
    assert names(at) == ["kept"]
    assert ids_on(database, trash=True) == [ended]

    press(at, "runs.undo_now")
    assert names(at) == ["kept", "ended"]
    assert ids_on(database, trash=True) == []


def test_the_offer_to_undo_ends(open_page: OpenPage, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = make_run(database, "ended", RunState.FINISHED)
    make(database, "kept")
    at = press(press(choose(open_page("runs"), ended), "runs.act.delete"), "runs.delete_yes")
    late = time.monotonic() + runs_undo.UNDO_SECONDS + 1
    monkeypatch.setattr(runs_undo.time, "monotonic", lambda: late)
    at.run()

    assert not any(button.key == "runs.undo_now" for button in at.button)


def test_an_active_run_blocks_its_delete_and_can_be_stopped_there(open_page: OpenPage, database: Database) -> None:
    running = make_run(database, "busy", RunState.RUNNING)
    ended = make_run(database, "ended", RunState.FINISHED)
    at = press(choose(open_page("runs"), running, ended), "runs.act.delete")
    assert f"#{running} busy" in texts(at)

    press(at, "runs.delete_stop")
    assert run_of(database, running).stop_requested_at is not None
    assert ids_on(database, trash=True) == []


def test_what_another_tab_deleted_meanwhile_is_no_error(open_page: OpenPage, database: Database) -> None:
    ended = make_run(database, "ended", RunState.FINISHED)
    make(database, "kept")
    at = press(choose(open_page("runs"), ended), "runs.act.delete")
    with database.writing() as session:
        runs.move_to_trash(session, [ended], "she")
        runs.purge(session, [ended])
    press(at, "runs.delete_yes")
    for act in ("stop", "resume", "archive", "edit", "delete"):
        assert not press(choose(open_page("runs"), ended), f"runs.act.{act}").exception

    assert not at.exception
    assert names(open_page("runs")) == ["kept"]


def test_the_trash_restores_and_deletes_for_good(open_page: OpenPage, database: Database) -> None:
    first, second = (make_run(database, name, RunState.FINISHED) for name in ("first", "second"))
    with database.writing() as session:
        runs.move_to_trash(session, [first, second], "me")
    at = open_page("runs", view="trash")
    assert names(at) == ["second", "first"]

    press(choose(at, first), "runs.act.restore")
    assert names(at) == ["second"]
    press(choose(at, second), "runs.act.purge")
    assert "cannot be undone" in texts(at)
    press(at, "runs.purge_yes")
    assert not at.exception
    assert "The trash is empty" in texts(at)
    assert ids_on(database) == [first]


def test_one_run_is_edited_in_a_form(open_page: OpenPage, database: Database) -> None:
    run_id = make(database, "before")
    at = press(choose(open_page("runs"), run_id), "runs.act.edit")
    next(field for field in at.text_input if field.label == "Name").set_value("after")
    at.text_area[0].set_value("because")
    next(button for button in at.button if button.label == "Save").click().run()

    assert not at.exception
    assert (run_of(database, run_id).name, run_of(database, run_id).notes) == ("after", "because")


def test_cells_can_be_opened_for_editing(open_page: OpenPage, database: Database) -> None:
    make(database, "A name")
    at = open_page("runs")
    at.toggle(key="runs.editing").set_value(True).run()

    assert not at.exception
    assert "each cell is saved when you leave it" in texts(at)


def test_a_page_with_a_running_run_shows_its_progress(open_page: OpenPage, database: Database) -> None:
    make_run(database, "busy", RunState.RUNNING)
    at = open_page("runs")

    assert table(at)["progress"][0] == pytest.approx(0.3)
    make(database, "waiting")
    assert "progress" not in table(open_page("runs", status="queued")).columns


def test_odd_names_are_no_trouble(open_page: OpenPage, database: Database) -> None:
    for name in ("🚀" * 50, "x" * 200, "**bold** [link](http://x) $y$ <b>", "50% #1 & ?"):
        run_id = make(database, name, notes="n" * 50_000)
        at = choose(open_page("runs"), run_id)
        assert not at.exception
        assert not press(at, "runs.act.delete").exception
