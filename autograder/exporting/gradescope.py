"""Gradescope's results.json, which an autograder there leaves in /autograder/results/.

`score` is the mark and overrides the sum of the tests'; each task is a test with score, max_score, status and output.
Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

from typing import Any

from autograder.exporting.marked_class import Submission
from autograder.exporting.submission_lines import lines_of, said_of

__all__ = ["gradescope"]


def gradescope(submission: Submission) -> dict[str, Any]:
    """The results of one submission."""
    result = submission.result
    if submission.mark.undecided:  # without a score, Gradescope shows that the autograder failed
        return {"output": f"Not graded: {result.problem} No points are lost."}
    if submission.mark.excused:
        return {"output": said_of(submission)}
    return {
        "score": submission.mark.earned,
        "execution_time": round(result.usage.wall_seconds, 2),
        "output": said_of(submission),
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": line.name,
                "score": line.earned,
                "max_score": line.points,
                "status": "passed" if line.passed else "failed",
                "number": str(number),
                "output": line.text,
                "visibility": "visible",
            }
            for number, line in enumerate(lines_of(submission), start=1)
        ],
    }
