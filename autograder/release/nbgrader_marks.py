"""nbgrader's metadata in released notebooks, version 3, as in nbgrader 0.9's `docs/contributor_guide/metadata`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

__all__ = ["checksum", "mark_cells"]


def mark_cells(cells: Iterable[Any], tasks: Collection[str], points: Mapping[str, float], locked: str) -> None:
    """Mark a notebook's cells, which already have ids: a task's cell as a solution, its check as locked and graded.

    Args:
        cells: the notebook's cells.
        tasks: the ids of the tasks' cells.
        points: the points of each task, by the id of its check's cell.
        locked: the id of the cell that imports `check`.
    """
    for cell in cells:
        if cell.id in tasks:
            _mark(cell, solution=True)
        elif cell.id in points:
            _mark(cell, locked=True, grade=True, points=points[cell.id])
        elif cell.id == locked:
            _mark(cell, locked=True)


def _mark(cell: Any, *, solution: bool = False, locked: bool = False, grade: bool = False, points: float = 0.0) -> None:
    marks: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": cell.id,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
        "cell_type": cell.cell_type,
    }
    if grade:
        marks["points"] = points
    cell.metadata = {**cell.metadata, "deletable": False, "nbgrader": marks}
    if locked:
        cell.metadata["editable"] = False
    cell.metadata["nbgrader"]["checksum"] = checksum(cell)


def checksum(cell: Any) -> str:
    """A cell's checksum as nbgrader computes it (nbgrader.utils.compute_checksum), without importing nbgrader."""
    marks = cell.metadata["nbgrader"]
    flags = (str(marks[name]) for name in ("grade", "solution", "locked"))
    parts = [cell.source, cell.cell_type, *flags, marks["grade_id"]]
    if marks["grade"]:
        parts.append(str(float(marks["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
