"""Cells that nbgrader needs are found in notebooks that it did not make."""

from __future__ import annotations

from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.nbgrader.repair import _repaired, _Wanted


def wanted() -> dict[str, Any]:
    cells = {}
    for task in ("double", "guess", "why"):
        cells[f"task-{task}"] = _Wanted(f"task-{task}", "code", f"{task} = ...", False)
        cells[f"task-{task}"].marks["solution"] = True
        cells[f"check-{task}"] = _Wanted(f"check-{task}", "code", f'check("{task}")', True)
        cells[f"check-{task}"].marks |= {"grade": True, "points": 1.0}
    return cells


def names(notebook: Any) -> list[str]:
    return [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in notebook.cells]


def test_the_cell_that_defines_a_task_is_the_place_for_comments() -> None:
    sources = ("import torch", "why = 1", "def double(x):\n    return x", "why = 2\nguess = 7", "print(why)")
    notebook = new_notebook(cells=[new_markdown_cell("# A"), *map(new_code_cell, sources)])
    assert list(_repaired(notebook, wanted())) == [
        "It had none of the cells to grade, as if it came from another file; they were added."
    ]
    # The last definition counts, but a cell is the place of one task only.
    assert names(notebook)[:6] == ["", "", "task-why", "task-double", "task-guess", ""]
    assert names(notebook)[6:] == ["check-double", "check-guess", "check-why"]


def test_a_task_that_nothing_defines_has_no_place() -> None:
    notebook = new_notebook(cells=[new_code_cell("x = 1")])
    list(_repaired(notebook, wanted()))
    assert sorted(filter(None, names(notebook))) == ["check-double", "check-guess", "check-why"]
