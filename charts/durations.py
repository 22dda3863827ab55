"""Places and words for an axis of durations: "30 s", "5 min", "1 h 30 min"."""

import math

_STEPS_SECONDS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
    7200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000,
)  # fmt: skip
MOST_TICKS = 7


def duration_ticks(low: float, high: float) -> list[float]:
    """Round places between two durations in seconds, at most `MOST_TICKS`."""
    width = high - low
    if not math.isfinite(width) or width <= 0:
        return [low] if math.isfinite(low) else []
    step = next((step for step in _STEPS_SECONDS if width / step <= MOST_TICKS - 1), None)
    if step is None:
        days = width / (MOST_TICKS - 1) / 86_400
        size = 10 ** math.floor(math.log10(days))
        step = 86_400 * size * math.ceil(days / size)
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 6) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def duration_text(seconds: float) -> str:
    """Seconds in words, with at most two units."""
    if abs(seconds) < 60 or seconds % 1:
        return f"{seconds:.10g} s"
    whole = int(seconds)
    for size, unit, smaller, small_unit in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{whole} s"
