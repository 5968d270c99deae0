"""Marks of a folder of results, and everything in it that shows them: OUT/marks.json, the pages, OUT/index.html."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import msgspec

from autograder._files import read_whole, write_whole
from autograder.course.course_file import Course
from autograder.course.roster import load_roster
from autograder.gradebook.adjustments import load_adjustments
from autograder.gradebook.marks import Mark, mark_of, marks_of_class, marks_of_student, with_mark
from autograder.grading.handed_in import handed_in, outdated
from autograder.grading.result_files import read_all, result_path
from autograder.records.results import FORMAT_VERSION, TopicResult
from autograder.reporting import topic_page
from autograder.reporting.class_figures import ClassFigures
from autograder.reporting.class_page import write_figures
from autograder.reporting.count_class import count_class

__all__ = ["MARKS_FILE", "figures_of", "marked_results", "marks_in", "people_of", "refresh", "students_of"]

MARKS_FILE = "marks.json"

Key = tuple[str, str]


class _MarksFile(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int = FORMAT_VERSION
    marks: tuple[Mark, ...]


def students_of(course: Course, out: Path) -> list[str]:
    """Everybody in the roster, with a result, or with a submission that has none yet."""
    roster = load_roster(course)
    listed = [person.student for person in roster.people] if roster else []
    return sorted({*listed, *(student for student, _ in handed_in(out))})


def marks_in(course: Course, out: Path, *, only: str | None = None) -> Iterator[Mark]:
    """The marks of everybody in the roster or the results, or of one student; see `marks_of_class`."""
    roster = load_roster(course)
    students = [person.student for person in roster.people] if roster else []
    adjustments = load_adjustments(course)
    known: Collection[Key] = handed_in(out)
    if only is not None:
        adjustments = {only: adjustments[only]} if only in adjustments else {}
        students, known = [], {key for key in known if key[0] == only}
    return marks_of_class(
        course, read_all(out, student=only), adjustments, students=students, handed_in=known, outdated=outdated(out)
    )


def refresh(course: Course, out: Path, *, students: Iterable[str] = ()) -> dict[Key, Mark]:
    """Bring everything that shows marks up to date: pages whose mark has changed, OUT/index.html and OUT/marks.json.

    Args:
        course: the course.
        out: the folder of the results.
        students: students to list besides those in the roster or with submissions.

    Returns:
        The marks of all results, by student and topic.
    """
    marks: dict[Key, Mark] = {}
    write_figures(_count(course, out, _refreshed(course, out, marks), marks, students), out)
    data = msgspec.json.encode(_MarksFile(marks=tuple(marks.values())))
    write_whole(out / MARKS_FILE, msgspec.json.format(data, indent=2) + b"\n")
    return marks


def figures_of(course: Course, out: Path, *, topics: Collection[str] = ()) -> ClassFigures:
    """The figures of a class from all that is there; of certain topics only, if any are named."""
    marks: dict[Key, Mark] = {}

    def results() -> Iterator[TopicResult]:
        for result, mark in marked_results(course, out):
            if not topics or result.topic in topics:
                marks[result.student, result.topic] = mark
                yield with_mark(result, mark)

    return _count(course, out, results(), marks, topics=topics)


def people_of(course: Course, students: Iterable[str] = ()) -> dict[str, str]:
    """The names of everybody in the roster, and of other students.

    Raises:
        CourseError: if the roster cannot be read.
    """
    roster = load_roster(course)
    listed = {person.student: person.name or person.student for person in roster.people} if roster else {}
    return {student: student for student in students} | listed


def marked_results(course: Course, out: Path) -> Iterator[tuple[TopicResult, Mark]]:
    """The results of the course's topics as they were graded, each with its mark."""
    adjustments, changed = load_adjustments(course), outdated(out)
    for student, results in groupby(read_all(out), key=lambda result: result.student):
        own = {result.topic: result for result in results if result.topic in course.topics}
        decisions = adjustments.get(student, ())
        for mark in marks_of_student(course, student, tuple(own.values()), decisions, outdated=changed):
            yield own[mark.topic], mark


def _count(
    course: Course,
    out: Path,
    results: Iterable[TopicResult],
    marks: dict[Key, Mark],
    students: Iterable[str] = (),
    *,
    topics: Collection[str] = (),
) -> ClassFigures:
    """The figures of results with their marks, which `marks` holds by the time a result is taken."""
    known = {key for key in handed_in(out) if key[1] in (topics or course.topics)}
    decided = {
        (student, entry.topic): mark_of(
            course, student, entry.topic, None, decisions, handed_in=(student, entry.topic) in known
        )
        for student, decisions in load_adjustments(course).items()
        for entry in decisions
        if entry.topic and not result_path(out, student, entry.topic).exists()
    }
    return count_class(
        results,
        title=course.title,
        order=tuple(course.topics),
        people=people_of(course, students),
        marks=ChainMap(decided, marks),
        waiting=known,
    )


def _refreshed(course: Course, out: Path, marks: dict[Key, Mark]) -> Iterator[TopicResult]:
    """The results with their marks; on the way, `marks` is filled, and pages that show something else are written."""
    adjustments = load_adjustments(course)
    shown, since = _read_marks(out)
    for result, mark in marked_results(course, out):
        key = result.student, result.topic
        marks[key] = mark
        on_page = shown.get(key)
        if _written(out, key) > since:  # by grading, which looks at one topic of a student at a time
            on_page = mark_of(course, *key, result, adjustments.get(result.student, ()))
        if on_page != mark or topic_page.missing_pages(out, *key):
            topic_page.write_pages(result, out, mark=mark)
        yield with_mark(result, mark)


def _written(out: Path, key: Key) -> int:
    """When a submission's page was written, in nanoseconds; 0 if there is none."""
    try:
        return (out / key[0] / f"{key[1]}.html").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _read_marks(out: Path) -> tuple[Mapping[Key, Mark], int]:
    """The marks on the pages when OUT/marks.json was written, and when that was, in nanoseconds; 0 if there is none."""
    try:
        path = out / MARKS_FILE
        read, since = msgspec.json.decode(read_whole(path), type=_MarksFile), path.stat().st_mtime_ns
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}, 0
    return {(mark.student, mark.topic): mark for mark in read.marks}, since
