"""From an empty folder and a fresh environment, outside this repository, to a graded class."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from autograder.course import new_course
from autograder.course.course_file import load_course
from autograder.grading.grade_class import grade_class
from autograder.grading.submissions import find_submissions
from autograder.importing.write_topic import import_topic
from autograder.processes.pool import Pool

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel of this package; torch and the extras are this interpreter's."""
    folder = tmp_path_factory.mktemp("elsewhere")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "autograder", source / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source], check=True, timeout=200)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True, timeout=200)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"])
    shutil.rmtree(source)
    return folder


def run(environment: Path, *command: str, cwd: Path | None = None) -> str:
    finished = subprocess.run([environment / "venv" / "bin" / command[0], *command[1:]], cwd=cwd or environment,
                              env=os.environ | {"PYTHONPATH": "", "COLUMNS": "120"}, capture_output=True, text=True,
                              timeout=280, check=False)  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_from_an_empty_folder_to_a_graded_class(environment: Path):
    assert str(environment) in run(environment, "python", "-c", "import autograder; print(autograder.__file__)")
    assert "wrote course/course.yml" in run(environment, "autograde", "init", "course")
    course = environment / "course"
    assert "everything holds" in run(environment, "autograde", "verify", "--no-mutants", "--seeds", "3", cwd=course)
    assert "files below" in run(environment, "autograde", "release", cwd=course)
    assert "row_means" in (course / "release" / "01_reductions.ipynb").read_text()
    run(environment, "autograde", "grade", "examples/class", cwd=course)
    earned = {
        student: json.loads((course / "grades" / student / "reductions.json").read_text())["earned"]
        for student in ("ada", "bo")
    }
    assert earned == {"ada": 4, "bo": 0}


EXAMPLE = ROOT / "examples" / "own_course"


def test_the_imported_example_is_graded(tmp_path: Path, pool: Pool):
    course = load_course(shutil.copytree(EXAMPLE, tmp_path / "course"))
    discovery = find_submissions([course.root / "examples/class"], course)
    graded = list(grade_class(course, discovery.submissions, pool, tmp_path / "grades", 1, device="cpu"))
    assert {(each.student, each.topic): each.earned for each in graded} == {
        ("ada", "reductions"): 4,
        ("ada", "smoothing"): 6,
        ("bo", "reductions"): 0,
        ("bo", "smoothing"): 2,
    }


def test_the_example_is_what_import_made_of_its_source(tmp_path: Path):
    new_course.create(tmp_path / "course")
    imported = import_topic(EXAMPLE / "source" / "smoothing.py", tmp_path / "course", "smoothing")
    assert (imported.asserts, imported.observed) == (6, 6)  # a try with its `assert False` is one
    for name in ("exercises/smoothing.py", "solutions/smoothing.py"):
        assert (tmp_path / "course" / name).read_text() == (EXAMPLE / name).read_text()
