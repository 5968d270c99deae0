"""A class with difficult names and one of each kind of mark, as exports meet it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from autograder.course.course_file import Course, LatePolicy, TaskEntry, TopicEntry
from autograder.course.roster import Person, Roster
from autograder.exporting.marked_class import MarkedClass, marked_class
from autograder.gradebook.adjustments import Adjustment
from autograder.gradebook.marks import marks_of_class
from autograder.records.jobs import Outcome
from autograder.records.results import CheckResult, Diagnosis, Difference, SubmissionFile, TaskResult, TopicResult

DUE = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)

COURSE = Course(
    title="A course",
    topics={
        "views": TopicEntry(
            title="Views and strides", number=1, tasks={"double": TaskEntry(points=4), "guess": TaskEntry(points=1)}, due=DUE
        ),
        "dtypes": TopicEntry(title="Dtypes", number=2, tasks={"cast": TaskEntry(points=3)}),
    },
    root=Path(),
    late=LatePolicy(per_day=0.1),
)

ROSTER = Roster(
    (
        Person("ada", "Ada O'Neil, Jr.", "ada@example.org", "1001", "ada1", ("participant 7000001",)),
        Person("mueller", 'Jürgen "JJ" Müller', "jm@example.org", "1002", "jm", ("participant 7000002",)),
        Person("lilei", "李雷", "li@example.org", "1003", "lilei", ("participant 7000003",)),
        Person("=cmd", '=HYPERLINK("http://x")', "-x@example.org", "1004", "+login", ("participant 7000004",)),
        Person("eve", "Eve Late", "eve@example.org", "1005", "eve", ("participant 7000005",)),
        Person("nobody", "No Body", "no@example.org", "1006", "nb", ("participant 7000006",)),
    )
)

ADJUSTMENTS = {
    "lilei": (Adjustment(student="lilei", topic="views", task="double", points=3, comment='=1+1, "good" idea'),),
    "=cmd": (Adjustment(student="=cmd", topic="views", excused=True),),
}


def check(name: str, outcome: Outcome, *, visible: bool = True) -> CheckResult:
    different = Difference(where="result", fact="values", sentence="`result` is off by 1.")
    wrong = (different,) if outcome is Outcome.FAILED else ()
    reason = "Time ran out." if outcome is Outcome.TIMEOUT else ""
    return CheckResult(
        name=name, sentence=f"What {name.removeprefix('secret_')} is about.", visible=visible, outcome=outcome, draws=1,
        differences=wrong, reason=reason,
    )  # fmt: skip


def result(student: str, topic: str, submitted: datetime | None = None, problem: str = "", **earned: float) -> TopicResult:
    tasks = []
    for name, entry in COURSE.topics[topic].tasks.items():
        right = earned.get(name, 0.0) == entry.points
        outcomes = [Outcome.PASSED] * 2 if right else [Outcome.FAILED, Outcome.TIMEOUT]
        if problem:
            outcomes = [Outcome.NOT_RUN] * 2
        mistake = Diagnosis(misconception="secret_mistake", feedback="Which one moves?", exact=True, checks=("a",))
        tasks.append(
            TaskResult(
                task=name, points=entry.points, earned=earned.get(name, 0.0),
                checks=(check("values", outcomes[0]), check("secret_hidden", outcomes[1], visible=False)),
                diagnoses=() if right or problem else (mistake,),
            )
        )  # fmt: skip
    return TopicResult(
        student=student, topic=topic, title=COURSE.topics[topic].title, fingerprint="f", seed=1, device="cpu", versions={},
        submission=SubmissionFile(path="x.ipynb", sha256="0", submitted_at=submitted.isoformat() if submitted else None),
        problem=problem, points=sum(task.points for task in tasks), earned=sum(task.earned for task in tasks),
        tasks=tuple(tasks), graded_at="2027-03-05T10:00:00+00:00",
    )  # fmt: skip


RESULTS = (
    result("=cmd", "views", double=4),
    result("ada", "dtypes", cast=1 / 3),
    result("ada", "views", double=4, guess=1),
    result("eve", "views", DUE.replace(day=2), double=4, guess=1),
    result("lilei", "views", double=1.333, guess=1),
    result("mueller", "views", problem="views.ipynb is not a notebook."),
)


def example(*topics: str, zero_missing: bool = False, scale: bool = False) -> MarkedClass:
    """The class, marked."""
    students = [person.student for person in ROSTER.people]
    marks = marks_of_class(COURSE, RESULTS, ADJUSTMENTS, students=students)
    return marked_class(COURSE, marks, ROSTER, topics=topics, zero_missing=zero_missing, scale=scale)
