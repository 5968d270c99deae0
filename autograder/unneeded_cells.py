"""Which cells of a submission need not run: handed-out examples, left as they were, that have nothing to do with the rest.

A notebook explains with examples and pictures, and running them takes longer than running most answers. To run one of them
again for each student shows nothing, unless code that is the student's uses what the example makes.
"""

from __future__ import annotations

import ast
import functools
import symtable
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from autograder.jobs import Cell

__all__ = ["unneeded_cells"]

# Whoever uses one of these may reach any name of the notebook without naming it.
_REACH_ALL = frozenset(
    ("globals", "locals", "vars", "dir", "eval", "exec", "get_ipython", "In", "Out", "_", "__", "___", "_ih", "_oh")
) | {"__main__", "__builtins__", "builtins", "sys", "importlib", "inspect", "gc", "pickle", "dill", "cloudpickle"}


@dataclass(frozen=True)
class _Names:
    """Names that a cell may have in common with others, its functions included.

    It uses what it reads, unless it has surely assigned it before; a function may be called when another cell has assigned
    it anew, so what functions read is used in any case.
    """

    assigned: frozenset[str]
    imported: frozenset[str]
    used: frozenset[str]
    only_imports: bool


def unneeded_cells(cells: Collection[Cell], examples: Collection[str]) -> frozenset[int]:
    """The numbers of the cells that need not run.

    A cell is needed unless it is an example, or if it only imports. An example is needed if it makes a name that a needed
    cell uses; or if it uses what needed cells make and use, as it could change it. All are, where a cell is not plain Python
    or might reach any name (`globals()`, `%who`).

    Args:
        cells: those of a submission.
        examples: the texts of the exercise's cells that define no task, stripped.
    """
    left: dict[int, _Names] = {}
    assigned, used = set[str](), set[str]()
    for cell in cells:
        names = _names_of(cell.source)
        if names is None:
            return frozenset()
        is_example = cell.source.strip() in examples
        if (names.used | names.imported) & _REACH_ALL and not is_example:
            return frozenset()
        if is_example and not names.only_imports:
            left[cell.number] = names
        else:
            assigned, used = assigned | names.assigned, used | names.used
    while True:
        both = assigned & used
        needed = [number for number, names in left.items() if (names.assigned | names.imported) & used or names.used & both]
        if not needed:
            return frozenset(left)
        for names in map(left.pop, needed):
            assigned, used = assigned | names.assigned, used | names.used


@functools.lru_cache(maxsize=4096)
def _names_of(source: str) -> _Names | None:
    """The names of a cell; None if it is not plain Python, or imports `*`."""
    try:
        tree = ast.parse(source)
        table = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    symbols = table.get_symbols()
    assigned = {symbol.get_name() for symbol in symbols if symbol.is_assigned()}
    imported = {symbol.get_name() for symbol in symbols if symbol.is_imported()}
    used = {symbol.get_name() for symbol in symbols if symbol.is_referenced() or symbol.is_assigned()}
    used &= _read_first(tree.body, set())
    for scope in _inner(table):
        for symbol in scope.get_symbols():
            if symbol.is_global():
                used.add(symbol.get_name())
                assigned |= {symbol.get_name()} if symbol.is_assigned() else set()
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
        return None
    only_imports = all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
    return _Names(frozenset(assigned), frozenset(imported), frozenset(used), only_imports)


def _read_first(body: list[ast.stmt], sure: set[str]) -> set[str]:
    """The names that statements read where they have not surely assigned them before; `sure` names are added to."""
    read: set[str] = set()
    for node in body:
        if isinstance(node, ast.With):
            for item in node.items:
                read |= _read_in(item.context_expr) - sure
                sure |= _stored_in(item.optional_vars)
            read |= _read_first(node.body, sure)
        elif isinstance(node, ast.For):
            read |= _read_in(node.iter) - sure
            read |= _read_in(*node.body, *node.orelse) - sure - _stored_in(node.target)
        else:
            read |= _read_in(node) - sure
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            sure.add(node.name)
        elif isinstance(node, ast.Assign | ast.Import | ast.ImportFrom):
            sure |= _stored_in(node)
    return read


def _read_in(*nodes: ast.AST) -> set[str]:
    names = [part for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)]
    changed = [part.target for node in nodes for part in ast.walk(node) if isinstance(part, ast.AugAssign)]
    return {name.id for name in names if not isinstance(name.ctx, ast.Store)} | {
        target.id for target in changed if isinstance(target, ast.Name)
    }


def _stored_in(node: ast.AST | None) -> set[str]:
    parts = [] if node is None else list(ast.walk(node))
    names = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return names | {(part.asname or part.name).split(".")[0] for part in parts if isinstance(part, ast.alias)}


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for inner in table.get_children():
        yield inner
        yield from _inner(inner)
