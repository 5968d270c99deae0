"""PrairieLearn's external grader: what runs in its container.

Source: docs.prairielearn.com, "External grading" (the folders below /grade, the format of results.json).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from autograder._files import write_whole
from autograder.errors import AutogradeError
from autograder.exporting.prairielearn import prairielearn
from autograder.grading.grader import Grader
from autograder.platforms.one_submission import find_one, results_of

__all__ = ["run"]


def run(course: Path, topic: str, root: Path, *, unsafe: bool = False) -> None:
    """Grade ROOT/student, and write ROOT/results/results.json, whatever happens."""
    try:
        with Grader(course, workers=1, unsafe=unsafe) as grader:
            found = find_one(root / "student", grader.course, topic)
            if isinstance(found, str):
                body = _invalid(found)
            else:
                body = results_of(prairielearn, grader.course, grader.grade(found, topic=topic))
    except AutogradeError as error:
        body = _invalid(f"The autograder could not run: {error} This is not due to your submission.")
    write_whole(root / "results/results.json", msgspec.json.encode(body))


def _invalid(sentence: str) -> dict[str, Any]:
    return {"gradable": False, "format_errors": [sentence]}
