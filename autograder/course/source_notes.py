"""What a submission's source reaches for that answers hardly need: for the instructor to look at, never a mark.

Read from the syntax tree, without running anything. Whoever wants to hide it can; honest code does some of it, too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator

from autograder.course.cells import parsed, without_special_lines
from autograder.records.jobs import Cell

__all__ = ["source_notes"]

_MOST_NOTES = 10
_TEXT_SHOWN = 60
_FOR_STUDENTS = frozenset(["check", "hint", "progress", "simulated_gpu", "solution"])
_LIBRARIES = sys.stdlib_module_names | {"torch", "numpy", "autograder", "IPython"}
_MODULES = {"gc": "uses gc, as code that frees memory does", "ctypes": "uses ctypes"}
_ATTRIBUTES = {
    **dict.fromkeys(("_getframe", "_current_frames", "f_back", "f_locals", "tb_frame"), "looks into stack frames"),
    "__subclasses__": "lists all subclasses of a class",
    "_C": "uses PyTorch's internals",
}
_SETTINGS = frozenset(["backends", "rcParams", "options", "environ", "path", "argv", "stdout", "stderr", "displayhook"])


def source_notes(cells: Iterable[Cell], examples: Collection[str] = ()) -> tuple[str, ...]:
    """Up to ten notes, such as `cell 3, line 4: assigns to math.sqrt`.

    Args:
        cells: the submission's cells. One that is not Python gives no note.
        examples: the stripped texts of handed-out cells, which are left out.
    """
    trees = [
        (cell, tree)
        for cell in cells
        if cell.source.strip() not in examples
        and (tree := parsed(cell.source) or parsed(without_special_lines(cell.source))) is not None
    ]
    imported = {
        (alias.asname or alias.name).split(".")[0]: _package(node, alias)
        for _, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    found: dict[str, str] = {}
    for cell, tree in trees:
        for line, text in sorted(_in_tree(tree, imported)):
            found.setdefault(text, f"{f'cell {cell.number}, ' if cell.number else ''}line {line}: {text}")
    return tuple(found.values())[:_MOST_NOTES]


def _package(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    name = alias.name if isinstance(node, ast.Import) else (node.module or "")
    return name.split(".")[0]


def _in_tree(tree: ast.Module, imported: dict[str, str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from ((node.lineno, text) for text in _of_import(node))
            case ast.Assign(targets=targets):
                yield from _assigned(targets, imported)
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                yield from _assigned([target], imported)
            case ast.Delete(targets=targets):
                yield from _assigned(targets, imported)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[target, *_]) if _is_of_library(target, imported):
                yield node.lineno, f"changes an attribute of {_text(target)}"
            case ast.Attribute(attr=name) if name in _ATTRIBUTES:
                yield node.lineno, f"{_ATTRIBUTES[name]} ({_text(node)})"
            case ast.Attribute(value=ast.Name(id=name), attr=part) if imported.get(name) == name == "autograder":
                if part not in _FOR_STUDENTS:
                    yield node.lineno, f"uses autograder.{part}"


def _of_import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        whole = alias.name if isinstance(node, ast.Import) else f"{node.module or ''}.{alias.name}"
        package, _, rest = whole.partition(".")
        if package == "autograder" and rest and rest not in _FOR_STUDENTS:
            yield f"imports {whole[:_TEXT_SHOWN]}"
        elif package in _MODULES:
            yield _MODULES[package]
        elif package == "torch" and "._C" in whole:
            yield f"uses PyTorch's internals ({whole[:_TEXT_SHOWN]})"


def _assigned(targets: Iterable[ast.expr], imported: dict[str, str]) -> Iterator[tuple[int, str]]:
    for target in targets:
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        for part in parts:
            if isinstance(part, ast.Attribute) and _is_of_library(part, imported):
                yield part.lineno, f"assigns to {_text(part)}"


def _is_of_library(node: ast.expr, imported: dict[str, str]) -> bool:
    """Whether it is a library's module, or an attribute of one that is not a setting."""
    while isinstance(node, ast.Attribute):
        if node.attr in _SETTINGS:
            return False
        node = node.value
    return isinstance(node, ast.Name) and imported.get(node.id) in _LIBRARIES


def _text(node: ast.expr) -> str:
    """A dotted name as written, cut to a limit; what is not a name is `…`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 8:
        parts.insert(0, node.attr)
        node = node.value
    text = ".".join([node.id if isinstance(node, ast.Name) else "…", *parts])
    return text if len(text) <= _TEXT_SHOWN else text[: _TEXT_SHOWN - 1] + "…"
