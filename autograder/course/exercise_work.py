"""Tells a file that somebody has worked in from one that holds nothing but stubs, where a topic has several files."""

from __future__ import annotations

from collections.abc import Mapping

from autograder._files import read_whole
from autograder.course.cells import read_cells
from autograder.course.course_file import Course
from autograder.course.stubs import has_work, stub_digest
from autograder.errors import SubmissionError

__all__ = ["ExerciseWork"]


class ExerciseWork:
    """Looks at files with the stubs of a course's exercises in mind; each exercise is read once."""

    def __init__(self, course: Course) -> None:
        """Take the course."""
        self._course = course
        self._stubs: dict[str, Mapping[str, str] | None] = {}

    def is_in(self, data: bytes, name: str, topic: str) -> bool:
        """Whether a file called `name` holds work for a topic; also if that cannot be told."""
        if topic not in self._stubs:
            self._stubs[topic] = self._read(topic)
        stubs = self._stubs[topic]
        try:
            return stubs is None or has_work(read_cells(data, name), stubs)
        except SubmissionError:
            return True

    def _read(self, topic: str) -> Mapping[str, str] | None:
        path = self._course.root / "exercises" / f"{topic}.py"
        try:
            exercise = read_cells(read_whole(path), path.name)
        except (OSError, SubmissionError):
            return None
        return {task: stub_digest(exercise, task) for task in self._course.topics[topic].tasks}
