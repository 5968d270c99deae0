"""GitHub Classroom's result JSON, which the step `autograding-grading-reporter` adds up and reports.

The reporter takes it in Base64 (`base64 -w0`) from the environment variable STEP_RESULTS, where STEP is the id of the step
that made it. It reads `max_score` and each test's `score`, and shows each test's `name`, `status` (pass, fail or error) and
`message`.
Source: src/notify-classroom.js and src/console-results.js of https://github.com/classroom-resources/autograding-grading-reporter
"""

from __future__ import annotations

from typing import Any

from autograder.exporting.marked_class import Submission
from autograder.exporting.submission_lines import Line, lines_of

__all__ = ["github"]


def github(submission: Submission) -> dict[str, Any]:
    """The results of one submission."""
    result, lines = submission.result, lines_of(submission)
    if submission.mark.undecided:  # there is no word for pending: it counts neither for nor against
        lines = [Line(result.topic, 0.0, 0.0, passed=False, text="")]
    passed = (bool(lines) or submission.mark.excused) and all(line.passed for line in lines)
    return {
        "version": 1,
        "status": "error" if result.problem else "pass" if passed else "fail",
        "max_score": 0.0 if submission.mark.undecided else submission.mark.points,
        "tests": [_test(line, result.problem) for line in lines],
    }


def _test(line: Line, problem: str) -> dict[str, Any]:
    return {
        "name": line.name,
        "status": "error" if problem else "pass" if line.passed else "fail",
        "score": line.earned,
        "message": problem or line.text,
        "test_code": "",
        "filename": "",
        "line_no": 0,
        "execution_time": 0,
    }
