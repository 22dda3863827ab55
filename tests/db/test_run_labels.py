"""Names, notes, tags and the archive: what people write on runs, and the events that say who did."""

import pytest

from db import runs
from db.engine import Database
from db.errors import BadValue, IllegalMove, NotFound
from db.states import RunState
from db.texts import MOST_TAGS
from tests.db.conftest import MakeRun


def told(record: Database, run_id: int) -> list[tuple[str, str]]:
    with record.reading() as session:
        return [(event.who, event.what) for event in runs.events(session, run_id)][1:]


def tags(record: Database, run_id: int) -> tuple[str, ...]:
    with record.reading() as session:
        return runs.get(session, run_id).tags


def test_names_and_notes_are_changed_and_told(record: Database, make_run: MakeRun) -> None:
    run_id = make_run()
    with record.writing() as session:
        for _ in range(2):
            runs.set_name(session, run_id, "  new \n name ", "ana")
            runs.set_notes(session, run_id, "two\nlines", "ben")
        run = runs.get(session, run_id)
    assert (run.name, run.notes) == ("new name", "two\nlines")
    assert told(record, run_id) == [("ana", "renamed to “new name”"), ("ben", "changed the notes")]


def test_what_is_too_long_or_not_there_is_refused(record: Database, make_run: MakeRun) -> None:
    run_id = make_run(tags=["a"])
    for change in (
        lambda session: runs.set_name(session, run_id, "", "ana"),
        lambda session: runs.set_notes(session, run_id, "x" * 10_000_000, "ana"),
        lambda session: runs.set_tags(session, run_id, ["x" * 101], "ana"),
        lambda session: runs.add_tags(session, [run_id], map(str, range(MOST_TAGS)), "ana"),
    ):
        with pytest.raises(BadValue), record.writing() as session:
            change(session)
    for change in (
        lambda session: runs.set_name(session, 99, "x", "ana"),
        lambda session: runs.set_notes(session, 99, "x", "ana"),
        lambda session: runs.set_tags(session, 99, ["x"], "ana"),
        lambda session: runs.add_tags(session, [99], ["x"], "ana"),
        lambda session: runs.archive(session, [99], "ana"),
        lambda session: runs.restore(session, [99], "ana"),
    ):
        with pytest.raises(NotFound), record.writing() as session:
            change(session)
    assert told(record, run_id) == []


def test_tags_are_trimmed_and_kept_once(record: Database, make_run: MakeRun) -> None:
    run_id = make_run()
    with record.writing() as session:
        runs.set_tags(session, run_id, [" b ", "a", "b", "", "two\t words", "A"], "ana")
    assert tags(record, run_id) == ("A", "a", "b", "two words")
    with record.writing() as session:
        runs.set_tags(session, run_id, ["a", "b", "A", "two words"], "ben")
        runs.set_tags(session, run_id, [], "ben")
    assert tags(record, run_id) == ()
    assert told(record, run_id) == [("ana", "tagged A, a, b, two words"), ("ben", "removed all tags")]


def test_many_runs_are_tagged_at_once(record: Database, make_run: MakeRun) -> None:
    first, second, third = make_run(tags=["a"]), make_run(), make_run(tags=["c"])
    with record.writing() as session:
        runs.add_tags(session, [first, second, 999], ["a", "b"], "ana")
        runs.remove_tags(session, [first, second, third], ["a"], "ben")
    assert [tags(record, one) for one in (first, second, third)] == [("b",), ("b",), ("c",)]
    assert told(record, third) == []
    assert told(record, second) == [("ana", "tagged a, b"), ("ben", "removed the tag a")]


def test_known_tags_come_by_use_without_the_trash(record: Database, make_run: MakeRun) -> None:
    make_run(tags=["rare", "often"])
    make_run(tags=["often"])
    gone = make_run(tags=["gone"])
    with record.writing() as session:
        assert runs.known_tags(session) == ["often", "gone", "rare"]
        runs.move_to_trash(session, [gone], "ana")
        assert runs.known_tags(session) == ["often", "rare"]


def test_only_ended_runs_are_archived(record: Database, make_run: MakeRun) -> None:
    ended, running = make_run(RunState.FINISHED), make_run(RunState.RUNNING)
    with pytest.raises(IllegalMove, match=f"Run {running}"), record.writing() as session:
        runs.archive(session, [ended, running], "ana")
    with record.writing() as session:
        for _ in range(2):
            runs.archive(session, [ended], "ana")
        assert runs.get(session, ended).archived_at is not None
        assert runs.recently_ended(session, 5) == []
        runs.unarchive(session, [ended], "ben")
        assert runs.get(session, ended).archived_at is None
    assert told(record, ended)[-2:] == [("ana", "archived"), ("ben", "taken out of the archive")]
