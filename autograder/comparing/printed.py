"""Compares printed texts line by line: words as they are, numbers within a tolerance, spaces hardly at all."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import NamedTuple

from autograder._words import counted
from autograder.records.observation import PrintsAlike

__all__ = ["difference_in_print"]

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_LINE_SHOWN = 100
_MOST_MATCHED = 1000


def difference_in_print(name: str, expected: str, actual: str, judge: PrintsAlike, *, quote: bool) -> str:
    """A sentence on the first line that differs; empty if none does.

    Args:
        name: what the sentence calls the text.
        expected: what the reference printed.
        actual: what the code printed.
        judge: how to compare.
        quote: whether the sentence may quote the two texts.
    """
    wanted, yours = _lines(expected), _lines(actual)
    if wanted and not yours:
        return f"{name} is empty: the code prints nothing."
    if judge.unordered:
        return _unordered(name, wanted, yours, judge.tolerance, quote=quote)
    for number, (right, line) in enumerate(zip(wanted, yours, strict=False), 1):
        if right != line and not _alike(_parts(right), _parts(line), judge.tolerance):
            if quote:
                return f"Line {number} of {name} is {_shown(line)}; it should be {_shown(right)}."
            return f"Line {number} of {name} differs {_where(right, line)}."
    if len(wanted) == len(yours):
        return ""
    following = ""
    if quote and len(yours) < len(wanted):
        following = f" The next one should be {_shown(wanted[len(yours)])}."
    elif quote:
        following = f" The first one too many is {_shown(yours[len(wanted)])}."
    return f"{name} has {counted(len(yours), 'line')}; it should have {len(wanted)}.{following}"


def _lines(text: str) -> list[str]:
    """The lines with single spaces between words, without those at the end that are empty."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


class _Parts(NamedTuple):
    """A line taken apart: what is between its numbers, and these as they are written."""

    words: list[str]
    numbers: list[str]


def _parts(line: str) -> _Parts:
    return _Parts(_NUMBER.split(line), _NUMBER.findall(line))


def _alike(expected: _Parts, actual: _Parts, tolerance: float) -> bool:
    if expected.words != actual.words:
        return False
    pairs = zip(expected.numbers, actual.numbers, strict=True)
    return all(right == number or _near(float(right), float(number), tolerance) for right, number in pairs)


def _near(expected: float, actual: float, tolerance: float) -> bool:
    if not math.isfinite(expected) or not math.isfinite(actual):  # too many digits for a number
        return False
    return abs(actual - expected) <= tolerance * max(1.0, abs(expected))


def _where(expected: str, actual: str) -> str:
    if _NUMBER.split(expected) != _NUMBER.split(actual):
        return "in its words"
    return "in a number"


def _unordered(name: str, wanted: list[str], yours: list[str], tolerance: float, *, quote: bool) -> str:
    missing, extra = [_parts(line) for line in (Counter(wanted) - Counter(yours)).elements()], []
    for number, line in enumerate((Counter(yours) - Counter(wanted)).elements()):
        match = None
        if number < _MOST_MATCHED:
            parts = _parts(line)
            match = next((index for index, right in enumerate(missing) if _alike(right, parts, tolerance)), None)
        if match is None:
            extra.append(line)
        else:
            missing.pop(match)
    if extra:
        first = f", e.g. {_shown(extra[0])}" if quote else ""
        return f"{counted(len(extra), 'line')} of {name} should not be there{first} (their order does not matter)."
    if missing:
        return f"{counted(len(missing), 'line')} of {name} {'is' if len(missing) == 1 else 'are'} missing."
    return ""


def _shown(line: str) -> str:
    return repr(line if len(line) <= _LINE_SHOWN else f"{line[: _LINE_SHOWN - 1]}…") if line else "empty"
