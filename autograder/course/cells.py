"""Reads a submission's bytes as code cells, and finds where a task is defined. Nothing here runs them.

The bytes may be a student's: whatever they are, reading takes time and memory in proportion to their number, and ends in
cells or a SubmissionError. So no pattern here may go back over what it has read, nothing recurses, and sizes are limited.

Notebooks are read with msgspec. The percent format is read here because jupytext takes seconds to import and mistakes a
comment like `# cat the rows` for a shell command.
"""

from __future__ import annotations

import ast
import codecs
import functools
import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from autograder.course.marked import marked_parts, marked_source
from autograder.errors import SubmissionError
from autograder.records.jobs import Cell

__all__ = [
    "definition_line",
    "has_value",
    "holds_notebook",
    "notebook_topic",
    "notebook_version",
    "parsed",
    "python_text",
    "read_cells",
    "source_with_helpers",
    "statements",
    "strict_json",
    "task_source",
    "text_of",
    "without_special_lines",
]

_MAX_CELLS = 2_000
_MAX_CODE = 2**20
_MAX_PARSED = 100_000
_MAX_PARTS = 2_000_000
_MOST_DOTS = 2_000
_MOST_ALIASES = 4

_BLANKS = re.compile(r"[\s\\]+")
_BETWEEN_NAMES = re.compile(r"[^\w.]")
_PERCENT_MARKER = re.compile(r"^# ?%%(?P<options>(?:[ \t].*|\[.*)?)$\n?", re.MULTILINE)
_TEXT_CELL = re.compile(r"\[(?:markdown|md|raw)\]")
_COMMENTED_MAGIC = re.compile(r"^([ \t]*)# ?(%{1,2}[a-zA-Z]|![^\s=])", re.MULTILINE)
_CONFLICT_MARKER = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
_LIKE_PYTHON = re.compile(rb"^(?:(?:import|from|def|class)[ \t]|@\w|# ?%%)", re.MULTILINE)
_DECLARED_ENCODING = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_ENCODINGS = {
    **dict.fromkeys(("utf-8", "utf8", "u8", "utf-8-sig", "ascii", "us-ascii"), "utf-8"),
    **dict.fromkeys(("latin-1", "latin1", "l1", "iso-8859-1", "iso8859-1"), "latin-1"),
    **dict.fromkeys(("cp1252", "windows-1252"), "cp1252"),
}
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
    cell_type: str | None = "raw"
    source: str | list[str] | None = None
    metadata: msgspec.Raw = msgspec.Raw()

    def is_code(self) -> bool:
        """Whether it is a code cell, or was one: a task cell turned into a text cell by mistake still counts."""
        if self.cell_type == "code" or b'"solution"' not in bytes(self.metadata):
            return self.cell_type == "code"
        marks = _decoded(bytes(self.metadata), _CellMetadata)
        return marks is not None and marks.nbgrader.solution and marks.nbgrader.cell_type == "code"

    def text(self) -> str:
        """Its text."""
        text = self.source or ""
        return text if isinstance(text, str) else "".join(text)


class _OldCell(msgspec.Struct, frozen=True):
    """A cell before version 4 of the format."""

    cell_type: str | None = "raw"
    input: str | list[str] | None = None

    def is_code(self) -> bool:
        """Whether it is a code cell."""
        return self.cell_type == "code"

    def text(self) -> str:
        """Its text."""
        text = self.input or ""
        return text if isinstance(text, str) else "".join(text)


class _NbgraderMarks(msgspec.Struct, frozen=True):
    cell_type: str = ""
    solution: bool = False


class _CellMetadata(msgspec.Struct, frozen=True):
    nbgrader: _NbgraderMarks = _NbgraderMarks()


class _Notebook(msgspec.Struct, frozen=True):
    cells: list[_NotebookCell] | None = None
    worksheets: msgspec.Raw = msgspec.Raw()


class _Worksheet(msgspec.Struct, frozen=True):
    cells: list[_OldCell] = []


class _Sheets(msgspec.Struct, frozen=True):
    sheets: list[_Worksheet] | None = None


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
        filename: its name, for messages; the extension decides how it is read, but a notebook is one under any name.

    Raises:
        SubmissionError: if the bytes are not a notebook or not text, or hold too much; the message is a plain sentence.
    """
    if not data.strip():
        raise SubmissionError(f"{filename} is empty.")
    start = data[:64].lstrip().lower()
    for magic, kind in _OTHER_KINDS.items():
        if start.startswith(magic.lower()):
            raise SubmissionError(f"{filename} is {kind}; hand in the notebook (.ipynb) or Python file (.py) itself.")
    if _holds_too_much(data):
        raise SubmissionError(f"{filename} holds too much besides code; clear its outputs and save it again.")
    if holds_notebook(data, filename):
        sources = _notebook_sources(data, filename)
        size = sum(len(source) for _, source in sources)
    else:
        text = python_text(data, filename)
        size = len(text)
        sources = _python_sources(text) if size <= _MAX_CODE else []
    if size > _MAX_CODE:
        raise SubmissionError(f"{filename} holds more than 1 MB of code; remove what your answers do not need.")
    if len(sources) > _MAX_CELLS:
        raise SubmissionError(f"{filename} has more than {_MAX_CELLS} code cells; remove what your answers do not need.")
    return tuple(Cell(number, source) for number, source in sources if source.strip() or number == 0)


def holds_notebook(data: bytes, filename: str) -> bool:
    """Whether a file is to be read as a notebook: if it is not called .py, or is a notebook all the same."""
    if not filename.lower().endswith(".py"):
        return True
    if not text_of(data).lstrip().startswith(b"{"):
        return False
    notebook = _decoded(data, _Notebook)
    return notebook is not None and (notebook.cells is not None or bool(bytes(notebook.worksheets)))


def notebook_topic(data: bytes) -> str | None:
    """The topic that a released notebook names in its metadata (`autograde.topic`); None if it names none."""
    notebook = _decoded(data, _WithMetadata)
    return notebook.metadata.autograde.topic or None if notebook else None


def notebook_version(data: bytes) -> str | None:
    """The version that a released notebook names in its metadata (`autograde.version`); None if it names none."""
    notebook = _decoded(data, _WithMetadata)
    return notebook.metadata.autograde.version or None if notebook else None


def text_of(data: bytes) -> bytes:
    """The bytes of a text as UTF-8 without a byte-order mark, if they were UTF-8, or UTF-16 with such a mark."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError:
            return data
    return data.removeprefix(codecs.BOM_UTF8)


def strict_json(data: bytes) -> bytes:
    """JSON as Python writes it, made readable for others: NaN and Infinity are null, half a surrogate pair is U+FFFD."""
    return _TOKEN.sub(_strict_token, text_of(data))


# What need not be changed is passed over in one go: a match for each string of a large file would take minutes.
_TOKEN = re.compile(
    rb'(?P<same>(?:[^"NI-]++|-(?!Infinity)|"(?:[^"\\]++|\\(?!u[dD][89a-fA-F]).)*+(?:"|\Z))*+)'
    rb'(?:(?P<constant>-?(?:NaN|Infinity))|(?P<text>"(?:[^"\\]++|\\.)*+(?:"|\Z))|.|\Z)',
    re.DOTALL,
)
_HALF = re.compile(
    rb"(?P<same>(?:[^\\]++|\\(?!u[dD][89a-fA-F]).|\\u[dD][89abAB]..\\u[dD][c-fC-F]..)*+)(?P<half>\\u[dD][89a-fA-F]..)?",
    re.DOTALL,
)


def _strict_token(token: re.Match[bytes]) -> bytes:
    if token["constant"]:
        return token["same"] + b"null"
    if token["text"]:
        return token["same"] + _HALF.sub(lambda part: part["same"] + (rb"\ufffd" if part["half"] else b""), token["text"])
    return token[0]


@functools.lru_cache(maxsize=256)
def parsed(source: str) -> ast.Module | None:
    """A cell's syntax tree, cached: do not change it. None if the cell is not plain Python, or very long."""
    if len(source) > _MAX_PARSED or _has_endless_name(source):
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _has_endless_name(source: str) -> bool:
    """Whether thousands of names are put together by dots: for `import a.b.c…`, CPython takes quadratic time."""
    if source.count(".") <= _MOST_DOTS:
        return False
    return any(name.count(".") > _MOST_DOTS for name in _BETWEEN_NAMES.split(_BLANKS.sub("", source)))


def has_value(source: str) -> bool:
    """Whether a cell may end in an expression, whose value is then shown. False only for plain Python that does not.

    A child that knows this need not parse the cell itself, which saves it 1.4 to 2.2 ms per submission.
    """
    tree = parsed(source)
    return tree is None or not tree.body or isinstance(tree.body[-1], ast.Expr)


def task_source(cells: tuple[Cell, ...], task: str) -> str:
    """The source of a task's last definition at the cells' top level: function, class or assignment, with decorators. Of a
    task that is a marked range, the range.

    Cells with magics or syntax errors are read as far as possible. Empty if no cell defines the task.
    """
    return marked_source(cells, task) or next(
        (source for cell in reversed(cells) if (source := _defined_in(cell.source, task))), ""
    )


def source_with_helpers(cells: tuple[Cell, ...], task: str) -> str:
    """What `task_source` gives; before `task = helper` or `task = torch.compile(helper)`, the helper's source."""
    parts, known = [task_source(cells, task)], {task}
    while len(parts) <= _MOST_ALIASES and (helper := _helper_in(parts[0])) and helper not in known:
        known.add(helper)
        behind = task_source(cells, helper)
        if not behind:
            break
        parts.insert(0, behind)
    return "\n\n".join(parts)


def _helper_in(source: str) -> str:
    """The name that `x = NAME` or `x = f(NAME)` assigns, calls or wraps; empty for any other source."""
    tree = parsed(source)
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Assign):
        return ""
    value = tree.body[0].value
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]
    return value.id if isinstance(value, ast.Name) else ""


def definition_line(cells: tuple[Cell, ...], task: str) -> tuple[int, int] | None:
    """The cell and the line in it where a task's last definition starts; None if no cell that can be read defines it."""
    if parts := marked_parts(cells, task):
        return parts[0].cell, parts[0].line
    for cell in reversed(cells):
        lines = (_definitions(cell.source) or {}).get(task)
        if lines is not None:
            return cell.number, lines[0]
    return None


T = TypeVar("T")


def _decoded(data: bytes, kind: type[T]) -> T | None:
    for strict in (text_of, strict_json):
        try:
            return msgspec.json.decode(strict(data), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            if not text_of(data).lstrip().startswith(b"{") or _holds_too_much(data):
                break
    return None


def _holds_too_much(data: bytes) -> bool:
    """Whether there is so much that reading it as JSON would take minutes or gigabytes."""
    return sum(map(data.count, (b"{", b"[", b"NaN", b"Infinity", b"\\ud", b"\\uD"))) > _MAX_PARTS


def _notebook_sources(data: bytes, filename: str) -> list[tuple[int, str]]:
    notebook = _decoded(data, _Notebook)
    if notebook is None:
        raise SubmissionError(_why_no_notebook(data, filename))
    cells: Sequence[_NotebookCell | _OldCell]
    if notebook.cells is not None:
        cells = notebook.cells
    else:
        sheets = _decoded(b'{"sheets":%b}' % (bytes(notebook.worksheets) or b"null"), _Sheets)
        if sheets is None or sheets.sheets is None:
            raise SubmissionError(f"{filename} is not a notebook: it has no cells.")
        cells = [cell for sheet in sheets.sheets for cell in sheet.cells]
    return list(enumerate((cell.text() for cell in cells if cell.is_code()), 1))


def _why_no_notebook(data: bytes, filename: str) -> str:
    data = text_of(data)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"{filename} is not a notebook: byte {error.start} is not valid UTF-8 text; save the file as UTF-8."
    conflict = _CONFLICT_MARKER.search(data)
    if conflict:
        line = data.count(b"\n", 0, conflict.start()) + 1
        return f"{filename} is not a valid notebook: line {line} is a Git merge conflict marker; resolve the conflict."
    data = strict_json(data)
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except RecursionError:
        return f"{filename} is not a notebook: its JSON is nested too deeply."
    except msgspec.DecodeError as error:
        place = re.search(r"\(byte (\d+)\)", str(error))
        if place is None:
            return f"{filename} is not a valid notebook: the file breaks off in the middle; save it again."
        if not data.lstrip().startswith(b"{") and _LIKE_PYTHON.search(data):
            return f"{filename} is Python code, not a notebook; rename it so that it ends in .py."
        line = data.count(b"\n", 0, int(place[1])) + 1
        return f"{filename} is not a notebook: line {line} is not valid JSON."
    return f"{filename} is not a notebook: its JSON is not in notebook format."


def python_text(data: bytes, filename: str) -> str:
    """The text of a Python file, with Unix line ends.

    It is UTF-8, UTF-16 with a byte-order mark, or the Latin-1 or Windows-1252 that its first two lines declare. Other
    codecs are refused, as some take minutes, and some yield what is not text.

    Raises:
        SubmissionError: if it is not text.
    """
    text = text_of(data)
    encoding = "utf-8"
    if text is data:
        for line in data[:1000].split(b"\n")[:2]:
            declared = _DECLARED_ENCODING.match(line)
            if declared:
                name = declared[1].decode("ascii", "replace")
                encoding = _ENCODINGS.get(name.lower().replace("_", "-"), "")
                if not encoding:
                    raise SubmissionError(f"{filename} declares the encoding {name[:40]}; save it as UTF-8.")
                break
            if line.strip() and not line.lstrip().startswith(b"#"):
                break
    try:
        return text.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        number = text.count(b"\n", 0, error.start) + 1
        raise SubmissionError(f"{filename}: line {number} is not valid UTF-8 text; save the file as UTF-8.") from error


def _python_sources(text: str) -> list[tuple[int, str]]:
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


_SHELL_ASSIGNMENT = re.compile(r"[\w.,\s\[\]'\"]++=\s*+[%!]")


def _is_special(line: str) -> bool:
    """Whether IPython reads a line otherwise than Python: `%magic`, `!command`, `help?`, `files = !ls`."""
    text = line.strip()
    return text.startswith(("%", "!", "?")) or text.endswith("?") or _SHELL_ASSIGNMENT.match(text) is not None


def without_special_lines(source: str) -> str:
    """The cell with `pass` in place of what only IPython reads: `%magic`, `!command`."""
    lines = source.split("\n")
    return "\n".join(f"{line[: len(line) - len(line.lstrip())]}pass" if _is_special(line) else line for line in lines)


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
        tree = parsed(without_special_lines(source))
        if tree is None:
            return None
    lines_of: dict[str, tuple[int, int]] = {}
    for node in statements(tree.body):
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        lines_of |= dict.fromkeys(_names(node), (first, node.end_lineno or first))
    return lines_of


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements that run at the top level, those inside if, for, while, try, with and match included; no bodies of
    functions or classes."""
    waiting = body[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        parts = (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))
        inner = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")] + [part.body for part in parts]
        waiting += [statement for block in reversed(inner) for statement in reversed(block)]


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
