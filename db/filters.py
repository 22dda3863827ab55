"""The filter language: ``status = failed and config.lr < 1e-3 and metric.val_accuracy > 0.9 and tag = baseline``.

::

    either     = both ("or" both)*
    both       = single ("and" single)*
    single     = "not" single | "(" either ")" | comparison | flag | word+
    comparison = field operator value | field ["not"] "in" "(" value ("," value)* ")"
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"

Words alone look for runs whose names hold all of them. The tree that comes out (`db.filter_tree`) becomes conditions
in `db.filter_sql`; nothing of a filter's text ever becomes SQL.
"""

from collections.abc import Sequence

from db.filter_fields import FIELDS, HELP, PARTS, Field, check, check_name, field_named, field_names
from db.filter_tokens import Token, name_of, tokens_of
from db.filter_tree import (
    And,
    Comparison,
    Expression,
    FilterError,
    Not,
    Or,
    Value,
    comparisons,
    did_you_mean,
    quote,
    unparse,
)

__all__ = ["FIELDS", "HELP", "And", "Comparison", "Expression", "FilterError", "Not", "Or", "Value", "parse", "unparse"]

DEEPEST = 40
MOST_COMPARISONS = 200
MOST_VALUES = 500
_OTHER_SPELLINGS = {"&&": "and", "&": "and", "||": "or", "|": "or"}


def parse(text: str, known: Sequence[str] = ()) -> Expression:
    """The tree of a filter; an empty text matches everything.

    Args:
        known: the columns that exist, such as "config.lr" and "metric.val_loss": names in the filter are looked up
            among them, and hints come from them. Without any, every name is taken.

    Raises:
        FilterError: that says what is wrong, where, and what may have been meant.
    """
    return _Parser(tokens_of(text), known).whole()


class _Parser:
    """Goes over the tokens once, from left to right."""

    def __init__(self, tokens: list[Token], known: Sequence[str]) -> None:
        self.tokens, self.known = tokens, known
        self.at = 0
        self.depth = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    @property
    def next(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.now
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def whole(self) -> Expression:
        if self.now.kind == "end":
            return And(())
        found = self.either()
        if self.at < len(self.tokens) - 1:
            raise self._left_over()
        asked = list(comparisons(found))
        if len(asked) > MOST_COMPARISONS or sum(len(one.values) for one in asked) > MOST_VALUES:
            raise FilterError(
                f"The filter compares too much; {MOST_COMPARISONS} comparisons and {MOST_VALUES} values are the most"
            )
        return found

    def either(self) -> Expression:
        items = [self.both()]
        while self.now.is_word("or"):
            self.take()
            items.append(self.both())
        return items[0] if len(items) == 1 else Or(tuple(items))

    def both(self) -> Expression:
        items = [self.single()]
        while self.now.is_word("and"):
            self.take()
            items.append(self.single())
        return items[0] if len(items) == 1 else And(tuple(items))

    def single(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise FilterError(f"The filter is nested more than {DEEPEST} deep", self.now.position)
        token = self.now
        found: Expression
        if token.is_word("not"):
            self.take()
            found = Not(self.single())
        elif token.kind == "mark" and token.text == "(":
            found = self.in_parentheses()
        elif self._compares():
            found = self.comparison()
        else:
            found = self.words()
        self.depth -= 1
        return found

    def in_parentheses(self) -> Expression:
        opened = self.take()
        found = self.either()
        if self.now.kind == "end":
            raise FilterError("The parenthesis ( that opens here is never closed", opened.position)
        if (self.now.kind, self.now.text) != ("mark", ")"):
            raise self._left_over()
        self.take()
        return found

    def comparison(self) -> Comparison:
        token = self.take()
        field, name, part = self._field(token)
        if self.now.kind == "operator":
            operator = self.take().text
            values: tuple[Value, ...] = (self.value(f"after {operator}"),)
        else:
            operator = "not in" if self.take().is_word("not") and self.take() else "in"
            values = self.several()
        found = Comparison(field.name, operator, values, name, part, token.position)
        check(found)
        check_name(found, self.known)
        return found

    def several(self) -> tuple[Value, ...]:
        if (self.now.kind, self.now.text) != ("mark", "("):
            raise FilterError(f"( is expected after in, not {self.now}", self.now.position, "Write tag in (a, b).")
        self.take()
        values = [self.value("in the list")]
        while (self.now.kind, self.now.text) == ("mark", ","):
            self.take()
            values.append(self.value("after the comma"))
        if (self.now.kind, self.now.text) != ("mark", ")"):
            raise FilterError(f"A comma or ) is expected in the list, not {self.now}", self.now.position)
        self.take()
        return tuple(values)

    def value(self, where: str) -> Value:
        token = self.now
        if token.kind not in ("word", "string") or token.is_word("and", "or", "not", "in"):
            hint = f"Put the word into quotes: {quote(token.text)}." if token.kind == "word" else ""
            raise FilterError(f"A value is expected {where}, not {token}", token.position, hint)
        self.take()
        return Value(token.text, token.kind == "string", token.position)

    def words(self) -> Expression:
        """A flag, or words to look for in names."""
        token = self.now
        if token.kind not in ("word", "string") or token.is_word("and", "or", "in"):
            raise FilterError(f"A condition is expected here, not {token}", token.position, "Such as status = failed.")
        field = field_named(token.text) if token.kind == "word" else None
        if field is not None and field.kind == "flag":
            self.take()
            return Comparison(field.name, "=", (Value("yes", position=token.position),), position=token.position)
        items: list[Expression] = []
        while self.now.kind in ("word", "string") and not self.now.is_word("and", "or", "not", "in"):
            if items and self._compares():
                break
            self._refuse_mistaken_word(self.now)
            word = self.take()
            items.append(Comparison("name", "~", (Value(word.text, True, word.position),), position=word.position))
        return items[0] if len(items) == 1 else And(tuple(items))

    def _compares(self) -> bool:
        """Whether a comparison begins here."""
        if self.now.kind not in ("word", "string") or self.now.is_word("and", "or", "in"):
            return False
        after = self.next
        third = self.tokens[min(self.at + 2, len(self.tokens) - 1)]
        return after.kind == "operator" or after.is_word("in") or (after.is_word("not") and third.is_word("in"))

    def _field(self, token: Token) -> tuple[Field, str, str]:
        """The field that a word names, with the name and the part of a config value or metric."""
        word = name_of(token.text) if token.kind == "word" else token.text
        first, dot, rest = word.partition(".")
        field = field_named(first if dot else word)
        own_name = field is not None and field.kind in ("config", "metric")
        if field is None or token.kind == "string" or bool(dot) != own_name or (own_name and not rest):
            if own_name and token.kind == "word":
                example = "config.learning_rate" if first.lower() == "config" else "metric.val_loss"
                raise FilterError(f"{first} needs a name", token.position, f"Such as {example}.")
            hint = did_you_mean(word, [*field_names(), *self.known])
            raise FilterError(f"{token} is not a field", token.position, hint)
        name, dot, part = rest.rpartition(".") if field.kind == "metric" else (rest, "", "")
        if field.kind == "metric" and (not dot or part.lower() not in PARTS):
            name, part = rest, "last"
        return field, name, part.lower()

    def _refuse_mistaken_word(self, token: Token) -> None:
        """A word that was hardly meant to be looked for in names."""
        if token.kind == "word" and token.text in _OTHER_SPELLINGS:
            raise FilterError(f"{token} means nothing here", token.position, f"Write {_OTHER_SPELLINGS[token.text]}.")
        first, dot, _ = token.text.partition(".")
        field = field_named(first) if token.kind == "word" else None
        if field is None or bool(dot) != (field.kind in ("config", "metric")):
            return
        hint = f"To look for the word in names, write {quote(token.text)}."
        raise FilterError(f"An operator such as = is expected after {token}", token.position + len(token.text), hint)

    def _left_over(self) -> FilterError:
        token = self.now
        if token.kind == "mark" and token.text == ")":
            return FilterError("There is a ) without its (", token.position)
        if token.text in _OTHER_SPELLINGS:
            return FilterError(f"{token} means nothing here", token.position, f"Write {_OTHER_SPELLINGS[token.text]}.")
        before = self.tokens[self.at - 1]
        hint = ""
        if token.kind == before.kind == "word":
            hint = f"A value of several words stands in quotes: {quote(f'{before.text} {token.text}')}."
        return FilterError(f'"and" or "or" is expected before {token}', token.position, hint)
