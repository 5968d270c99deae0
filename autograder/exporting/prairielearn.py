"""PrairieLearn's results.json, which an external grader leaves in /grade/results/.

`score` is a share from 0 to 1. A file that cannot be read is not `gradable`: it costs the student no attempt. The file must
be smaller than 1 MB. Source: https://prairielearn.readthedocs.io/en/latest/externalGrading/#grading-results
"""

from __future__ import annotations

from typing import Any

from autograder.exporting.marked_class import Submission
from autograder.exporting.submission_lines import lines_of, said_of

__all__ = ["prairielearn"]

_LONGEST = 20_000


def prairielearn(submission: Submission) -> dict[str, Any]:
    """The results of one submission."""
    mark, result = submission.mark, submission.result
    if mark.excused:  # there is no word for it, and a score would count
        return {"gradable": False, "format_errors": [said_of(submission)]}
    if mark.undecided or (result.problem and not result.cells and not mark.adjusted):
        return {"gradable": False, "format_errors": [result.problem]}
    return {
        "gradable": True,
        "score": round(min(1.0, mark.earned / mark.points), 4) if mark.points else 0.0,
        "message": said_of(submission),
        "tests": [
            {"name": line.name, "points": line.earned, "max_points": line.points, "output": line.text[:_LONGEST]}
            for line in lines_of(submission)
        ],
    }
