"""Results together with the files they are about, for reports that point to lines."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autograder.course.cells import read_cells
from autograder.errors import ResultError, SubmissionError
from autograder.grading.result_files import read_result
from autograder.grading.submissions import Submission
from autograder.records.results import TopicResult
from autograder.reporting.ci_reports import Checked
from autograder.reporting.told import told

__all__ = ["checked_files"]


def checked_files(out: Path) -> tuple[list[Checked], list[str]]:
    """All results in a folder, and sentences about files that have changed or are gone; their findings are on line 1.

    Raises:
        ResultError: if there are no results, or one that cannot be read.
    """
    paths = sorted(out.glob("*/*.json"))
    if not paths:
        raise ResultError(f"{out}: there are no results; run `autograde grade` first.")
    files, notes = [], []
    for path in paths:
        result = read_result(path)
        data = _unchanged(result)
        if not data and not result.problem:
            notes.append(f"{result.submission.path}: has changed since it was graded, or is gone; lines are not known.")
        files.append(_checked(result, data))
    return files, notes


def _unchanged(result: TopicResult) -> bytes:
    """The bytes of the file that was graded; empty if they are not there any more."""
    try:
        data = Submission(result.student, result.topic, Path(result.submission.path)).read()
    except SubmissionError:
        return b""
    return data if hashlib.sha256(data).hexdigest() == result.submission.sha256 else b""


def _checked(result: TopicResult, data: bytes) -> Checked:
    path = result.submission.path
    try:
        cells = read_cells(data, Path(path).name) if data else ()
    except SubmissionError:
        cells = ()
    problem, tasks = result.problem, tuple(map(told, result.tasks))
    if result.not_graded:  # nothing is known of its tasks, so they are not reported as wrong
        problem, tasks = f"Not graded: {problem} No points are lost.", ()
    return Checked(path, data, cells, result.topic, result.title, tasks, problem=problem)
