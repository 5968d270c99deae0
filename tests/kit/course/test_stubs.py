"""A task whose code is still the exercise's is not attempted, however its stub looks; a changed one is."""

from __future__ import annotations

import textwrap

import pytest

from autograder.course.stubs import has_work, stub_digest, untouched, with_untouched
from autograder.records.jobs import Cell, NotObserved, Outcome
from autograder.records.observation import Observation

STUB = '''
def double(x):
    """Return twice x."""
    y = None
    # Your code here.
    return y
'''
CLASS = '''
class Net:
    """A net."""

    def forward(self, x):
        """Run it."""
        out = None
        return out
'''


def cells(*sources: str) -> tuple[Cell, ...]:
    return tuple(Cell(number, textwrap.dedent(source)) for number, source in enumerate(sources, 1))


STUBS = {"double": stub_digest(cells(STUB, CLASS), "double"), "Net": stub_digest(cells(STUB, CLASS), "Net")}


@pytest.mark.parametrize(
    "source",
    [
        STUB,
        STUB.replace("# Your code here.", "# I do not know."),
        STUB.replace('"""Return twice x."""', ""),
        STUB.replace("    return y", "\n\n    return (y)  # nothing yet"),
        f"import torch\n{STUB}",
        STUB.replace("y = None", "y = 2 * x") + STUB,
    ],
)
def test_what_is_no_code_changes_no_stub(source: str) -> None:
    assert untouched(cells(source), STUBS) == {"double"}


@pytest.mark.parametrize(
    "source",
    [
        STUB.replace("y = None", "y = 2 * x"),
        STUB.replace("y = None", "y = None or 2 * x"),
        STUB.replace("(x)", "(x, y)"),
        STUB + STUB.replace("y = None", "y = 2 * x"),
        STUB + "double = abs\n",
        "def other(x): return None",
        "def double(x:\n",
        "",
    ],
)
def test_a_changed_or_missing_definition_is_no_stub(source: str) -> None:
    assert untouched(cells(source), STUBS) == frozenset()


def test_a_class_is_compared_with_its_methods() -> None:
    assert untouched(cells(CLASS.replace('"""Run it."""', "")), STUBS) == {"Net"}
    assert untouched(cells(CLASS.replace("out = None", "out = x")), STUBS) == frozenset()


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    raise NotImplementedError\n",
        "class f:\n    def g(self):\n        raise NotImplementedError('write it')\n",
        "f = ...\n",
        "f: int = ...\n",
        "",
    ],
)
def test_stubs_that_say_so_themselves_are_left_to_what_they_do(source: str) -> None:
    assert stub_digest(cells(source), "f") == ""


def test_what_was_seen_of_an_untouched_task_is_that_it_is_not_attempted() -> None:
    other = NotObserved(Outcome.TIMEOUT, "It did not end.")
    seen = with_untouched({("a", 0): other, ("b", 0): other, ("b", 1): other}, ["b"])
    assert seen["a", 0] is other
    for draw in (0, 1):
        observation = seen["b", draw]
        assert isinstance(observation, Observation)
        assert (observation.check, observation.draw) == ("b", draw)
        assert observation.error is not None
        assert observation.error.not_attempted


SAYS_SO = """
def scale(x, by):
    \"\"\"Return x times by.\"\"\"
    raise NotImplementedError
"""
GIVEN_IN_PART = """
class Meter:
    def __init__(self):
        super().__init__()
        raise NotImplementedError

    def reset(self):
        self.total = 0
"""


@pytest.mark.parametrize(
    ("sources", "work"),
    [
        ((), False),
        ((STUB, CLASS, SAYS_SO, GIVEN_IN_PART, "guess = ..."), False),
        (("# my notes\nimport torch", SAYS_SO.replace("Return", "It returns"), "x = 3"), False),
        ((SAYS_SO, "guess = 7"), True),
        ((SAYS_SO.replace("raise NotImplementedError", "return x * by"),), True),
        ((SAYS_SO.replace("raise", "y = x * by\n    raise"),), True),
        ((GIVEN_IN_PART.replace("raise NotImplementedError", "self.total = 0"),), True),
        ((STUB.replace("None", "2 * x"),), True),
        (("def scale(x, by:\n    return x * by",), True),
    ],
)
def test_a_file_with_work_differs_from_one_with_stubs(sources: tuple[str, ...], work: bool) -> None:
    stubs = {**STUBS, "scale": "", "Meter": "", "guess": ""}
    assert has_work(cells(*sources), stubs) is work
