"""An autograder for `otter run`, from otter-grader, with the asserts that nbgrader's grade cells have.

otter is in an environment of its own, build/otter, since it brings pandas, whose presence changes what students' code can
do. All that both use, torch above all, is the same there: the environment looks into ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import nbgrader_course

__all__ = ["VERSION", "build_autograder", "command", "environment", "score"]

VERSION = "7.0.0"
_HOME = Path(__file__).parents[1] / "build" / "otter"
_PYTHON = _HOME / "bin" / "python"
_INSTALLED = _HOME / f"otter-{VERSION}"
_TEST = """\
from otter.test_files import test_case

OK_FORMAT = False
name, points = {task!r}, {points!r}
TESTS = compile({tests!r}, {task!r}, "exec")


@test_case()
def test_all(env):
    exec(TESTS, env)
"""


def environment() -> dict[str, str]:
    """The environment to run otter in, which is made first if it is not there; this needs a package index."""
    if not _INSTALLED.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", _HOME], check=True)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(_HOME)}))
        (packages / "ours.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
        install = [sys.executable, "-m", "pip", "--python", _PYTHON, "install", "--quiet", f"otter-grader=={VERSION}"]
        subprocess.run(install, check=True)
        _INSTALLED.touch()
    return {**os.environ, "PATH": f"{_PYTHON.parent}{os.pathsep}{os.environ['PATH']}"}


def build_autograder(work: Path, topic: str, points: Mapping[str, float]) -> Path:
    """Write the zip file of a topic's autograder into an empty folder; returns its path. `points` are those of each task."""
    tests = work / "tests"
    tests.mkdir(parents=True)
    for task, asserts in nbgrader_course.read_tests(topic).items():
        text = _TEST.format(task=task, points=points[task], tests=asserts)
        (tests / f"{task}.py").write_text(text, encoding="utf-8")
    generate = [_PYTHON, "-m", "otter", "generate", "-t", tests, "-o", work / f"{topic}.zip", "--no-environment"]
    subprocess.run(generate, cwd=work, env=environment(), check=True, capture_output=True)
    return work / f"{topic}.zip"


def command(autograder: Path, notebook: Path, out: Path) -> list[str]:
    """The command that grades a notebook and writes its result into the folder `out`."""
    return [str(_PYTHON), "-m", "otter", "run", "--no-logo", "-a", str(autograder), "-o", str(out), str(notebook)]


def score(out: Path) -> float:
    """The points that the result in the folder `out` gives."""
    tests = json.loads((out / "results.json").read_text(encoding="utf-8"))["tests"]
    return float(sum(test.get("score", 0) for test in tests))
