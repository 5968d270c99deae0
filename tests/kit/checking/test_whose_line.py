"""Whose line raised: a check's own line that stumbles over what came back is not the student's error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def seen(source: str, checks: dict[str, Callable[..., Any]] = CHECKS) -> Observation:
    names: dict[str, object] = {}
    exec(compile(source, "<cell 1>", "exec"), names)
    return run_check(checks["test_f"], Code(names), CheckRequest(check="test_f", task="f", draw=0, seed=1, seconds=1))


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


USES = '''
from types import SimpleNamespace

import torch

from autograder import alike, checks, observes, raises, results


class Box:
    def __init__(self, owner):
        self.owner = owner


@observes(Box)
def content(box):
    return {{"owner": box.owner.upper()}}


@checks("f")
def test_f(code, given):
    """It can be used."""
    x = given.normal(3, name="x")
    return {}
'''
NONE = "`f` returned None: it never returns a value."
FIGURE = """
import matplotlib.figure

def f(x):
    figure = matplotlib.figure.Figure()
    figure.add_subplot()
    return figure
"""


@pytest.mark.parametrize(
    ("use", "right", "sentence"),
    [
        ("(lambda a, b: a + b)(*code.f(x))", "def f(x): return x, x", NONE),
        ("{'sum': code.f(x)['x'].sum()}", "def f(x): return {'x': x}", NONE),
        ("SimpleNamespace(x=code.f(x).x)", "from types import SimpleNamespace\ndef f(x): return SimpleNamespace(x=x)", NONE),
        ("code.f(x)(x)", "import torch\ndef f(x): return torch.nn.ReLU()", NONE),
        ("code.f(x).weight", "import torch\ndef f(x): return torch.nn.PReLU()", NONE),
        ("given.module(lambda: code.f(x))", "import torch\ndef f(x): return torch.nn.PReLU()", NONE),
        ("(row.sum() for row in [code.f(x)])", "def f(x): return x", NONE),
        ("torch.stack([code.f(x)])", "def f(x): return x", NONE),
        ("code.f(x).axes[0]", FIGURE, NONE),
        ("{'the figure': code.f(x)}", FIGURE, "`the figure` is None; it should be a matplotlib.figure.Figure."),
        ("{'it': results(code.f(x), 1)}", "def f(x): return lambda y: y", "`it` is None; it should be a function."),
        ("alike(code.f(x), x)", "def f(x): return x", "`result[0]` is None; it should be a Tensor."),
        (
            "{'it': raises(lambda: code.f(x)['x'])}",
            "def f(x): raise ValueError",
            "`it` raised nothing: on what came back, the check's own line raised TypeError; it should raise ValueError.",
        ),
        (
            "{'box': Box(code.f(x))}",
            "def f(x): return 'ada'",
            "`box` cannot be observed: its observer in tests/visible/test_x.py:16 raised AttributeError: 'NoneType' object "
            "has no attribute 'upper'.",
        ),
    ],
)
def test_none_is_not_an_error_of_the_code_whatever_the_check_returns(use: str, right: str, sentence: str) -> None:
    if "matplotlib" in right:
        pytest.importorskip("matplotlib")
    checks = load_checks(CheckModule("tests/visible/test_x.py", USES.format(use)))
    expected, actual = seen(right, checks), seen("def f(x): x.sum()", checks)
    assert expected.error is None
    assert [each.sentence for each in compare(expected, actual, {}, task="f")] == [sentence]
    for each in compare(expected, actual, {}, task="f", quote=False):
        assert "Your code raised" not in each.sentence


RAISES = '''
from autograder import checks, raises


@checks("f")
def test_f(code, given):
    """It is refused."""
    x = given.normal(3)
    return {"f(x)": raises(lambda: code.f(x)["a"])}
'''
REFUSES = load_checks(CheckModule("tests/visible/test_raises.py", RAISES))


@pytest.mark.parametrize(
    ("reference", "answer", "passes"),
    [
        ("def f(x): raise IndexError", "def f(x): raise IndexError", True),
        ("def f(x): raise IndexError", "def f(x): return x[7]", True),
        ("def f(x): raise IndexError", "def f(x): return x", False),
        ("def f(x): return {}['b']", "def f(x): return {}", False),
        ("def f(x): raise TypeError", "def f(x): return 5", False),
        ("def f(x): raise TypeError", "def f(): return 5", False),
        ("def f(x): raise TypeError", "f = len", False),
        ("def f(x): raise TypeError", "f = iter", False),
        ("def f(x): raise TypeError", "f = int.bit_length", True),
        ("def f(x): raise TypeError", "import torch\nf = torch.ones_like(torch.ones(2)).repeat_interleave", False),
        ("def f(x): raise RuntimeError", "import torch\nf = torch.linalg.inv", True),
        (
            "def f(x): raise RuntimeError",
            "import torch\nfrom functools import partial\nf = partial(torch.einsum, 'ij')",
            True,
        ),
    ],
)
def test_an_expected_exception_counts_only_from_the_call_of_the_code(reference: str, answer: str, passes: bool) -> None:
    expected, actual = seen(reference, REFUSES), seen(answer, REFUSES)
    assert (not compare(expected, actual, {}, task="f")) is passes
