"""Grading again what was graded before: marks change only if somebody accepts it.

A result of a file that was graded before, under other checks, tolerances, seeds or versions, goes to OUT/.runs/proposed. In
the end it is compared with the result in OUT. If no mark would change, or the changes are accepted, the new results take the
place of the old ones, and OUT/.runs/previous keeps the old run: `autograde diff OUT/.runs/previous OUT` compares the two.
What the machine failed at is never taken instead of a result that is there, accepted or not: the next run grades it again.
Both are so deep that `OUT/*/*.json` are the results of the class and nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.course.course_file import Course
from autograder.errors import ResultError
from autograder.gradebook.adjustments import Adjustments
from autograder.gradebook.changes import Change, changes_between
from autograder.grading.result_files import read_all, read_result, read_run, result_path, write_run
from autograder.records.results import INSTRUCTOR_PAGES, TopicResult

__all__ = ["Regrade", "previous_of", "proposed_of", "settle"]


def proposed_of(out: Path) -> Path:
    """Where results wait to be accepted."""
    return out / ".runs/proposed"


def previous_of(out: Path) -> Path:
    """Where the results are kept that newer ones have replaced."""
    return out / ".runs/previous"


@dataclass(frozen=True)
class Regrade:
    """What came of grading again: the marks that change, and whether the new results have been taken. `failed`: how many
    results stay as they were because the machine failed at the new ones."""

    changes: tuple[Change, ...]
    taken: bool
    failed: int = 0


def settle(
    course: Course, out: Path, proposed: Sequence[tuple[str, str]], adjustments: Adjustments, *, accept: bool, dry_run: bool
) -> Regrade:
    """Take proposed results if no mark changes or the changes are accepted; else leave them where they are.

    Args:
        course: the course.
        out: the folder of the results.
        proposed: student and topic of each proposed result of this run.
        adjustments: what people decided.
        accept: take them even if marks change.
        dry_run: take nothing.
    """
    folder = proposed_of(out)
    graded = [key for key in proposed if not (_not_graded(folder, *key) and result_path(out, *key).exists())]
    failed = len(proposed) - len(graded)
    proposed = graded
    if not proposed:
        if not dry_run:
            if not failed:
                _record_run(out)
            shutil.rmtree(folder, ignore_errors=True)
        return Regrade((), taken=not dry_run, failed=failed)
    students = sorted({student for student, _ in proposed})
    old = [result for student in students for result in read_all(out, student=student)]
    changes = tuple(changes_between(course, old, _overlaid(old, _read(folder, proposed)), adjustments))
    replaced = {(result.student, result.topic) for result in old}
    changes = tuple(change for change in changes if (change.student, change.topic) in replaced)
    if dry_run or (changes and not accept):
        return Regrade(changes, taken=False, failed=failed)
    _keep(out)
    for student, topic in proposed:
        target = result_path(out, student, topic)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_suffix(".html").unlink(missing_ok=True)  # `refresh` writes it with today's decisions
        result_path(folder, student, topic).replace(target)
    _record_run(out)
    shutil.rmtree(folder, ignore_errors=True)
    return Regrade(changes, taken=True, failed=failed)


def _not_graded(folder: Path, student: str, topic: str) -> bool:
    return read_result(result_path(folder, student, topic)).not_graded


def _read(folder: Path, keys: Iterable[tuple[str, str]]) -> Iterator[TopicResult]:
    return (read_result(result_path(folder, student, topic)) for student, topic in keys)


def _overlaid(old: Iterable[TopicResult], new: Iterable[TopicResult]) -> list[TopicResult]:
    """The results as they would be, by student."""
    merged = {(result.student, result.topic): result for result in (*old, *new)}
    return sorted(merged.values(), key=lambda result: result.student)


def _record_run(out: Path) -> None:
    """Let the run that the proposed results came from be that of the folder."""
    try:
        record = read_run(proposed_of(out))
    except ResultError:
        return
    if record is not None:
        write_run(record, out)


def _keep(out: Path) -> None:
    """Keep the results as they are in OUT/.runs/previous, without their pages. Where links work, this takes no space."""
    previous = previous_of(out)
    shutil.rmtree(previous, ignore_errors=True)
    ignored = shutil.ignore_patterns(".*", "*.html", INSTRUCTOR_PAGES)
    shutil.copytree(out, previous, ignore=ignored, copy_function=_link)


def _link(source: str, target: str) -> None:
    """Results are replaced as a whole, never changed, so a link keeps the old one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
