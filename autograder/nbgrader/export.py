"""`autograde export-nbgrader`: a course folder in which nbgrader's own commands work, and score as autograde does.

nbgrader_config.py            says that autograde grades
gradebook.db                  topics with their due times, students
source/TOPIC/TOPIC.ipynb      the released notebook, with what `check` needs beside it
submitted/STUDENT/TOPIC/      a class's submissions, if some were given

The folder holds nothing private; the course that it was made from does, and nbgrader's autograde reads it there.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course.cells import read_cells
from autograder.course.course_file import Course
from autograder.errors import ReleaseError, SubmissionError
from autograder.grading.submissions import Submission
from autograder.processes.pool import Pool
from autograder.records.course_card import COURSE_FILE, CourseCard
from autograder.release.build import build

__all__ = ["add_submissions", "export"]

_CONFIG = """\
# Written by `autograde export-nbgrader`. Submissions are graded by autograde, confined; see its docs/students.md.
from autograder.nbgrader import plugin

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {title}
c.CourseDirectory.root = {root}
plugin.configure(c, course={course}, seed={seed})
"""


def export(course: Course, pool: Pool, out: Path, *, seed: int) -> list[str]:
    """Write an nbgrader course and return its assignments' names.

    Args:
        course: the course.
        pool: makes the release's keys.
        out: the folder; made if it is missing, and refused if it holds anything but an earlier export.
        seed: of the grading run.

    Raises:
        ReleaseError: if the folder holds something else, or the release would hold something private.
        AuthoringError: if a topic's files are not right.
    """
    config = out / "nbgrader_config.py"
    if out.exists() and any(out.iterdir()) and not config.exists():
        raise ReleaseError(f"{out}: is no nbgrader course of ours; name an empty folder with -o.")
    with tempfile.TemporaryDirectory(prefix="autograde-nbgrader-") as folder:
        fresh = Path(folder) / "release"
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
    config.write_text(text, encoding="utf-8")
    _write_gradebook(course, out)
    return list(course.topics)


def _write_source(fresh: Path, name: str, target: Path) -> None:
    """The assignment of one topic: nbgrader gives students this folder and no other."""
    for path in (f"{name}.ipynb", "requirements.txt", f"keys/{name}.key", f"checks/test_{name}.py", f"hints/{name}.yml"):
        if (fresh / path).exists():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / path, target / path)
    if (fresh / "wheels").exists():
        shutil.copytree(fresh / "wheels", target / "wheels")
    card = msgspec.json.decode((fresh / COURSE_FILE).read_bytes(), type=CourseCard)
    card = msgspec.structs.replace(card, topics={name: card.topics[name]})
    (target / COURSE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def _write_gradebook(course: Course, out: Path) -> None:
    from nbgrader.api import Gradebook  # type: ignore[import-untyped] # it opens a database: slow

    from autograder.nbgrader.plugin import find_alembic

    find_alembic()
    with Gradebook(f"sqlite:///{(out / 'gradebook.db').absolute()}") as gradebook:
        for name, topic in course.topics.items():
            due = {"duedate": topic.due.isoformat()} if topic.due else {}
            gradebook.update_or_create_assignment(name, **due)


def add_submissions(course: Course, submissions: Iterable[Submission], out: Path) -> list[str]:
    """Put a class's submissions where nbgrader looks for them; returns sentences about those it cannot read so.

    A Python file becomes a notebook. In the place of a file that is no notebook stands one that says so.
    """
    notes = []
    for submission in submissions:
        folder = out / "submitted" / submission.student / submission.topic
        folder.mkdir(parents=True, exist_ok=True)
        try:
            notebook, note = _as_notebook(submission)
        except SubmissionError as error:
            note = f"{submission.student}, {submission.topic}: {error}"
            notebook = _notebook([new_markdown_cell(f"The submission could not be read: {error}")])  # type: ignore[no-untyped-call]
        if note:
            notes.append(note)
        path = folder / f"{submission.topic}.ipynb"
        if isinstance(notebook, bytes):
            path.write_bytes(notebook)
        else:
            nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
        if submission.submitted_at is not None:
            (folder / "timestamp.txt").write_text(f"{submission.submitted_at:%Y-%m-%d %H:%M:%S %z}\n", encoding="utf-8")
    return notes


def _as_notebook(submission: Submission) -> tuple[Any, str]:
    data = submission.read()
    cells = read_cells(data, submission.path.name)
    if submission.path.suffix == ".ipynb":
        try:
            nbformat.validate(nbformat.reads(data.decode("utf-8-sig"), as_version=4))  # type: ignore[no-untyped-call]
        except (nbformat.ValidationError, ValueError, KeyError, AttributeError, TypeError):
            who = f"{submission.student}, {submission.topic}"
            note = f"{who}: nbgrader would refuse this notebook; its code cells were kept."
        else:
            return data, ""
    else:
        note = f"{submission.student}, {submission.topic}: made a notebook of {submission.path.name}."
    return _notebook([new_code_cell(cell.source) for cell in cells]), note  # type: ignore[no-untyped-call]


def _notebook(cells: list[Any]) -> Any:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})  # type: ignore[no-untyped-call]
