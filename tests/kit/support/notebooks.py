"""Notebooks of other tools, written cell by cell, and what is seen of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
_WIDTH = 80
"""In a window 1100 pixels wide with the side panel open, JupyterLab shows 83 characters of a code cell's line."""


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


def too_wide(notebook: bytes) -> list[str]:
    """The lines of its code cells that JupyterLab cuts in a narrow window."""
    code = [cell["source"] for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    return [line for source in code for line in "".join(source).splitlines() if len(line) > _WIDTH]
