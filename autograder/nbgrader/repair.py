"""Gives a submission the cells that nbgrader needs, whatever happened to them, before it is graded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook  # type: ignore[import-untyped]
from nbgrader.preprocessors import NbGraderPreprocessor  # type: ignore[import-untyped]

from autograder.course.cells import read_cells, strict_json, task_source
from autograder.errors import SubmissionError
from autograder.records.jobs import Cell

__all__ = ["REPAIRS", "RepairCells", "cells_of"]


REPAIRS = "autograde_repairs"


class RepairCells(NbGraderPreprocessor):  # type: ignore[misc]
    """Gives a submission the cells that nbgrader needs, whatever happened to them, and says what was done.

    The student's own code is neither changed nor left out. It does not matter which cell holds a task's code: what
    counts is what the notebook defines in the end.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Repair a notebook; see nbconvert's Preprocessor."""
        where = resources["nbgrader"]
        # What the notebook's outputs and widgets show is replaced anyway, and nbconvert stumbles over widgets without state.
        nb = nbformat.from_dict(json.loads(strict_json(json.dumps(nb).encode())))  # type: ignore[no-untyped-call]
        nb.metadata.pop("widgets", None)
        with Gradebook(where["db_url"]) as gradebook:
            source = gradebook.find_notebook(where["notebook"], where["assignment"])
            wanted = {cell.name: _Wanted.of(cell) for cell in source.source_cells}
            for cell in source.grade_cells:
                wanted[cell.name].marks |= {"grade": True, "points": float(cell.max_score), "solution": False}
            for cell in source.solution_cells:
                wanted[cell.name].marks["solution"] = True
        repairs = list(_repaired(nb, wanted))
        for text in repairs:
            self.log.warning("%s, %s: %s", where.get("student"), where["notebook"], text)
        if repairs:
            lines = "\n".join(f"* {text}" for text in repairs)
            note = new_markdown_cell(f"**Repaired before grading**\n\n{lines}\n")  # type: ignore[no-untyped-call]
            note.metadata[REPAIRS] = repairs
            nb.cells.insert(0, _fitting(nb, note))
        return nb, resources


class _Wanted:
    """A cell that nbgrader must find: its text and metadata."""

    def __init__(self, name: str, cell_type: str, source: str, locked: bool) -> None:
        self.name, self.cell_type, self.source, self.locked = name, cell_type, source, locked
        self.marks: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": name,
            "grade": False,
            "solution": False,
            "locked": locked,
            "task": False,
            "cell_type": cell_type,
        }

    @classmethod
    def of(cls, cell: Any) -> _Wanted:
        """The cell as nbgrader's database describes it."""
        return cls(cell.name, str(cell.cell_type), cell.source, bool(cell.locked))

    @property
    def task(self) -> str:
        """The task's name, for the cells of tasks and of their checks."""
        match = re.fullmatch(r'check\("(\w+)"\)', self.source.strip())
        return match[1] if match else ""


def _repaired(nb: Any, wanted: Mapping[str, _Wanted]) -> Iterator[str]:
    marked = any(_name(cell) in wanted for cell in nb.cells)
    for cell in nb.cells:
        if "nbgrader" in cell.metadata and _name(cell) not in wanted:
            del cell.metadata["nbgrader"]
    if not marked:
        yield "It had none of the cells to grade, as if it came from another file; they were added."
    for each in wanted.values():
        yield from _retyped(nb, each)
    for each in wanted.values():
        yield from _without_copies(nb, each)
    for each in wanted.values():
        if each.locked:
            yield from _put_back(nb, each, wanted, quiet=not marked)
    if marked:
        yield from _moved(nb, wanted)
    _mark_answers(nb, wanted)
    for cell in nb.cells:
        if (name := _name(cell)) in wanted:
            cell.metadata["nbgrader"] = {**wanted[name].marks}


def _name(cell: Any) -> str:
    marks = cell.metadata.get("nbgrader")
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    return name if isinstance(name, str) else ""


def _retyped(nb: Any, wanted: _Wanted) -> Iterator[str]:
    for index, cell in enumerate(nb.cells):
        if _name(cell) == wanted.name and cell.cell_type != wanted.cell_type:
            fresh = new_code_cell(cell.source, metadata=cell.metadata)  # type: ignore[no-untyped-call]
            fresh.id = cell.get("id", wanted.name)
            nb.cells[index] = _fitting(nb, fresh)
            yield f"The cell `{wanted.name}` had become a text cell; it is a code cell again."


def _without_copies(nb: Any, wanted: _Wanted) -> Iterator[str]:
    copies = [cell for cell in nb.cells if _name(cell) == wanted.name]
    for cell in copies[:-1]:
        del cell.metadata["nbgrader"]
    if len(copies) > 1:
        what = "they all check the same" if wanted.locked else "the last definition counts"
        yield f"The cell `{wanted.name}` appears {len(copies)} times; {what}."


def _put_back(nb: Any, wanted: _Wanted, others: Mapping[str, _Wanted], *, quiet: bool) -> Iterator[str]:
    there = [cell for cell in nb.cells if _name(cell) == wanted.name]
    if there:
        if there[0].source != wanted.source:
            there[0].source = wanted.source
            yield f"The locked cell `{wanted.name}` was changed; it was restored."
        return
    unmarked = [cell for cell in nb.cells if cell.cell_type == "code" and not _name(cell)]
    same = [cell for cell in unmarked if cell.source.strip() == wanted.source]
    if same:
        same[-1].metadata["nbgrader"] = dict(wanted.marks)
        if not quiet:
            yield f"The cell `{wanted.name}` had lost its nbgrader mark; it was restored."
        return
    cell = new_code_cell(wanted.source, id=wanted.name)  # type: ignore[no-untyped-call]
    cell.metadata = nbformat.from_dict({"nbgrader": dict(wanted.marks), "deletable": False, "editable": False})  # type: ignore[no-untyped-call]
    task = f"task-{wanted.task}"
    places = [index for index, each in enumerate(nb.cells) if wanted.task and _name(each) == task]
    nb.cells.insert(places[-1] + 1 if places else len(nb.cells), _fitting(nb, cell))
    if not quiet:
        yield f"The cell `{wanted.name}` was deleted; it was restored."


def _moved(nb: Any, wanted: Mapping[str, _Wanted]) -> Iterator[str]:
    """What happened to the tasks' own cells; nothing is changed."""
    cells, _ = cells_of(nb)
    for each in wanted.values():
        if not each.task or f"task-{each.task}" not in wanted:
            continue
        own = [cell for cell in nb.cells if _name(cell) == f"task-{each.task}"]
        elsewhere = bool(task_source(cells, each.task))
        if not own:
            counts = "another cell defines it, and that one counts" if elsewhere else "nothing defines it"
            yield f"The cell of `{each.task}` was deleted; {counts}."
        elif not re.search(rf"\b{re.escape(each.task)}\b", own[-1].source):
            counts = "another cell does, and that one counts" if elsewhere else "no other cell does"
            yield f"The cell of `{each.task}` no longer defines it; {counts}."


def _mark_answers(nb: Any, wanted: Mapping[str, _Wanted]) -> None:
    """Mark the cell that defines a task, if none is marked as the task's: a grader's comment is shown there."""
    for each in wanted.values():
        name = f"task-{each.task}"
        if not each.task or name not in wanted or any(_name(cell) == name for cell in nb.cells):
            continue
        for cell in reversed(nb.cells):
            if cell.cell_type == "code" and not _name(cell) and task_source((Cell(1, cell.source),), each.task):
                cell.metadata["nbgrader"] = dict(wanted[name].marks)
                break


def cells_of(nb: Any) -> tuple[tuple[Cell, ...], str]:
    """The code cells that autograde runs, or none and why."""
    try:
        return read_cells(json.dumps(nb).encode(), "The notebook"), ""
    except SubmissionError as error:
        return (), str(error)


def _fitting(nb: Any, cell: Any) -> Any:
    """A cell that fits the notebook's format: ids came with version 4.5, and must be unique."""
    if (nb.nbformat, nb.nbformat_minor) < (4, 5):
        cell.pop("id", None)
        return cell
    taken = {each.get("id") for each in nb.cells}
    while cell.get("id") in taken:
        cell.id = f"{cell.id}-again"[-60:]
    return cell
