"""Recognises a definition by its text, even one that Python cannot read."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import textwrap
from collections.abc import Sequence

from autograder.course.bindings import is_undone_by_magic
from autograder.records.jobs import Cell

__all__ = ["source_digest", "source_of", "unread_cell"]

_AS_IN_A_CELL = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_LINE_SHOWN = 80
_UNDOING = ("%%timeit", "%%writefile", "%%file", "%%python", "%%python3", "%%bash", "%%sh", "%%script")
"""Magics that leave nothing of what their cell defines."""


def source_of(thing: object) -> str:
    """The digest of the text that defines a function or class; empty if the text is not available."""
    try:
        return source_digest(inspect.getsource(thing))  # type: ignore[arg-type]
    except (OSError, TypeError, IndexError, SyntaxError):
        return ""


def source_digest(source: str) -> str:
    """A digest of the text of a definition, regardless of its indentation."""
    return hashlib.blake2b(textwrap.dedent(source).strip().encode("utf-8", "replace"), digest_size=12).hexdigest()


def unread_cell(cells: Sequence[Cell], task: str) -> str:
    """Say what is wrong with the last cell that gives a task its name, if Python cannot read it, or if a magic keeps what
    it defines to itself; else empty.

    Args:
        cells: the cells that were run, in this order: as Python, or from `%%magic` on. Those with the number 0 are a file's.
        task: the task's name.
    """
    name = re.escape(task)
    gives = re.compile(
        rf"^(?:(?:async +)?def|class) +{name}\b|^{name} *[:=](?!=)|^(?:from|import) .*\b{name}\b", re.MULTILINE
    )
    cell = next((cell for cell in reversed(cells) if gives.search(cell.source)), None)
    if cell is None:
        return ""
    text, place = (
        cell.source,
        f"Cell {cell.number}" if cell.number else "Your file" if len(cells) == 1 else "Part of your file",
    )
    magic = is_undone_by_magic(cell)
    if magic in _UNDOING:
        return f"{place} defines `{task}` under `{magic}`, which keeps it to itself; delete that line."
    try:
        compile(text.replace("%%", "#", 1) if magic else text, "<cell>", "exec", flags=_AS_IN_A_CELL, dont_inherit=True)
    except SyntaxError as error:
        line = f" on line {error.lineno}: {error.msg}" if error.lineno else ""
        text = " ".join((error.text or "").split()).replace("`", "'")[:_LINE_SHOWN]
        return f"{place} did not run: {type(error).__name__}{line}{f' (`{text}`)' if text else ''}."
    except ValueError:  # a null character
        pass
    return ""
