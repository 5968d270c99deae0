"""Rules on the source: how they are declared, and what they see in a file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autograder.course.declarations import CheckSpec, read_checks
from autograder.course.source_rules import seen_of
from autograder.errors import AuthoringError
from autograder.records.jobs import Cell, SourceRule
from autograder.records.observation import SourceFact

LOOPS = SourceRule("f_forbids_loops", "f", "loops", (), 0, "`f` must do without loops.")


def calls(*names: str, at_most: int = 0) -> SourceRule:
    return SourceRule("f_never_calls", "f", "calls", names, at_most, "`f` must do without it.")


def seen(rule: SourceRule, *sources: str) -> SourceFact:
    fact = seen_of(rule, tuple(Cell(number, source) for number, source in enumerate(sources, 1))).returned
    assert isinstance(fact, SourceFact)
    return fact


def places(rule: SourceRule, *sources: str) -> list[tuple[int, int]]:
    return [(place.cell, place.line) for place in seen(rule, *sources).places]


# ---- what a rule sees -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "for x in y: pass",
        "while y: pass",
        "return [x for x in y]",
        "return {x for x in y}",
        "return {x: 1 for x in y}",
        "return sum(x for x in y)",
        "return (lambda: [x for x in y])()",
        "def inner():\n        for x in y: pass\n    return inner()",
    ],
)
def test_loops(body: str) -> None:
    assert not seen(LOOPS, f"def f(y):\n    {body}").obeys


def test_no_loops() -> None:
    assert seen(LOOPS, "def f(y):\n    if y:\n        return y.sum()", "for x in range(3): print(x)").obeys
    assert places(LOOPS, "import torch", "def f(y):\n    for x in y:\n        while x: pass") == [(2, 2), (2, 3)]


@pytest.mark.parametrize(
    ("before", "call"),
    [
        ("import torch", "torch.mean(x)"),
        ("import torch as t", "t.mean(x)"),
        ("from torch import mean", "mean(x)"),
        ("from torch import mean as m", "m(x)"),
        ("from torch import *", "mean(x)"),
        ("import torch\nm = torch.mean", "m(x)"),
        ("import torch as t\nt2 = t\nm = t2.mean", "m(x)"),
        ("import torch", "list(map(torch.mean, x))"),
        ("import torch", "(lambda mean=torch.mean: mean(x))()"),
        ("if True:\n    import torch as t", "t.mean(x)"),
        ("try:\n    from torch import mean\nexcept ImportError:\n    pass", "mean(x)"),
        ("%matplotlib inline\nimport torch", "torch.mean(x)"),
    ],
)
def test_a_function_under_any_name(before: str, call: str) -> None:
    source = f"def f(x):\n    return {call}"
    assert places(calls("torch.mean"), before, source) == [(2, 2)]
    assert seen(calls("torch.sum"), before, source).obeys


@pytest.mark.parametrize(
    "body",
    [
        "import torch as t\n    return t.mean(x)",
        "from torch import mean\n    return mean(x)",
        "m = torch.mean\n    return m(x)",
    ],
)
def test_a_name_given_inside_the_function_counts_where_it_is_used(body: str) -> None:
    assert places(calls("torch.mean"), "import torch", f"def f(x):\n    {body}") == [(2, 3)]


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return x.mean()",
        "def f(x):\n    return np.mean(x)",
        "def f(x):\n    mean = x.sum() / len(x)\n    return mean",
        "def f(x, mean):\n    return mean",
        "def f(x):\n    return torch.linalg.mean(x) + torch.mean_of(x)",
        "def f(x):\n    'torch.mean(x)'  # torch.mean(x)\n    return x",
        "torch.mean(3)\ndef f(x):\n    return x",
        "def f(x):\n    return torch.mean(x)\n\ndef f(x):\n    return x",
    ],
)
def test_what_is_something_else(source: str) -> None:
    assert seen(calls("torch.mean"), "import torch\nimport numpy as np\nfrom torch import mean", source).obeys


def test_a_name_of_the_students_own_is_not_the_librarys() -> None:
    assert seen(calls("sum"), "def sum(x): return 0", "def f(x): return sum(x)").obeys
    assert not seen(calls("sum"), "def f(x): return sum(x)").obeys
    assert seen(calls("torch.mean"), "from torch import mean", "def mean(x): return 0", "def f(x): return mean(x)").obeys


def test_names_that_stand_for_themselves() -> None:
    assert not seen(calls("tqdm.tqdm"), "from tqdm import tqdm", "def f(x): return tqdm(x)").obeys
    assert seen(calls("torch.mean"), "a = b\nb = a", "def f(x): return a(x)").obeys


def test_methods_only_if_the_rule_names_them() -> None:
    rule = calls("torch.mean", ".mean")
    assert not seen(rule, "def f(x): return x.mean()").obeys
    assert not seen(rule, "def f(x): return (x + 1).abs().mean()").obeys
    assert seen(rule, "def f(x):\n    x.mean = 3\n    return x").obeys


def test_a_longer_name() -> None:
    rule = calls("torch.nn.functional.relu")
    for before, call in [
        ("import torch", "torch.nn.functional.relu(x)"),
        ("import torch.nn.functional as F", "F.relu(x)"),
        ("from torch import nn", "nn.functional.relu(x)"),
        ("from torch import *", "nn.functional.relu(x)"),
        ("from torch.nn.functional import *", "relu(x)"),
    ]:
        assert not seen(rule, before, f"def f(x): return {call}").obeys, call


def test_at_most() -> None:
    rule = calls("torch.mean", at_most=1)
    once = "import torch\ndef f(x):\n    m = torch.mean\n    return m(x)"
    assert (seen(rule, once).count, seen(rule, once).places) == (1, ())
    twice = seen(rule, once + " + torch.mean(x)")
    assert (twice.count, twice.obeys, len(twice.places)) == (2, False, 2)


@pytest.mark.parametrize(
    "source",
    [
        "def g(x):\n    for y in x: pass\nf = g",
        "def g(x):\n    for y in x: pass\nf = torch.compile(g)",
        "f = lambda x: [y for y in x]",
        "class f:\n    def go(self, x):\n        for y in x: pass",
        "f = [y for y in range(3)]",
        "@(lambda g: [g for _ in range(2)][0])\ndef f(x): pass",
    ],
)
def test_tasks_of_any_kind(source: str) -> None:
    assert not seen(LOOPS, source).obeys


def test_a_task_that_is_the_function_itself() -> None:
    assert not seen(calls("torch.mean"), "import torch\nf = torch.mean").obeys


@pytest.mark.parametrize(
    "source", ["", "def f(:", "from helper import f", "import f", "exec('def f(): pass')", "def g(): pass"]
)
def test_without_a_definition_that_can_be_read_no_rule_is_kept(source: str) -> None:
    fact = seen(LOOPS, source)
    assert (fact.found, fact.obeys) == (False, False)


def test_what_it_cannot_see() -> None:
    """docs/authoring/source-rules.md says so."""
    for source in [
        "def g(x): return torch.mean(x)\ndef f(x): return g(x)",
        "def f(x): return getattr(torch, 'me' + 'an')(x)",
        "def f(x): return eval('torch.mean(x)')",
    ]:
        assert seen(calls("torch.mean"), "import torch", source).obeys


# ---- bad files --------------------------------------------------------------------------------------------------------

NESTED = "lambda: " * 1_500 + "0"


@pytest.mark.parametrize(
    "source",
    [
        f"def f(x): return {NESTED}",
        f"f = {NESTED}",
        "def f(x): return x" + ".mean" * 20_000,
        "def f(x): return " + "(" * 5_000,
        "def f(x): return " + "-" * 50_000 + "x",
        " " * 60_000 + "\ndef f(x): return x",
        "def f(x):\n    if x: pass\n" + "    elif x: pass\n" * 1_200,
        "import " + "a" * 50_000 + " as t\ndef f(x): return [" + "t.a, " * 9_000 + "]",
        "\n".join(f"m{n} = m{n - 1}" for n in range(3_000)) + "\ndef f(x): return [" + "m2999, " * 5_000 + "]",
        "def f(x):\n" + "".join(f"    m{n} = m{n - 1}\n" for n in range(5_000)),
        "def f(x): pass\n" + "f = f\n" * 3_000,
        "from torch import *\n" * 4_000 + "def f(x): return mean(x)",
        "def f(x): return '\ud800'",
        "def f(x): return 0\0",
    ],
    ids=range(14),
)
def test_any_file_takes_little_time(source: str) -> None:
    for rule in (LOOPS, calls("torch.mean", ".x"), calls("torch.nn.functional.relu", at_most=3)):
        start = time.process_time()
        seen(rule, *[source] * 3)
        assert time.process_time() - start < 2


def test_a_megabyte_of_code() -> None:
    cell = "def f(x):\n" + "    m = torch.mean; x = m(x) + t.mean(x)\n" * 2_300
    start = time.process_time()
    assert seen(calls("torch.mean"), "import torch as t\nimport torch", *[cell] * 10).count == 4_600
    assert len(cell) > 90_000
    assert time.process_time() - start < 5


# ---- declarations -----------------------------------------------------------------------------------------------------


def declared(folder: Path, *lines: str) -> list[CheckSpec]:
    path = folder / "test_a.py"
    path.write_text("\n".join(["from autograder import source", *lines]), encoding="utf-8")
    return list(read_checks(path, shown=Path("tests/visible/test_a.py")))


def test_a_rule_is_a_check(tmp_path: Path) -> None:
    loops, never, few = declared(
        tmp_path,
        'source.forbids_loops("f")',
        'source.never_calls("f", "torch.mean", ".mean", weight=2)',
        'source.calls_at_most("f", "torch.sum", 1, sentence="Once is\\n enough.")',
    )
    assert (loops.name, loops.task, loops.weight, loops.gate, loops.line) == ("f_forbids_loops", "f", 1.0, False, 2)
    assert loops.sentence == "`f` must do without loops (for, while, comprehensions)."
    assert (never.name, never.weight) == ("f_never_calls_torch_mean__mean", 2)
    assert never.sentence == "`f` must do without `torch.mean` or `.mean`."
    assert few.sentence == "Once is enough."
    assert few.rule == SourceRule("f_calls_at_most_torch_sum", "f", "calls", ("torch.sum",), 1, "Once is enough.")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("source.forbids_loop('f')", "there is no rule source.forbids_loop; "),
        ("source.forbids_loops(f)", 'write literals, and the task first: source.forbids_loops("task").'),
        ("source.forbids_loops()", "write literals, and the task first: "),
        ("source.forbids_loops(task='f')", "write literals, and the task first: "),
        ("source.forbids_loops('f', 'g')", 'write source.forbids_loops("task"), and after that weight='),
        ("source.never_calls('f')", 'write source.never_calls("task", "torch.mean"), and after that weight='),
        ("source.never_calls('f', 3)", "write source.never_calls("),
        ("source.calls_at_most('f', 'sum', 0)", 'write source.calls_at_most("task", "torch.mean", 1), and after that'),
        ("source.calls_at_most('f', 'sum')", "write source.calls_at_most("),
        ("source.calls_at_most('f', 'sum', True)", "write source.calls_at_most("),
        ("source.forbids_loops('f', weight=0)", "weight of source.forbids_loops is 0; write a number above 0."),
        ("source.forbids_loops('f', gate=True)", "write source.forbids_loops("),
        ("source.forbids_loops('f', **{})", "write source.forbids_loops("),
        (
            "source.forbids_loops('f')\nsource.forbids_loops('f', weight=2)",
            "the same rule is on line 2; remove one of the two.",
        ),
    ],
)
def test_a_wrong_rule_is_an_error_to_the_author(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(AuthoringError) as error:
        declared(tmp_path, line)
    assert str(error.value).startswith(f"tests/visible/test_a.py:{2 + line.count(chr(10))}: {message}")
