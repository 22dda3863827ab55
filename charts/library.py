"""The library that draws figures in the browser, ready to be sent. Imports no Plotly itself."""

import gzip
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


@lru_cache(maxsize=1)
def packed_library() -> bytes:
    """plotly.min.js, gzipped (about 1.5 MB); packed once a process."""
    found = find_spec("plotly")
    if found is None or not found.origin:
        raise FileNotFoundError("plotly is not installed; `make run` installs it.")
    return gzip.compress((Path(found.origin).parent / "package_data" / "plotly.min.js").read_bytes(), 6)


def library_version() -> str:
    """Another version has another address, so that browsers may keep the library for ever."""
    return version("plotly")
