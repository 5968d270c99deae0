"""A course whose stubs look in all the ways that authors write them: the class, verify, and a student's own check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from course_files import write_files
from tiny_course import write_notebook
from typer.testing import CliRunner

from autograder.commands.student import app
from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.grading.grade import grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.processes.pool import Pool
from autograder.records.results import TaskResult
from autograder.release import build
from autograder.verifying.verify import verify

COURSE = Path(__file__).parents[3]
BODIES = {
    "assigned": "y = None\nreturn y",
    "started": "y = None  # YOUR CODE HERE\n### END ###\nreturn x if y is None else y",
    "passed": "pass",
    "dotted": "...",
    "returned_dots": "...\nreturn ...",
    "returned_none": "return None",
    "raised": "raise NotImplementedError",
    "raised_with_text": "# YOUR CODE HERE\nraise NotImplementedError('Write double!')",
    "raised_late": "if not isinstance(x, torch.Tensor):\n    raise TypeError\nraise NotImplementedError()",
    "asserted": "assert False, 'to do'",
    "raised_other": "raise Exception('to do')",
    "documented": "",
}
CLASS = """\
class {}:
    def __init__(self, by):
        {}

    def of(self, x):
        {}
"""
CLASSES = {
    "Passed": CLASS.format("Passed", "pass", "pass"),
    "Assigned": CLASS.format("Assigned", "self.by = None", "return x"),
    "Empty": "class Empty:\n    pass\n",
    "Raised": CLASS.format("Raised", "self.by = by", "raise NotImplementedError"),
}
VALUES = {"no_value": "None", "dots": "..."}
TASKS = [*BODIES, *CLASSES, *VALUES]
HEAD = "import torch\n"


def function(name: str, body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f'def {name}(x):\n    """Return twice x."""\n{lines}'


def a_class(name: str, by: str = "by") -> str:
    return CLASS.format(name, f"self.by = {by}", "return self.by * x")


STUBS = [
    *(function(name, body) for name, body in BODIES.items()),
    *CLASSES.values(),
    *(f"{name} = {value}\n" for name, value in VALUES.items()),
]
RIGHT = [
    *(function(name, "return 2 * x") for name in BODIES),
    *map(a_class, CLASSES),
    *(f"{name} = 7\n" for name in VALUES),
]
WRONG = [
    *(function(name, "return 3 * x") for name in BODIES),
    *(a_class(name, "by + 1") for name in CLASSES),
    *(f"{name} = 6\n" for name in VALUES),
]
NOTHING = [function(name, "print(x)") for name in BODIES]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("course")
    tasks = "".join(f"      {task}: {{points: 2}}\n" for task in TASKS)
    visible, hidden = ["from autograder import checks, secret\n"], ["from autograder import checks, raises\n"]
    for task in TASKS:
        call = (
            f"code.{task}(2).of(x)" if task in CLASSES else f"secret(code.{task})" if task in VALUES else f"code.{task}(x)"
        )
        drawn = "    x = given.normal(3)\n" if task not in VALUES else ""
        visible.append(
            f'\n\n@checks("{task}", gate=True)\ndef test_{task}(code, given):\n    """It is right."""\n{drawn}'
            f'    return {{"it": {call}}}\n'
        )
    hidden.append(
        '\n\n@checks("raised_late")\ndef test_refused(code, given):\n    """What is no tensor is refused."""\n'
        '    return {"it": raises(lambda: code.raised_late("x"))}\n'
    )
    right = "\n\n".join(RIGHT).replace(
        function("raised_late", "return 2 * x"),
        function("raised_late", "if not isinstance(x, torch.Tensor):\n    raise TypeError\nreturn 2 * x"),
    )
    write_files(
        root,
        {
            "course.yml": f"title: Stubs\ndraws: 1\ntopics:\n  views:\n    number: 1\n    title: Views\n    tasks:\n{tasks}",
            "exercises/views.py": "\n# %%\n".join(["# %%", HEAD, *STUBS]),
            "solutions/views.py": f"{HEAD}\n\n{right}",
            "tests/visible/test_views.py": "".join(visible),
            "tests/hidden/test_views.py": "".join(hidden),
        },
    )
    return root


@pytest.fixture(scope="module")
def results(root: Path, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, TaskResult]]:
    submitted = tmp_path_factory.mktemp("class")
    for student, cells in {
        "stub": [f"# mine\n{cell}" for cell in STUBS],
        "wrong": WRONG,
        "right": RIGHT,
        "nothing": NOTHING,
        "missing": ["y = 7"],
        "again": [*WRONG, *STUBS],
        "twice": [*STUBS, *STUBS],
    }.items():
        write_notebook(submitted / student / "views.ipynb", HEAD, *cells)
    course, out = load_course(root), submitted / "out"
    prepared = {"views": prepare(course, "views", pool, seed=3, device="cpu")}
    list(grade(course, prepared, find_submissions([submitted], course).submissions, pool, out))
    return {
        path.parent.name: {task.task: task for task in read_result(path).tasks}
        for path in out.glob("*/views.json")
        if path.is_file()
    }


@pytest.mark.parametrize("task", TASKS)
def test_not_attempted_is_told_from_wrong(results: dict[str, dict[str, TaskResult]], task: str) -> None:
    found = {student: (tasks[task].attempted, tasks[task].earned > 0) for student, tasks in results.items()}
    untouched = (False, False)
    assert found == {
        "stub": untouched,
        "wrong": (True, False),
        "right": (True, True),
        "nothing": (task in BODIES, False),
        "missing": untouched,
        "again": untouched,
        "twice": untouched,
    }
    assert results["missing"][task].standing == "missing"
    assert (results["nothing"][task].standing == "missing") == (task not in BODIES)
    assert results["twice"][task].note == ""


@pytest.mark.parametrize("task", [*BODIES, *CLASSES])
def test_a_stub_below_an_answer_is_named(results: dict[str, dict[str, TaskResult]], task: str) -> None:
    note = results["again"][task].note
    assert f"`{task}` is defined in cell {TASKS.index(task) + 2}, line 1, and again in cell" in note
    assert "where it is the unchanged stub of the exercise" in note
    assert results["again"][task].standing == "stopped"


def test_verify_knows_such_stubs(root: Path, pool: Pool) -> None:
    problems = verify(load_course(root), None, pool, seeds=2, mutants=False).problems
    assert [problem for problem in problems if "stub" in problem] == []


def test_a_students_own_check_knows_them_too(root: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(load_course(root), pool, root / "release")
    (root / "release/views.py").write_text("\n\n".join([HEAD, *STUBS]))
    monkeypatch.chdir(root / "release")
    told = re.sub(r"\s+", " ", CliRunner().invoke(app, ["check", "views.py"]).output)
    assert [task for task in TASKS if f"not attempted {task}" not in told] == []


def test_the_stubs_of_this_course_say_themselves_that_they_are_some() -> None:
    course = load_course(COURSE)
    assert {name: dict(load_topic(course, name).stubs) for name in course.topics if load_topic(course, name).stubs} == {}
