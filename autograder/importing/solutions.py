"""Cells with solutions → what students get of them.

Marks: `### BEGIN SOLUTION` … `### END SOLUTION` (nbgrader, and otter-grader with one `#`), `# SOLUTION` and
`# SOLUTION NO PROMPT` at the end of a line, `# BEGIN SOLUTION NO PROMPT`, and `\"\"\" # BEGIN PROMPT` … (otter-grader).
A cell without marks is a solution as a whole: its functions keep signature and docstring.
"""

from __future__ import annotations

import ast
import re

from autograder.importing.parts import defined_names, tree_of

__all__ = ["STUB", "has_marks", "solution_text", "stub_text"]

STUB = "raise NotImplementedError"

_BEGIN = re.compile(r"^\s*#+\s*BEGIN SOLUTION\b", re.IGNORECASE)
_END = re.compile(r"^\s*#+\s*END SOLUTION\b", re.IGNORECASE)
_LINE = re.compile(r"\s*#+\s*SOLUTION(?: NO PROMPT)?\s*$")
_PROMPT = re.compile(r'^\s*(?:"""|\'\'\')?\s*#+\s*(BEGIN|END) PROMPT\b')


def has_marks(source: str) -> bool:
    """Whether some lines of a cell are marked as solution."""
    return any(_BEGIN.match(line) or _LINE.search(line) for line in source.split("\n"))


def solution_text(source: str) -> str:
    """The cell with its solution and without the marks."""
    kept, prompt = [], False
    for line in source.split("\n"):
        if found := _PROMPT.match(line):
            prompt = found[1] == "BEGIN"
        elif not prompt and not _BEGIN.match(line) and not _END.match(line):
            kept.append(_LINE.sub("", line))
    return "\n".join(kept).strip("\n")


def stub_text(source: str) -> str:
    """The cell as students get it: each solution is `raise NotImplementedError`, or `...` for a variable."""
    return _without_marked(source) if has_marks(source) else _without_bodies(source)


def _without_marked(source: str) -> str:
    kept: list[str] = []
    region: list[str] = []
    inside, prompt = False, False
    for line in source.split("\n"):
        if found := _PROMPT.match(line):
            prompt = found[1] == "BEGIN"
        elif _BEGIN.match(line):
            inside = True
        elif _END.match(line):
            inside = False
        elif not prompt and (inside or _LINE.search(line)):
            region.append(_LINE.sub("", line))
            continue
        elif not prompt:
            kept += _replaced(region)
            region = []
            kept.append(line)
    return "\n".join([*kept, *_replaced(region)]).strip("\n")


def _replaced(region: list[str]) -> list[str]:
    """What stands in place of lines of a solution."""
    written = [line for line in region if line.strip()]
    if not written:
        return []
    indent = written[0][: len(written[0]) - len(written[0].lstrip())]
    if indent:
        return [indent + STUB]
    tree = tree_of("\n".join(region))
    return [] if tree is None else _stubs("\n".join(region), tree)


def _without_bodies(source: str) -> str:
    tree = tree_of(source)
    return source if tree is None else "\n".join(_stubs(source, tree)).strip("\n")


def _stubs(source: str, tree: ast.Module) -> list[str]:
    """The lines of a solution with its functions emptied and its variables set to `...`."""
    lines = source.split("\n")
    kept: list[str] = []
    last = 0
    for node in tree.body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        kept += lines[last : first - 1]
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            kept += _emptied(lines, node, first)
        elif isinstance(node, ast.ClassDef):
            kept += _emptied_class(lines, node, first)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            kept += lines[first - 1 : last]
        else:
            kept += [f"{name} = ..." for name in defined_names(node)]
    return kept


def _emptied(lines: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef, first: int) -> list[str]:
    body = node.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    if body[0].lineno == node.lineno:  # all on one line
        return [f"{lines[node.lineno - 1][: body[0].col_offset].rstrip()} {STUB}"]
    end = (body[0].end_lineno or body[0].lineno) if documented else body[0].lineno - 1
    while not documented and end >= node.lineno and lines[end - 1].lstrip().startswith("#"):
        end -= 1
    return [*lines[first - 1 : end], " " * body[0].col_offset + STUB]


def _emptied_class(lines: list[str], node: ast.ClassDef, first: int) -> list[str]:
    kept: list[str] = []
    last = first - 1
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            start = min([part.lineno, *(each.lineno for each in part.decorator_list)])
            kept += [*lines[last : start - 1], *_emptied(lines, part, start)]
            last = part.end_lineno or part.lineno
    return [*kept, *lines[last : node.end_lineno]]
