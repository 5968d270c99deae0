"""Which cells of a submission need not run: unchanged handed-out examples that have nothing to do with the other cells.

A notebook explains with examples and pictures, and they take longer to run than most answers. Running one again for each
student is no use unless the student's code uses what it makes, or the example might change what that code uses.
"""

from __future__ import annotations

import ast
import functools
import symtable
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from autograder.course.cells import parsed
from autograder.records.jobs import Cell

__all__ = ["unneeded_cells"]

# Code that uses one of these may reach any name in the notebook without mentioning it.
_REACH_ALL = frozenset(
    [
        *("globals", "locals", "vars", "dir", "eval", "exec", "get_ipython", "In", "Out", "_", "__", "___", "_ih", "_oh"),
        *("__main__", "__builtins__", "builtins", "sys", "importlib", "inspect", "gc", "pickle", "dill", "cloudpickle"),
    ]
)
_REACH_ALL_AS_ATTRIBUTES = frozenset(["__globals__", "f_globals"])


@dataclass(frozen=True)
class _Names:
    """Names that a cell, functions included, may share with others.

    A cell uses what it reads, unless it has certainly assigned it before. What functions read always counts as used: by
    the time of the call, another cell may have assigned it again.
    """

    assigned: frozenset[str]
    imported: frozenset[str]
    used: frozenset[str]
    only_imports: bool
    reaches_all: bool


def unneeded_cells(cells: Collection[Cell], examples: Collection[str], tasks: Collection[str]) -> frozenset[int]:
    """The numbers of the cells that need not run.

    A cell is needed if it is not an example, or only imports. An example is needed if it makes what a needed cell uses, or
    if it uses, and so might change, what needed cells make and use or what is connected with a task. All cells are needed
    if one is not plain Python or might reach any name (`globals()`, `%who`).

    Args:
        cells: the submission's cells.
        examples: the stripped texts of the exercise's cells that define no task.
        tasks: the functions and classes to write; state that they keep counts as used.
    """
    undecided: dict[int, _Names] = {}
    needed: list[_Names] = []
    for cell in cells:
        names = _names_of(cell.source)
        if names is None:
            return frozenset()
        is_example = cell.source.strip() in examples
        if names.reaches_all and not is_example:
            return frozenset()
        if is_example and not names.only_imports:
            undecided[cell.number] = names
        else:
            needed.append(names)
    while True:
        used = set[str]().union(*(names.used for names in needed))
        changeable = set[str]().union(*(names.assigned for names in needed)) & (used | _behind(tasks, needed))
        newly_needed = [
            number
            for number, names in undecided.items()
            if (names.assigned | names.imported) & used or names.used & changeable
        ]
        if not newly_needed:
            return frozenset(undecided)
        needed += map(undecided.pop, newly_needed)


def _behind(tasks: Collection[str], cells: Collection[_Names]) -> set[str]:
    """The tasks and all names that cells connect with them: together, everything in which a task can keep state."""
    connected = set(tasks)
    assigned = set[str]().union(*(names.assigned for names in cells))
    cells_with: dict[str, list[int]] = {}
    groups = [names.assigned | names.used for names in cells]
    for number, group in enumerate(groups):
        for name in group:
            cells_with.setdefault(name, []).append(number)
    waiting = list(connected)
    while waiting:
        for number in cells_with.pop(waiting.pop(), ()):
            more = (groups[number] & assigned) - connected
            groups[number] = frozenset()
            connected |= more
            waiting += more
    return connected


@functools.lru_cache(maxsize=256)
def _names_of(source: str) -> _Names | None:
    """The names of a cell; None if it is not plain Python, or imports `*`."""
    tree = parsed(source)
    if tree is None:
        return None
    try:
        table = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    symbols = table.get_symbols()
    assigned = {symbol.get_name() for symbol in symbols if symbol.is_assigned()}
    imported = {symbol.get_name() for symbol in symbols if symbol.is_imported()}
    used = {symbol.get_name() for symbol in symbols if symbol.is_referenced() or symbol.is_assigned()}
    used &= _read_first(tree.body)
    for scope in _inner(table):
        for symbol in scope.get_symbols():
            if symbol.is_global() or scope.get_type() == "class":  # `lr = lr` in a class reads the global one
                used.add(symbol.get_name())
            if symbol.is_global() and symbol.is_assigned():
                assigned.add(symbol.get_name())
    reached = _reached_in(tree) if any(word in source for word in ("import", *_REACH_ALL_AS_ATTRIBUTES)) else set[str]()
    if "*" in reached:
        return None
    return _Names(
        assigned=frozenset(assigned),
        imported=frozenset(imported),
        used=frozenset(used),
        only_imports=all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body),
        reaches_all=bool((used | reached) & _REACH_ALL),
    )


def _reached_in(tree: ast.Module) -> set[str]:
    """What is imported, `*` included, or may be reached through an attribute."""
    reached: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            reached |= {node.module or "", *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            reached |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Attribute) and node.attr in _REACH_ALL_AS_ATTRIBUTES:
            reached |= _REACH_ALL
    return reached


def _read_first(body: list[ast.stmt], *outer: set[str]) -> set[str]:
    """The names that statements read, except those in `outer` and those they have certainly assigned before."""
    read: set[str] = set()
    sure: set[str] = set()

    def note(names: set[str], *also: set[str]) -> None:
        read.update(name for name in names if not any(name in known for known in (sure, *also, *outer)))

    for node in body:
        if isinstance(node, ast.With):
            named: set[str] = set()
            for item in node.items:
                note(_read_in(item.context_expr), named)
                named |= _stored_in(*([item.optional_vars] if item.optional_vars else []))
            read |= _read_first(node.body, sure, named, *outer)
        elif isinstance(node, ast.For):
            note(_read_in(node.iter, *node.orelse))
            note(_read_in(*node.body), _stored_in(node.target))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            # What their bodies read comes from their own scopes.
            inside = set(map(id, node.body))
            note(_read_in(*(part for part in ast.iter_child_nodes(node) if id(part) not in inside)))
        else:
            note(_read_in(node))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            sure.add(node.name)
        elif isinstance(node, ast.Assign):
            sure |= _stored_in(*node.targets)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            sure |= _stored_in(node)
    return read


def _read_in(*nodes: ast.AST) -> set[str]:
    parts = [part for node in nodes for part in ast.walk(node)]
    changed = [part.target for part in parts if isinstance(part, ast.AugAssign)]
    return {part.id for part in parts if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Store)} | {
        target.id for target in changed if isinstance(target, ast.Name)
    }


def _stored_in(*nodes: ast.AST) -> set[str]:
    parts = [part for node in nodes for part in ast.walk(node)]
    names = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return names | {(part.asname or part.name).split(".")[0] for part in parts if isinstance(part, ast.alias)}


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    waiting = table.get_children()
    while waiting:
        inner = waiting.pop()
        yield inner
        waiting += inner.get_children()
