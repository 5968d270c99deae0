"""Grades a whole class: prepares its topics and grades each submission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.course.course_file import Course
from autograder.errors import ResultError
from autograder.gradebook.adjustments import Adjustments
from autograder.grading.grade import PreparedTopic, grade, prepare
from autograder.grading.result_files import read_result, result_path
from autograder.grading.submissions import FEW, Submission
from autograder.grading.versions import version_of
from autograder.processes.pool import Pool
from autograder.records.results import Graded

__all__ = ["grade_class", "not_graded"]


def grade_class(
    course: Course,
    submissions: Sequence[Submission],
    pool: Pool,
    out: Path,
    seed: int,
    *,
    device: str,
    force: bool = False,
    adjustments: Adjustments | None = None,
    proposed: Path | None = None,
    dry_run: bool = False,
    on_progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Iterator[Graded]:
    """Grade submissions in their order, writing each result and page before the next is reported.

    Args:
        course: the course.
        submissions: those to grade.
        pool: runs the jobs.
        out: the folder of the results.
        seed: of the run; see `choose_seed`.
        device: where the students' code runs.
        force: grade also what has not changed since it was graded.
        adjustments: what people decided; pages show it.
        proposed: the folder for results of files that have been graded before; see `regrade`.
        dry_run: everything goes to `proposed`.
        on_progress: called with (done, total, what was done last).

    Raises:
        AuthoringError: if a topic's own files are at fault.
    """
    prepared: dict[str, PreparedTopic] = {}
    for name, count in Counter(submission.topic for submission in submissions).items():
        on_progress(0, len(submissions), f"(answer key of {name})")
        prepared[name] = prepare(course, name, pool, seed=seed, device=device, whole=count > FEW)
    submissions = [replace(each, version=version_of(course, each, out, seed)) for each in submissions]
    later: dict[tuple[str, int], PreparedTopic] = {}
    for name, version in sorted({(each.topic, each.version) for each in submissions if each.version > 1}):
        on_progress(0, len(submissions), f"(answer key of {name} for version {version} of a submission)")
        later[name, version] = prepare(course, name, pool, seed=seed, device=device, version=version)
    run = grade(
        course, prepared, submissions, pool, out, later=later, force=force, adjustments=adjustments, proposed=proposed,
        dry_run=dry_run,
    )  # fmt: skip
    for number, graded in enumerate(run, start=1):
        yield graded
        on_progress(number, len(submissions), graded.student)


def not_graded(submissions: Sequence[Submission], out: Path) -> tuple[Submission, ...]:
    """Those whose result in `out` says that the machine failed when they were to be graded."""

    def is_meant(submission: Submission) -> bool:
        try:
            return read_result(result_path(out, submission.student, submission.topic)).not_graded
        except ResultError:
            return False

    return tuple(filter(is_meant, submissions))
