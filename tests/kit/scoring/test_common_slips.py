"""Everyday mistakes are told by the kit itself, and only where they were made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.checking.code import Code
from autograder.checking.run_check import load_checks, run_check
from autograder.course.declarations import read_checks
from autograder.course.topic_checks import TopicCheck
from autograder.keys.key import AnswerKey
from autograder.records.jobs import CheckModule, CheckRequest, NotObserved, Run
from autograder.records.observation import Observation
from autograder.records.results import told_first
from autograder.scoring.common_slips import common_slip
from autograder.scoring.rules import Rules
from autograder.scoring.score import score

HEAD = "import torch\nfrom torch import nn\n\nfrom autograder import checks, distributed_as, only, secret\n\n\n"
PAIR = "first, second = code.f(given.normal(3))\n    return first + second"
ALONE = "return only(code.f(given.normal(3)), 'values')"
NAMED = "value = code.f(given.normal(3))\n    return only({'value': value}, 'type', 'values')"
RESIZED = "x = given.normal(3, name='x')\n    y = code.f(x)\n    return {'sum': [float(each) + y.sum() for each in x]}"
INNER = "return {'gradient': code.f(given.normal(3)).grad}"
COLLECTED = [
    "results = {'a': code.f(given.normal(3))}\n    return only(results, 'type', 'shape', 'values')",
    "results, after = {'a': code.f(given.normal(3))}, {}\n    return {'results': only(results, 'type'), 'after': after}",
    "return {f'{n} numbers': code.f(given.normal(n)) for n in (3, 4)}",
    "results = {}\n    for n in (3, 4):\n        results[f'{n} numbers'] = code.f(given.normal(n))\n    return results",
    "y = code.f(given.normal(3))\n    return {'result': {'kind': type(y).__name__, 'value': y}}",
]
UNCALLED = (
    "`f` returned a function; a Tensor is asked for. A function or method is only called if parentheses follow its name."
)
NETS = """net = code.f()
    return {'out': net(torch.ones(1, 2)).shape}"""
JUDGED = "return distributed_as(code.f(given.normal(3000)), 'normal', mean=0, std=2)"
NONES = "long = code.f(given.normal(3))\n    short = code.f(given.normal(2))\n    return {'long': long, 'short': short}"
MODULE = "return {'net': only(code.f(), 'type')}"
GUESS = "return {'guess': secret(float(code.f))}"
GUESSES = "first, second = code.f\n    return {'a': secret(float(first)), 'b': secret(float(second))}"
HELPED = "return {'pair': secret(list(map(float, two(code.f))))}\n\n\ndef two(pair):\n    a, b = pair\n    return a, b"
CHOICE = "return {'choice': secret({'no': 0, True: 1}[code.f])}"
NET = "import torch\nfrom torch import nn\nclass f(nn.Module):\n    def __init__(self):\n        {}\n"
RIGHT_NET = (
    NET.format("super().__init__()\n        self.fc = nn.Linear(2, 1)") + "    def forward(self, x):\n        return x\n"
)


def seen(source: str, body: str) -> Observation:
    checks = load_checks(CheckModule("tests/visible/test_x.py", source_of(body)))
    names: dict[str, object] = {"__name__": "student"}
    exec(compile(source, "<cell 4>", "exec"), names)
    return run_check(checks["test_f"], Code(names), CheckRequest(check="test_f", task="f", draw=0, seed=1, seconds=1))


def source_of(body: str) -> str:
    return f'{HEAD}@checks("f")\ndef test_f(code, given):\n    """It is right."""\n    {body}\n'


def box(body: str, right: str, wrong: str, tmp_path: Path) -> str:
    path = tmp_path / "test_x.py"
    path.write_text(source_of(body), encoding="utf-8")
    reference, actual = seen(right, body), seen(wrong, body)
    assert reference.error is None, reference.error
    key = AnswerKey(
        topic="x",
        device="cpu",
        seed=1,
        versions={},
        made_from="",
        reference={"test_f": [reference]},
        misconceptions={},
        tasks={},
        feedback={},
    )
    checks = tuple(TopicCheck(spec, visible=True) for spec in read_checks(path))
    rules = Rules(points={"f": 1.0}, checks=checks, draws={"test_f": 1}, tolerances=TOLERANCES, side_effects={})
    observed: dict[tuple[str, int], Observation | NotObserved] = {("test_f", 0): actual}
    (result,) = score(rules, key, Run(observations=observed), visible_only=True)
    failed = [check for check in result.checks if check.outcome == "failed" and check.name == "test_f"]
    slip = common_slip("f", failed, observed, key, TOLERANCES, source_of(body), told_first(result.checks))
    return "" if slip is None else slip.feedback


TOLERANCES: dict[str, float] = {}
TWO = "def f(x): return x, x"
ONE = "def f(x): return x * 2"


@pytest.mark.parametrize(
    ("body", "right", "wrong", "sentence"),
    [
        (
            PAIR,
            TWO,
            "def f(x): x.sum()",
            "`f` never returns a value: write `return` before the one that it should give back.",
        ),
        (
            PAIR,
            TWO,
            "def f(x):\n    if len(x) > 9: return x, x",
            "`f` returned None. Does every way through it end in `return` and a value?",
        ),
        (PAIR, TWO, "def f(x): print(x)", "Your code printed something, but `f` returned None: `print` only shows a value"),
        (ALONE, ONE, "def f(x): print(x)", "Your code printed something, but `f` returned None"),
        (JUDGED, ONE, "def f(x): print(x)", "Your code printed something, but `f` returned None"),
        (NAMED, ONE, "def f(x): x * 2", "`f` returned None. Does every way through it end in `return` and a value?"),
        (
            ALONE,
            ONE,
            "def f(x): return x.sum * 2",
            "Your code uses a function or method without calling it (cell 4, line 1).",
        ),
        (ALONE, ONE, "def f(x):\n    for each in x.tolist: return x", "without calling it (cell 4, line 2). A function or"),
        (RESIZED, ONE, "def f(x): return x.resize_(1, 3)", "Your code changed the input `x` in place, and the check's own"),
        (PAIR, TWO, "def f(x): return 5", "`f` returned an int; two values are asked for."),
        (PAIR, TWO, "def f(x): return x, x, x", "`f` returned something with more items; two values are asked for."),
        (PAIR, TWO, "def f(x): return [x]", "`f` returned something with one item; two values are asked for."),
        (PAIR, TWO, "def f(x): return x.sum()", "`f` returned a 0-dim tensor; two values are asked for."),
        (PAIR, TWO, "def f(x): return x.sum().numpy()", "`f` returned a 0-dim array; two values are asked for."),
        (NAMED, TWO, "def f(x): return 5", "`f` returned 5; a tuple of two is asked for."),
        (NAMED, TWO, "def f(x): return x, x, x", "`f` returned a tuple of three; a tuple of two is asked for."),
        (
            NAMED,
            ONE,
            "def f(x): return x * 2,",
            "`f` returned a tuple of one; a Tensor is asked for. A comma after a value makes it a tuple.",
        ),
        (NAMED, ONE, "def f(x): return x * 2, 1", "`f` returned a tuple of two; a Tensor is asked for."),
        (NAMED, ONE, "def f(x): return [x * 2]", "`f` returned a list of one; a Tensor is asked for."),
        (NAMED, TWO, "def f(x): return [x, x]", "`f` returned a list of two; a tuple of two is asked for."),
        (NAMED, ONE, "def f(x): return {'y': x * 2}", "`f` returned a dict; a Tensor is asked for."),
        (NAMED, ONE, "def f(x): return (x * 2).numpy()", "`f` returned an ndarray; a Tensor is asked for."),
        (
            NAMED,
            "def f(x): return x.sum()",
            "def f(x): return x.sum().item()",
            "`f` returned 0.989954; a Tensor is asked for.",
        ),
        (
            NAMED,
            "def f(x): return x.sum().item()",
            "def f(x): return x.sum()",
            "`f` returned a Tensor; a float is asked for.",
        ),
        (NAMED, "def f(x): return x.sum()", "def f(x): return x.sum", UNCALLED),
        (NAMED, "def f(x): return x.sum()", "def f(x): return lambda: x.sum()", UNCALLED),
        (INNER, ONE, "def f(x): return x.sum", "has no attribute 'grad'. A function or method is only called if"),
        (NAMED, ONE, "def f(x): yield x * 2", "`f` returned a generator; a Tensor is asked for. `yield` makes a generator"),
        (NAMED, ONE, "import torch\ndef f(x): return torch.Tensor", "`f` returned a class; a Tensor is asked for."),
        *((body, ONE, "def f(x): return x * 2, 1", "returned a tuple of two; a Tensor is asked for") for body in COLLECTED),
        (
            INNER,
            ONE,
            "def f(x): return [x]",
            "cannot use what it gave back: 'list' object has no attribute 'grad'.",
        ),
        (GUESS, "f = 3", "f = (1, 2)", "You wrote a tuple of 2; one number is asked for."),
        (GUESS, "f = 3", "f = 'three'", "You wrote 'three'; one number is asked for."),
        (GUESSES, "f = 3, 4", "f = 5", "You wrote 5; two values are asked for."),
        (GUESSES, "f = 3, 4", "f = 5, 6, 7", "You wrote a tuple of 3; two values are asked for."),
        (GUESSES, "f = 3, 4", "import torch\nf = torch.float32", "You wrote torch.float32; two values are asked for."),
        (HELPED, "f = 3, 4", "f = 5", "You wrote 5; several values are asked for."),
        (HELPED, "f = 3, 4", "f = 5, 6, 7", "You wrote a tuple of 3; two values are asked for."),
        (HELPED, "f = 3, 4", "f = 'three', 4", "You wrote a tuple of 2; numbers are asked for."),
        (GUESSES, "f = 3, 4", "f = 3, 'x'", "You wrote a tuple of 2; numbers are asked for."),
        (CHOICE, "f = True", "f = 'yes'", "You wrote 'yes'; the exercise says in which form it wants the answer."),
        (
            NETS,
            RIGHT_NET,
            NET.format("self.fc = nn.Linear(2, 1)"),
            "`super().__init__()` had not run when your module needed it (cell 4, line 5): make it the first line",
        ),
        (NETS, RIGHT_NET, NET.format("self.size = 3"), "had not run when your module needed it (cell 4, line 4)"),
        (
            MODULE,
            RIGHT_NET,
            NET.format("self.size = 3"),
            "its __init__ (cell 4, line 4) did not call super().__init__(). Make it the first line",
        ),
    ],
)
def test_it_is_told_in_a_sentence(body: str, right: str, wrong: str, sentence: str, tmp_path: Path) -> None:
    assert sentence in box(body, right, wrong, tmp_path)


@pytest.mark.parametrize(
    ("body", "right", "wrong"),
    [
        (ALONE, ONE, "def f(x): print(x); return x * 3"),  # it prints, and returns a value
        (ALONE, ONE, "def f(x): return x + 'method'"),
        (PAIR, TWO, "def f(x): return None + 1"),  # the student's own line raised
        (PAIR, TWO, "def f(x):\n    a, b = 5\n    return a, b"),
        (PAIR, TWO, "import operator\nf = operator.getitem"),  # a builtin has no line of its own
        (PAIR, TWO, "def f(x): return x, x * 2"),
        (ALONE, ONE, "def f(x): return (x * 2).numpy()"),  # the kind is not asked for
        (NAMED, ONE, "import torch\ndef f(x): return torch.nn.Parameter(x * 2)"),  # a kind of tensor: the check says it
        (INNER, ONE, "def f(x): return None if len(x) == 3 else x"),  # the None is not seen to be returned
        (INNER, "def f(x):\n    x.requires_grad_(); x.sum().backward(); return x", "def f(x): return x"),  # .grad is None
        (NAMED, "def f(x): return [1, 2]", "def f(x): return [1]"),  # a list's length is its content
        (NONES, "def f(x): return x if len(x) == 3 else None", "def f(x): return None"),  # None may be right
        (GUESS, "f = 3", "f = 4"),
        (GUESSES, "f = 3, 4", "f = 3, 5"),
        (ALONE, "def f(x): x.mul_(2)", "def f(x): return x"),  # to return None is right
        (NETS, RIGHT_NET, RIGHT_NET.replace("return x", "return self._parts")),  # an attribute of its own is missing
        (NETS, RIGHT_NET, RIGHT_NET.replace("return x", "return self._parameters.foo")),
    ],
)
def test_where_it_is_not_so_nothing_is_said(body: str, right: str, wrong: str, tmp_path: Path) -> None:
    assert box(body, right, wrong, tmp_path) == ""


def test_a_slip_behind_small_checks_alone_is_not_told_while_another_check_fails(tmp_path: Path) -> None:
    small = [f"test_{name}" for name in "abc"]
    values = "return {'pair': code.f(given.normal(3), 2)}"
    refused = "return {'refused': code.f(given.normal(3), 0)}"
    source = HEAD + "".join(
        f'@checks("f", weight={0.25 if name in small else 1})\n'
        f'def {name}(code, given):\n    """It is right."""\n    {body}\n\n'
        for name, body in [("test_values", values), *((name, refused) for name in small)]
    )
    path = tmp_path / "test_x.py"
    path.write_text(source, encoding="utf-8")
    checks = tuple(TopicCheck(spec, visible=True) for spec in read_checks(path))
    rules = Rules(points={"f": 1.0}, checks=checks, draws={}, tolerances=TOLERANCES, side_effects={})
    functions = load_checks(CheckModule("tests/visible/test_x.py", source))

    def observed(code: str) -> dict[tuple[str, int], Observation | NotObserved]:
        names: dict[str, object] = {"__name__": "student"}
        exec(compile(code, "<cell 4>", "exec"), names)
        requests = (CheckRequest(check=name, task="f", draw=0, seed=1, seconds=1) for name in functions)
        return {(each.check, 0): run_check(functions[each.check], Code(names), each) for each in requests}

    def told(code: str) -> str:
        rules_of_run = replace(rules, draws=dict.fromkeys(functions, 1))
        (result,) = score(rules_of_run, key, Run(observations=observed(code)))
        failed = [check for check in result.checks if check.outcome == "failed" and check.name in functions]
        slip = common_slip("f", failed, observed(code), key, TOLERANCES, source, told_first(result.checks))
        return "" if slip is None else slip.feedback

    reference = observed("def f(x, by): return x * by, x")
    key = AnswerKey(
        topic="x", device="cpu", seed=1, versions={}, made_from="", misconceptions={}, tasks={}, feedback={},
        reference={name: [one] for (name, _), one in reference.items() if isinstance(one, Observation)},
    )  # fmt: skip
    assert told("def f(x, by): return (x * by, x) if by else None") == (
        "`f` returned None. Does every way through it end in `return` and a value?"
    )
    assert told("def f(x, by): return (x + by, x) if by else None") == ""
    assert told("def f(x, by): return 5 if by else None") == "`f` returned 5; a tuple of two is asked for."
