"""What is counted of a class."""

from __future__ import annotations

import random

import msgspec
import pytest
from made_up_results import check, result, task

from autograder.gradebook.marks import Mark
from autograder.records.jobs import CellReport, Outcome, Usage
from autograder.records.observation import ErrorFact
from autograder.records.results import Diagnosis, FirstCause, Lateness
from autograder.reporting.class_report import as_markdown
from autograder.reporting.count_class import count_class

NO_PANDAS = (
    CellReport(
        number=2, outcome=Outcome.FAILED, error=ErrorFact(type="ModuleNotFoundError", message="No module named 'pandas'")
    ),
)


def mistake(name="m", exact=True):
    return Diagnosis(misconception=name, feedback=f"Feedback of {name}.", exact=exact, checks=("test_values",))


def random_class(seed, students=30):
    """Results of two topics with everything that can happen to a task."""
    draw = random.Random(seed)
    for number in range(students):
        for topic in ("autograd", "dtypes"):
            if draw.random() < 0.1:
                continue
            tasks = []
            for name in ("one", "two", "three"):
                outcomes = [draw.choice([Outcome.PASSED, Outcome.PASSED, Outcome.FAILED, Outcome.NOT_RUN]) for _ in range(3)]
                checks = [check(f"test_{name}_{k}", outcome) for k, outcome in enumerate(outcomes)]
                passed = sum(outcome is Outcome.PASSED for outcome in outcomes)
                attempted = draw.random() < 0.8
                wrong = attempted and passed < 3
                found = draw.sample([mistake("a"), mistake("b"), mistake("c")], draw.choice([0, 1, 2])) if wrong else []
                earned = 2.0 * passed if attempted else 0.0
                tasks.append(
                    task(*checks, task=name, points=6.0, earned=earned, attempted=attempted, diagnoses=tuple(found))
                )
            yield result(*tasks, student=f"s{number:02}", topic=topic)


@pytest.mark.parametrize("seed", range(3))
def test_every_lost_point_has_one_reason(seed):
    results = list(random_class(seed))
    figures = count_class(iter(results))
    lost = sum(each.points - each.earned for result in results for each in result.tasks)
    assert sum(each.lost for each in figures.tasks) == pytest.approx(lost, abs=0.1)
    assert sum(each.lost for each in figures.again) == pytest.approx(lost, abs=0.1)
    costs = [each.lost for each in figures.again]
    assert costs == sorted(costs, reverse=True)
    for each in figures.tasks:
        of_topic = sum(result.topic == each.topic for result in results)
        assert each.complete + each.partial + each.none + each.untouched == of_topic
    assert all(0 <= each.passed <= each.ran for each in figures.checks)


def test_a_misconception_has_all_students_behind_it():
    students = [f"student {number:03}" for number in range(40)]
    results = [result(task(check(), diagnoses=(mistake(),)), student=student) for student in students]
    results.append(result(task(check(), diagnoses=(mistake(exact=False), mistake("rare"))), student="zoe"))
    first, second = count_class(results).misconceptions
    assert first.students == (*students, "zoe")
    assert (first.exact, first.lost) == (40, 40 * 5 + 2.5)
    assert second.students == ("zoe",)


def test_the_check_that_most_fail_is_named_where_no_mistake_is_known():
    failing = [check("test_a", Outcome.PASSED), check("test_b"), check("side_effects", Outcome.NOT_RUN)]
    results = [result(task(*failing), student=student) for student in ("ann", "bo")]
    (again,) = count_class(results).again
    assert (again.why, again.text, again.students, again.of) == ("unexplained", "What b says.", ("ann", "bo"), 2)


def test_the_same_trouble_is_one_line():
    results = [result(task(check()), student=f"s{number:02}", cells=NO_PANDAS) for number in range(17)]
    results.append(result(student="pavel", problem="`a.ipynb` is empty.", points=5.0))
    slow = (CellReport(number=1, outcome=Outcome.TIMEOUT, note="Stopped after 20 s."),)
    results.append(result(task(check(outcome=Outcome.TIMEOUT)), student="ivan", cells=slow))
    troubles = {each.text: len(each.where) for each in count_class(results).troubles}
    assert troubles == {
        "no module named 'pandas'": 17,
        "'a.ipynb' is empty": 1,
        "Stopped after 20 s": 1,
        "time ran out in checks of `value_and_grad`": 1,
    }


def test_a_stub_that_a_cell_calls_is_no_trouble():
    error = ErrorFact(type="NotImplementedError", message="", not_attempted=True)
    cells = (CellReport(number=1, outcome=Outcome.FAILED, error=error),)
    assert count_class([result(task(check(), attempted=False), cells=cells)]).troubles == ()


def test_everybody_is_there_and_what_is_missing_counts_as_nothing():
    late = Lateness(days=1.5, penalty=0.1)
    results = [
        result(task(check(outcome=Outcome.PASSED), earned=5.0), student="ada", topic="autograd"),
        result(task(check(outcome=Outcome.PASSED), earned=4.5), student="boris", topic="dtypes", lateness=late),
        result(student="dmitri", topic="dtypes", problem="Not a notebook.", points=5.0),
    ]
    people = {"zoe": "Zoë Müller", "ada": "Ada Lovelace"}
    figures = count_class(results, people=people, order=("dtypes", "views", "autograd"), waiting={("eve", "dtypes")})
    assert [each.topic for each in figures.topics] == ["dtypes", "autograd"]
    assert [each.name for each in figures.students] == ["Ada Lovelace", "boris", "dmitri", "eve", "Zoë Müller"]
    states = {each.student: [entry.state for entry in each.entries] for each in figures.students}
    assert states == {
        "ada": ["missing", "graded"],
        "boris": ["graded", "missing"],
        "dmitri": ["unreadable", "missing"],
        "eve": ["waiting", "missing"],
        "zoe": ["missing", "missing"],
    }
    assert {(each.earned, each.points) for each in figures.students if each.student in ("ada", "zoe")} == {(5, 10), (0, 10)}
    assert figures.students[1].entries[0].remarks == ("late",)


def test_marks_that_people_decided_are_shown_instead():
    results = [result(task(check()), student="ada")]
    adjusted = Mark(student="ada", topic="autograd", state="graded", points=5, earned=4, automatic=0, adjusted=True)
    excused = Mark(student="bo", topic="autograd", state="missing", points=0, earned=0, automatic=0, excused=True)
    marks = {("ada", "autograd"): adjusted, ("bo", "autograd"): excused}
    ada, bo = count_class(results, marks=marks).students
    assert (ada.earned, ada.entries[0].remarks) == (4.0, ("adjusted",))
    assert (bo.points, bo.entries[0].state, bo.entries[0].remarks) == (0.0, "missing", ("excused",))


def test_marks_may_come_with_the_results():
    marks: dict[tuple[str, str], Mark] = {}

    def results():
        fields = {"points": 5, "earned": 4, "automatic": 0, "adjusted": True}
        marks["ada", "autograd"] = Mark(student="ada", topic="autograd", state="graded", **fields)
        yield result(task(check()), student="ada")

    assert count_class(results(), marks=marks).students[0].entries[0].remarks == ("adjusted",)


def test_the_spread_leaves_out_what_could_not_be_read():
    results = [result(task(check(), earned=float(points)), student=f"s{points}") for points in range(6)]
    results.append(result(student="dmitri", problem="Not a notebook.", points=5.0, usage=Usage(wall_seconds=9)))
    (topic,) = count_class(results).topics
    spread = topic.spread
    shares = (spread.least, spread.lower, spread.middle, spread.upper, spread.most)
    assert shares == pytest.approx((0, 0.25, 0.5, 0.75, 1))
    assert (topic.handed_in, topic.unreadable) == (7, 1)
    assert (topic.seconds, topic.longest_seconds, topic.longest_student) == (1.5, 9, "dmitri")


def test_checks_that_tell_nothing():
    results = [
        result(task(check("test_all", Outcome.PASSED), check("test_none"), check("test_some", outcome)), student=str(number))
        for number, outcome in enumerate([Outcome.PASSED, Outcome.FAILED, Outcome.PASSED])
    ]
    results.append(result(task(check("test_all"), attempted=False), student="idle"))
    assert [(each.check, each.passed, each.ran, each.tells) for each in count_class(results).checks] == [
        ("test_all", 3, 3, "all pass"),
        ("test_none", 0, 3, "none passes"),
        ("test_some", 2, 3, ""),
    ]


def test_a_failed_machine_says_nothing_about_a_student():
    results = [result(task(check()), student="ada", problem="The disk was full.", not_graded=True)]
    figures = count_class(results)
    assert figures.students[0].entries[0].state == "waiting"
    assert figures.tasks == figures.again == ()
    assert [each.text for each in figures.troubles] == ["The disk was full"]


def test_what_is_not_graded_counts_neither_for_nor_against():
    graded = result(task(check()), student="ada")
    failed = msgspec.structs.replace(graded, topic="views", problem="The disk was full.", not_graded=True)
    mark = Mark(student="ada", topic="views", state="not_graded", points=5, earned=0, automatic=0, pending=5, extension=2)
    [ada] = count_class([graded, failed], marks={("ada", "views"): mark}).students
    waits = next(entry for entry in ada.entries if entry.topic == "views")
    assert (waits.state, waits.earned, waits.remarks) == ("waiting", 0, ("extended",))
    assert ada.points == graded.points
    assert "| – |" in as_markdown(count_class([failed], marks={("ada", "views"): mark})).decode()
    decided = msgspec.structs.replace(mark, earned=3, pending=0, adjusted=True)
    [ada] = count_class([graded, failed], marks={("ada", "views"): decided}).students
    assert [(entry.state, entry.earned) for entry in ada.entries if entry.topic == "views"] == [("graded", 3)]
    assert ada.points == graded.points + 5


def test_a_first_cause_counts_the_tasks_that_depend_on_it():
    stopped = task(check(), standing="stopped", note="Cell 2 failed.")
    follows = CellReport(
        number=3, outcome=Outcome.FAILED, error=ErrorFact(type="NameError", message="name 'pd' is not defined")
    )
    causes = (FirstCause(cell=2, error="ModuleNotFoundError: No module named 'pandas'", tasks=("value_and_grad", "other")),)
    results = [result(stopped, student=name, cells=(*NO_PANDAS, follows), causes=causes) for name in ("ann", "bo")]
    figures = count_class(results)
    assert [(each.text, len(each.where), each.tasks) for each in figures.troubles] == [("no module named 'pandas'", 2, 4)]
    assert [(each.why, each.text, each.lost) for each in figures.again] == [("stopped", "Cell 2 failed.", 10)]


def test_no_results_give_empty_figures():
    figures = count_class([])
    assert figures.students == figures.topics == figures.again == ()
