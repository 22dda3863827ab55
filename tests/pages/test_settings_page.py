"""Settings: saving, import paths with their result, the trash, and facts."""

import pytest

from db import modules, progress, queue, runs, settings
from db.engine import Database
from db.settings import Settings
from db.states import Mirror, Reason, RunState
from pages.parts import mirror_backlog
from pages.parts.settings_facts import without_password
from tests.pages.conftest import OpenPage, texts
from tests.pages.descriptions import DATA, MODEL, description


def saved(database: Database) -> Settings:
    with database.reading() as session:
        return settings.read(session)


def test_the_page_opens_on_an_empty_database(open_page: OpenPage) -> None:
    at = open_page("settings")

    assert not at.exception
    assert "The trash is empty" in texts(at)


def test_settings_are_saved_and_shown_again(open_page: OpenPage, database: Database) -> None:
    at = open_page("settings")
    at.number_input[0].set_value(5)
    at.text_input[0].set_value("our-project")
    at.get("form_submit_button")
    next(button for button in at.button if button.label == "Save").click().run()

    assert not at.exception
    assert saved(database).max_cpu_runs == 5
    assert saved(database).wandb_project == "our-project"
    assert open_page("settings").number_input[0].value == 5


def test_what_waits_for_wandb_is_shown_and_sent(
    open_page: OpenPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(mirror_backlog, "start_sync", lambda: asked.append("all"))
    assert "Nothing waits for W&B" in texts(open_page("settings"))
    for mirror in (Mirror.ONLINE, Mirror.OFFLINE):
        with database.writing() as session:
            run_id = runs.create(session, name="mirrored", config={}, mirror=mirror)
            queue.claim(session, run_id, "here", ["cpu"])
            progress.end(session, run_id, RunState.FINISHED, Reason.COMPLETED)
            runs.set_wandb(session, run_id, {"state": "waiting", "points_sent": 20, "points_total": 127})

    assert "107 points of 1 run are not at W&B yet" in texts(open_page("home")), "the run that was to be sent at once"
    at = open_page("settings")
    assert "214 points of 2 runs are not at W&B yet" in texts(at)
    at.button(key="backlog.sync").click().run()

    assert not at.exception
    assert asked == ["all"]
    assert at.button(key="backlog.sync").disabled


def add_path(at: object, path: str) -> object:
    at.text_input(key="new_path").set_value(path)
    next(button for button in at.button if button.label == "Add").click().run()
    return at


def test_an_import_path_is_checked_before_it_is_listed(open_page: OpenPage, database: Database) -> None:
    at = add_path(open_page("settings"), "not a path; rm -rf /")

    assert at.error
    assert saved(database).module_paths == ()


def test_an_import_path_shows_what_was_found_or_its_error(open_page: OpenPage, database: Database) -> None:
    at = add_path(open_page("settings"), "our_team.vision")
    assert saved(database).module_paths == ("our_team.vision",)
    assert "Being read" in texts(at)

    broken = description("our_team.vision", "model", []) | {"error": "ImportError: No module named 'our_team'"}
    with database.writing() as session:
        modules.store(session, [broken])
    at = open_page("settings")
    assert "No module named 'our_team'" in texts(at)

    at.button(key="remove.our_team.vision").click().run()
    assert saved(database).module_paths == ()


def test_a_broken_file_is_listed_with_its_error(open_page: OpenPage, described: Database) -> None:
    broken = description("lightning_modules.mine", "model", []) | {"error": "SyntaxError: invalid syntax (line 3)"}
    with described.writing() as session:
        modules.store(session, [broken])

    at = open_page("settings")

    assert any("mine could not be read" in expander.label for expander in at.expander)
    assert any("invalid syntax" in block.value for block in at.code)


def test_the_trash_says_what_it_takes_before_it_is_emptied(open_page: OpenPage, database: Database) -> None:
    config = {"model": {"class_path": MODEL}, "data": {"class_path": DATA}}
    with database.writing() as session:
        run_id = runs.create(session, name="old", config=config)
        from db import queue

        queue.cancel(session, [run_id], "me")
        runs.move_to_trash(session, [run_id], "me")

    at = open_page("settings")
    assert "The trash holds 1 run" in texts(at)
    at.button(key="empty_trash").click().run()

    assert not at.exception
    assert "gone for good" in texts(at)


def test_a_password_is_never_shown() -> None:
    assert "secret" not in without_password("postgresql+psycopg://me:secret@host:5432/base")
    assert without_password("sqlite:////data/bancada.sqlite") == "sqlite:////data/bancada.sqlite"
