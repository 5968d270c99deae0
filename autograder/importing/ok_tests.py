"""Tests in OK's format (also otter-grader's `OK_FORMAT`): a file with a dict `test`, whose cases are doctests."""

from __future__ import annotations

import ast
import doctest
from pathlib import Path
from typing import Any

from autograder.course.declarations import parse_file
from autograder.errors import AuthoringError
from autograder.importing.parts import Tests

__all__ = ["read_ok_tests"]


def read_ok_tests(folder: Path) -> tuple[Tests, ...]:
    """The cases of all tests in a folder, in the order of the files' names; files of another format have none."""
    return tuple(part for path in sorted(folder.glob("*.py")) for part in _tests(path))


def _tests(path: Path) -> list[Tests]:
    try:
        tree = parse_file(path)
        values = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "test"
        ]
    except (AuthoringError, ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return []
    if not values or not isinstance(values[0], dict):
        return []
    points = values[0].get("points")
    points = float(points) if isinstance(points, int | float) else 1.0
    found: list[Tests] = []
    for case in (case for suite in _dicts(values[0], "suites") for case in _dicts(suite, "cases")):
        if isinstance(case.get("code"), str):
            found.append(Tests(_code_of(case["code"]), 0, bool(case.get("hidden")), 0.0 if found else points, shown=True))
    return found


def _dicts(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [each for each in parent.get(key) or () if isinstance(each, dict)]


def _code_of(text: str) -> str:
    try:
        return "".join(example.source for example in doctest.DocTestParser().get_examples(text))
    except ValueError:
        return ""
