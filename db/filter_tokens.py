"""The words of a filter: where each begins and what kind it is."""

import re
from dataclasses import dataclass
from typing import Literal

from db.filter_tree import FilterError, quote

LONGEST_TEXT = 10_000

_STRING = r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    | (?P<string>{_STRING})
    | (?P<operator>==|!=|<>|!~|<=|>=|=|<|>|~)
    | (?P<mark>[(),])
    | (?P<word>[^\s()=<>~!,"'](?:[^\s()=<>~!,"]|(?<=\.)"(?:[^"\\]|\\.)*")*)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[^\s()=<>~!,\"'\\][^\s()=<>~!,\"\\]*", re.DOTALL)
_SAME = {"==": "=", "<>": "!="}
KEYWORDS = ("and", "or", "not", "in")


@dataclass(frozen=True)
class Token:
    """One word; ``text`` is what it means, without quotes."""

    kind: Literal["word", "string", "operator", "mark", "end"]
    text: str
    position: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords."""
        return self.kind == "word" and self.text.lower() in words

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else quote(self.text[:40]) if self.kind == "string" else self.text[:40]


def tokens_of(text: str) -> list[Token]:
    """All words and an end.

    Raises:
        FilterError: for a quote that is never closed, a sign that means nothing, or a text that is too long.
    """
    _refuse_unreadable(text)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _not_a_token(text, position)
        kind, said = str(found.lastgroup), found.group()
        position = found.end()
        if kind == "string":
            tokens.append(Token("string", _unquoted(said), found.start()))
        elif kind != "space":
            tokens.append(Token(kind, _SAME.get(said, said), found.start()))  # type: ignore[arg-type]
    return [*tokens, Token("end", "", len(text))]


def name_of(word: str) -> str:
    """A dotted name without the quotes round a part of it: ``metric."my loss".min`` is metric.my loss.min."""
    return re.sub(r'(?<=\.)"(?:[^"\\]|\\.)*"', lambda found: _unquoted(found.group()), word, flags=re.DOTALL)


def plain(text: str) -> bool:
    """Whether a text can be written as a value without quotes."""
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in KEYWORDS


def _unquoted(said: str) -> str:
    return re.sub(r"\\(.)", r"\1", said[1:-1], flags=re.DOTALL)


def _refuse_unreadable(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise FilterError(f"The filter is {len(text):,} characters long; {LONGEST_TEXT:,} are the most")
    for position, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise FilterError("There is a character that no text can hold", position, "Take it out.")


def _not_a_token(text: str, position: int) -> FilterError:
    sign = text[position]
    if sign in "\"'":
        return FilterError(f"The quote {sign} that opens here is never closed", position)
    return FilterError(f"{sign} alone means nothing", position, "Write != or not, or put a text into quotes.")
