"""Where the library lies that draws figures in the browser. Imports no Plotly: the server asks before it serves."""

from importlib.util import find_spec
from pathlib import Path


def plotly_folder() -> Path:
    """The folder with ``plotly.min.js``, the library that draws figures in the browser; it is served as it is."""
    found = find_spec("plotly")
    if found is None or not found.origin:
        raise FileNotFoundError("plotly is not installed; `make run` installs it.")
    return Path(found.origin).parent / "package_data"
