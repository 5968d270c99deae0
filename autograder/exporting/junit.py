"""JUnit XML of a class: a suite per submission, whose properties hold the mark; see reporting/junit.py."""

from __future__ import annotations

from collections.abc import Iterable

from autograder.exporting.marked_class import Submission, number, remark
from autograder.reporting.junit import Suite
from autograder.reporting.junit import junit as as_junit
from autograder.reporting.told import told

__all__ = ["junit"]


def junit(submissions: Iterable[Submission]) -> bytes:
    """The results of submissions as XML."""
    return as_junit(map(_suite, submissions))


def _suite(submission: Submission) -> Suite:
    result, mark = submission.result, submission.mark
    return Suite(
        name=f"{result.student}/{result.topic}",
        classname=f"{result.student}.{result.topic}",
        tasks=tuple(map(told, result.tasks)),
        facts={"time": f"{result.usage.wall_seconds:.3f}", "timestamp": result.graded_at[:19]},
        properties={
            "mark": "" if mark.undecided or mark.excused else number(mark.earned),
            "points": number(mark.points),
            "remark": remark(mark),
            "problem": result.problem,
        },
    )
