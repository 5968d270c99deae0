"""The tasks of a notebook that are marked ranges of it, as what a check can run."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from autograder.course.cells import parsed, without_special_lines
from autograder.course.marked import marked_parts
from autograder.records.jobs import Cell, ScriptPart

__all__ = ["scripts_in"]


def scripts_in(cells: Collection[Cell], tasks: Collection[str]) -> dict[str, tuple[ScriptPart, ...]]:
    """The ranges of each of these tasks that cells have a range of, without magics and shell commands."""
    found = {task: tuple(map(_plain, marked_parts(cells, task))) for task in sorted(tasks)}
    return {task: parts for task, parts in found.items() if parts}


def _plain(part: ScriptPart) -> ScriptPart:
    if parsed(part.source) is not None:
        return part
    return msgspec.structs.replace(part, source=without_special_lines(part.source))
