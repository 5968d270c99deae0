"""Reads an assignment's notebook and tells its parts apart.

Formats: nbgrader's cell metadata, schema 3 (nbgrader documentation, "Instructor toolbar extension for Jupyter Notebook"
and `nbgrader.nbgraderformat`); otter-grader's "Otter Assign format" with raw cells, and its first version, which had
jassign's marks in the cells themselves; OK tests, a Python file with a dict `test` of doctests.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder._files import read_whole
from autograder.course.cells import python_text, read_cells, strict_json
from autograder.errors import CourseError, SubmissionError
from autograder.importing.ok_tests import read_ok_tests
from autograder.importing.parts import Answer, Assignment, Code, Manual, Part, Tests, Text, defined_names, tree_of
from autograder.importing.solutions import has_marks, solution_text, stub_text

__all__ = ["read_assignment"]

_MOST_BYTES = 64 << 20
_HIDDEN = re.compile(r"^\s*#+\s*(BEGIN|END) HIDDEN TESTS?\b")
_OTTER = re.compile(
    r"\A\s*(?:```)?\s*#?\s*(BEGIN|END) (QUESTION|SOLUTION|TESTS|PROMPT)\b|\A\s*#?\s*(?:ASSIGNMENT|OTTER) CONFIG\b"
)
_OLD_HEAD = re.compile(r"```\s*\n?\s*BEGIN (?:QUESTION|ASSIGNMENT)\b(?s:.*?)(?:```|\Z)")
_OLD_TEST = re.compile(r"\A\s*#+\s*(HIDDEN )?TEST\b", re.IGNORECASE)
_TEST_CONFIG = re.compile(r'\A\s*(?:"""|\'\'\')\s*#\s*BEGIN TEST CONFIG(.*?)(?:"""|\'\'\')', re.DOTALL)
_POINTS = re.compile(r"^\s*points\s*:\s*([\d.]+)", re.MULTILINE)
_NAME = re.compile(r"^\s*name\s*:\s*['\"]?([^'\"\n]+?)['\"]?\s*$", re.MULTILINE)
_MANUAL = re.compile(r"^\s*manual\s*:\s*true", re.MULTILINE | re.IGNORECASE)
_GRADERS = re.compile(r"^\s*(?:import otter|grader\s*=|grader\.|ok\s*=|ok\.|_\s*=\s*ok\.|from client\.api).*$", re.MULTILINE)


@dataclass(frozen=True)
class _Cell:
    number: int
    kind: str
    source: str
    marks: dict[str, Any] = field(default_factory=dict)


def read_assignment(path: Path) -> Assignment:
    """The parts of an assignment: a notebook (.ipynb), or a Python file in the percent format.

    Raises:
        CourseError: if the file cannot be read; the text says why.
    """
    cells = _cells(path)
    if any(cell.marks for cell in cells):
        return Assignment("nbgrader", tuple(_nbgrader(cells)))
    if any(_OTTER.match(cell.source) or _old_otter(cell) for cell in cells):
        return Assignment("otter", tuple(_otter(cells)))
    tests = read_ok_tests(path.parent / "tests") if (path.parent / "tests").is_dir() else ()
    parts = tuple(_plain(cells, with_asserts=not tests))
    return Assignment("OK" if tests else "plain", (*parts, *tests))


def _cells(path: Path) -> list[_Cell]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CourseError(f"{path}: has more than 64 MB; clear its outputs and save it again.")
        data = read_whole(path)
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror}); name a notebook or a Python file.") from error
    try:
        code = {cell.number: cell.source for cell in read_cells(data, path.name)}
        if path.suffix == ".py":
            return list(_percent_cells(python_text(data, path.name)))
    except SubmissionError as error:
        raise CourseError(f"{path}: {error}") from error
    notebook = json.loads(strict_json(data))
    if not isinstance(notebook.get("cells"), list):
        return [_Cell(number, "code", source) for number, source in code.items()]
    return [
        _Cell(number, str(cell.get("cell_type")), _source(cell), _marks(cell))
        for number, cell in enumerate(notebook["cells"], 1)
        if isinstance(cell, dict)
    ]


def _percent_cells(text: str) -> Iterator[_Cell]:
    pieces = re.split(r"^(# %%.*)$", text, flags=re.MULTILINE)
    yield _Cell(1, "code", pieces[0].strip("\n"))
    for number, (head, body) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True), 2):
        if "[markdown]" in head or "[md]" in head:
            yield _Cell(number, "markdown", re.sub(r"^# ?", "", body.strip("\n"), flags=re.MULTILINE))
        else:
            yield _Cell(number, "code", body.strip("\n"))


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source") or ""
    return source if isinstance(source, str) else "".join(map(str, source))


def _marks(cell: dict[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return marks if isinstance(marks, dict) and any(marks.get(key) for key in ("grade", "solution", "task")) else {}


def _points(marks: dict[str, Any]) -> float:
    points = marks.get("points")
    return float(points) if isinstance(points, int | float) and 0 <= points <= 1e6 else 0.0


def _nbgrader(cells: list[_Cell]) -> Iterator[Part]:
    for cell in cells:
        grade, solution = bool(cell.marks.get("grade")), bool(cell.marks.get("solution"))
        name = str(cell.marks.get("grade_id") or "")
        if grade and solution and cell.kind == "code":
            yield _manual_code(cell, _points(cell.marks), name)
        elif cell.marks.get("task") or (grade and solution) or (solution and cell.kind != "code"):
            yield Manual(_without_scheme(cell.source), cell.number, _points(cell.marks), name)
        elif cell.kind != "code":
            yield Text(cell.source)
        elif grade:
            yield from _hidden_and_not(cell, _points(cell.marks))
        elif solution:
            yield Answer(solution_text(cell.source), stub_text(cell.source), cell.number)
        else:
            yield _given(cell)


def _manual_code(cell: _Cell, points: float, name: str) -> Manual:
    return Manual(stub_text(cell.source), cell.number, points, name, solution_text(cell.source))


def _without_scheme(source: str) -> str:
    for begin, end in (("=== BEGIN MARK SCHEME ===", "=== END MARK SCHEME ==="), ("BEGIN SOLUTION", "END SOLUTION")):
        source = re.sub(rf"^.*{begin}(?s:.*?){end}.*$", "", source, flags=re.MULTILINE)
    return source.strip("\n")


def _hidden_and_not(cell: _Cell, points: float) -> Iterator[Tests]:
    """A cell of tests, cut where hidden ones begin and end; its points go to the first piece."""
    piece: list[str] = []
    hidden = False
    for number, line in enumerate([*cell.source.split("\n"), "# END HIDDEN TESTS"], 1):
        if not (mark := _HIDDEN.match(line)):
            piece.append(line)
            continue
        if "".join(piece).strip():
            yield Tests("\n".join(piece), cell.number, hidden, points)
            points = 0.0
        piece, hidden = [""] * number, mark[1] == "BEGIN"  # empty lines keep the numbers of those that follow


def _given(cell: _Cell) -> Code | Answer:
    """A code cell without marks of its own; some authors mark only the solution."""
    source = _GRADERS.sub("", cell.source).strip("\n")
    if has_marks(source):
        return Answer(solution_text(source), stub_text(source), cell.number)
    return Code(source, cell.number)


def _old_otter(cell: _Cell) -> bool:
    return cell.kind == "markdown" and _OLD_HEAD.search(cell.source) is not None


def _otter(cells: list[_Cell]) -> Iterator[Part]:
    points, manual, name, block, tests = 0.0, False, "", "", 0
    for cell in cells:
        mark = _OTTER.match(cell.source)
        if (mark and cell.kind == "raw") or _old_otter(cell):
            kind = (mark[2] if mark else "QUESTION") or ""
            if kind == "QUESTION" and (mark is None or mark[1] == "BEGIN"):
                found = _POINTS.search(cell.source)
                points, manual, tests = float(found[1]) if found else 1.0, bool(_MANUAL.search(cell.source)), 0
                name = called[1] if (called := _NAME.search(cell.source)) else ""
            block = kind if mark is not None and mark[1] == "BEGIN" else ""
            if cell.kind == "markdown":
                yield Text(_OLD_HEAD.sub("", cell.source).strip())
            continue
        if cell.kind != "code":
            if (manual and block == "SOLUTION") or "**SOLUTION" in cell.source:
                yield Manual("", cell.number, points, name)
                points = 0.0  # of a question with several answers, the first one has them all
            elif block != "PROMPT":
                yield Text(cell.source)
        elif block == "TESTS" or _OLD_TEST.match(cell.source):
            yield _otter_test(cell, 0.0 if tests else points)
            tests += 1
        elif manual and (block == "SOLUTION" or has_marks(cell.source)):
            yield _manual_code(cell, points, name)
            points = 0.0
        elif block == "SOLUTION" or has_marks(cell.source):
            yield Answer(solution_text(cell.source), stub_text(cell.source), cell.number)
        elif block != "PROMPT":
            yield _given(cell)


def _otter_test(cell: _Cell, points: float) -> Tests:
    config = _TEST_CONFIG.match(cell.source)
    old = _OLD_TEST.match(cell.source)
    hidden = bool((old and old[1]) or re.match(r"\s*#\s*HIDDEN\b", cell.source))
    if config is not None:
        hidden = hidden or re.search(r"hidden\s*:\s*true", config[1], re.IGNORECASE) is not None
        own = _POINTS.search(config[1])
        points = float(own[1]) if own else points
    source = cell.source[config.end() :] if config else cell.source
    return Tests(source.lstrip(";\n "), cell.number, hidden, points, shown=True)


def _plain(cells: list[_Cell], *, with_asserts: bool) -> Iterator[Part]:
    """A notebook without marks: what it defines is the solution where asserts look at it."""
    tested = _tested(cells) if with_asserts else None
    answers: set[str] = set()
    for cell in cells:
        tree = tree_of(cell.source) if cell.kind == "code" else None
        if tree is None:
            yield Text(cell.source) if cell.kind == "markdown" else _given(cell)
            continue
        if has_marks(cell.source):
            yield _given(cell)
            continue
        parts: dict[str, list[str]] = {"code": [], "answer": [], "tests": []}
        lines = cell.source.split("\n")
        last = 0
        has_tests = with_asserts and any(map(_is_test, tree.body))
        tests_others = has_tests and bool(answers & _names_in(tree))  # then what it defines helps to test
        for node in tree.body:
            end = node.end_lineno or node.lineno
            text = "\n".join(lines[last:end])
            names = defined_names(node) if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            if set(names) & (set(names) if tested is None else tested) and not _is_test(node) and not tests_others:
                parts["answer"].append(text)
                answers |= set(names)
            elif has_tests and not isinstance(node, ast.Import | ast.ImportFrom):
                written = sum(each.count("\n") + 1 for each in parts["tests"])
                parts["tests"] += [*[""] * (last - written), text]  # empty lines keep the numbers of those that follow
            else:
                parts["code"].append(text)
            last = end
        if parts["code"]:
            yield Code(_GRADERS.sub("", "\n".join(parts["code"])).strip("\n"), cell.number)
        if parts["answer"]:
            solution = "\n".join(parts["answer"]).strip("\n")
            yield Answer(solution, stub_text(solution), cell.number)
        if parts["tests"]:
            yield Tests("\n".join(parts["tests"]), cell.number)


def _names_in(tree: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}


def _is_test(node: ast.stmt) -> bool:
    """Whether a statement asserts something, but for functions and classes that only guard what they are given."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and not re.match(
        r"_*(test|check|assert|verify|grade)", node.name, re.I
    ):
        return False
    return _asserts(node)


def _asserts(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Assert)
        or (isinstance(part, ast.Call) and re.match(r"assert|raises$", ast.unparse(part.func).rpartition(".")[2]))
        for part in ast.walk(node)
    )


def _tested(cells: list[_Cell]) -> set[str]:
    """The names that statements with asserts, or what these use, mention; functions that only compare are left out."""
    statements = [node for cell in cells if cell.kind == "code" for node in getattr(tree_of(cell.source), "body", [])]
    if not any(map(_is_test, statements)):
        return set()
    tests = [node for node in statements if not isinstance(node, ast.FunctionDef | ast.ClassDef) or _is_test(node)]
    used: list[str] = []
    comparing: list[str] = []
    for part in (part for node in tests for part in ast.walk(node)):
        if isinstance(part, ast.Name):
            used.append(part.id)
        elif isinstance(part, ast.Assert):
            calls = [each.func for each in ast.walk(part.test) if isinstance(each, ast.Call) and len(each.args) > 1]
            inner = {each.func for call in ast.walk(part.test) if isinstance(call, ast.Call) for each in _calls(call.args)}
            comparing += [call.id for call in calls[:1] if isinstance(call, ast.Name) and inner and call not in inner]
    return {name for name in used if used.count(name) > comparing.count(name)}


def _calls(nodes: list[ast.expr]) -> Iterator[ast.Call]:
    return (each for node in nodes for each in ast.walk(node) if isinstance(each, ast.Call))
