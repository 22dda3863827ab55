"""Plain values as JSON that every database accepts: JSON has no infinity and no NaN, configs may.

Such a number is written as {"$float": "inf"} and comes back as the number.
"""

import json
import math
from typing import Any

_MARK = "$float"


def dumps(value: Any) -> str:
    """The text of plain values."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_marked(value), allow_nan=False, separators=(",", ":"))


def loads(stored: str | bytes) -> Any:
    """The values of such a text, or of its bytes in UTF-8."""
    text = stored.decode() if isinstance(stored, bytes) else stored
    return json.loads(text, object_hook=_unmarked) if _MARK in text else json.loads(text)


def _marked(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {_MARK: str(value)}
    if isinstance(value, dict):
        return {name: _marked(one) for name, one in value.items()}
    return [_marked(one) for one in value] if isinstance(value, list | tuple) else value


def _unmarked(found: dict[str, Any]) -> Any:
    if len(found) == 1 and isinstance(found.get(_MARK), str) and found[_MARK] in ("inf", "-inf", "nan"):
        return float(found[_MARK])
    return found
