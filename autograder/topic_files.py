"""Reads what a topic's files declare, from their source text alone: nothing here runs them.

tests/visible/test_TOPIC.py, tests/hidden/test_TOPIC.py    checks
solutions/misconceptions/TOPIC.py                          misconceptions
solutions/alternatives/TOPIC.py                            alternatives
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import AuthoringError

__all__ = ["CheckSpec", "VariantSpec", "read_checks", "read_variants"]


@dataclass(frozen=True)
class CheckSpec:
    """A check as declared: `sentence` is the first paragraph of its docstring on one line; `line` is where it stands."""

    name: str
    task: str
    sentence: str
    gate: bool = False
    draws: int | None = None
    seconds: float | None = None
    device: str = "any"
    line: int = 0


@dataclass(frozen=True)
class VariantSpec:
    """A misconception (with feedback) or an alternative (without)."""

    name: str
    task: str
    feedback: str = ""
    line: int = 0


def read_checks(path: Path) -> tuple[CheckSpec, ...]:
    """The checks of a file, in its order.

    Raises:
        AuthoringError: for a syntax error, an argument that is no literal, a missing docstring, or a name used twice.
    """
    found = []
    for node, arguments in _decorated(path, ("checks",), ("task",)):
        docstring = ast.get_docstring(node)
        if not docstring:
            raise AuthoringError(f"{path}:{node.lineno}: {node.name} has no docstring; write the sentence students read.")
        sentence = " ".join(inspect.cleandoc(docstring).split("\n\n")[0].split())
        if not node.name.startswith("test_"):
            raise AuthoringError(f"{path}:{node.lineno}: {node.name} must be called test_… for pytest to find it.")
        found.append(CheckSpec(name=node.name, sentence=sentence, line=node.lineno, **arguments))
    return tuple(found)


def read_variants(path: Path) -> tuple[VariantSpec, ...]:
    """The misconceptions or alternatives of a file, in its order; none if the file does not exist.

    Raises:
        AuthoringError: for a syntax error, an argument that is no literal, or a name used twice.
    """
    if not path.exists():
        return ()
    decorated = _decorated(path, ("misconception", "alternative"), ("task", "feedback"))
    return tuple(VariantSpec(name=node.name, line=node.lineno, **arguments) for node, arguments in decorated)


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _decorated(path: Path, names: tuple[str, ...], positional: tuple[str, ...]) -> list[tuple[_Definition, dict[str, Any]]]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise AuthoringError(f"{path}: cannot be read ({error.strerror}).") from error
    except SyntaxError as error:
        raise AuthoringError(f"{path}:{error.lineno}: {error.msg}.") from error
    found: list[tuple[_Definition, dict[str, Any]]] = []
    seen: dict[str, int] = {}
    for node in tree.body:
        if not isinstance(node, _Definition):
            continue
        for decorator in node.decorator_list:
            if not (isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name)):
                continue
            if decorator.func.id not in names:
                continue
            try:
                arguments = dict(zip(positional, map(ast.literal_eval, decorator.args), strict=False))
                arguments |= {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in decorator.keywords}
            except ValueError as error:
                raise AuthoringError(
                    f"{path}:{decorator.lineno}: the arguments of @{decorator.func.id} must be plain literals."
                ) from error
            if node.name in seen:
                raise AuthoringError(f"{path}:{node.lineno}: {node.name} stands in line {seen[node.name]} already.")
            seen[node.name] = node.lineno
            found.append((node, arguments))
    return found
