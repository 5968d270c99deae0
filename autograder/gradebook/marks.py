"""Marks: what a submission is worth after people's decisions and the late policy. Pure functions of what was recorded.

mark = (1 - late penalty) × Σ over tasks (the checks' points, or a person's instead, plus additions) + additions to the topic

A person's points for a whole topic are the mark as it stands: nothing is taken off for lateness. Excused tasks and topics
count neither for nor against.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal, TypeVar

import msgspec

from autograder.course.course_file import Course, TaskEntry
from autograder.gradebook.adjustments import Adjustment, Adjustments, extension_of
from autograder.gradebook.lateness import lateness
from autograder.records.results import Lateness, TaskResult, TopicResult

__all__ = [
    "CHANGED_SINCE",
    "Decided",
    "Mark",
    "TaskMark",
    "decided_by",
    "extension_for",
    "mark_of",
    "marks_of_class",
    "marks_of_student",
    "with_mark",
    "without_checks",
]


_NONE: Mapping[tuple[str, str], str] = {}


class TaskMark(msgspec.Struct, frozen=True, kw_only=True):
    """What a task counts, before lateness: `earned` of `points`. `automatic` is what the checks give, `pending` what may
    still come: from checks that wait for a device, or from a person for a manual task."""

    task: str
    points: float
    earned: float
    automatic: float
    pending: float = 0.0
    manual: bool = False
    attempted: bool = True
    adjusted: bool = False
    excused: bool = False
    comments: tuple[str, ...] = ()


CHANGED_SINCE = "changed since; not graded yet"
"""The flag of a mark of an earlier file than the one that is there now."""

State = Literal["graded", "unreadable", "not_graded", "missing"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A student's mark for a topic: `earned` of `points`, rounded to two decimals, with everything taken into account.

    `state` says where it comes from: a graded submission, one that could not be read (`unreadable`), one that the machine
    failed at or that no run has reached (`not_graded`: all points are pending but those that a person gave), or none
    (`missing`).
    `automatic` is what the checks alone give, without lateness. `adjusted`: a person changed points, or excused something.
    `outdated`: another file has been handed in since, and is not graded yet. `extension` is in hours. An excused mark has no
    points, so that sums come out right. `comments` are those on the whole topic; each task has its own. `problem` says why
    a submission is unreadable.
    """

    student: str
    topic: str
    state: State
    points: float
    earned: float
    automatic: float
    pending: float = 0.0
    adjusted: bool = False
    excused: bool = False
    outdated: bool = False
    extension: float = 0.0
    lateness: Lateness | None = None
    submitted_at: str = ""
    tasks: tuple[TaskMark, ...] = ()
    comments: tuple[str, ...] = ()
    problem: str = ""

    @property
    def undecided(self) -> bool:
        """Whether `earned` says nothing yet: it was not graded, and nobody has decided about all of the points."""
        return self.state == "not_graded" and self.pending > 0

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader must know beside the number: missing, unreadable, not graded, changed since, excused, adjusted,
        extended, late, pending."""
        late = self.lateness is not None and (self.lateness.penalty > 0 or self.lateness.budget_days > 0)
        flags = {
            "missing": self.state == "missing",
            "unreadable": self.state == "unreadable",
            "not graded": self.undecided,
            CHANGED_SINCE: self.outdated,
            "excused": self.excused,
            "adjusted": self.adjusted,
            "extended": self.extension > 0,
            "late": late,
            "pending": self.pending > 0 and not self.undecided,
        }
        return tuple(name for name, holds in flags.items() if holds)

    @property
    def all_comments(self) -> tuple[str, ...]:
        """The comments on the topic, and those on its tasks with the task's name in front."""
        of_tasks = (f"{task.task}: {comment}" for task in self.tasks for comment in task.comments)
        return (*self.comments, *of_tasks)


def marks_of_class(
    course: Course,
    results: Iterable[TopicResult],
    adjustments: Adjustments,
    *,
    students: Iterable[str] = (),
    handed_in: Collection[tuple[str, str]] = (),
    outdated: Mapping[tuple[str, str], str] = _NONE,
) -> Iterator[Mark]:
    """Everybody's marks, by student and then in the order of the course: for each topic that anybody handed in or that
    people decided about, apart from giving more time. What is missing has a mark too.

    Args:
        course: the course.
        results: what was graded, each student's results together, as `read_all` gives them.
        adjustments: what people decided.
        students: more students, such as those of the roster.
        handed_in: student and topic of what is known to be handed in; without a result, it is not graded instead of missing.
        outdated: by student and topic, the content (see `SubmissionFile`) of graded files in whose place there is another.
    """
    graded = {student: tuple(own) for student, own in groupby(map(without_checks, results), lambda result: result.student)}
    topics = {result.topic for own in graded.values() for result in own}
    topics |= {entry.topic for own in adjustments.values() for entry in own if entry.topic and not entry.gives_only_time}
    topics |= {topic for _, topic in handed_in}
    order = [topic for topic in course.topics if topic in topics]
    everybody = dict.fromkeys((*graded, *students, *adjustments, *(student for student, _ in handed_in)))
    for student in sorted(everybody, key=lambda name: (name.casefold(), name)):
        yield from marks_of_student(
            course, student, graded.get(student, ()), adjustments.get(student, ()), topics=order, handed_in=handed_in,
            outdated=outdated,
        )  # fmt: skip


def without_checks(result: TopicResult) -> TopicResult:
    """A result as marks need it: a class of these fits into memory."""
    tasks = tuple(msgspec.structs.replace(task, checks=(), diagnoses=(), source="") for task in result.tasks)
    return msgspec.structs.replace(result, tasks=tasks, cells=(), versions={}, layers={})


def marks_of_student(
    course: Course,
    student: str,
    results: Sequence[TopicResult],
    decisions: Sequence[Adjustment],
    *,
    topics: Iterable[str] | None = None,
    handed_in: Collection[tuple[str, str]] = (),
    outdated: Mapping[tuple[str, str], str] = _NONE,
) -> tuple[Mark, ...]:
    """A student's marks in the order of the course. The budget of late days is spent in the order of the due times.

    Args:
        course: the course.
        student: the student.
        results: what was graded of theirs.
        decisions: theirs, in the order of adjustments.yml.
        topics: those to mark; those with a result if None.
        handed_in: see `marks_of_class`.
        outdated: see `marks_of_class`.
    """
    by_topic = {result.topic: result for result in results}
    chosen = list(by_topic if topics is None else topics)
    budget = _late_days(course, decisions)
    marks: dict[str, Mark] = {}
    for topic in sorted((name for name in course.topics if name in chosen), key=lambda name: _due(course, name)):
        known = (student, topic) in handed_in
        content = outdated.get((student, topic), "")
        mark = mark_of(
            course, student, topic, by_topic.get(topic), decisions, budget=budget, handed_in=known, outdated=content
        )
        budget -= mark.lateness.budget_days if mark.lateness else 0
        marks[topic] = mark
    return tuple(marks[topic] for topic in course.topics if topic in marks)


def mark_of(
    course: Course,
    student: str,
    topic: str,
    result: TopicResult | None,
    decisions: Sequence[Adjustment],
    *,
    budget: int | None = None,
    handed_in: bool = False,
    outdated: str = "",
) -> Mark:
    """The mark of one submission, or of none.

    Args:
        course: the course. Where nothing was graded, its tasks say what there is to earn.
        student: the student.
        topic: the topic.
        result: what was graded; None if nothing was.
        decisions: the student's, in the order of adjustments.yml.
        budget: the late days that are left; all of the student's if None.
        handed_in: whether there is a submission even if there is no result.
        outdated: the content (see `SubmissionFile`) in whose place there is another; empty if there is none.
    """
    own = [entry for entry in decisions if entry.topic == topic]
    known: Mapping[str, TaskResult] = {task.task: task for task in result.tasks} if result else {}
    state = _state(result, handed_in)
    entries = course.topics[topic].tasks
    tasks = tuple(
        _task_mark(name, entries.get(name), known.get(name), [each for each in own if each.task == name], state)
        for name in dict.fromkeys((*entries, *known))
    )
    whole = [entry for entry in own if not entry.task]
    decided = decided_by(whole)
    excused = _last([entry.excused for entry in whole]) or False
    extension = extension_for(course, topic, decisions)
    due, when = course.topics[topic].due, _moment(result)
    left = _late_days(course, decisions) if budget is None else budget
    late = None if excused else lateness(course.late, due, when, extension=extension, budget=left)
    counted = [task for task in tasks if not task.excused]
    earned = sum(task.earned for task in counted) * (1 - (late.penalty if late else 0.0))
    if decided.points is not None:
        earned, late = decided.points, None
    return Mark(
        student=student,
        topic=topic,
        state=state,
        points=0.0 if excused else round(sum(task.points for task in counted), 2),
        earned=0.0 if excused else max(0.0, round(earned + decided.add, 2)),
        automatic=round(sum(task.automatic for task in tasks), 2),
        pending=0.0 if excused or decided.points is not None else round(sum(task.pending for task in counted), 2),
        adjusted=excused or decided.changes or any(task.adjusted or task.excused for task in tasks),
        excused=excused or not counted,
        outdated=result is not None and state != "not_graded" and result.submission.content == outdated,
        extension=round(extension.total_seconds() / 3600, 2),
        lateness=late,
        submitted_at=(result.submission.submitted_at or "") if result else "",
        tasks=tasks,
        comments=decided.comments,
        problem=result.problem if result and state == "unreadable" else "",
    )


def with_mark(result: TopicResult, mark: Mark) -> TopicResult:
    """A result with the points and the lateness of its mark, as pages and tables show it."""
    by_task = {task.task: task for task in mark.tasks}
    tasks = tuple(
        msgspec.structs.replace(task, earned=by_task[task.task].earned, pending=by_task[task.task].pending)
        for task in result.tasks
    )
    return msgspec.structs.replace(
        result, tasks=tasks, points=mark.points, earned=mark.earned, pending=mark.pending, lateness=mark.lateness
    )


def extension_for(course: Course, topic: str, decisions: Sequence[Adjustment]) -> timedelta:
    """How much later than the due time a student may hand in a topic."""
    given = [entry.extension for entry in decisions if entry.topic == topic and entry.extension]
    return extension_of(given[-1], course.topics[topic].due) if given else timedelta(0)


def _state(result: TopicResult | None, handed_in: bool) -> State:
    if result is None:
        return "not_graded" if handed_in else "missing"
    return "not_graded" if result.not_graded else "unreadable" if result.problem else "graded"


def _task_mark(
    name: str, entry: TaskEntry | None, result: TaskResult | None, own: Sequence[Adjustment], state: State
) -> TaskMark:
    decided = decided_by(own)
    points = result.points if result else entry.points if entry else 0.0  # a result counts as it was graded
    manual = entry is not None and entry.kind == "manual"
    automatic = result.earned if result and state != "not_graded" else 0.0
    waits = points if state == "not_graded" or (manual and result) else result.pending if result else 0.0
    earned = automatic if decided.points is None else decided.points
    return TaskMark(
        task=name,
        points=points,
        earned=max(0.0, round(earned + decided.add, 2)),
        automatic=automatic,
        pending=waits if decided.points is None else 0.0,
        manual=manual,
        attempted=result.attempted if result else False,
        adjusted=decided.changes,
        excused=_last([entry.excused for entry in own]) or False,
        comments=decided.comments,
    )


class Decided(msgspec.Struct, frozen=True):
    """What a person's decisions about one task, or about a whole topic, come to."""

    points: float | None = None
    add: float = 0.0
    comments: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether points are other than those of the checks."""
        return self.points is not None or self.add != 0.0


def decided_by(entries: Iterable[Adjustment]) -> Decided:
    """What entries about one task, or about a whole topic, come to together; in the order of adjustments.yml."""
    decided = Decided()
    for entry in entries:
        if entry.points is not None:  # what came before was about other points
            decided = Decided(None if entry.points == "auto" else float(entry.points))
        comments = (*decided.comments, entry.comment) if entry.comment else decided.comments
        decided = Decided(decided.points, decided.add + (entry.add or 0.0), comments)
    return decided


def _late_days(course: Course, decisions: Sequence[Adjustment]) -> int:
    own = _last([entry.late_days for entry in decisions])
    return own if own is not None else course.late.late_days if course.late else 0


T = TypeVar("T")


def _last(values: Iterable[T | None]) -> T | None:
    return next((value for value in reversed(list(values)) if value is not None), None)


def _due(course: Course, topic: str) -> float:
    due = course.topics[topic].due
    return due.timestamp() if due else float("inf")


def _moment(result: TopicResult | None) -> datetime | None:
    when = result.submission.submitted_at if result else None
    return datetime.fromisoformat(when) if when else None
