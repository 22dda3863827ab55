"""Numbers, sizes and times as people read them."""

from datetime import UTC, datetime


def duration(seconds: float | None) -> str:
    """Seconds as "4 s", "3 min 20 s", "2 h 5 min" or "3 d 4 h"; "–" when not known."""
    if seconds is None or seconds != seconds or seconds in (float("inf"), float("-inf")):
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long since: "just now", "5 min ago", "3 d ago"; "–" when there was none."""
    if moment is None:
        return "–"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 5:
        return "just now"
    if seconds < 60:
        return f"{int(seconds)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    return f"{int(seconds // 86_400)} d ago"


def size(count_bytes: float | None) -> str:
    """Bytes as "512 B", "3.4 MB", "1.2 GB" (powers of 1000, as disks are sold); "–" when not known."""
    if count_bytes is None:
        return "–"
    value = float(count_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def count(value: float | None) -> str:
    """A whole number with thousands set apart: "12,345"; "–" when not known."""
    return "–" if value is None else f"{value:,.0f}"


def number(value: float | None) -> str:
    """A measured number with four meaning digits: "0.1235", "1.2e-05"; "–" when not known."""
    return "–" if value is None else f"{value:.4g}"


def sentence(text: str | None) -> str:
    """A remark with a capital first letter and an end; "" for none."""
    if not text:
        return ""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def escape(text: str) -> str:
    """Text written by a person, safe inside Markdown: shown as it is."""
    special = "\\`*_{}[]<>()#+-!|~$:"
    return "".join(f"\\{letter}" if letter in special else letter for letter in text.replace("\n", " "))
