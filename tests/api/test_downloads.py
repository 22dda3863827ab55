"""Logs, curves and checkpoints as downloads."""

import csv
import io
from pathlib import Path
from zipfile import ZipFile

import pytest
from starlette.testclient import TestClient

from api.routes import make_api
from db import checkpoints, curves, runs
from db.engine import Database
from db.home import home, run_folder
from jobs import control
from jobs.run_files import AttemptFiles


@pytest.fixture
def client(database: Database) -> TestClient:
    return TestClient(make_api(), base_url="http://localhost")


@pytest.fixture
def run_id(database: Database) -> int:
    config = {"model": {"class_path": "a.B"}, "data": {"class_path": "a.C"}}
    with database.writing() as session:
        return runs.create(session, name="x", config=config)


def add_checkpoint(database: Database, run_id: int, folder: Path) -> int:
    folder.mkdir(parents=True)
    (folder / "weights.ckpt").write_bytes(bytes(range(256)) * 10_000)
    (folder / "config.yaml").write_text("seed: 1\n")
    (folder / "secret").symlink_to("/etc/passwd")
    path = str(folder.relative_to(home()))
    facts = {"metric": None, "metric_value": None, "size_bytes": 1, "sha256": "0" * 64, "step": 40, "epoch": 1.0}
    with database.writing() as session:
        return checkpoints.register(session, run_id, path=path, **facts)


def test_a_checkpoint_comes_with_all_that_explains_it(client: TestClient, database: Database, run_id: int) -> None:
    checkpoint_id = add_checkpoint(database, run_id, run_folder(run_id) / "checkpoints" / "step-40")
    answer = client.get(f"/runs/{run_id}/checkpoints/{checkpoint_id}")

    assert answer.status_code == 200
    assert f'filename="run-{run_id}-step-40.zip"' in answer.headers["content-disposition"]
    archive = ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert archive.namelist() == [f"run-{run_id}-step-40/{name}" for name in ("config.yaml", "weights.ckpt")]
    assert archive.read(archive.namelist()[1]) == bytes(range(256)) * 10_000


def test_only_a_runs_own_checkpoints_are_given(client: TestClient, database: Database, run_id: int) -> None:
    own = add_checkpoint(database, run_id, run_folder(run_id) / "checkpoints" / "step-40")
    elsewhere = add_checkpoint(database, run_id, home() / "data" / "objects")

    assert client.get(f"/runs/{run_id + 1}/checkpoints/{own}").status_code == 404
    assert client.get(f"/runs/{run_id}/checkpoints/{elsewhere}").status_code == 404
    assert client.get(f"/runs/{run_id}/checkpoints/999").status_code == 404
    with database.writing() as session:
        control.delete_checkpoint(session, own, "ana")
    answer = client.get(f"/runs/{run_id}/checkpoints/{own}")
    assert answer.status_code == 404
    assert "gone" in answer.json()["error"]


def test_a_log_is_a_text_file(client: TestClient, run_id: int) -> None:
    path = AttemptFiles(run_id, 1).log(0)
    path.parent.mkdir(parents=True)
    path.write_text("one\ntwo\n")
    answer = client.get(f"/runs/{run_id}/logs/1/0")

    assert answer.text == "one\ntwo\n"
    assert "attachment" in answer.headers["content-disposition"]
    assert client.get(f"/runs/{run_id}/logs/2/0").status_code == 404
    assert client.get("/runs/999/logs/1/0").status_code == 404


def test_every_point_is_in_the_csv(client: TestClient, database: Database, run_id: int) -> None:
    points = {"b, or not": ([1], [0.5], [float("nan")]), "a": ([0, 1], [0.0, 1.0], [0.1, 2.0])}
    with database.writing() as session:
        curves.append(session, run_id, 1, points, None)
    rows = list(csv.reader(io.StringIO(client.get(f"/runs/{run_id}/metrics.csv").text)))

    assert rows[0] == ["metric", "step", "time", "value"]
    assert rows[1] == ["a", "0", "1970-01-01T00:00:00.000Z", "0.1"]
    assert rows[3] == ["b, or not", "1", "1970-01-01T00:00:00.500Z", "nan"]
    assert client.get("/runs/999/metrics.csv").status_code == 404
