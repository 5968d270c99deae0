"""Whose line raised: a check's own line that stumbles over what came back is not the student's error."""

from __future__ import annotations

import pytest

from autograder.checking.code import Code
from autograder.checking.run_check import load_checks, run_check
from autograder.comparing.compare import compare
from autograder.records.jobs import CheckModule, CheckRequest
from autograder.records.observation import Observation

SOURCE = '''
from autograder import checks


@checks("f")
def test_f(code, given):
    """Two things come back."""
    first, second = code.f(given.normal(3))
    return first + second
'''
CHECKS = load_checks(CheckModule("tests/visible/test_x.py", SOURCE))


def seen(source: str) -> Observation:
    names: dict[str, object] = {}
    exec(compile(source, "<cell 1>", "exec"), names)
    return run_check(CHECKS["test_f"], Code(names), CheckRequest(check="test_f", task="f", draw=0, seed=1, seconds=1))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def f(x): print(x)", "`f` returned None: it never returns a value."),
        ("def f(x):\n    if len(x) > 5: return x, x", "The check met None where it needs a value from `f`."),
        ("def f(x) -> None: x.sum()", "The check met None where it needs a value from `f`."),
        ("def f(): return 1", "`f` does not take the arguments that the exercise names."),
        ("def f(x): return 5", "The check could not use what `f` gave it: its own line raised TypeError."),
        ("f = 3", "The check could not use what `f` gave it: its own line raised TypeError."),
        ("def f(x): return None + 1", "Your code raised TypeError in cell 1, line 1."),
        ("def f(x): return x.foo()", "Your code raised AttributeError in cell 1, line 1."),
        ("def f(x): return x.view(7)", "Your code raised RuntimeError in cell 1, line 1."),
    ],
)
def test_it_is_said_whose_line_raised(source: str, sentence: str) -> None:
    expected = seen("def f(x): return x, x")
    for quote in (True, False):
        assert [each.sentence for each in compare(expected, seen(source), {}, task="f", quote=quote)] == [sentence]
