"""A course whose stubs look like `y = None … return y`: the class, verify, and a student's own check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_course import RIGHT, WRONG, make_course, write_notebook
from typer.testing import CliRunner

from autograder.commands.student import app
from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.grading.grade import grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.processes.pool import Pool
from autograder.release import build
from autograder.verifying.verify import verify

COURSE = Path(__file__).parents[3]
STUB = '''def double(x):
    """Return twice x."""
    y = None
    return y
'''


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("course"))
    path = root / "exercises/views.py"
    path.write_text(path.read_text().replace("def double(x):\n    raise NotImplementedError\n", STUB))
    return root


def test_not_attempted_is_told_from_wrong(root: Path, pool: Pool, tmp_path: Path) -> None:
    for student, answer in {
        "stub": f"# mine\n{STUB}",
        "wrong": WRONG,
        "right": RIGHT,
        "none": STUB.replace("y = None", "y = print(x)"),
        "missing": "guess = 7",
    }.items():
        write_notebook(tmp_path / "class" / student / "views.ipynb", "import torch", answer)
    course = load_course(root)
    prepared = {"views": prepare(course, "views", pool, seed=3, device="cpu")}
    list(grade(course, prepared, find_submissions([tmp_path / "class"], course).submissions, pool, tmp_path / "out"))
    double = {
        path.parent.name: read_result(path).tasks[0] for path in (tmp_path / "out").glob("*/views.json") if path.is_file()
    }
    assert {student: (task.attempted, task.earned) for student, task in double.items()} == {
        "stub": (False, 0),
        "wrong": (True, 0),
        "right": (True, 4),
        "none": (True, 0),
        "missing": (False, 0),
    }


def test_verify_knows_such_a_stub(root: Path, pool: Pool) -> None:
    problems = verify(load_course(root), None, pool, seeds=2, mutants=False).problems
    assert [problem for problem in problems if "stub" in problem] == []


def test_a_students_own_check_knows_it_too(root: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(load_course(root), pool, root / "release")
    (root / "release/views.py").write_text(f"import torch\n{STUB}\nguess = ...\n")
    monkeypatch.chdir(root / "release")
    told = re.sub(r"\s+", " ", CliRunner().invoke(app, ["check", "views.py"]).output)
    assert "not attempted double" in told


def test_the_stubs_of_this_course_say_themselves_that_they_are_some() -> None:
    course = load_course(COURSE)
    assert {name: dict(load_topic(course, name).stubs) for name in course.topics if load_topic(course, name).stubs} == {}
