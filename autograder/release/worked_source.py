"""The source of a task's worked solution: from the reference, the task and what it needs of the same file."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

from autograder._files import read_source
from autograder.course.declarations import parse_file
from autograder.course.marked import marked_lines

__all__ = ["worked_source"]


def worked_source(path: Path, task: str, tasks: Collection[str]) -> str:
    """A task's statements in a file, those of its definition or marked range; and those of the helpers, constants and
    imports that it uses, at any remove.

    They are in the file's order, with the comments right above them. Other tasks are left out: each has its own.

    Args:
        path: the reference.
        task: the task's name.
        tasks: the names of all tasks.

    Raises:
        AuthoringError: if the file cannot be read.
    """
    body = parse_file(path).body
    bound = [_bound(statement) for statement in body]
    others = {name for name in tasks if name != task}
    inside = marked_lines(read_source(path), task)
    chosen = {number for number, statement in enumerate(body) if statement.lineno in inside}
    waiting = [task, *(name for number in sorted(chosen) for name in _used(body[number]))]
    known = set(others)
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        for number, names in enumerate(bound):
            if name in names:
                chosen.add(number)
                waiting += _used(body[number])
    return _joined([body[number] for number in sorted(chosen)], read_source(path).splitlines())


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement at the top level gives."""
    names = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        waiting += ast.iter_child_nodes(node)
    return names


def _used(statement: ast.stmt) -> list[str]:
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]


def _joined(statements: list[ast.stmt], lines: list[str]) -> str:
    parts = ""
    for statement in statements:
        text = _text(statement, lines)
        between = "\n" if _is_import(statement) and parts else "\n\n\n"
        parts = f"{parts}{between}{text}" if parts else text
    return parts


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _text(statement: ast.stmt, lines: list[str]) -> str:
    """The statement's lines, from the first of the comments right above it."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    while first > 1 and lines[first - 2].startswith("#") and not lines[first - 2].startswith("# %%"):
        first -= 1
    return "\n".join(lines[first - 1 : statement.end_lineno])
