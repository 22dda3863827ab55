"""The routes, over a real database."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.routes import make_api
from db import progress, queue, runs
from db.engine import Database
from db.states import RunState

CONFIG: dict[str, Any] = {
    "seed": 1,
    "model": {"class_path": "some.Model", "init_args": {"width": 3}},
    "data": {"class_path": "some.Data", "init_args": {}},
}


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    del database
    with TestClient(make_api(), base_url="http://127.0.0.1:8501") as made:
        yield made


def launch(client: TestClient, **changes: Any) -> Any:
    return client.post("/runs", json={"config": CONFIG, "name": "first", **changes})


def test_health(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "supervisors": []}


def test_launch_list_and_read(client: TestClient) -> None:
    answer = launch(client, tags=["a"], notes="why")
    assert answer.status_code == 201
    run_id = answer.json()["id"]
    assert answer.json()["page"] == f"run?id={run_id}"
    listed = client.get("/runs", params={"query": "status = queued"}).json()
    assert listed["total"] == 1
    assert listed["runs"][0]["name"] == "first"
    record = client.get(f"/runs/{run_id}").json()
    assert record["state"] == "queued"
    assert record["config"]["model"]["init_args"] == {"width": 3}
    assert record["notes"] == "why"


def test_a_bad_config_is_answered_with_every_fault_at_its_path(client: TestClient) -> None:
    config = {**CONFIG, "seed": -1, "trainer": {"max_epochs": 0, "max_epoch": 3}}
    answer = launch(client, config=config)
    assert answer.status_code == 422
    paths = {problem["path"] for problem in answer.json()["problems"]}
    assert paths == {"seed", "trainer.max_epochs", "trainer.max_epoch"}


def test_a_dataset_that_is_not_registered_is_said_at_its_field(client: TestClient, database: Database) -> None:
    config = {**CONFIG, "data": {"class_path": "some.Data", "init_args": {"dataset": "nothing"}}}
    answer = launch(client, config=config)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["path"] == "data.init_args.dataset"
    with database.reading() as session:
        assert queue.queued(session) == []


@pytest.mark.parametrize("body", [{"config": CONFIG}, {"config": CONFIG, "name": ""}, {"name": "x"}, [], "text"])
def test_a_bad_request_is_answered_in_the_same_shape(client: TestClient, body: Any) -> None:
    answer = client.post("/runs", json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "problems"}


def test_a_typo_in_a_filter(client: TestClient) -> None:
    answer = client.get("/runs", params={"query": "statuss = failed"})
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["path"] == "query"


def test_what_is_not_there(client: TestClient) -> None:
    assert client.get("/runs/99").status_code == 404
    assert client.post("/runs/99/stop").status_code == 404
    assert set(client.get("/nowhere").json()) == {"error", "problems"}


def test_a_queued_run_is_cancelled_and_a_running_one_asked(client: TestClient, database: Database) -> None:
    first, second = (launch(client, name=name).json()["id"] for name in ("a", "b"))
    assert client.post(f"/runs/{first}/stop").json()["state"] == "cancelled"
    with database.writing() as session:
        queue.claim(session, second, "here", ["cpu"])
        progress.check_in(
            session,
            second,
            step=1,
            epoch=0.1,
            total_steps=None,
            max_epochs=None,
            samples_per_second=None,
            phase="fit",
            next_check_in_seconds=5.0,
        )
    answer = client.post(f"/runs/{second}/stop", json={"kind": "pause"})
    assert answer.status_code == 202
    assert answer.json()["state"] == "running"
    assert answer.json()["stop_requested_at"]
    with database.reading() as session:
        assert runs.get(session, second).stop_kind == "pause"
        assert runs.get(session, first).state is RunState.CANCELLED


@pytest.mark.parametrize("path", ["/runs/{}", "/runs/{}/metrics.csv", "/runs/1/checkpoints/{}", "/runs/1/logs/1/{}"])
@pytest.mark.parametrize("number", ["-1", "9" * 40, "x", "1.5", "%00"])
def test_a_number_that_is_none_is_answered(client: TestClient, path: str, number: str) -> None:
    answer = client.get(path.format(number))
    assert answer.status_code in (404, 422)
    assert set(answer.json()) == {"error", "problems"}


def test_a_config_that_never_ends_is_refused(client: TestClient) -> None:
    deep = '{"name": "x", "config": ' + '{"a": ' * 500 + "1" + "}" * 501
    endless = '{"name": "x", "config": ' + "[" * 200_000
    for body in (deep, endless, b"\xff\xfe", "{"):
        answer = client.post("/runs", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert set(answer.json()) == {"error", "problems"}
    answer = launch(
        client, config={**CONFIG, "model": {"class_path": "some.Model", "init_args": {"x": list(range(200_000))}}}
    )
    assert "values" in answer.json()["problems"][0]["message"]


def test_a_huge_body_is_not_read(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    for answer in (launch(client, notes="x" * 10_000_000), client.post("/runs", content=pieces())):
        assert answer.status_code == 413
        assert "MiB" in answer.json()["error"]


def test_what_nobody_foresaw_has_the_same_shape(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise OSError("No space left on device\nand more")

    monkeypatch.setattr(runs, "get", broken)
    assert database
    with TestClient(make_api(), base_url="http://127.0.0.1:8501", raise_server_exceptions=False) as client:
        answer = client.get("/runs/1")
    assert answer.status_code == 500
    assert "No space left on device)" in answer.json()["error"]


def test_a_foreign_page_cannot_launch(client: TestClient, database: Database) -> None:
    body = {"config": CONFIG, "name": "x"}
    assert client.post("/runs", json=body, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/runs", json=body, headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/runs", headers={"Host": "evil.example"}).status_code == 403
    with database.reading() as session:
        assert queue.queued(session) == []
