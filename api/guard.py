"""Keeps other web sites out: only requests addressed to this machine are answered, and only our own pages may post.

There is no sign-in yet, so the address is the wall. A page of a foreign site that is open in the same browser could
otherwise post to this server (cross-site request), or reach it by a name of its own that it points here (DNS
rebinding); the first carries a foreign Origin, the second a foreign Host. ``BANCADA_ALLOWED_HOSTS`` (names, with
commas) adds names, for a tunnel or a proxy that checks who comes.
"""

import ipaddress
import os
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware round everything that is served."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        why = refusal(headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site"), safe=safe)
        if not why:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": why})
        else:
            await JSONResponse({"error": why, "problems": []}, status_code=403)(scope, receive, send)


def refusal(host: str, origin: str | None, fetch_site: str | None, *, safe: bool) -> str:
    """Why a request is refused; empty when it may pass.

    Args:
        host, origin, fetch_site: the headers Host, Origin and Sec-Fetch-Site.
        safe: whether the request can change nothing.
    """
    name = _name(f"//{host}")
    if not is_ours(name):
        return f"This server answers only to names of this machine, and not to {name or 'a request without Host'!r}."
    if safe:
        return ""
    if fetch_site == "cross-site":
        return "Another site's page may not change anything here."
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return f"The page {origin} may not change anything here."
    return ""


def is_ours(name: str) -> bool:
    """Whether a host name means this machine: loopback, or allowed by ``BANCADA_ALLOWED_HOSTS``."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    if name in [one.strip().lower() for one in os.environ.get("BANCADA_ALLOWED_HOSTS", "").split(",") if one.strip()]:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
