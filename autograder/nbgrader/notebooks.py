"""Reads what students hand in as notebooks that nbgrader takes: whatever `autograde grade` can read has one.

What nbgrader might stumble over without need is put right without a word: the encoding, NaN, cells without an id of their
own, widgets without their state.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import nbformat.reader
from nbconvert.exporters import NotebookExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course.cells import holds_notebook, read_cells, strict_json
from autograder.errors import SubmissionError
from autograder.grading.grade import fault_of
from autograder.grading.submissions import Submission

__all__ = ["TolerantExporter", "as_notebook"]

_WIDGETS = "application/vnd.jupyter.widget-state+json"


def as_notebook(submission: Submission) -> tuple[Any, str]:
    """A submission as a valid notebook, and a sentence if it had to be changed.

    A Python file becomes a notebook. Of a notebook that is not valid, the code cells are kept. A file that cannot be read is
    replaced by a notebook that says so.
    """
    try:
        notebook, note = _read(submission)
    except Exception as error:  # whatever a submission holds, the others are read
        note = str(error) if isinstance(error, SubmissionError) else fault_of(error)
        notebook = _notebook([new_markdown_cell(f"The submission could not be read: {note}")])  # type: ignore[no-untyped-call]
    return notebook, note


def _read(submission: Submission) -> tuple[Any, str]:
    data = submission.read()
    cells = read_cells(data, submission.path.name)
    if holds_notebook(data, submission.path.name):
        try:
            return _tidied(data), ""
        except (nbformat.ValidationError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
            note = "nbgrader would refuse this notebook, so only its code cells were kept."
    else:
        note = f"{submission.path.name} was turned into a notebook."
    return _notebook([new_code_cell(cell.source) for cell in cells]), note  # type: ignore[no-untyped-call]


def _tidied(data: bytes) -> Any:
    """A notebook as nbformat has it, valid and without anything that nbformat warns of or nbconvert stumbles over.

    Raises:
        Exception: one of many, if it is not valid apart from its ids, widgets and empty cells.
    """
    parts = json.loads(strict_json(data))
    parts["nbformat"] = int(parts["nbformat"])
    notebook: Any = nbformat.convert(nbformat.reader.reads(json.dumps(parts)), 4)  # type: ignore[no-untyped-call]
    if not _has_state(notebook.metadata.get("widgets")):
        notebook.metadata.pop("widgets", None)
    with_ids = notebook.nbformat_minor >= 5
    taken = set()
    for number, cell in enumerate(notebook.cells):
        if cell.source is None:
            cell.source = ""
        name = cell.pop("id", None)
        if with_ids:
            proper = isinstance(name, str) and re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) and name not in taken
            cell.id = name if proper else f"autograde-{number}"
            taken.add(cell.id)
    nbformat.validate(notebook)
    return notebook


def _has_state(widgets: Any) -> bool:
    """Whether nbconvert's pages can take a notebook's widgets; Colab saves them without `state`."""
    saved = widgets.get(_WIDGETS) if isinstance(widgets, dict) else None
    return isinstance(saved, dict) and isinstance(saved.get("state"), dict)


def _notebook(cells: list[Any]) -> Any:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})  # type: ignore[no-untyped-call]


class TolerantExporter(NotebookExporter):
    """What `nbgrader autograde` reads submissions with: as `as_notebook` does, also those that came without the export."""

    def from_file(self, file_stream: Any, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """Convert a notebook from an open file; see nbconvert's Exporter."""
        notebook, note = as_notebook(Submission("", "", Path(file_stream.name)))
        if note:
            self.log.warning("%s: %s", file_stream.name, note)
        made: tuple[Any, Any] = self.from_notebook_node(notebook, resources=resources, **kw)  # type: ignore[no-untyped-call]
        return made
