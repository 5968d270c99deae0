"""Which submissions of a class are similar: the sources in its results, without what was handed out, by topic and task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from autograder._files import read_whole
from autograder.course.cells import read_cells, source_with_helpers
from autograder.course.course_file import Course
from autograder.errors import SubmissionError
from autograder.grading.result_files import read_all
from autograder.reporting.similarity import TaskSimilarity, similar_pairs

__all__ = ["find_similar", "sources_in"]

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
    """Compare the sources of each task, without the handed-out code; a task at a time."""
    for (topic, task), by_student in sources.items():
        yield similar_pairs(topic, task, by_student, given=_given(course, topic, task), threshold=threshold)


def _given(course: Course, topic: str, task: str) -> str:
    """The source of a task in the exercise; empty if there is none."""
    path = course.root / f"exercises/{topic}.py"
    try:
        return source_with_helpers(read_cells(read_whole(path), path.name), task)
    except (OSError, SubmissionError):
        return ""
