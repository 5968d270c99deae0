"""Which submissions of a class are similar: the sources in its results, without what was handed out, by topic and task."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from autograder._files import read_whole
from autograder.course.cells import read_cells, source_with_helpers, task_source
from autograder.course.course_file import Course
from autograder.course.declarations import read_variants
from autograder.errors import AuthoringError, SubmissionError
from autograder.grading.result_files import read_all
from autograder.records.jobs import Cell
from autograder.reporting.similarity import TaskSimilarity, similar_pairs

__all__ = ["find_similar", "sources_in"]

_HEAD = re.compile("^(?:async def|def|class) ", re.MULTILINE)

Sources = dict[tuple[str, str], dict[str, str]]


def sources_in(course: Course, out: Path) -> Sources:
    """The attempted sources of each topic and task, in the order of the course, by student."""
    found: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for result in read_all(out):
        for task in result.tasks:
            if task.attempted and task.source:
                found[result.topic, task.task][result.student] = task.source
    order = [(topic, task) for topic, entry in course.topics.items() for task in entry.tasks]
    return {key: found[key] for key in order if key in found}


def find_similar(
    course: Course, sources: Mapping[tuple[str, str], Mapping[str, str]], *, threshold: float
) -> Iterator[TaskSimilarity]:
    """Compare the sources of each task, without the handed-out code and obvious answers; a task at a time."""
    for (topic, task), by_student in sources.items():
        given = source_with_helpers(_cells(course.root / f"exercises/{topic}.py"), task)
        known = _solutions(course.root / "solutions", topic, task)
        yield similar_pairs(topic, task, by_student, given=given, known=known, threshold=threshold)


def _solutions(folder: Path, topic: str, task: str) -> list[str]:
    """The sources of the reference of a task, of its alternatives and its misconceptions."""
    found = [source_with_helpers(_cells(folder / f"{topic}.py"), task)]
    for path in (folder / "alternatives" / f"{topic}.py", folder / "misconceptions" / f"{topic}.py"):
        try:
            variants = read_variants(path)
        except AuthoringError:  # of no concern here
            continue
        for name in (variant.name for variant in variants if variant.task == task):
            source = task_source(_cells(path), name)
            head = _HEAD.search(source)  # behind the decorators
            found.append(source[head.start() :] if head else source)
    return found


@lru_cache(maxsize=4)
def _cells(path: Path) -> tuple[Cell, ...]:
    """The cells of one of the course's files; none if it is not there."""
    try:
        return read_cells(read_whole(path), path.name)
    except (OSError, SubmissionError):
        return ()
