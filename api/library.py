"""The library of the charts, for the browser: in one piece, small, and kept there for ever under its version."""

import gzip

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from charts.library import packed_library


async def send_library(request: Request) -> Response:
    """plotly.min.js, compressed when the browser understands that."""
    packed = await run_in_threadpool(packed_library)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        packed = await run_in_threadpool(gzip.decompress, packed)
    return Response(packed, media_type="text/javascript", headers=headers)
