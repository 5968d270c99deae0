"""Notebooks of other tools, written cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def cell(kind: str, source: str, **nbgrader: Any) -> Cell:
    """A cell; keywords are nbgrader's marks."""
    marks = {"schema_version": 3, "grade": False, "solution": False, "task": False, "locked": False} | nbgrader
    made: Cell = {"cell_type": kind, "metadata": {"nbgrader": marks} if nbgrader else {}, "source": source}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def write(path: Path, *cells: Cell) -> Path:
    """Write a notebook of these cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    return path
