"""`autograde export-nbgrader`: a course folder in which nbgrader's own commands work and give autograde's scores.

nbgrader_config.py            tells nbgrader to grade with autograde
gradebook.db                  the topics with their due times, and the students
source/TOPIC/TOPIC.ipynb      the released notebook, with what `check` needs beside it
submitted/STUDENT/TOPIC/      a class's submissions, if there are any

The folder holds nothing private. nbgrader's autograde step reads what is private from the original course.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import nbformat.reader
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder._files import write_whole
from autograder.course.cells import holds_notebook, read_cells, strict_json
from autograder.course.course_file import Course
from autograder.course.data_files import FOLDER
from autograder.errors import ReleaseError, SubmissionError
from autograder.grading.grade import fault_of
from autograder.grading.submissions import Submission
from autograder.processes.pool import Pool
from autograder.processes.temporary import TemporaryFolder
from autograder.records.course_card import COURSE_FILE, CourseCard
from autograder.release.build import build

__all__ = ["add_submissions", "export"]

_CONFIG = """\
# Written by `autograde export-nbgrader`. autograde grades the submissions, confined.
from autograder.nbgrader import plugin

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {title}
c.CourseDirectory.root = {root}
plugin.configure(c, course={course}, seed={seed})
"""


def export(course: Course, pool: Pool, out: Path, *, seed: int) -> list[str]:
    """Write an nbgrader course and return the names of its assignments.

    Args:
        course: the course.
        pool: runs what the release's keys need.
        out: the folder; created if missing, and refused if it holds anything but an earlier export.
        seed: the seed of the grading run.

    Raises:
        ReleaseError: if the folder holds something else, or the release would hold something private.
        AuthoringError: if a topic's files have mistakes.
    """
    config = out / "nbgrader_config.py"
    if out.exists() and any(out.iterdir()) and not config.exists():
        raise ReleaseError(f"{out} holds files, but no nbgrader course of autograde's; name an empty folder with -o.")
    with TemporaryFolder() as folder:
        fresh = folder / "release"
        build(course, pool, fresh)
        for name in course.topics:
            target = out / "source" / name
            shutil.rmtree(target, ignore_errors=True)
            _write_source(fresh, name, target)
    text = _CONFIG.format(
        title=json.dumps(course.title),
        root=json.dumps(str(out.absolute())),
        course=json.dumps(str(course.root)),
        seed=seed,
    )
    write_whole(config, text.encode("utf-8"))
    _write_gradebook(course, out)
    return list(course.topics)


def _write_source(fresh: Path, name: str, target: Path) -> None:
    """Write the assignment of one topic: the only folder that nbgrader gives to students."""
    for path in (f"{name}.ipynb", "requirements.txt", f"keys/{name}.key", f"checks/test_{name}.py", f"hints/{name}.yml"):
        if (fresh / path).exists():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / path, target / path)
    for folder in ("wheels", FOLDER):
        if (fresh / folder).exists():
            shutil.copytree(fresh / folder, target / folder)
    card = msgspec.json.decode((fresh / COURSE_FILE).read_bytes(), type=CourseCard)
    card = msgspec.structs.replace(card, topics={name: card.topics[name]})
    write_whole(target / COURSE_FILE, msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def _write_gradebook(course: Course, out: Path) -> None:
    from nbgrader.api import Gradebook  # type: ignore[import-untyped] # slow, since it opens a database

    from autograder.nbgrader.plugin import find_alembic

    find_alembic()
    with Gradebook(f"sqlite:///{(out / 'gradebook.db').absolute()}") as gradebook:
        for name, topic in course.topics.items():
            due = {"duedate": topic.due.isoformat()} if topic.due else {}
            gradebook.update_or_create_assignment(name, **due)


def add_submissions(course: Course, submissions: Iterable[Submission], out: Path) -> list[str]:
    """Put a class's submissions where nbgrader looks for them. Returns a sentence about each one that had to be changed.

    A Python file becomes a notebook. A file that cannot be read is replaced by a notebook that says so. What nbgrader might
    stumble over without need is put right without a word: the encoding, NaN, cells without an id of their own.
    """
    notes = []
    for submission in submissions:
        folder = out / "submitted" / submission.student / submission.topic
        folder.mkdir(parents=True, exist_ok=True)
        try:
            notebook, note = _as_notebook(submission)
        except Exception as error:  # whatever a submission holds, the others are exported
            problem = str(error) if isinstance(error, SubmissionError) else fault_of(error)
            note = f"{submission.student}, {submission.topic}: {problem}"
            notebook = _notebook([new_markdown_cell(f"The submission could not be read: {problem}")])  # type: ignore[no-untyped-call]
        if note:
            notes.append(note)
        nbformat.write(notebook, folder / f"{submission.topic}.ipynb")  # type: ignore[no-untyped-call]
        if submission.submitted_at is not None:
            write_whole(folder / "timestamp.txt", f"{submission.submitted_at:%Y-%m-%d %H:%M:%S %z}\n".encode())
    return notes


def _as_notebook(submission: Submission) -> tuple[Any, str]:
    data = submission.read()
    cells = read_cells(data, submission.path.name)
    who = f"{submission.student}, {submission.topic}"
    if holds_notebook(data, submission.path.name):
        try:
            return _tidied(data), ""
        except (nbformat.ValidationError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
            note = f"{who}: nbgrader would refuse this notebook, so only its code cells were kept."
    else:
        note = f"{who}: {submission.path.name} was turned into a notebook."
    return _notebook([new_code_cell(cell.source) for cell in cells]), note  # type: ignore[no-untyped-call]


def _tidied(data: bytes) -> Any:
    """A notebook as nbformat has it, valid and without anything that nbformat warns of.

    Raises:
        Exception: one of many, if it is not valid apart from its ids and empty cells.
    """
    parts = json.loads(strict_json(data))
    parts["nbformat"] = int(parts["nbformat"])
    notebook: Any = nbformat.convert(nbformat.reader.reads(json.dumps(parts)), 4)  # type: ignore[no-untyped-call]
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


def _notebook(cells: list[Any]) -> Any:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})  # type: ignore[no-untyped-call]
