"""The server: one ASGI app with the pages and the REST API; it brings the database up to date and keeps the run
supervisor alive while it is up.

Start it with ``make run`` (or ``streamlit run app.py``). The script that draws pages is ``pages/frame.py``: if this
file were the script, a deep link opened after a server start would bypass the frame.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from api.guard import Guard
from api.library import send_library
from api.routes import make_api
from charts.library import packed_library
from db.engine import connect
from db.migrate import upgrade
from jobs import presence
from jobs.supervise import keep_supervisor_alive

FRAME = Path(__file__).resolve().parent / "pages" / "frame.py"


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """While the dashboard is up: the database is at the newest migration and a supervisor lives."""
    upgrade(connect())
    sign = presence.arrive(int(st.get_option("server.port")))
    keeper = asyncio.create_task(keep_supervisor_alive())
    packing = asyncio.create_task(asyncio.to_thread(packed_library))  # the first page need not wait for it
    yield
    packing.cancel()
    keeper.cancel()
    with suppress(asyncio.CancelledError):
        await keeper
    presence.leave(sign)


app = st.App(
    str(FRAME),
    routes=[Mount("/api", app=make_api()), Route("/plotly.js", send_library)],
    lifespan=lifespan,
    middleware=[Middleware(Guard)],
)
