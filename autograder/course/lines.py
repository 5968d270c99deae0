"""Where the lines of a submission's cells are in its file, for reports that point people to their code."""

from __future__ import annotations

import re
from bisect import bisect_right

import msgspec

from autograder.course.cells import text_of
from autograder.records.jobs import Cell

__all__ = ["Lines"]

_LINE_END = re.compile(r"\r\n|\r|\n")


class Lines:
    """The lines of a file, Python or notebook, by cell. In a notebook's JSON, each line of a cell has a line of its own."""

    def __init__(self, data: bytes, cells: tuple[Cell, ...]) -> None:
        """Find the lines of a file's cells, as `read_cells` returned them. Takes time in proportion to the file."""
        rows: dict[str, list[int]] = {}
        for number, row in enumerate(_LINE_END.split(text_of(data).decode("utf-8", "replace")), 1):
            rows.setdefault(_as_source(row.strip()), []).append(number)
        self._lines: dict[tuple[int, int], int] = {}
        last = 0
        for cell in cells:
            for number, line in enumerate(cell.source.split("\n"), 1):
                found = rows.get(line.strip(), []) if line.strip() else []
                place = bisect_right(found, last)
                if place < len(found):
                    last = found[place]
                self._lines[cell.number, number] = max(last, 1)

    def line(self, cell: int, line: int) -> int:
        """The file's line, from 1, of a cell's line: the nearest known one before it if the line itself is not there."""
        return self._lines.get((cell, line), 1)


def _as_source(row: str) -> str:
    """The line of source that a row of JSON holds, like `"x = 1\\n",`; any other row as it is."""
    text = row.removeprefix('"source":').strip().removeprefix("[").removesuffix(",").removesuffix("]").strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return row
    try:
        return msgspec.json.decode(text, type=str).strip()
    except msgspec.DecodeError:
        return row
