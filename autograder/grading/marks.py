"""Marks of a folder of results, and everything in it that shows them: OUT/marks.json, the pages, OUT/index.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import msgspec

from autograder._files import write_whole
from autograder.course.course_file import Course
from autograder.course.roster import load_roster
from autograder.gradebook.adjustments import load_adjustments
from autograder.gradebook.marks import Mark, mark_of, marks_of_class, marks_of_student, with_mark
from autograder.grading.result_files import read_all
from autograder.records.results import FORMAT_VERSION, TopicResult
from autograder.reporting import topic_page

__all__ = ["MARKS_FILE", "marks_in", "refresh", "students_of"]

MARKS_FILE = "marks.json"

Key = tuple[str, str]


class _MarksFile(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int = FORMAT_VERSION
    marks: tuple[Mark, ...]


def students_of(course: Course, out: Path) -> list[str]:
    """Everybody in the roster or with a folder of results."""
    roster = load_roster(course)
    listed = [person.student for person in roster.people] if roster else []
    graded = [path.parent.name for path in out.glob("*/*.json") if not path.parent.name.startswith(".")]
    return sorted({*listed, *graded})


def marks_in(course: Course, out: Path, *, only: str | None = None) -> Iterator[Mark]:
    """The marks of everybody in the roster or the results, or of one student; see `marks_of_class`."""
    roster = load_roster(course)
    students = [person.student for person in roster.people] if roster else []
    adjustments = load_adjustments(course)
    if only is not None:
        adjustments = {only: adjustments[only]} if only in adjustments else {}
        students = []
    return marks_of_class(course, read_all(out, student=only), adjustments, students=students)


def refresh(course: Course, out: Path) -> dict[Key, Mark]:
    """Bring everything that shows marks up to date: pages whose mark has changed, OUT/index.html and OUT/marks.json.

    Returns:
        The marks of all results, by student and topic.
    """
    marks: dict[Key, Mark] = {}
    results = _marked(course, out, marks)
    topic_page.write_index(results, out, title=course.title, topics=tuple(course.topics), marks=marks)
    data = msgspec.json.encode(_MarksFile(marks=tuple(marks.values())))
    write_whole(out / MARKS_FILE, msgspec.json.format(data, indent=2) + b"\n")
    return marks


def _marked(course: Course, out: Path, marks: dict[Key, Mark]) -> Iterator[TopicResult]:
    """The results with their marks; on the way, `marks` is filled, and pages that show something else are written."""
    adjustments = load_adjustments(course)
    shown, since = _read_marks(out)
    for student, results in groupby(read_all(out), key=lambda result: result.student):
        own = {result.topic: result for result in results if result.topic in course.topics}
        decisions = adjustments.get(student, ())
        for mark in marks_of_student(course, student, tuple(own.values()), decisions):
            key, result = (student, mark.topic), own[mark.topic]
            marks[key] = mark
            on_page = shown.get(key)
            if _written(out, key) > since:  # by grading, which looks at one topic of a student at a time
                on_page = mark_of(course, student, mark.topic, result, decisions)
            if on_page != mark or not _written(out, key):
                topic_page.write_page(result, out, mark=mark)
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
        read, since = msgspec.json.decode(path.read_bytes(), type=_MarksFile), path.stat().st_mtime_ns
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}, 0
    return {(mark.student, mark.topic): mark for mark in read.marks}, since
