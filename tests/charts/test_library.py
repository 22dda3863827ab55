"""The charts' library as the browser gets it."""

import gzip

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from api.library import send_library
from charts.library import library_version, packed_library


def test_the_library_is_sent_whole_small_and_once() -> None:
    client = TestClient(Starlette(routes=[Route("/plotly.js", send_library)]))
    answer = client.get("/plotly.js", headers={"accept-encoding": "gzip"})

    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 2_000_000
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == gzip.decompress(packed_library())
    assert "plotly.js v" in answer.text[:200]
    plain = client.get("/plotly.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert library_version()
