"""Datasets: versions that never change, references that never come to mean something else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db import datasets, runs
from db.engine import Database, Session
from db.errors import BadValue, IllegalMove, NotFound
from db.rows import VersionRow
from db.states import RunState
from tests.db.conftest import MakeRun


def add(session: Session, name: str = "iris", content: str = "a", **facts: Any) -> VersionRow:
    usual: dict[str, Any] = {
        "kind": "table", "sheet": {"origin": "a garden"}, "row_count": 150, "size_bytes": 2**40, "schema": {"x": 1},
        "split": {"method": "random"}, "note": "", "created_by": "ana",
    }  # fmt: skip
    return datasets.add_version(session, name=name, content_hash=content * 64, **usual | facts)


def test_versions_are_counted_and_found_by_reference(record: Database) -> None:
    with record.writing() as session:
        first, second = add(session, note="why"), add(session, content="b", row_count=151)
        assert (first.ref, second.ref) == ("iris@1", "iris@2")
        assert datasets.resolve(session, "iris") == second
        assert datasets.resolve(session, " iris@1 ") == first
        assert datasets.versions(session, "iris") == [second, first]
        row = datasets.get(session, "iris")
    assert (first.note, first.created_by, first.kind, first.size_bytes) == ("why", "ana", "table", 2**40)
    assert (row.version, row.row_count, row.sheet, row.updated_at) == (2, 151, first_sheet(), second.created_at)


def first_sheet() -> dict[str, Any]:
    return {"origin": "a garden"}


def test_the_same_again_is_the_same_version(record: Database) -> None:
    with record.writing() as session:
        first = add(session)
        assert add(session, note="again") == first
        changed = [add(session, content="b"), add(session, schema={"x": 2}), add(session, split={"method": "time"})]
        assert add(session).number == 5, "an older content is a new version"
    assert [one.number for one in changed] == [2, 3, 4]


def test_what_a_reference_does_not_mean(record: Database) -> None:
    with record.writing() as session:
        add(session)
    for reference in ("nothing", "iris@3", "iris@0", "iris@x", "iris@", "iris@1@2", "", "@1", "iris@²"):
        with pytest.raises(NotFound, match=r"\.$"), record.reading() as session:
            datasets.resolve(session, reference)


def test_an_empty_sheet_leaves_the_one_that_is_there(record: Database) -> None:
    with record.writing() as session:
        add(session)
        add(session, content="b", sheet={})
        assert datasets.get(session, "iris").sheet == first_sheet()
        add(session, content="c", sheet={"origin": "a field"})
        assert datasets.get(session, "iris").sheet == {"origin": "a field"}
        datasets.set_sheet(session, "iris", {"licence": "CC0"})
        assert datasets.get(session, "iris").sheet == {"licence": "CC0"}
    with pytest.raises(NotFound), record.writing() as session:
        datasets.set_sheet(session, "nothing", {})


def test_every_dataset_by_name(record: Database) -> None:
    with record.writing() as session:
        assert datasets.every(session) == []
        for name in ("wine", "iris", "wine"):
            add(session, name, content=str(len(name)))
        add(session, "wine", content="z")
        rows = datasets.every(session)
    assert [(row.name, row.version) for row in rows] == [("iris", 1), ("wine", 2)]


def test_a_deleted_dataset_is_out_of_sight_and_its_numbers_go_on(record: Database) -> None:
    with record.writing() as session:
        add(session)
        datasets.delete(session, "iris", "ben")
        assert datasets.every(session) == []
        for ask in (datasets.get, datasets.resolve, datasets.versions):
            with pytest.raises(NotFound, match="was deleted"):
                ask(session, "iris")
        with pytest.raises(NotFound):
            datasets.delete(session, "iris", "ben")
        datasets.restore(session, "iris")
        assert datasets.get(session, "iris").sheet == first_sheet()
        datasets.delete(session, "iris", "ben")
        assert add(session, content="b", kind="text").ref == "iris@2"
        assert datasets.get(session, "iris").kind == "text"


def test_a_name_holds_one_kind(record: Database) -> None:
    with record.writing() as session:
        add(session)
    with pytest.raises(IllegalMove, match="holds table; give"), record.writing() as session:
        add(session, kind="text")
    with pytest.raises(BadValue), record.writing() as session:
        add(session, name="x" * 101)


def test_runs_that_use_a_dataset_newest_first(record: Database, make_run: MakeRun) -> None:
    used = [make_run(dataset=f"my_data@{number}") for number in (1, 2)]
    make_run(dataset="myxdata@1")
    make_run(dataset="my_data-2@1")
    gone = make_run(RunState.FAILED, dataset="my_data@1")
    with record.writing() as session:
        runs.move_to_trash(session, [gone], "ana")
        assert [run.id for run in datasets.runs_using(session, "my_data")] == used[::-1]


def test_two_people_register_at_once(record: Database) -> None:
    def register(content: str) -> int:
        with record.writing() as session:
            return add(session, content=content).number

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(register, "abcdefgh"))
    assert sorted(numbers) == list(range(1, 9))
