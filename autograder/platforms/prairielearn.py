"""PrairieLearn's external grader: what runs in its container.

Source: docs.prairielearn.com, "External grading" (the folders below /grade, the format of results.json).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from autograder._files import write_whole
from autograder.errors import AutogradeError
from autograder.grading.grader import Grader
from autograder.platforms.one_submission import feedback, find_one, task_text
from autograder.records.results import TopicResult

__all__ = ["results_of", "run"]


def run(course: Path, topic: str, root: Path, *, unsafe: bool = False) -> None:
    """Grade ROOT/student, and write ROOT/results/results.json, whatever happens."""
    try:
        with Grader(course, workers=1, unsafe=unsafe) as grader:
            found = find_one(root / "student", grader.course, topic)
            body = _invalid(found) if isinstance(found, str) else results_of(grader.grade(found, topic=topic))
    except AutogradeError as error:
        body = _invalid(f"The autograder could not run: {error} This is not due to your submission.")
    write_whole(root / "results/results.json", msgspec.json.encode(body))


def results_of(result: TopicResult) -> dict[str, Any]:
    """A result in the format of PrairieLearn's results.json; what could not be read costs no attempt."""
    if result.not_graded or (result.problem and not result.cells):
        return _invalid(result.problem)
    return {
        "gradable": True,
        "score": result.earned / result.points if result.points else 0.0,
        "message": feedback(result),
        "tests": [
            {"name": task.task, "points": task.earned, "max_points": task.points, "output": task_text(task)}
            for task in result.tasks
        ],
    }


def _invalid(sentence: str) -> dict[str, Any]:
    return {"gradable": False, "format_errors": [sentence]}
