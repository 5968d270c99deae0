"""What an assignment consists of, whichever tool it was written for."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

__all__ = ["Answer", "Assignment", "Code", "Manual", "Part", "Tests", "Text", "defined_names", "tree_of"]


@dataclass(frozen=True)
class Text:
    """A text cell, Markdown."""

    source: str


@dataclass(frozen=True)
class Code:
    """A code cell that students are given."""

    source: str
    cell: int


@dataclass(frozen=True)
class Answer:
    """A code cell that students complete: the whole solution, and what they get of it."""

    solution: str
    stub: str
    cell: int


@dataclass(frozen=True)
class Tests:
    """Code that judges answers, all of it hidden or none.

    `shown` says that the value of an expression on a line of its own is compared, too, as in doctests.
    """

    source: str
    cell: int
    hidden: bool = False
    points: float = 0.0
    shown: bool = False


@dataclass(frozen=True)
class Manual:
    """An answer that a person marks: its text, without a solution; or the stub of its code, with the `solution`.

    `name` is what its author calls it, if anything.
    """

    source: str
    cell: int
    points: float = 0.0
    name: str = ""
    solution: str | None = None


Part = Text | Code | Answer | Tests | Manual


@dataclass(frozen=True)
class Assignment:
    """The parts of one notebook, in order. `kind` is the tool's name; `lost` has a line for each thing not understood."""

    kind: str
    parts: tuple[Part, ...]
    lost: tuple[str, ...] = field(default=())


def tree_of(source: str) -> ast.Module | None:
    """The syntax tree of a cell, line magics and shell commands left out; None if it is not Python."""
    lines = [re.sub(r"^(\s*)[%!?].*$|^(\s*).*\?$", r"\1\2pass", line) for line in source.split("\n")]
    if source.lstrip().startswith("%%"):
        return None
    for text in (source, "\n".join(lines)):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def defined_names(node: ast.stmt) -> list[str]:
    """What a statement of the top level defines: a function, a class, or variables."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    flat = [part for target in targets for part in (target.elts if isinstance(target, ast.Tuple | ast.List) else [target])]
    return [part.id for part in flat if isinstance(part, ast.Name)]
