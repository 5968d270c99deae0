"""Examples that nothing needs do not run, and whatever may need one is recognised."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path

import msgspec
import pytest

from autograder.course.course_file import load_course
from autograder.course.make_job import make_job
from autograder.course.topic import load_topic
from autograder.course.unneeded_cells import unneeded_cells
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Limits, Outcome

ROOT = Path(__file__).parents[3]
COURSE = load_course(ROOT)

IMPORTS = "import torch"
SQUARES = "x = torch.arange(3)\nprint(x * x)"
TWICE = "y = scaled(x)\nprint(y)"
HELPER = "def scaled(t, by=2):\n    return t * by"
STATE = "counts = {}\nfor key in ('a', 'b'):\n    counts[key] = len(key)"
TASK = "def double(t):\n    return t + t"
EXAMPLES = frozenset((IMPORTS, SQUARES, TWICE, HELPER, STATE))
HANDED_OUT = (IMPORTS, SQUARES, HELPER, STATE, TASK, TWICE)


def needed(*students: str, handed_out: tuple[str, ...] = HANDED_OUT) -> set[str]:
    """The examples that have to run when a student adds cells to the end."""
    cells = [Cell(number, source) for number, source in enumerate((*handed_out, *students), 1)]
    unneeded = unneeded_cells(cells, EXAMPLES, {"double"})
    return {cell.source for cell in cells if cell.number not in unneeded and cell.source in EXAMPLES} - {IMPORTS}


@pytest.mark.parametrize(
    ("student", "expected"),
    [
        ("torch.ones(3)", set()),
        ("x = torch.ones(3)\nprint(x)", set()),
        ("with torch.no_grad() as mode:\n    x = torch.ones(3)\n    print(x, mode)", set()),
        ("for x in torch.ones(3):\n    print(x)", set()),
        ("print(x)", {SQUARES, TWICE, HELPER}),
        ("total = x.sum()", {SQUARES, TWICE, HELPER}),
        ("print([x for _ in range(3)])", {SQUARES, TWICE, HELPER}),
        ("def later():\n    return x", {SQUARES, TWICE, HELPER}),
        ("double = lambda t: scaled(t)", {SQUARES, TWICE, HELPER}),
        ("class Net(torch.nn.Module):\n    def forward(self, t):\n        return scaled(t)", {SQUARES, TWICE, HELPER}),
        ("if True:\n    x = 1\nprint(x)", {SQUARES, TWICE, HELPER}),  # whether it was assigned is unknown
        ("x += 1", {SQUARES, TWICE, HELPER}),
        ("del x", {SQUARES, TWICE, HELPER}),
        ("counts['c'] = 1", {STATE}),
        # An example reassigns what a student's function reads when it is called.
        ("x = 5\ndef later():\n    return x", {SQUARES, TWICE, HELPER}),
        # What is needed needs something itself, and so does what may change it.
        ("print(y)", {SQUARES, TWICE, HELPER}),
        # Code that may reach everything needs everything.
        ("print(globals())", {SQUARES, TWICE, HELPER, STATE}),
        ("exec('print(x)')", {SQUARES, TWICE, HELPER, STATE}),
        ("double(torch.ones(3))", set()),
        ("import sys\nsys.modules['__main__'].x", {SQUARES, TWICE, HELPER, STATE}),
        ("%timeit double(1)", {SQUARES, TWICE, HELPER, STATE}),
        ("from math import *", {SQUARES, TWICE, HELPER, STATE}),
        ("print(_)", {SQUARES, TWICE, HELPER, STATE}),
        ("def double(t:", {SQUARES, TWICE, HELPER, STATE}),
        ("global z\nz = 1", set()),
        ("def f():\n    global x\n    x = 1\nf()", {SQUARES, TWICE, HELPER}),
        ("def f():\n    global x\n    x = 1\nf()\nprint(x)", {SQUARES, TWICE, HELPER}),
    ],
)  # fmt: skip
def test_examples_that_a_students_code_uses_are_needed(student: str, expected: set[str]) -> None:
    assert needed(student) == expected


@pytest.mark.parametrize(
    ("sources", "examples"),
    [
        (["log = []", "log.append(1)", "print(log)"], {2}),
        # The student's function keeps state, and an example calls it.
        (["losses = []\ndef fit(n):\n    losses.append(n)\n    return losses", "fit(3)"], {2}),
        (["def fit(n, losses=[]):\n    losses.append(n)\n    return losses", "history = fit(3)"], {2}),
        (["class Net:\n    seen = []", "Net.seen.append(1)"], {2}),
        # An example changes what the student's function reads, through another name.
        (["base = torch.ones(6)", "rows = base.view(2, 3)", "rows[0, 0] = 1", "def f():\n    return base"], {1, 2, 3}),
        (["net = torch.nn.Linear(1, 1)", "for p in net.parameters():\n    p.data += 1", "def f():\n    return net"], {1, 2}),
        (["w = torch.zeros(1)", "def f(t, w=w):\n    return w", "w[0] = 1"], {1, 3}),
        # Whether a name was assigned before is uncertain.
        (["n = 7", "n = 3", "rows = [0 for n in range(4)]\nsize = n + 1"], {2}),
        (["lr = 0.5", "lr = 0.1", "class Config:\n    lr = lr"], {2}),
        (["best = 0", "best = 1", "with suppress(KeyError):\n    best = {}['a']\nlimit = best"], {2}),
        (["x = 0", "x = 1", "for x in ():\n    pass\nelse:\n    y = x"], {2}),
        # Code that reaches every name without mentioning it.
        (["x = 1", "def f():\n    import sys\n    return sys.modules"], {1}),
        (["x = 1", "import sys as s"], {1}),
        (["x = 1", "from sys import _getframe"], {1}),
        (["x = 1", "def f():\n    from __main__ import x\n    return x"], {1}),
        (["x = 1", "def f(): pass\nf.__globals__['x']"], {1}),
    ],
)  # fmt: skip
def test_examples_that_are_needed_in_a_roundabout_way(sources: list[str], examples: set[int]) -> None:
    cells = [Cell(number, source) for number, source in enumerate(sources, 1)]
    assert unneeded_cells(cells, {sources[number - 1] for number in examples}, {"fit", "Net", "f"}) == frozenset()


def test_a_long_chain_of_cells_takes_no_time() -> None:
    cells = [Cell(number, f"a{number} = a{number - 1}") for number in range(1, 2000)]
    cells.append(Cell(2000, "print(a1)"))
    started = time.process_time()
    assert unneeded_cells(cells, {"print(a1)"}, {"a0"}) == frozenset()
    assert time.process_time() - started < 2


def test_an_edited_example_is_the_students() -> None:
    assert needed(handed_out=(IMPORTS, SQUARES + "\nprint(scaled(x))", HELPER, TASK)) == {HELPER}


def test_what_is_imported_together_with_something_else_may_be_needed() -> None:
    picture = "import matplotlib.pyplot as plt\nplt.plot([1, 2])"
    cells = [Cell(1, picture), Cell(2, "def draw():\n    plt.show()")]
    assert unneeded_cells(cells, {picture}, set()) == frozenset()
    assert unneeded_cells([cells[0], Cell(2, "def draw():\n    return 1")], {picture}, set()) == {1}


def run(pool: Pool, *sources: str, unneeded: frozenset[int]):  # type: ignore[no-untyped-def]
    cells = tuple(Cell(number, source) for number, source in enumerate(sources, 1))
    return pool.run(Job(topic="unneeded", cells=cells, unneeded=unneeded, limits=Limits(cell_seconds=2.0)))


def test_a_cell_that_is_not_needed_does_not_run(pool: Pool) -> None:
    done = run(pool, "print('example')", "print('answer')", unneeded=frozenset([1]))
    assert [(cell.number, cell.output) for cell in done.cells] == [(2, "answer\n")]
    assert done.usage.children == 1


def test_all_cells_run_where_one_fails(pool: Pool) -> None:
    """What one cell needs from another may be a file."""
    sources = "_file = open('data.txt', 'w').write('7')", "print(open('data.txt').read())"
    done = run(pool, *sources, unneeded=frozenset([1]))
    assert [(cell.number, cell.outcome, cell.output) for cell in done.cells] == [
        (1, Outcome.PASSED, ""), (2, Outcome.PASSED, "7\n"),
    ]  # fmt: skip
    assert done.usage.children == 2


def test_a_cell_that_never_ends_is_left_out_as_usual(pool: Pool) -> None:
    done = run(pool, "print('example')", "while True: pass", "1 / 0", "print('on')", unneeded=frozenset([1]))
    outcomes = [Outcome.PASSED, Outcome.TIMEOUT, Outcome.FAILED, Outcome.PASSED]
    assert [cell.outcome for cell in done.cells] == outcomes
    assert [cell.output for cell in done.cells] == ["example\n", "", "", "on\n"]


_SWITCHES = """
import random as _r, numpy as _n, torch as _t, os as _o
print(_t.get_default_dtype(), _t.get_default_device(), _t.is_grad_enabled(), _t.is_inference_mode_enabled(),
      _t.are_deterministic_algorithms_enabled(), _t.is_anomaly_enabled(), _t.get_num_threads(), _o.getcwd(),
      _t.is_autocast_enabled('cpu'), _t.nn.Linear.forward.__module__, _t.Tensor.backward.__module__)
"""

CALL_TASKS = {"models": 1, "training": 2, "modes": 2}
"""How many examples of a topic have to run because they call a task, or make what such an example uses."""


@pytest.mark.slow
@pytest.mark.parametrize("name", COURSE.topics)
def test_the_courses_examples_need_not_run_and_leave_nothing_behind(name: str, pool: Pool) -> None:
    """In an untouched notebook nothing but the imports runs, and PyTorch is left as if all had run."""
    topic = load_topic(COURSE, name)
    cells = (*topic.exercise, Cell(1000, textwrap.dedent(_SWITCHES)))
    job = msgspec.structs.replace(make_job(COURSE, topic, cells, seed=1), visible_requests=(), hidden_requests=())
    assert len(job.unneeded) == len(topic.examples) - 1 - CALL_TASKS.get(name, 0)
    with_examples = pool.run(msgspec.structs.replace(job, unneeded=frozenset()))
    without = pool.run(job)
    assert all(cell.outcome is Outcome.PASSED for cell in with_examples.cells)
    assert without.cells[-1] == with_examples.cells[-1]
    assert without.cells[-1].output
