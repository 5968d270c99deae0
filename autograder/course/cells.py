"""Reads a submission's bytes as code cells, and finds where a task is defined. Nothing here runs them.

Notebooks are read with msgspec; nbformat is imported only for notebook versions 1 to 3. The percent format is read here
because jupytext takes seconds to import and mistakes a comment like `# cat the rows` for a shell command.
"""

from __future__ import annotations

import ast
import functools
import io
import json
import re
import tokenize
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from autograder.errors import SubmissionError
from autograder.records.jobs import Cell

__all__ = ["has_value", "notebook_topic", "notebook_version", "parsed", "read_cells", "task_source"]

_PERCENT_MARKER = re.compile(r"^# ?%%(?P<options>(?:[ \t].*|\[.*)?)$\n?", re.MULTILINE)
_TEXT_CELL = re.compile(r"\[(?:markdown|md|raw)\]")
_COMMENTED_MAGIC = re.compile(r"^([ \t]*)# ?(%{1,2}[a-zA-Z]|![^\s=])", re.MULTILINE)
_CONFLICT_MARKER = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
_OTHER_KINDS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "a compressed archive",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "a Git LFS pointer without the file itself",
}


class _NotebookCell(msgspec.Struct, frozen=True):
    cell_type: str = "raw"
    source: str | list[str] = ""
    metadata: msgspec.Raw = msgspec.Raw()

    def is_code(self) -> bool:
        """Whether it is a code cell, or was one: a task cell turned into a text cell by mistake still counts."""
        if self.cell_type == "code" or b'"solution"' not in bytes(self.metadata):
            return self.cell_type == "code"
        marks = _decoded(bytes(self.metadata), _CellMetadata)
        return marks is not None and marks.nbgrader.solution and marks.nbgrader.cell_type == "code"


class _NbgraderMarks(msgspec.Struct, frozen=True):
    cell_type: str = ""
    solution: bool = False


class _CellMetadata(msgspec.Struct, frozen=True):
    nbgrader: _NbgraderMarks = _NbgraderMarks()


class _Notebook(msgspec.Struct, frozen=True):
    cells: list[_NotebookCell] | None = None
    worksheets: msgspec.Raw = msgspec.Raw()
    nbformat: int = 4


class _KitMetadata(msgspec.Struct, frozen=True):
    topic: str = ""
    version: str = ""


class _NotebookMetadata(msgspec.Struct, frozen=True):
    autograde: _KitMetadata = _KitMetadata()


class _WithMetadata(msgspec.Struct, frozen=True):
    metadata: _NotebookMetadata = _NotebookMetadata()


def read_cells(data: bytes, filename: str) -> tuple[Cell, ...]:
    """The code cells of a notebook (.ipynb) or a Python file (.py), in order.

    Cells are numbered from 1 as a reader counts them, empty ones included, but empty ones are left out of the result. The
    `# %%` lines of a Python file mark its cells; a file without them is one cell with number 0.

    Args:
        data: the file's bytes.
        filename: its name, for messages; the extension decides how it is read.

    Raises:
        SubmissionError: if the bytes are not a notebook or not text; the message is a plain sentence.
    """
    if not data.strip():
        raise SubmissionError(f"{filename} is empty.")
    start = data[:64].lstrip().lower()
    for magic, kind in _OTHER_KINDS.items():
        if start.startswith(magic.lower()):
            raise SubmissionError(f"{filename} is {kind}; hand in the notebook (.ipynb) or Python file (.py) itself.")
    if filename.lower().endswith(".py"):
        sources = _python_sources(data, filename)
        if len(sources) == 1 and sources[0][0] == 0:
            return (Cell(0, sources[0][1]),)
    else:
        sources = _notebook_sources(data, filename)
    return tuple(Cell(number, source) for number, source in sources if source.strip())


def notebook_topic(data: bytes) -> str | None:
    """The topic that a released notebook names in its metadata (`autograde.topic`); None if it names none."""
    notebook = _decoded(data, _WithMetadata)
    return notebook.metadata.autograde.topic or None if notebook else None


def notebook_version(data: bytes) -> str | None:
    """The version that a released notebook names in its metadata (`autograde.version`); None if it names none."""
    notebook = _decoded(data, _WithMetadata)
    return notebook.metadata.autograde.version or None if notebook else None


@functools.lru_cache(maxsize=256)
def parsed(source: str) -> ast.Module | None:
    """A cell's syntax tree, cached: do not change it. None if the cell is not plain Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def has_value(source: str) -> bool:
    """Whether a cell may end in an expression, whose value is then shown. False only for plain Python that does not."""
    tree = parsed(source)
    return tree is None or not tree.body or isinstance(tree.body[-1], ast.Expr)


def task_source(cells: tuple[Cell, ...], task: str) -> str:
    """The source of a task's last definition at the cells' top level: function, class or assignment, with decorators.

    Cells with magics or syntax errors are read as far as possible. Empty if no cell defines the task.
    """
    for cell in reversed(cells):
        source = _defined_in(cell.source, task)
        if source:
            return source
    return ""


T = TypeVar("T")


def _decoded(data: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _notebook_sources(data: bytes, filename: str) -> list[tuple[int, str]]:
    notebook = _decoded(data, _Notebook)
    if notebook is None:
        raise SubmissionError(_why_no_notebook(data, filename))
    if notebook.cells is None:
        if notebook.nbformat >= 4 and not bytes(notebook.worksheets):
            raise SubmissionError(f"{filename} is not a notebook: it has no cells.")
        return _older_notebook_sources(data, filename)
    code = [cell.source for cell in notebook.cells if cell.is_code()]
    return [(number, text if isinstance(text, str) else "".join(text)) for number, text in enumerate(code, 1)]


def _older_notebook_sources(data: bytes, filename: str) -> list[tuple[int, str]]:
    """Cells of a notebook of format 3 or older, read by nbformat, which knows the old formats."""
    try:
        import nbformat
    except ImportError:
        raise SubmissionError(f"{filename} is a notebook in an old format; open it in Jupyter and save it again.") from None
    try:
        notebook: Any = nbformat.reads(data.decode("utf-8-sig"), as_version=4)  # type: ignore[no-untyped-call]
        code = [str(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    except (ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise SubmissionError(f"{filename} is not a notebook: it has no cells.") from error
    return list(enumerate(code, 1))


def _why_no_notebook(data: bytes, filename: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"{filename} is not a notebook: byte {error.start} is not valid UTF-8 text."
    conflict = _CONFLICT_MARKER.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        return f"{filename} is not a valid notebook: line {line} is a Git merge conflict marker; resolve the conflict."
    try:
        json.loads(text)
    except RecursionError:
        return f"{filename} is not a notebook: its JSON is nested too deeply."
    except json.JSONDecodeError as error:
        if not text[error.pos :].strip() or error.msg.startswith("Unterminated"):
            return f"{filename} is not a valid notebook: the file breaks off in the middle; save it again."
        return f"{filename} is not a notebook: line {error.lineno} is not valid JSON."
    return f"{filename} is not a notebook: its JSON is not in notebook format."


def _python_sources(data: bytes, filename: str) -> list[tuple[int, str]]:
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise SubmissionError(f"{filename} is not a Python file: it is not valid UTF-8 text.") from error
    markers = list(_PERCENT_MARKER.finditer(text))
    if not markers:
        return [(0, text)]
    code = []
    before = text[: markers[0].start()]
    if any(line.strip() and not line.lstrip().startswith("#") for line in before.split("\n")):
        code.append(before)
    for marker, end in zip(markers, [*(later.start() for later in markers[1:]), len(text)], strict=True):
        if not _TEXT_CELL.search(marker["options"]):
            code.append(_COMMENTED_MAGIC.sub(r"\1\2", text[marker.end() : end]))
    return [(number, source.strip("\n")) for number, source in enumerate(code, 1)]


_SPECIAL_LINE = re.compile(r"^(\s*)(?:[%!?].*|.*\?{1,2}\s*|[\w.,\s\[\]'\"]+=\s*[%!].*)$")


def _defined_in(source: str, task: str) -> str:
    definitions = _definitions(source)
    if definitions is None:
        return _defined_in_broken(source.split("\n"), task)
    lines = definitions.get(task)
    return "" if lines is None else _dedented(source.split("\n")[lines[0] - 1 : lines[1]])


@functools.lru_cache(maxsize=256)
def _definitions(source: str) -> dict[str, tuple[int, int]] | None:
    """Name → first and last line of its last definition; None if the cell cannot be read. Called once per task."""
    tree = parsed(source)
    if tree is None:
        lines = source.split("\n")
        plain = "\n".join(match[1] + "pass" if (match := _SPECIAL_LINE.match(line)) else line for line in lines)
        tree = parsed(plain)
        if tree is None:
            return None
    lines_of: dict[str, tuple[int, int]] = {}
    for node in _statements(tree.body):
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        lines_of |= dict.fromkeys(_names(node), (first, node.end_lineno or first))
    return lines_of


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements that run at the top level, those inside if, for, while, try, with and match included; no bodies of
    functions or classes."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for inner in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, inner, []))
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _statements(part.body)


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def _defined_in_broken(lines: list[str], task: str) -> str:
    """The last definition in a cell that does not parse: from its first line to the next one that is not indented."""
    starts = re.compile(rf"(?:(?:async\s+)?def|class)\s+{re.escape(task)}\b|{re.escape(task)}\s*(?::[^=]*)?=(?!=)")
    first_lines = [index for index, line in enumerate(lines) if starts.match(line)]
    if not first_lines:
        return ""
    end = first_lines[-1] + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " \t)]}#"):
        end += 1
    return "\n".join(lines[first_lines[-1] : end]).rstrip()


def _dedented(lines: list[str]) -> str:
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines).rstrip()
