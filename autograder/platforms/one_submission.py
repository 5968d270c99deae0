"""What the platforms share: the one submission in a folder of files, and its result in the platform's format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.course.course_file import Course
from autograder.course.file_names import is_start
from autograder.errors import SubmissionError
from autograder.exporting.marked_class import Submission
from autograder.gradebook.marks import mark_of
from autograder.grading import submissions
from autograder.records.results import TopicResult

__all__ = ["find_one", "results_of"]

_ENDINGS = (".ipynb", ".py")


def find_one(folder: Path, course: Course, topic: str) -> submissions.Submission | str:
    """The submission for a topic in a folder of uploaded files, or a sentence for the student if there is none.

    It is the file with the topic's name, or else the only notebook (the start notebook aside), or else the only Python file.
    """
    try:
        listed = submissions.find_submissions([folder], course, topics=[topic]).submissions
    except SubmissionError:
        listed = ()
    found = [each for each in listed if not each.problem]
    if len(found) == 1:
        return found[0]
    for ending in _ENDINGS:
        files = [path for path in sorted(folder.glob("*")) if path.suffix.lower() == ending and not path.is_symlink()]
        files = [path for path in files if not is_start(path.stem)]
        if len(files) == 1:
            return submissions.Submission("", topic, files[0])
    return (
        f"There is no file {course.notebook(topic)} or {topic}.py in what you have handed in. Please hand it in under that "
        "name."
    )


def results_of(export: Callable[[Submission], dict[str, Any]], course: Course, result: TopicResult) -> dict[str, Any]:
    """A result as `export` writes it for a platform, which takes off points for lateness itself."""
    mark = mark_of(replace(course, late=None), result.student, result.topic, result, ())
    return export(Submission(course, result, mark))
