"""Texts as both databases can keep them, and the limits of what people may write."""

from collections.abc import Iterable

from db.errors import BadValue

NAME_CHARACTERS = 200
NOTES_CHARACTERS = 100_000
TAG_CHARACTERS = 100
MOST_TAGS = 50


def clean(text: str) -> str:
    """Without the two things that a database refuses: NUL characters (PostgreSQL) and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def cut(text: str, characters: int) -> str:
    """A clean text of at most so many characters; a cut one ends with an ellipsis."""
    kept = clean(text)
    return kept if len(kept) <= characters else kept[: characters - 1] + "…"


def cut_front(text: str, characters: int) -> str:
    """The last characters of a text: what matters in a log stands at its end."""
    kept = clean(text)
    return kept if len(kept) <= characters else "…" + kept[-(characters - 1) :]


def name_of(text: str, what: str = "A run's name") -> str:
    """A name in one line.

    Raises:
        BadValue: when it is empty or too long.
    """
    name = " ".join(clean(text).split())
    if not name:
        raise BadValue(f"{what} must not be empty.")
    _check_length(name, NAME_CHARACTERS, what)
    return name


def notes_of(text: str) -> str:
    """Notes as they were written, or BadValue when they are too long."""
    notes = clean(text)
    _check_length(notes, NOTES_CHARACTERS, "The notes", " Keep long texts in a file.")
    return notes


def tags_of(tags: Iterable[str]) -> list[str]:
    """Trimmed, each once, in the order in which they were given.

    Raises:
        BadValue: when one is too long, or there are too many.
    """
    kept = list(dict.fromkeys(tag for tag in (" ".join(clean(one).split()) for one in tags) if tag))
    for tag in kept:
        _check_length(tag, TAG_CHARACTERS, f"The tag “{tag[:20]}…”")
    if len(kept) > MOST_TAGS:
        raise BadValue(f"{len(kept):,} tags are too many; a run can have {MOST_TAGS}.")
    return kept


def _check_length(text: str, limit: int, what: str, advice: str = "") -> None:
    if len(text) > limit:
        verb = "have" if what.endswith("notes") else "has"
        raise BadValue(f"{what} {verb} {len(text):,} characters; {limit:,} at most.{advice}")
