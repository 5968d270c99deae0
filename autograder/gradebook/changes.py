"""What changes between two gradings of a class: whose mark, by how much, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from autograder._words import counted
from autograder.course.course_file import Course
from autograder.gradebook.adjustments import Adjustments
from autograder.gradebook.marks import Mark, mark_of, marks_of_student
from autograder.records.jobs import Outcome
from autograder.records.results import CheckResult, TaskResult, TopicResult

__all__ = ["Change", "changes_between"]

_MOST_CHECKS = 3


@dataclass(frozen=True)
class Change:
    """A mark that differs. `before` or `after` is None if there was no result; `reasons` say why, in a few words each."""

    student: str
    topic: str
    before: Mark | None
    after: Mark | None
    reasons: tuple[str, ...]

    @property
    def difference(self) -> float:
        """By how many points the mark changes; what is not there counts as 0, and what is not graded does not change it."""
        if any(mark is not None and mark.undecided for mark in (self.before, self.after)):
            return 0.0
        return round((self.after.earned if self.after else 0.0) - (self.before.earned if self.before else 0.0), 2)


def changes_between(
    course: Course,
    old: Iterable[TopicResult],
    new: Iterable[TopicResult],
    adjustments: Adjustments,
    *,
    handed_in: Collection[tuple[str, str]] = (),
) -> Iterator[Change]:
    """The marks that differ, by student and then in the order of the course, both with today's decisions and late policy.

    Args:
        course: the course.
        old: the results of one grading, each student's together.
        new: those of the other.
        adjustments: what people decided.
        handed_in: student and topic of what the new grading found; without a result, it is not graded rather than gone.
    """
    before, after = _by_student(old), _by_student(new)
    for student in sorted({*before, *after}, key=lambda name: (name.casefold(), name)):
        decisions = adjustments.get(student, ())
        were, are = before.get(student, {}), after.get(student, {})
        old_marks = {mark.topic: mark for mark in marks_of_student(course, student, tuple(were.values()), decisions)}
        new_marks = {mark.topic: mark for mark in marks_of_student(course, student, tuple(are.values()), decisions)}
        for topic in course.topics:
            first, second = old_marks.get(topic), new_marks.get(topic)
            if first and second is None and (student, topic) in handed_in:
                second = mark_of(course, student, topic, None, decisions, handed_in=True)
            if (first is None) != (second is None) or (first and second and _numbers(first) != _numbers(second)):
                reasons = tuple(_reasons(were.get(topic), are.get(topic), first, second))
                yield Change(student, topic, first, second, reasons)


def _by_student(results: Iterable[TopicResult]) -> dict[str, dict[str, TopicResult]]:
    grouped = groupby(results, key=lambda result: result.student)
    return {student: {result.topic: result for result in own} for student, own in grouped}


def _numbers(mark: Mark) -> tuple[float, float, float]:
    return mark.earned, mark.points, mark.pending


def _reasons(old: TopicResult | None, new: TopicResult | None, before: Mark | None, after: Mark | None) -> Iterator[str]:
    if old is None or new is None:
        yield "newly graded" if old is None else "not graded yet" if after else "no longer there"
        return
    if old.submission.sha256 != new.submission.sha256:
        yield "another file was handed in"
    if old.problem != new.problem:
        again = "it is graded now" if old.not_graded else "the file can be read now"
        yield new.problem.rstrip(".") if new.problem else again
    if old.not_graded or new.not_graded:  # of the tasks nothing is known
        return
    were, are = {task.task: task for task in old.tasks}, {task.task: task for task in new.tasks}
    for name in dict.fromkeys((*were, *are)):
        yield from _reasons_of_task(name, were.get(name), are.get(name))
    if before and after and before.lateness != after.lateness:
        yield f"late: {_percent(after)} taken off instead of {_percent(before)}"
    if old.seed != new.seed:
        yield f"seed {new.seed} instead of {old.seed}"
    changed = [name for name in new.versions if old.versions.get(name) != new.versions[name]]
    yield from (f"{name} {new.versions[name]} instead of {old.versions.get(name, 'none')}" for name in changed)


def _reasons_of_task(name: str, old: TaskResult | None, new: TaskResult | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{name} is {'new' if old is None else 'no longer a task'}"
        return
    if old.points != new.points:
        yield f"{name} is worth {new.points:g} instead of {old.points:g}"
    if (old.earned, old.pending) == (new.earned, new.pending):
        return
    changes = list(_changed_checks(old.checks, new.checks))
    shown = [
        *changes[:_MOST_CHECKS],
        *([f"{counted(len(changes) - _MOST_CHECKS, 'more check')}"] * (len(changes) > _MOST_CHECKS)),
    ]
    yield f"{name} {old.earned:g} -> {new.earned:g}{': ' if shown else ''}{', '.join(shown)}"


def _changed_checks(old: Iterable[CheckResult], new: Iterable[CheckResult]) -> Iterator[str]:
    were: Mapping[str, CheckResult] = {check.name: check for check in old}
    are = {check.name: check for check in new}
    for name in dict.fromkeys((*were, *are)):
        if name not in were:
            yield f"{name} is new and {_word(are[name].outcome)}"
        elif name not in are:
            yield f"{name} is no longer there"
        elif were[name].outcome is not are[name].outcome:
            yield f"{name} {_word(were[name].outcome)} -> {_word(are[name].outcome)}"


def _word(outcome: Outcome) -> str:
    return str(outcome.value).replace("_", " ")


def _percent(mark: Mark) -> str:
    return f"{(mark.lateness.penalty if mark.lateness else 0) * 100:g} %"
