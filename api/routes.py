"""What programs see: the REST routes under ``/api``. Thin: each checks its input, calls one function, answers."""

import getpass
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api import messages
from api.downloads import add_downloads
from api.guard import Guard
from api.size_limit import SizeLimit
from db import runs, supervisors
from db.engine import connect
from db.errors import BadValue, IllegalMove, NotFound
from db.filters import FilterError
from db.run_config import ConfigError, read_config
from jobs import control
from jobs.launch import launch


def make_api() -> FastAPI:
    """The API's application, to be mounted under ``/api``."""
    failures: dict[int | str, dict[str, Any]] = {
        code: {"model": messages.Failure} for code in (400, 403, 404, 409, 413, 422)
    }
    api = FastAPI(title="Bancada", docs_url=None, redoc_url=None, openapi_url="/openapi.json", responses=failures)
    api.add_middleware(SizeLimit)
    api.add_middleware(Guard)
    _answer_errors(api)
    _add_reading(api)
    _add_writing(api)
    add_downloads(api)
    return api


def _add_reading(api: FastAPI) -> None:
    @api.get("/health")
    def health() -> messages.Health:
        """Whether the database answers, and who supervises runs on each machine."""
        with connect().reading() as session:
            return messages.Health(supervisors=[row.as_dict() for row in supervisors.all_of(session)])

    @api.get("/runs")
    def list_runs(
        query: str = "",
        sort: str = "-created_at",
        offset: Annotated[int, Query(ge=0, lt=10**18)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        columns: Annotated[list[str] | None, Query()] = None,
    ) -> messages.RunPageMessage:
        """Runs by the filter language of the Runs page, such as ``status = failed and config.lr < 1e-3``."""
        with connect().reading() as session:
            found = runs.find(session, query=query, sort=sort, offset=offset, limit=limit, columns=tuple(columns or ()))
        return messages.RunPageMessage(total=found.total, runs=[messages.run_message(row) for row in found.rows])

    @api.get("/runs/{run_id}")
    def get_run(run_id: messages.Id) -> dict[str, object]:
        """Everything recorded of a run but its curves."""
        with connect().reading() as session:
            return messages.run_message(runs.get(session, run_id))


def _add_writing(api: FastAPI) -> None:
    @api.post("/runs", status_code=201)
    def launch_run(asked: messages.LaunchRequest) -> messages.Launched:
        """Put a run into the queue; the same checks as on the Launch page."""
        config = read_config(asked.config)
        with connect().writing() as session:
            run_id = launch(
                session,
                config,
                name=asked.name,
                tags=asked.tags,
                notes=asked.notes,
                mirror=asked.mirror,
                preset=asked.preset,
                who=getpass.getuser(),
            )
        return messages.Launched(id=run_id, page=f"run?id={run_id}")

    @api.post("/runs/{run_id}/stop", status_code=202)
    def stop_run(
        run_id: messages.Id, asked: Annotated[messages.StopRequest | None, Body()] = None
    ) -> messages.Stopping:
        """Ask a run to end: a running one saves a checkpoint first, a queued one leaves the queue."""
        ask = control.pause if asked and asked.kind == "pause" else control.stop
        with connect().writing() as session:
            ask(session, [run_id], getpass.getuser())
            row = runs.get(session, run_id)
        return messages.Stopping(id=run_id, state=row.state.value, stop_requested_at=row.stop_requested_at)


def _answer_errors(api: FastAPI) -> None:
    """Every error is ``{"error": one sentence, "problems": [{"path", "message"}]}``."""

    @api.exception_handler(ConfigError)
    def bad_config(_request: Request, error: ConfigError) -> JSONResponse:
        return _failure(422, "The config cannot be used.", error.problems)

    @api.exception_handler(RequestValidationError)
    def bad_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [(".".join(str(part) for part in one["loc"][1:]), str(one["msg"])) for one in error.errors()]
        return _failure(422, "The request cannot be read.", faults)

    @api.exception_handler(FilterError)
    def bad_filter(_request: Request, error: FilterError) -> JSONResponse:
        return _failure(400, str(error), [("query", str(error))])

    @api.exception_handler(BadValue)
    def bad_value(_request: Request, error: BadValue) -> JSONResponse:
        return _failure(422, str(error))

    @api.exception_handler(NotFound)
    def not_found(_request: Request, error: NotFound) -> JSONResponse:
        return _failure(404, str(error))

    @api.exception_handler(IllegalMove)
    def not_now(_request: Request, error: IllegalMove) -> JSONResponse:
        return _failure(409, str(error))

    @api.exception_handler(Exception)
    def broken(_request: Request, error: Exception) -> JSONResponse:
        words = (str(error).splitlines() or [""])[0][:300]
        return _failure(500, f"The server could not answer ({type(error).__name__}: {words}); its terminal says more.")

    @api.exception_handler(HTTPException)
    def other(_request: Request, error: HTTPException) -> JSONResponse:
        return _failure(error.status_code, str(error.detail))


def _failure(status: int, error: str, problems: list[tuple[str, str]] | None = None) -> JSONResponse:
    answer = messages.Failure(
        error=error, problems=[messages.Problem(path=path, message=message) for path, message in problems or []]
    )
    return JSONResponse(answer.model_dump(), status_code=status)
