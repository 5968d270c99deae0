"""Builds an nbgrader course from the same exercises, with grade cells that test what our checks test."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jupytext
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

__all__ = ["build_course", "environment", "read_tests", "submission"]

_TESTS = Path(__file__).parent / "nbgrader_tests"
_SOLUTION = "solution-"
_HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


def environment() -> dict[str, str]:
    """The environment to run nbgrader in: it calls `alembic` by name, which lies beside the interpreter."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def build_course(root: Path, exercises: Path, points: Mapping[str, Mapping[str, float]]) -> None:
    """Write a course of nbgrader's into `root` and release its assignments.

    Args:
        root: an empty folder.
        exercises: the folder with our notebooks' sources.
        points: topic → task → points.
    """
    (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n")
    for topic, tasks in points.items():
        target = root / "source" / topic / f"{topic}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(_source_notebook(exercises / f"{topic}.py", tasks), target)
        command = [sys.executable, "-m", "nbgrader", "generate_assignment", topic]
        subprocess.run(command, cwd=root, env=environment(), check=True, capture_output=True)


def _source_notebook(exercise: Path, tasks: Mapping[str, float]) -> nbformat.NotebookNode:
    tests = read_tests(exercise.stem)
    cells = []
    for cell in jupytext.reads(exercise.read_text(encoding="utf-8"), fmt="py:percent").cells:
        if cell.cell_type != "code":
            cells.append(new_markdown_cell(cell.source))
            continue
        defined = [task for task in tasks if task in _defined(cell.source)]
        solution = new_code_cell(cell.source)
        if defined:
            solution.metadata["nbgrader"] = _marks(_SOLUTION + defined[0], solution=True)
        cells.append(solution)
        for task in defined:
            grade = new_code_cell(_HIDDEN.format(tests[task]))
            grade.metadata["nbgrader"] = _marks(f"test-{task}", grade=True, points=tasks[task])
            cells.append(grade)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _marks(grade_id: str, *, solution: bool = False, grade: bool = False, points: float = 0) -> dict[str, object]:
    marks: dict[str, object] = {
        "schema_version": 3,
        "grade": grade,
        "locked": grade,
        "solution": solution,
        "task": False,
        "grade_id": grade_id,
    }
    return {**marks, "points": points} if grade else marks


def read_tests(topic: str) -> dict[str, str]:
    """The asserts of a topic's grade cells, by task."""
    parts = re.split(r"^# %% (\w+)\n", (_TESTS / f"{topic}.py").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {task: text.strip() for task, text in zip(parts[1::2], parts[2::2], strict=True)}


def _defined(source: str) -> set[str]:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return set()
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def submission(root: Path, topic: str, student_file: Path, target: Path, remark: str, lines: int = 0) -> None:
    """Write the released notebook with a student's cells put into its solution cells, as if they had worked in it.

    `remark` becomes a comment in the first code cell, so that no two submissions are the same file, and `lines` comments in
    each solution cell, so that errors lie in other lines, as different students' do.
    """
    released = nbformat.read(root / "release" / topic / f"{topic}.ipynb", as_version=4)
    student = nbformat.read(student_file, as_version=4)
    code = [cell for cell in released.cells if cell.cell_type == "code"]
    code[0].source += f"\n# {remark}"
    for cell in code:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if grade_id.startswith(_SOLUTION):
            task = grade_id.removeprefix(_SOLUTION)
            cell.source = f"# {remark}\n" * lines + next(
                theirs.source for theirs in student.cells if theirs.cell_type == "code" and task in _defined(theirs.source)
            )
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(released, target)
