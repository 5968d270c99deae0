"""Finds the file that a result was made from, as `autograde grade` found it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autograder.course.course_file import Course
from autograder.errors import SubmissionError
from autograder.grading.submissions import Submission, find_submissions
from autograder.records.results import TopicResult

__all__ = ["submission_of"]


def submission_of(course: Course, result: TopicResult) -> Submission:
    """The submission in the student's folder that a result came from, under the path that the result names.

    Raises:
        SubmissionError: if it is not there; the text says where it was expected.
    """
    named = Path(result.submission.path)
    for path in (named, course.root / named):
        folder = next((each for each in path.absolute().parents if each.name == result.student), None)
        if folder is None or not folder.is_dir():
            continue
        for found in find_submissions([folder], course, topics=[result.topic]).submissions:
            if found.topic == result.topic:
                as_graded = named if path is named and found.path.resolve() == named.resolve() else found.path
                return replace(found, student=result.student, path=as_graded)
    raise SubmissionError(
        f"The hand-in of {result.student} is no longer at {result.submission.path}; start the desk in the folder in which "
        "`autograde grade` was run."
    )
