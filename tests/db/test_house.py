"""What belongs to no run: settings, described modules, supervisors."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import insert, update

from db import modules, settings, supervisors
from db.engine import Database
from db.errors import BadValue
from db.settings import Settings
from db.tables import Setting


def test_settings_have_defaults_and_keep_what_is_written(record: Database) -> None:
    changes: dict[str, Any] = {
        "max_cpu_runs": 5, "stop_grace_seconds": 0.5, "trash_days": 0, "wandb_project": "ours", "wandb_entity": "team",
        "default_mirror": "offline", "module_paths": ("a.b", "c"),
    }  # fmt: skip
    with record.writing() as session:
        assert settings.read(session) == Settings()
        settings.write(session, "ana", max_cpu_runs=5)
        settings.write(session, "ben", **changes)
        assert settings.read(session) == Settings(**changes)
        settings.write(session, "ben", wandb_entity=None, module_paths=["a", "a"], stop_grace_seconds=20)
        assert settings.read(session).module_paths == ("a",)
        assert settings.read(session).wandb_entity is None
    assert {one.name for one in fields(Settings)} == set(changes)


@pytest.mark.parametrize(
    "change",
    [
        {"max_cpu_runs": 0}, {"max_cpu_runs": 1.5}, {"max_cpu_runs": True}, {"max_cpu_runs": "2"}, {"trash_days": -1},
        {"stop_grace_seconds": float("nan")}, {"wandb_project": " "}, {"wandb_entity": ""}, {"default_mirror": "on"},
        {"module_paths": "a.b"}, {"module_paths": [""]}, {"max_runs": 3},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(record: Database, change: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match=next(iter(change))), record.writing() as session:
        settings.write(session, "ana", **{"wandb_project": "ours", **change})
    with record.reading() as session:
        assert settings.read(session) == Settings()


def test_settings_of_another_version_of_the_program_do_no_harm(record: Database) -> None:
    with record.writing() as session:
        settings.write(session, "ana", max_cpu_runs=5, trash_days=3)
        session.execute(update(Setting).where(Setting.name == "max_cpu_runs").values(value={"value": "many"}))
        session.execute(insert(Setting).values(name="of_tomorrow", value={"value": 1}))
        assert settings.read(session) == Settings(trash_days=3)


def test_two_people_change_the_same_setting_at_once(record: Database) -> None:
    def change(number: int) -> None:
        with record.writing() as session:
            settings.write(session, "ana", max_cpu_runs=number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(1, 25)))
    with record.reading() as session:
        assert 1 <= settings.read(session).max_cpu_runs <= 24


def described(path: str, **facts: Any) -> dict[str, Any]:
    return {"class_path": path, "kind": "model", "fields": [{"name": "lr", "le": float("inf")}], **facts}


def test_descriptions_are_kept_whole_and_replaced_by_path(record: Database) -> None:
    first, second = described("a.A", fingerprint="f" * 64), described("b.B", kind="data", error=None)
    with record.writing() as session:
        modules.store(session, [second, first])
        rows = modules.every(session)
        assert [(row.class_path, row.kind, row.fingerprint, row.error) for row in rows] == [
            ("a.A", "model", "f" * 64, ""),
            ("b.B", "data", "", ""),
        ]
        assert [row.description for row in rows] == [first, second]
        broken = described("a.A", error="SyntaxError: \x00 half \ud83d")
        modules.store(session, [broken])
        assert [row.error for row in modules.every(session)] == ["SyntaxError:  half ?", ""]


def test_what_is_no_longer_there_is_forgotten(record: Database) -> None:
    with record.writing() as session:
        modules.store(session, [described("a.A"), described("b.B")])
        modules.replace_all(session, [described("b.B"), described("c.C")])
        assert [row.class_path for row in modules.every(session)] == ["b.B", "c.C"]
        modules.replace_all(session, [])
        assert modules.every(session) == []


def test_a_supervisor_is_one_row_a_machine(record: Database) -> None:
    device = {"name": "cpu", "kind": "cpu", "places": 2}

    def seen(host: str, pid: int, started: float, trouble: str = "") -> None:
        with record.writing() as session:
            supervisors.seen(
                session,
                host=host,
                pid=pid,
                process_started=started,
                phase="ready",
                devices=[device],
                trouble=trouble,
            )

    seen("b", 1, 1.5)
    seen("a", 1, 1.0)
    with record.reading() as session:
        before = {row.host: row for row in supervisors.all_of(session)}
    seen("b", 1, 1.5, "x" * 10_000)
    seen("a", 1, 2.0)
    with record.reading() as session:
        rows = supervisors.all_of(session)
    assert [row.host for row in rows] == ["a", "b"]
    after = {row.host: row for row in rows}
    assert after["b"].started_at == before["b"].started_at, "the same process"
    assert after["a"].started_at > before["a"].started_at, "the number is the same, the process is not"
    assert after["b"].seen_at > before["b"].seen_at
    assert (after["b"].devices, len(after["b"].trouble)) == ([device], 4_000)
