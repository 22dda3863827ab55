"""What programs see: the REST routes under ``/api``."""

from fastapi import FastAPI

from db import supervisors
from db.engine import connect


def make_api() -> FastAPI:
    """The API's application, to be mounted under ``/api``."""
    api = FastAPI(title="Bancada", docs_url="/docs", openapi_url="/openapi.json")

    @api.get("/health")
    def health() -> dict[str, object]:
        """Whether the database answers, and who supervises runs on each machine."""
        with connect().reading() as session:
            return {"status": "ok", "supervisors": [row.as_dict() for row in supervisors.all_of(session)]}

    return api
