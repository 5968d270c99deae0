"""An author's observer reads things of a type of their own; what is wrong with it is said with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from course_files import write_files

from autograder.authoring import ignoring, observes
from autograder.checking.observe import observe
from autograder.checking.observers import Observers
from autograder.comparing.arrays import DEFAULT_TOLERANCES as TOLERANCES
from autograder.comparing.compare import compare
from autograder.course.course_file import load_course
from autograder.course.declarations import read_checks
from autograder.course.make_job import make_job
from autograder.course.topic import load_topic
from autograder.errors import AuthoringError
from autograder.keys.build import build_key
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell
from autograder.records.observation import MappingFact, Observation, OpaqueFact
from autograder.scoring.rules import rules_of
from autograder.scoring.score import score


class Money:
    def __init__(self, amount: Any, currency: str = "EUR") -> None:
        self.amount, self.currency = amount, currency


class Coin(Money):
    pass


@observes(Money)
def parts_of_money(money: Money) -> dict[str, Any]:
    return {"amount": money.amount, "currency": money.currency}


def seen(thing: Any, *observers: Callable[..., Any]) -> Observation:
    namespace = {function.__name__: function for function in observers or (parts_of_money,)}
    return Observation(check="test", draw=0, returned=observe(thing, {}, Observers(namespace)))


def sentences(right: Any, other: Any) -> list[str]:
    return [each.sentence for each in compare(seen(right), seen(other), TOLERANCES)]


def test_right_and_wrong() -> None:
    assert sentences({"price": Money(3)}, {"price": Money(3)}) == []
    assert sentences({"price": Money(3)}, {"price": Money(6)}) == [
        '`price["amount"]` is 6; it should be 3. Your value is 2 times the expected one.'
    ]
    assert len(sentences([Money(3), Money(4)], [Money(3), Money(4, "USD")])) == 1


def test_a_subclass_is_observed_too_and_is_of_another_type() -> None:
    assert len(sentences(Money(3), Coin(3))) == 1
    assert sentences(ignoring(Money(3), "type"), Coin(3)) == []


def test_the_observer_of_the_nearest_class_counts() -> None:
    @observes(Coin)
    def parts_of_coin(coin: Coin) -> dict[str, Any]:
        return {"coin": coin.amount}

    fact = seen(Coin(3), parts_of_money, parts_of_coin).returned
    assert isinstance(fact, MappingFact)
    assert fact.keys == ("coin",)


def test_without_an_observer_it_is_opaque() -> None:
    assert isinstance(observe(Money(3)), OpaqueFact)


def test_what_is_no_type_is_refused() -> None:
    for wrong in (object, 3, None):
        with pytest.raises(TypeError, match="takes a class other than object, or the name of one"):
            observes(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@observes\ndef f(x): return {}", "write @observes(TYPE), with the class that f observes, or its name."),
        ('@observes("A", "B")\ndef f(x): return {}', "write @observes(TYPE), with the class that f observes, or its name."),
        ('@observes("A")\ndef f(): return {}', "f must be a plain function that takes one thing and returns a dict."),
        ('@observes("A")\ndef f(x, y): return {}', "f must be a plain function that takes one thing and returns a dict."),
        ('@observes("A")\nclass f: pass', "f must be a plain function that takes one thing and returns a dict."),
    ],
)
def test_an_observer_that_cannot_be_called_is_the_authors_mistake(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "test_it.py"
    path.write_text(f"from autograder import observes\n\n\n{text}\n")
    with pytest.raises(AuthoringError) as refused:
        read_checks(path, shown=Path("test_it.py"))
    assert str(refused.value).startswith(f"test_it.py:5: {told}")


# ---- in a course ------------------------------------------------------------------------------------------------------

COURSE = "title: Money\ndraws: 2\ntopics:\n  money: {title: Money, number: 1, tasks: {add: {points: 2}}}\n"
RIGHT = """
class Money:
    def __init__(self, amount):
        self.amount = amount


def add(a, b):
    return Money(a + b)
"""
CHECKS = """
from autograder import checks, observes


@observes("Money")
def parts_of_money(money):
    return {OBSERVED}


@checks("add", gate=True)
def test_add(code, given):
    \"\"\"The sum is a Money.\"\"\"
    return {"sum": code.add(given.integer(1, 9), given.integer(1, 9))}
"""


def write_course(root: Path, observed: str) -> Path:
    write_files(
        root,
        {
            "course.yml": COURSE,
            "exercises/money.py": RIGHT.replace("return Money(a + b)", "raise NotImplementedError"),
            "solutions/money.py": RIGHT,
            "tests/visible/test_money.py": CHECKS.replace("{OBSERVED}", observed),
        },
    )
    return root


SUBMISSIONS = {
    "right": (RIGHT.replace("a + b", "b + a"), ""),
    "wrong": (RIGHT.replace("a + b", "a + b + 1"), '`sum["amount"]` is '),
    "another type": (RIGHT.replace("Money(a + b)", "a + b"), "`sum` is an int; it should be a Money."),
    "broken": (
        RIGHT.replace("self.amount =", "self.sum ="),
        "`sum` cannot be observed: its observer in tests/visible/test_money.py:7 raised AttributeError: "
        "'Money' object has no attribute 'amount'.",
    ),
    "raising": (
        RIGHT.replace(
            "        self.amount = amount", "        pass\n\n    @property\n    def amount(self):\n        return 1 / 0"
        ),
        "Your code raised ZeroDivisionError on line 8.",
    ),
}


def test_a_students_class_is_observed_by_its_name(tmp_path: Path, pool: Pool) -> None:
    course = load_course(write_course(tmp_path, '{"amount": money.amount}'))
    topic = load_topic(course, "money")
    key = build_key(course, topic, seed=3, pool=pool, cache=None)
    jobs = [make_job(course, topic, (Cell(0, source),), seed=3) for source, _ in SUBMISSIONS.values()]
    for (name, (_, told)), run in zip(SUBMISSIONS.items(), pool.map(jobs), strict=True):
        (task,) = score(rules_of(course, topic, "cpu"), key, run)
        sentence = task.checks[0].differences[0].sentence if task.checks[0].differences else ""
        assert sentence.startswith(told), name
        assert task.earned == (2 if name == "right" else 0), name


@pytest.mark.parametrize(
    ("observed", "told"),
    [
        (
            "money.total",
            "its observer in tests/visible/test_money.py:7 raised AttributeError: 'Money' object has no attribute",
        ),
        (
            "[money.amount]",
            "its observer in tests/visible/test_money.py:5 must return a dict with strings as keys, not ",
        ),
        (
            "{1: money.amount}",
            "its observer in tests/visible/test_money.py:5 must return a dict with strings as keys, not ",
        ),
        ('{"money": object()}', "object; return its parts, or write an observer for it, @observes"),
    ],
)
def test_a_broken_observer_is_the_authors_mistake(tmp_path: Path, pool: Pool, observed: str, told: str) -> None:
    course = load_course(write_course(tmp_path, observed))
    with pytest.raises(AuthoringError) as refused:
        build_key(course, load_topic(course, "money"), seed=3, pool=pool, cache=None)
    assert str(refused.value).startswith("tests/visible/test_money.py:11: test_add: the reference returns something")
    assert told in str(refused.value)
