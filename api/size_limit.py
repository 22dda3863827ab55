"""Refuses bodies that no request of ours needs, before they fill the server's memory."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 5 * 2**20  # a config with long notes has some kilobytes


class SizeLimit:
    """ASGI middleware round the routes. Data is registered on the Data page and does not come this way."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while its body is small enough: as it was announced, and as it comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        words = f"The request is longer than {self._most_bytes / 2**20:g} MiB; it was not read."
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._most_bytes:
            await JSONResponse({"error": words, "problems": []}, status_code=413)(scope, receive, send)
            return
        seen_bytes = 0

        async def counted() -> Message:
            nonlocal seen_bytes
            message = await receive()
            seen_bytes += len(message.get("body", b""))
            if seen_bytes > self._most_bytes:
                raise HTTPException(413, words)
            return message

        await self._app(scope, counted, send)
