"""What the desk knows: the course, results and decisions as they are on disk at the moment of each request."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from autograder.course.course_file import Course, load_course
from autograder.errors import RequestError, ResultError
from autograder.gradebook.adjustments import Adjustment, Adjustments, load_adjustments
from autograder.gradebook.marks import Mark, TaskMark, marks_of_student
from autograder.grading.handed_in import handed_in, outdated
from autograder.grading.marks import people_of, students_of
from autograder.grading.result_files import read_all, read_result, read_run, result_path
from autograder.records.results import TopicResult
from autograder.reporting.templating import page_path

__all__ = ["Books", "Entry", "about", "comments_used", "seen_of"]

_MOST_COMMENTS = 100


@dataclass(frozen=True)
class Entry:
    """A student's topic: what was graded (None if nothing was), what was decided, and the mark that follows."""

    student: str
    name: str
    topic: str
    result: TopicResult | None
    decisions: tuple[Adjustment, ...]
    mark: Mark

    def task(self, task: str) -> TaskMark | None:
        """What a task counts; None if there is no such task."""
        return next((each for each in self.mark.tasks if each.task == task), None)


class Books:
    """A course and its folder of results."""

    def __init__(self, course: Path, out: Path, *, cache: Path | None = None) -> None:
        """Open them; `cache` is where answer keys are kept.

        Raises:
            ResultError: if the folder holds no results.
            CourseError: if there are mistakes in the course's files.
        """
        if not out.is_dir():
            raise ResultError(
                f"{out}: there is no such folder; run `autograde grade` first, or name the folder with --results."
            )
        if read_run(out) is None:
            raise ResultError(
                f"{out}: there are no results here; run `autograde grade` first, or name the folder with --results."
            )
        self.out = out
        self._path = course / "course.yml" if course.is_dir() else course
        self._cache = cache
        self._course = self._loaded()
        self._read = self._path.stat().st_mtime_ns

    def _loaded(self) -> Course:
        return replace(load_course(self._path), cache=self._cache)

    @property
    def course(self) -> Course:
        """The course, read again whenever course.yml has changed.

        Raises:
            CourseError: if there are mistakes in it by now.
        """
        written = self._path.stat().st_mtime_ns
        if written != self._read:
            self._course, self._read = self._loaded(), written
        return self._course

    def entry(self, student: str, topic: str) -> Entry:
        """Everything about a student's topic.

        Raises:
            RequestError: if there is no such student or topic.
            ResultError: if the result cannot be read.
        """
        course = self.course
        if topic not in course.topics:
            raise RequestError(f"The course has no topic “{topic}”.")
        decided = load_adjustments(course)
        if student not in students_of(course, self.out) and student not in decided:
            raise RequestError(f"Neither roster.csv nor the results have a student “{student}”.")
        page_path(self.out, student, topic)  # a roster may hold any name
        decisions = decided.get(student, ())
        results = tuple(read_all(self.out, student=student))  # late days are spent over all topics
        known, changed = handed_in(self.out), outdated(self.out)
        marks = marks_of_student(
            course, student, results, decisions, topics=course.topics, handed_in=known, outdated=changed
        )
        mark = next(each for each in marks if each.topic == topic)
        name = people_of(course, [student])[student]
        own = tuple(each for each in decisions if each.topic == topic)
        return Entry(student, name, topic, self.result(student, topic), own, mark)

    def result(self, student: str, topic: str) -> TopicResult | None:
        """What was graded; None if nothing was.

        Raises:
            ResultError: if it cannot be read.
        """
        path = result_path(self.out, student, topic)
        return read_result(path) if path.exists() else None


def about(decisions: Sequence[Adjustment], topic: str, task: str) -> tuple[Adjustment, ...]:
    """A student's decisions about a task, or about a whole topic if `task` is empty."""
    return tuple(each for each in decisions if (each.topic, each.task) == (topic, task))


def seen_of(decisions: Sequence[Adjustment], topic: str, task: str, result: TopicResult | None) -> str:
    """A digest of what a person sees who decides about a task or a topic: what was decided before, and what was graded."""
    graded = (result.fingerprint, result.earned, result.graded_at) if result else None
    seen = msgspec.json.encode((about(decisions, topic, task), graded))
    return hashlib.blake2b(seen, digest_size=16).hexdigest()


def comments_used(decided: Adjustments, topic: str, task: str) -> tuple[str, ...]:
    """The comments used in this course so far: those on this task first, then the most frequent."""
    entries = [each for own in decided.values() for each in own if each.comment]
    times = Counter(each.comment for each in entries)
    here = {each.comment for each in entries if (each.topic, each.task) == (topic, task)}
    return tuple(sorted(times, key=lambda text: (text not in here, -times[text], text)))[:_MOST_COMMENTS]
