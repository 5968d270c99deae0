"""Marks: results, people's decisions and the late policy come together, without running code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autograder.course.course_file import Course, LatePolicy, TaskEntry, TopicEntry
from autograder.gradebook.adjustments import Adjustment
from autograder.gradebook.changes import changes_between
from autograder.gradebook.lateness import lateness
from autograder.gradebook.marks import Mark, mark_of, marks_of_class, marks_of_student
from autograder.records.results import Lateness, SubmissionFile, TaskResult, TopicResult

DUE = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def course(late: LatePolicy | None = None) -> Course:
    tasks = {"double": TaskEntry(points=4), "guess": TaskEntry(points=1)}
    topics = {
        "views": TopicEntry(title="Views", number=2, tasks=tasks, due=DUE),
        "dtypes": TopicEntry(title="Dtypes", number=1, tasks={"cast": TaskEntry(points=2)}, due=DUE - 7 * DAY),
        "essay": TopicEntry(title="Essay", number=3, tasks={"why": TaskEntry(points=3, kind="manual")}),
    }
    return Course(title="A course", topics=topics, root=Path(), late=late)


def result(topic: str = "views", *, late: timedelta | None = None, student: str = "ada", **earned: float) -> TopicResult:
    entry = course().topics[topic]
    when = (entry.due + late).isoformat() if late is not None and entry.due else None
    return TopicResult(
        student=student,
        topic=topic,
        title=entry.title,
        submission=SubmissionFile(path="x.ipynb", sha256="0", submitted_at=when),
        fingerprint="f",
        seed=1,
        device="cpu",
        versions={},
        tasks=tuple(
            TaskResult(task=name, points=task.points, earned=earned.get(name, 0)) for name, task in entry.tasks.items()
        ),
    )


def decided(topic: str = "views", **what: Any) -> Adjustment:
    return Adjustment(student="ada", topic=topic, **what)


def mark(*decisions: Adjustment, late: timedelta | None = None, policy: LatePolicy | None = None, **earned: float) -> Mark:
    return mark_of(course(policy), "ada", "views", result(late=late, **earned), decisions)


def test_without_decisions_a_mark_is_what_the_checks_give() -> None:
    plain = mark(double=2.5, guess=1)
    assert (plain.earned, plain.points, plain.automatic, plain.state, plain.flags) == (3.5, 5, 3.5, "graded", ())
    assert [(task.task, task.earned, task.points) for task in plain.tasks] == [("double", 2.5, 4), ("guess", 1, 1)]


def test_a_persons_points_replace_those_of_the_checks_and_additions_add_up() -> None:
    adjusted = mark(
        decided(task="double", points=1, comment="first look"),
        decided(task="double", points=3, comment="Right idea."),
        decided(task="double", add=0.5),
        decided(task="double", add=0.25, comment="Nice plot."),
        decided(add=-0.5, comment="Please name your file as asked."),
        double=2,
        guess=1,
    )
    assert (adjusted.earned, adjusted.automatic, adjusted.flags) == (4.25, 3, ("adjusted",))
    assert [task.adjusted for task in adjusted.tasks] == [True, False]
    assert adjusted.all_comments == (
        "Please name your file as asked.",
        "double: Right idea.",
        "double: Nice plot.",
    )
    back = mark(decided(task="double", points=3, comment="no"), decided(task="double", points="auto"), double=2)
    assert (back.earned, back.flags, back.all_comments) == (2, (), ())
    assert mark(decided(add=-9), guess=1).earned == 0


def test_points_for_a_whole_topic_are_the_mark_as_it_stands() -> None:
    policy = LatePolicy(per_day=0.5)
    assert mark(decided(points=4.5), late=3 * DAY, policy=policy, double=4).earned == 4.5
    late = mark(decided(task="double", points=4), decided(add=1), late=HOUR, policy=policy, guess=1)
    assert (late.earned, late.lateness, late.flags) == (3.5, Lateness(days=0.04, penalty=0.5), ("adjusted", "late"))


def test_what_is_excused_counts_neither_for_nor_against() -> None:
    task = mark(decided(task="double", excused=True), guess=1, double=1)
    assert (task.earned, task.points, task.excused, task.adjusted) == (1, 1, False, True)
    topic = mark(decided(excused=True), double=4)
    assert (topic.earned, topic.points, topic.flags) == (0, 0, ("excused", "adjusted"))
    assert mark(decided(excused=True), decided(excused=False), double=4).earned == 4


@pytest.mark.parametrize(
    ("policy", "late", "penalty"),
    [
        (LatePolicy(policy="none"), 9 * DAY, 0),
        (LatePolicy(policy="zero", grace_minutes=15), 15 * HOUR / 60, 0),
        (LatePolicy(policy="zero", grace_minutes=15), 16 * HOUR / 60, 1),
        (LatePolicy(policy="per_hour", per_hour=0.05), 90 * HOUR / 60, 0.1),
        (LatePolicy(policy="per_hour", per_hour=0.05, at_most=0.3), DAY, 0.3),
        (LatePolicy(per_day=0.1), DAY + HOUR, 0.2),
        (LatePolicy(per_day=0.25, at_most=0.5), 9 * DAY, 0.5),
    ],
)
def test_late_policies(policy: LatePolicy, late: timedelta, penalty: float) -> None:
    found = lateness(policy, DUE, DUE + late)
    assert found is not None
    assert found.penalty == penalty
    assert mark(late=late, policy=policy, double=4).earned == round(4 * (1 - penalty), 2)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (timedelta(0), None),
        (-HOUR, None),
        (HOUR / 4, (0.01, 0.0)),
        (16 * HOUR / 60, (0.01, 0.1)),
        (DAY, (1.0, 0.1)),
        (DAY + timedelta(seconds=1), (1.0, 0.2)),
        (9 * DAY, (9.0, 0.25)),
    ],
)
def test_lateness_at_its_edges(late: timedelta, expected: tuple[float, float] | None) -> None:
    found = lateness(LatePolicy(grace_minutes=15, per_day=0.1, at_most=0.25), DUE, DUE + late)
    assert (found and (found.days, found.penalty)) == expected


def test_nobody_is_late_without_a_policy_a_due_time_or_a_time_of_submission() -> None:
    assert lateness(None, DUE, DUE + DAY) is None
    assert lateness(LatePolicy(), None, DUE) is None
    assert lateness(LatePolicy(), DUE, None) is None


def test_more_time_for_a_topic_that_nobody_handed_in_makes_nobody_miss_it() -> None:
    asked = decided("essay", extension="48h", comment="Get well soon.")
    marks = list(marks_of_class(course(), [result()], {"ada": (asked,)}, students=["ada", "bo"]))
    assert {each.topic for each in marks} == {"views"}
    given = decided("essay", points=2)
    marks = list(marks_of_class(course(), [result()], {"ada": (asked, given)}, students=["ada", "bo"]))
    assert [each.earned for each in marks if each.topic == "essay"] == [2, 0]


def test_an_extension_moves_the_due_time_and_the_last_one_counts() -> None:
    policy = LatePolicy(per_day=0.1)
    for extension, penalty in [("48h", 0.1), ("2.5d", 0.0), ("2027-03-03T12:00+00:00", 0.1), ("1w", 0.0)]:
        extended = mark(decided(extension="90m"), decided(extension=extension), late=2 * DAY + HOUR, policy=policy, double=4)
        assert extended.earned == round(4 * (1 - penalty), 2)
        assert extended.flags == (("extended", "late") if penalty else ("extended",))


def test_a_budget_of_late_days_is_spent_in_the_order_of_the_due_times() -> None:
    policy = LatePolicy(per_day=0.1, late_days=2)
    results = [result("views", late=30 * HOUR, double=4), result("dtypes", late=HOUR, cast=2)]
    views, dtypes = marks_of_student(course(policy), "ada", results, ())
    assert (dtypes.lateness, dtypes.earned) == (Lateness(days=0.04, penalty=0, budget_days=1), 2)
    assert (views.lateness, views.earned) == (Lateness(days=1.25, penalty=0.1, budget_days=1), 3.6)
    more = [Adjustment(student="ada", late_days=5)]
    assert [each.earned for each in marks_of_student(course(policy), "ada", results, more)] == [4, 2]
    zero = LatePolicy(policy="zero", late_days=1)
    assert lateness(zero, DUE, DUE + 3 * DAY, budget=1) == Lateness(days=3, penalty=1), "a day that saves nothing is kept"
    assert lateness(zero, DUE, DUE + HOUR, budget=1) == Lateness(days=0.04, penalty=0, budget_days=1)


def test_a_manual_task_is_pending_until_a_person_gives_points() -> None:
    open_mark = mark_of(course(), "ada", "essay", result("essay"), ())
    assert (open_mark.earned, open_mark.pending, open_mark.flags) == (0, 3, ("pending",))
    done = mark_of(course(), "ada", "essay", result("essay"), [decided("essay", task="why", points=2, comment="Good.")])
    assert (done.earned, done.pending, done.tasks[0].manual) == (2, 0, True)


def test_everybody_has_a_mark_for_what_anybody_handed_in() -> None:
    results = [result(student="bo", double=4), result("dtypes", student="zoe", cast=1)]
    decisions = {"eve": (Adjustment(student="eve", topic="views", points=3),)}
    marks = list(marks_of_class(course(), results, decisions, students=("Ada", "bo")))
    assert [(each.student, each.topic, each.state, each.earned) for each in marks] == [
        ("Ada", "views", "missing", 0), ("Ada", "dtypes", "missing", 0),
        ("bo", "views", "graded", 4), ("bo", "dtypes", "missing", 0),
        ("eve", "views", "missing", 3), ("eve", "dtypes", "missing", 0),
        ("zoe", "views", "missing", 0), ("zoe", "dtypes", "graded", 1),
    ]  # fmt: skip


def not_graded(*decisions: Adjustment) -> Mark:
    failed = msgspec.structs.replace(result(double=2.0), problem="The disk was full.", not_graded=True)
    return mark_of(course(), "ada", "views", failed, decisions)


def test_what_the_machine_failed_at_has_all_points_pending_until_somebody_decides() -> None:
    plain = not_graded()
    assert (plain.state, plain.earned, plain.automatic, plain.pending, plain.points) == ("not_graded", 0, 0, 5, 5)
    assert (plain.undecided, plain.flags) == (True, ("not graded",))
    some = not_graded(decided(task="double", points=3))
    assert (some.earned, some.pending, some.undecided) == (3, 1, True)
    for decisions in ([decided(points=2)], [decided(task="double", points=2), decided(task="guess", points=0)]):
        whole = not_graded(*decisions)
        assert (whole.earned, whole.pending, whole.undecided, whole.flags) == (2, 0, False, ("adjusted",))
    assert not not_graded(decided(excused=True)).undecided


def test_a_task_that_is_new_in_the_course_is_pending_too() -> None:
    failed = msgspec.structs.replace(result(), problem="The disk was full.", not_graded=True, tasks=())
    assert mark_of(course(), "ada", "views", failed, []).pending == 5


def test_a_failed_machine_is_no_change_of_a_mark() -> None:
    failed = msgspec.structs.replace(result(), problem="The disk was full.", not_graded=True)
    [lost] = changes_between(course(), [result(double=4)], [failed], {})
    assert (lost.difference, lost.reasons) == (0, ("The disk was full",))
    [found] = changes_between(course(), [failed], [result(double=4)], {})
    assert (found.difference, found.reasons) == (0, ("it is graded now",))
