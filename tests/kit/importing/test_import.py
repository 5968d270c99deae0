"""Assignments of each tool become topics whose reference passes and whose stub and wrong answers fail."""

# ruff: noqa: E501 - a cell's source stands on one line

from __future__ import annotations

from pathlib import Path

import pytest
from notebooks import cell, write
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.course.topic import Topic, load_topic
from autograder.errors import CourseError
from autograder.importing.write_topic import Imported, import_topic, topic_name
from autograder.keys.build import build_key
from autograder.processes.pool import Pool

NBGRADER = (
    cell("markdown", "# Problem set 1\n\nSquares."),
    cell("code", "import math\n\nLIMIT = 10\n\ndef names(n):\n    return list(range(1, n + 1))"),
    cell("code", '"""Not marked."""\nprint(names(3))'),
    cell(
        "code",
        'def squares(n):\n    """The squares of 1 to n."""\n    ### BEGIN SOLUTION\n    if n < 1:\n        raise ValueError("n")\n'
        "    return [i**2 for i in names(n)]\n    ### END SOLUTION",
        solution=True, grade_id="squares",
    ),
    cell(
        "code",
        '"""Check squares."""\nfrom nose.tools import assert_equal\nassert_equal(squares(1), [1])\nassert squares(2) == [1, 4], "two"\n'
        "### BEGIN HIDDEN TESTS\nassert len(squares(LIMIT)) == 10\n### END HIDDEN TESTS",
        grade=True, locked=True, points=2, grade_id="a",
    ),
    cell(
        "code",
        "try:\n    squares(0)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('no error')",
        grade=True, locked=True, points=1, grade_id="b",
    ),
    cell("code", "def total(n):\n    ### BEGIN SOLUTION\n    return sum(squares(n))\n    ### END SOLUTION", solution=True, grade_id="t"),
    cell(
        "code",
        "old = squares\ndel_squares = None\nassert total(3) in (14, 15)\nfor n in (1, 2):\n    assert total(n) == sum(squares(n))",
        grade=True, locked=True, points=3, grade_id="c",
    ),
    cell("markdown", "Because.\n\n### BEGIN SOLUTION\nsecret words\n### END SOLUTION", grade=True, solution=True, points=4, grade_id="m"),
)  # fmt: skip

OTTER = (
    cell("raw", "# ASSIGNMENT CONFIG\ninit_cell: true"),
    cell("markdown", "# Lab 1"),
    cell("code", "import torch"),
    cell("raw", "# BEGIN QUESTION\nname: q1\npoints: 2"),
    cell("markdown", "**Question 1.** Double it."),
    cell("raw", "# BEGIN SOLUTION"),
    cell("code", "def double(x):\n    return 2 * x # SOLUTION"),
    cell("raw", "# END SOLUTION"),
    cell("raw", "# BEGIN TESTS"),
    cell("code", "torch.equal(double(torch.ones(3)), 2 * torch.ones(3))"),
    cell("code", '""" # BEGIN TEST CONFIG\npoints: 3\nhidden: true\n""" # END TEST CONFIG\nassert double(4) == 8'),
    cell("raw", "# END TESTS"),
    cell("raw", "# END QUESTION"),
    cell("raw", "# BEGIN QUESTION\nname: q2\nmanual: true\npoints: 1"),
    cell("markdown", "**Question 2.** Why?"),
    cell("raw", "# BEGIN SOLUTION"),
    cell("markdown", "Because of secret words."),
    cell("raw", "# END SOLUTION"),
    cell("raw", "# END QUESTION"),
)

OLD_OTTER = (
    cell("markdown", "**Question 1.**\n```\nBEGIN QUESTION\nname: q1\npoints: 2\n```"),
    cell("code", "def double(x):\n    return 2 * x # SOLUTION\n\nsix = double(3) # SOLUTION"),
    cell("code", "# TEST\ndouble(2) == 4"),
    cell("code", "## HIDDEN TEST ##\nsix"),
)

PLAIN = (
    cell(
        "code",
        "%matplotlib inline\nimport torch\n\nEPS = 1e-6\n\ndef same(a, b):\n    return torch.allclose(a, b, atol=EPS)",
    ),
    cell("code", "def shift(x):\n    return x - x.max()\n\nassert shift(torch.tensor([1.0, 3.0])).max() <= 0"),
    cell(
        "code",
        "def test_shift(function):\n    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]])\n    assert same(function(x), x - 5)\n\ntest_shift(shift)",
    ),
)

OK_TEST = """\
OK_FORMAT = True
test = {'name': 'q1', 'points': 2, 'suites': [{'cases': [
    {'code': r'''
    >>> x = 3
    >>> double(x) == 6
    True
    >>> double(
    ...     x + 1)
    8
    ''', 'hidden': False, 'locked': False},
    {'code': '>>> import numpy as np\\n>>> np.isclose(double(0.5), 1)\\nTrue', 'hidden': True}],
    'scored': True, 'setup': '', 'teardown': '', 'type': 'doctest'}]}
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "course.yml").write_text("title: A course\ntopics:\n")
    return tmp_path


def taken(course: Path, *cells: dict[str, object], name: str = "lab") -> tuple[Imported, Topic]:
    imported = import_topic(write(course / "source" / f"{name}.ipynb", *cells), course, name)
    return imported, load_topic(load_course(course), name)


def reference_errors(course: Path, topic: Topic, pool: Pool) -> dict[str, str]:
    key = build_key(load_course(course), topic, seed=1, pool=pool, cache=None)
    return {name: each.error.message for name, draws in key.reference.items() for each in draws if each.error}


def test_nbgrader(course: Path, pool: Pool):
    imported, topic = taken(course, *NBGRADER)
    assert imported.tasks == {"squares": 3, "total": 3}
    assert (imported.asserts, imported.observed, imported.kept) == (6, 5, 1)
    assert [check.visible for check in topic.checks].count(False) == 1
    assert [check.name for check in topic.checks if check.spec.assertion] == ["test_total_5"]
    assert {check.task for check in topic.checks if check.spec.gate} == {"squares", "total"}
    exercise = (course / "exercises/lab.py").read_text()
    assert "raise NotImplementedError" in exercise
    assert "secret words" not in exercise
    assert "i**2" not in exercise
    assert any("for a person to mark (4 points); it is the task m of kind manual" in note for note in imported.notes)
    assert imported.manual == {"m": 4}
    assert load_course(course).topics["lab"].tasks["m"].kind == "manual"
    assert reference_errors(course, topic, pool) == {}


def test_otter(course: Path, pool: Pool):
    imported, topic = taken(course, *OTTER)
    assert imported.tasks == {"double": 5}
    assert (imported.asserts, imported.observed) == (2, 2)
    assert [check.visible for check in topic.checks] == [True, False]
    exercise = (course / "exercises/lab.py").read_text()
    assert "secret words" not in exercise
    assert "BEGIN" not in exercise
    assert reference_errors(course, topic, pool) == {}


def test_otters_first_format(course: Path, pool: Pool):
    imported, topic = taken(course, *OLD_OTTER)
    assert set(imported.tasks) == {"double", "six"}
    assert [(check.task, check.visible) for check in topic.checks] == [("double", True), ("six", False)]
    assert reference_errors(course, topic, pool) == {}


def test_a_plain_notebook(course: Path, pool: Pool):
    imported, topic = taken(course, *PLAIN)
    assert list(imported.tasks) == ["shift"]
    assert (imported.asserts, imported.observed) == (2, 2)
    visible = (course / "tests/visible/test_lab.py").read_text()
    assert '# x = given.normal(2, 2, name="x")' in visible
    assert reference_errors(course, topic, pool) == {}


def test_oks_tests(course: Path, pool: Pool):
    (course / "source/tests").mkdir(parents=True)
    (course / "source/tests/q1.py").write_text(OK_TEST)
    imported, topic = taken(course, cell("code", "def double(x):\n    return 2 * x"))
    assert imported.tasks == {"double": 2}
    assert [check.visible for check in topic.checks] == [True, True, False]
    assert reference_errors(course, topic, pool) == {}


def test_a_source_that_is_wrong_is_one_line_and_leaves_nothing(course: Path):
    (course / "source").mkdir()
    broken = course / "source" / "broken.ipynb"
    broken.write_text("{")
    empty = write(course / "source" / "empty.ipynb", cell("markdown", "# Nothing"), cell("code", "x = 1"))
    for path, words in {broken: "breaks off", empty: "has no task", course / "missing.ipynb": "cannot be read"}.items():
        with pytest.raises(CourseError, match=words) as refused:
            import_topic(path, course, "lab")
        assert len(str(refused.value).splitlines()) == 1
    assert sorted(path.name for path in course.iterdir()) == ["course.yml", "source"]


def test_a_file_that_a_test_reads_is_told(course: Path):
    imported, topic = taken(
        course, cell("code", "def f(x):\n    return x\n\nassert f(1) == 1\nassert f(open('a').read()) == 2")
    )
    assert (imported.asserts, imported.observed) == (2, 1)
    assert imported.notes[0].startswith("cell 1, line 5: not used: it needs a file or input (open)")
    assert len(topic.checks) == 1


def test_what_must_raise_in_a_loop_is_called_with_todays_values(course: Path, pool: Pool):
    solution = cell("code", "def f(n):\n    if n == 0:\n        raise ValueError\n    return n")
    tests = cell("code", "import pytest\nfor n in (0, 1):\n    with pytest.raises(ValueError):\n        f(n)")
    _, topic = taken(course, solution, tests)
    key = build_key(load_course(course), topic, seed=1, pool=pool, cache=None)
    assert "raises(lambda n=n: code.f(n))" in (course / "tests/visible/test_lab.py").read_text()
    first, second = key.reference["test_f_1"][0].returned.items[0].items  # type: ignore[union-attr]
    assert first.error.type == "ValueError"  # type: ignore[union-attr]
    assert second.error is None  # type: ignore[union-attr]


def test_a_gate_looks_at_values(course: Path):
    _, topic = taken(course, cell("code", "def f(x):\n    return x\n\nassert f(x).shape == (3,)\nassert f(1) == 1"))
    assert [check.spec.gate for check in topic.checks] == [False, True]


def test_the_command(course: Path):
    write(course / "source" / "Lab 1.ipynb", *OTTER)
    run = CliRunner().invoke(app, ["import", str(course / "source"), "-o", str(course)])
    assert run.exit_code == 0, run.stdout
    assert "lab_1 (otter): 1 task; 2 assertions: 2 became observations" in run.stdout
    assert "lab_1" in load_course(course).topics
    again = CliRunner().invoke(app, ["import", str(course / "source"), "-o", str(course)])
    assert again.exit_code == 2
    assert "topics.lab_1 already exists" in again.stderr
    nothing = CliRunner().invoke(app, ["import", str(course / "exercises"), "-o", str(course)])
    assert "there is no notebook in this folder" in nothing.stderr


def test_what_a_gradient_is_asked_of(course: Path, pool: Pool):
    """`loss.backward()` writes into what the loss was made of, in references and in tests."""
    imported, topic = taken(
        course,
        cell("code", "import torch\nfrom torch import nn"),
        cell("code", "def cube(x):\n    ### BEGIN SOLUTION\n    return x**3\n    ### END SOLUTION", solution=True, grade_id="a"),
        cell(
            "code",
            "x = torch.tensor([1.0, 2.0], requires_grad=True)\ny = cube(x)\nloss = y.sum()\nloss.backward()\nassert x.grad.tolist() == [3, 12]",
            grade=True, locked=True, points=1, grade_id="b",
        ),
        cell(
            "code",
            "w = torch.tensor(3.0, requires_grad=True)\n### BEGIN SOLUTION\nloss = w**2\nloss.backward()\ngrad = w.grad\n### END SOLUTION",
            solution=True, grade_id="c",
        ),
        cell("code", "assert grad.item() == 6", grade=True, locked=True, points=2, grade_id="d"),
    )  # fmt: skip
    assert imported.tasks == {"cube": 1, "grad": 2}  # the loss is a step on the way
    assert (imported.asserts, imported.observed) == (2, 2)
    assert "x.grad.tolist()" in (course / "tests/visible/test_lab.py").read_text()
    assert "loss = ..." not in (course / "exercises/lab.py").read_text()
    assert reference_errors(course, topic, pool) == {}
    key = build_key(load_course(course), topic, seed=1, pool=pool, cache=None)
    assert "12" in repr(key.reference["test_cube_1"][0].returned)


def test_what_only_shows_is_not_in_the_reference(course: Path):
    data = "import matplotlib.pyplot as plt\nimport torch\ntorch.manual_seed(1)\nDATA = torch.randn(5)\nplt.plot(DATA)"
    solution = "def f(x):\n    return x + DATA.sum() # SOLUTION\n\nf(1.0)"
    tests = (cell("raw", "# BEGIN TESTS"), cell("code", "f(0.0) == DATA.sum()"), cell("raw", "# END TESTS"))
    question = cell("raw", "# BEGIN QUESTION\nname: q1")
    _, _ = taken(course, question, cell("code", data), cell("code", solution), *tests)
    reference = (course / "solutions/lab.py").read_text()
    assert "torch.manual_seed(1)" in reference
    assert "plt" not in reference
    assert "f(1.0)" not in reference


def test_a_test_case_of_unittest(course: Path, pool: Pool):
    imported, topic = taken(
        course,
        cell("code", "import unittest\n\ndef double(x):\n    return 2 * x"),
        cell(
            "code",
            "class TestDouble(unittest.TestCase):\n    def setUp(self):\n        self.x = 4\n\n    def test_four(self):\n"
            "        self.assertEqual(double(self.x), 8)\n\n    def test_none(self):\n        with self.assertRaises(TypeError):\n"
            "            double(None)\n\nunittest.main(argv=[''], exit=False)",
        ),
    )
    assert (imported.asserts, imported.observed) == (2, 2)
    assert reference_errors(course, topic, pool).keys() == set()
    assert "raises the right exception" in (course / "tests/visible/test_lab.py").read_text()


def test_a_property_that_must_raise(course: Path):
    source = "class Mean:\n    @property\n    def value(self):\n        raise RuntimeError"
    tests = "try:\n    Mean().value\n    assert False, 'should raise'\nexcept RuntimeError:\n    pass"
    imported, _ = taken(course, cell("code", source), cell("code", tests))
    assert (imported.asserts, imported.observed) == (1, 1)
    assert "raises(lambda: code.Mean().value)" in (course / "tests/visible/test_lab.py").read_text()


def test_code_for_a_person_to_mark_is_a_marked_range(course: Path):
    _, _ = taken(
        course,
        *OTTER[:-6],
        cell("raw", "# BEGIN QUESTION\nname: q3\nmanual: true\npoints: 2"),
        cell("raw", "# BEGIN SOLUTION"),
        cell("code", "# Plot it.\nprint('secret words') # SOLUTION"),
        cell("raw", "# END SOLUTION"),
        cell("raw", "# END QUESTION"),
    )
    task = load_course(course).topics["lab"].tasks["q3"]
    assert (task.kind, task.points) == ("manual", 2)
    exercise = (course / "exercises/lab.py").read_text()
    assert "# autograde: q3\n# Plot it." in exercise
    assert "secret words" not in exercise


def test_names():
    assert [topic_name(Path(name)) for name in ("HW 1-a.ipynb", "01_intro.ipynb")] == ["hw_1_a", "topic_01_intro"]
