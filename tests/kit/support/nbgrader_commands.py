"""Runs nbgrader's own commands in a course folder: what tests of it share."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any


def nbgrader(folder: Path, *arguments: str) -> str:
    """What an nbgrader command prints; it must work."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout + run.stderr


def grades(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    nbgrader(folder, "export")
    with (folder / "grades.csv").open() as file:
        return {(row["student_id"], row["assignment"]): row for row in csv.DictReader(file)}


def cell_of(notebook: Any, name: str) -> Any:
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)
