"""Which names a cell gives and deletes at its top level, in order: for saying why a task's name is not its answer."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from autograder.course.cells import parsed, statements, without_special_lines
from autograder.records.jobs import Cell

__all__ = ["EVERY_NAME", "Binding", "bindings_in", "enclosing_definition", "is_undone_by_magic"]

EVERY_NAME = "*"
"""The name of what concerns every name: `%reset`, or an import of `*`."""

_Kind = Literal["definition", "stub", "value", "import", "deletion"]
_RESET = re.compile(r"^[ \t]*%reset(?:_selective)?\b")
_IN_BROKEN = re.compile(
    r"[ \t]*(?:(?:async[ \t]+)?def[ \t]+|class[ \t]+)(?P<defined>\w+)|(?P<assigned>\w+)[ \t]*(?::[^=\n]*)?=(?!=)"
    r"|import[ \t]+(?P<imported>\w+)(?:[ \t]+as[ \t]+(?P<alias>\w+))?|from[ \t]+[\w.]+[ \t]+import[ \t]+(?P<names>[^#\n]+)"
)


@dataclass(frozen=True)
class Binding:
    """A name that a line gives (`definition`, `stub`, `value`, `import`) or takes away (`deletion`).

    `line` counts from 1 in the cell, and `text` is that line. A `stub` only raises NotImplementedError.
    """

    name: str
    kind: _Kind
    line: int
    text: str


@functools.lru_cache(maxsize=256)
def bindings_in(source: str) -> tuple[Binding, ...]:
    """A cell's bindings, in order. A cell that is not Python is read line by line, as far as possible."""
    lines = source.split("\n")
    tree = parsed(source) or parsed(without_special_lines(source))
    if tree is None:
        found = list(_in_broken(lines))
    else:
        found = [
            Binding(name, kind, node.lineno, lines[node.lineno - 1].strip())
            for node in statements(tree.body)
            for name, kind in _bound_by(node)
        ]
    if "%reset" in source:
        found += [
            Binding(EVERY_NAME, "deletion", number, line.strip())
            for number, line in enumerate(lines, 1)
            if _RESET.match(line)
        ]
        found.sort(key=lambda each: each.line)
    return tuple(found)


def _bound_by(node: ast.stmt) -> Iterator[tuple[str, _Kind]]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, "stub" if _is_stub(node) else "definition"
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield (alias.asname or alias.name).split(".")[0], "import"
        case ast.Delete():
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, "deletion"
        case ast.AnnAssign(value=None):
            return
        case _:
            for part in _expressions(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.id, "value"


def _expressions(node: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements in it, or of functions and comprehensions."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if not isinstance(part, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            waiting += [child for child in ast.iter_child_nodes(part) if not isinstance(child, ast.stmt | ast.match_case)]


def _is_stub(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether a function's body, docstring aside, only raises NotImplementedError, or every method of a class does."""
    body = [part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    if isinstance(node, ast.ClassDef):
        methods = [part for part in body if isinstance(part, ast.FunctionDef)]
        return bool(methods) and all(map(_is_stub, methods))
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _in_broken(lines: list[str]) -> Iterator[Binding]:
    for number, line in enumerate(lines, 1):
        found = _IN_BROKEN.match(line[:1000])
        if found is None:
            continue
        if found["names"]:
            names = [name.strip(" \t()").rpartition(" ")[2] for name in found["names"].split(",")]
            yield from (Binding(name, "import", number, line.strip()) for name in names if name)
        elif found["imported"]:
            yield Binding(found["alias"] or found["imported"], "import", number, line.strip())
        else:
            kind: _Kind = "definition" if found["defined"] else "value"
            yield Binding(found["defined"] or found["assigned"], kind, number, line.strip())


def enclosing_definition(source: str, name: str) -> str:
    """The class or function inside which a cell defines `name`; empty if it does not."""
    tree = parsed(source)
    if tree is None or name not in source:
        return ""
    for outer in statements(tree.body):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = (part for part in ast.walk(outer) if part is not outer)
            if any(isinstance(part, ast.FunctionDef | ast.ClassDef) and part.name == name for part in inside):
                return outer.name
    return ""


def is_undone_by_magic(cell: Cell) -> str:
    """The magic, such as `%%timeit`, that keeps to itself what the cell defines; empty if there is none."""
    first = cell.source.lstrip().split("\n", 1)[0]
    return first.split()[0] if first.startswith("%%") else ""
