"""What goes in and out of the REST routes."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from db.rows import RunDetail, RunRow
from db.states import Mirror

Id = Annotated[int, Field(ge=0, lt=10**18)]  # what a database can hold and more than it ever will


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Message):
    """One fault: where, and what to do."""

    path: str = Field(description='Such as "trainer.max_epochs"; empty for the whole')
    message: str


class Failure(_Message):
    """The answer to a request that was not carried out."""

    error: str
    problems: list[Problem] = []


class Health(_Message):
    """Whether the database answers, and who supervises runs on each machine."""

    status: Literal["ok"] = "ok"
    supervisors: list[dict[str, Any]]


class LaunchRequest(_Message):
    """A run to be put into the queue."""

    config: dict[str, Any] = Field(description="seed, model, data, trainer, scaling")
    name: str = Field(min_length=1, max_length=200)
    tags: list[str] = Field(default_factory=list, max_length=50)
    notes: str = Field("", max_length=100_000)
    mirror: Mirror = Mirror.OFF
    preset: str | None = None


class Launched(_Message):
    """The run that was made."""

    id: int
    page: str = Field(description="The run's page, relative to the dashboard's address")


class StopRequest(_Message):
    """How a run is to end: for good, or for a while."""

    kind: Literal["stop", "pause"] = "stop"


class Stopping(_Message):
    """The state of a run after it was asked to stop; a running one ends some seconds later."""

    id: int
    state: str
    stop_requested_at: datetime | None


class RunPageMessage(_Message):
    """Some of the runs, and how many there are."""

    total: int
    runs: list[dict[str, Any]]


def run_message(row: RunRow | RunDetail) -> dict[str, Any]:
    """Every field of a row as plain values."""
    return {name: _plain(value) for name, value in asdict(row).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0:  # JSON has neither NaN nor infinity
        return str(value)
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
