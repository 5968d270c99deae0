"""Tasks that are a range of a notebook instead of one definition: `# autograde: NAME` stands above the range.

A range ends with its cell, or before the next such line; `# autograde: end` ends it earlier. A task may have several ranges,
`# autograde: NAME, part 2`, which count in the order of their numbers. Of two with one number, the later one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from autograder.records.jobs import Cell, ScriptPart

__all__ = ["MARK", "is_marked", "marked_lines", "marked_names", "marked_parts", "marked_source", "marked_text"]

MARK = "# autograde:"
_LINE = re.compile(r"# ?autograde:[ \t]{0,8}(?P<name>\w{1,100})(?:,[ \t]{0,8}part[ \t]{1,8}(?P<part>\d{1,3}))?[ \t\r]*")
_END = "end"


class _Range(NamedTuple):
    name: str
    part: int
    first: int
    last: int


def is_marked(source: str) -> bool:
    """Whether a task's source is a range, and not a definition."""
    return _LINE.match(source) is not None


def marked_source(cells: Iterable[Cell], task: str) -> str:
    """The text of a task's ranges, each from its mark on; empty if there is none."""
    return "\n\n".join(part.source for part in marked_parts(cells, task))


def marked_parts(cells: Iterable[Cell], task: str) -> tuple[ScriptPart, ...]:
    """A task's ranges, in the order of their parts; `line` is that of the mark in its cell, from 1."""
    found: dict[int, ScriptPart] = {}
    for cell in cells:
        for each in _ranges(cell.source):
            if each.name == task:
                lines = cell.source.split("\n")[each.first - 1 : each.last]
                found[each.part] = ScriptPart(cell.number, each.first, "\n".join(lines).rstrip())
    return tuple(found[number] for number in sorted(found))


def marked_names(cells: Iterable[Cell]) -> frozenset[str]:
    """The names of all ranges in cells."""
    return frozenset(each.name for cell in cells for each in _ranges(cell.source))


def marked_lines(text: str, task: str) -> frozenset[int]:
    """The numbers of the lines of a file in percent format that are in a task's ranges."""
    return frozenset(line for each in _ranges(text) if each.name == task for line in range(each.first, each.last + 1))


def marked_text(text: str, task: str) -> str:
    """The lines of a file in percent format that are in a task's ranges."""
    numbers = marked_lines(text, task)
    return "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number in numbers)


def _ranges(text: str) -> Iterator[_Range]:
    if "autograde:" not in text:
        return
    name, part, first, number = "", 1, 0, 0
    for number, line in enumerate(text.split("\n"), 1):
        mark = _LINE.fullmatch(line) if line.startswith(("# autograde:", "#autograde:")) else None
        if mark is None and not (name and line.startswith(("# %%", "#%%"))):
            continue
        if name:
            yield _Range(name, part, first, number - 1)
        name = mark["name"] if mark is not None and mark["name"] != _END else ""
        part, first = int(mark["part"] or 1) if mark is not None else 1, number
    if name:
        yield _Range(name, part, first, number)
