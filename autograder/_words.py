"""Words that many messages share: what may have been meant, and how many there are; and text in cells of a table."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["closest", "counted", "defused", "suggestion", "undefused"]

_FORMULA = re.compile(r"'*(?:\s*[=+\-@]|[\t\r])")


def closest(name: str, choices: Iterable[str], *, most: int = 1) -> list[str]:
    """The choices that resemble a name, whatever the case of their letters, the most similar first."""
    by_lower = {choice.lower(): choice for choice in choices}
    return [by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=0.65)]


def suggestion(name: str, choices: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: `did you mean 'autograd'?`, or else all that there is to choose from."""
    known = list(choices)
    if close := closest(name, known):
        return f"did you mean {close[0]!r}?"
    return f"choose from {', '.join(known)}." if known else "there are none."


def counted(number: int, noun: str) -> str:
    """`1 task`, `3 tasks`: for nouns that take a plain s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def defused(text: str) -> str:
    """Text for a CSV file that no spreadsheet takes for a formula (OWASP, CSV injection); `undefused` gives it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def undefused(text: str) -> str:
    """The text that `defused` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
