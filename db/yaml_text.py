"""YAML that a person wrote, read with care. Knows nothing of what it says.

Aliases are refused, because a text of some lines can mean gigabytes with them, and so is deep nesting. Whatever cannot
be read becomes one error with its place.
"""

from typing import Any

import yaml

DEEPEST = 20  # levels
_CUT = 200  # characters of a message


class YamlError(ValueError):
    """A text that is not read.

    Attributes:
        what: why, without the place; no full stop at its end.
        line, column: where, counted from 1; None when that is not known.
    """

    def __init__(self, what: str, line: int | None = None, column: int | None = None) -> None:
        self.what = what
        self.line, self.column = line, column
        super().__init__(f"{what} at line {line}, column {column}" if line else what)


def load(text: str) -> Any:
    """The plain values of a YAML (or JSON) text.

    Raises:
        YamlError: when it is not YAML, holds an alias, is nested too deep, or names a value that there cannot be.
    """
    try:
        _refuse_tricks(text)
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = f"this is not valid YAML: {getattr(error, 'problem', None) or error}"
        raise YamlError(what[:_CUT], *((mark.line + 1, mark.column + 1) if mark else ())) from None
    except YamlError:
        raise
    except (ValueError, OverflowError) as error:  # such as the date 2024-13-45
        raise YamlError(f"a value cannot be read: {error}"[:_CUT]) from None


def _refuse_tricks(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.AliasEvent):
            raise YamlError("aliases (*name) are not taken; write the value out", line, column)
        if depth > DEEPEST:
            raise YamlError(f"nested more than {DEEPEST} levels deep", line, column)
