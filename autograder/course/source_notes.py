"""What a submission's source reaches for that answers hardly need: for the instructor to look at, never a mark.

Read from the syntax tree, without running anything. A name that is put together from parts (`"c" + "types"`) is read as
what it comes to; where that shows only at run time, the note says so. Whoever wants to hide it still can; honest code does
some of it, too.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Collection, Iterable, Iterator

from autograder.course.cells import parsed, read_cells, without_special_lines
from autograder.errors import SubmissionError
from autograder.records.jobs import Cell, HelperFile

__all__ = ["source_notes"]

_MOST_NOTES = 10
_DEEPEST = 20
_TEXT_SHOWN = 60
_FOR_STUDENTS = frozenset(["check", "hint", "progress", "simulated_gpu", "solution"])
_LIBRARIES = sys.stdlib_module_names | {"torch", "numpy", "autograder", "IPython"}
_MODULES = {
    "gc": "uses gc, as code that frees memory does",
    **{name: f"uses {name}" for name in ("ctypes", "_ctypes", "marshal", "atexit")},
}
_FRAMES = ("_getframe", "_current_frames", "currentframe", "f_back", "f_locals", "f_globals", "tb_frame", "gi_frame")
_ATTRIBUTES = {
    **dict.fromkeys(_FRAMES, "looks into stack frames"),
    **dict.fromkeys(("settrace", "setprofile", "addaudithook"), "follows what other code does"),
    **dict.fromkeys(("meta_path", "path_hooks"), "changes what imports find"),
    **dict.fromkeys(("__globals__", "__closure__", "__code__"), "looks into functions"),
    "__subclasses__": "lists all subclasses of a class",
    "_C": "uses PyTorch's internals",
}
_RUN_TEXT = ("eval", "exec", "compile", "run_cell")
_IMPORT_BY_TEXT = ("__import__", "import_module")
_REACH_BY_TEXT = ("getattr", "setattr", "delattr")
_NEVER_HANDED_ON = ("exec", "eval", "__import__")
_INSPECTS = ("stack", "trace", "getouterframes", "getinnerframes")
_LONGEST_TEXT = 200
_COMPILED = (".pyc", ".pyd", ".so", ".dll", ".dylib")
_SETTINGS = frozenset(["backends", "rcParams", "options", "environ", "path", "argv", "stdout", "stderr", "displayhook"])


def source_notes(
    cells: Iterable[Cell], examples: Collection[str] = (), helpers: Collection[HelperFile] = ()
) -> tuple[str, ...]:
    """Up to ten notes, such as `cell 3, line 4: assigns to math.sqrt`; the last one counts what there is beyond ten.

    Args:
        cells: the submission's cells. One that is not Python gives no note.
        examples: the stripped texts of handed-out cells, which are left out.
        helpers: files that were handed in beside it.
    """
    own = ((f"cell {cell.number}, " if cell.number else "", cell.source) for cell in cells)
    sources = [each for each in (*own, *_of_helpers(helpers)) if each[1].strip() not in examples]
    trees = [
        (place, [*ast.walk(tree)])
        for place, source in sources
        if (tree := parsed(source) or parsed(without_special_lines(source))) is not None
    ]
    imported = {
        (alias.asname or alias.name).split(".")[0]: _package(node, alias)
        for _, nodes in trees
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    found: dict[str, str] = {}
    for place, nodes in trees:
        for line, text in sorted(_in_nodes(nodes, imported)):
            found.setdefault(text, f"{place}line {line}: {text}")
    compiled = (file.name for file in helpers if file.name.lower().endswith(_COMPILED))
    notes = (*(f"{name[:_TEXT_SHOWN]}: compiled code, which nobody can read" for name in compiled), *found.values())
    if len(notes) <= _MOST_NOTES:
        return notes
    return (*notes[: _MOST_NOTES - 1], f"{len(notes) - _MOST_NOTES + 1} more things like these")


def _of_helpers(helpers: Iterable[HelperFile]) -> Iterator[tuple[str, str]]:
    for file in helpers:
        if file.name.lower().endswith(".py"):
            with contextlib.suppress(SubmissionError):  # it is no Python that anybody could run
                for cell in read_cells(file.content, file.name):
                    within = f"cell {cell.number}, " if cell.number else ""
                    yield f"{file.name[:_TEXT_SHOWN]}, {within}", cell.source


def _package(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    name = alias.name if isinstance(node, ast.Import) else (node.module or "")
    return name.split(".")[0]


def _in_nodes(nodes: Collection[ast.AST], imported: dict[str, str]) -> Iterator[tuple[int, str]]:
    seen_elsewhere, own = set(_called_or_compared(nodes)), set(_own_names(nodes))
    for node in nodes:
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
            case ast.Attribute(value=ast.Name(id=name), attr=part) if imported.get(name) == name == "inspect":
                if part in _INSPECTS:
                    yield node.lineno, f"looks into stack frames ({_text(node)})"
            case ast.Subscript(value=ast.Attribute(attr="modules" | "__dict__"), slice=key):
                yield from ((node.lineno, text) for text in _of_name(_folded(key)))
            case ast.Attribute(value=ast.Name(id="sys"), attr="modules") if id(node) not in seen_elsewhere:
                yield node.lineno, "goes through sys.modules"
            case ast.Name(id=name) if name in _NEVER_HANDED_ON and name not in own and id(node) not in seen_elsewhere:
                yield node.lineno, f"hands {name} on"
            case ast.Name(id="__builtins__"):
                yield node.lineno, "reaches for Python's built-ins (__builtins__)"
            case ast.Attribute(value=ast.Name(id=name), attr=part) if imported.get(name) == name == "autograder":
                if part not in _FOR_STUDENTS:
                    yield node.lineno, f"uses autograder.{part}"
        if isinstance(node, ast.Call):
            yield from ((node.lineno, text) for text in _of_call(node, imported))


def _called_or_compared(nodes: Iterable[ast.AST]) -> Iterator[int]:
    """The identities of what is called, looked up in, or compared with: `exec(x)`, `sys.modules[x]`, `x in sys.modules`."""
    for node in nodes:
        match node:
            case ast.Call(func=part) | ast.Subscript(value=part):
                yield id(part)
            case ast.Compare(comparators=parts):
                yield from map(id, parts)


def _own_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names of parameters and variables."""
    for node in nodes:
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name


def _of_call(call: ast.Call, imported: dict[str, str]) -> Iterator[str]:
    """What a call reaches for by a text: code to run, a module, or an attribute."""
    function = call.func
    name = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    if not call.args:
        return
    if name in _RUN_TEXT and (isinstance(function, ast.Name) or name == "run_cell"):
        yield f"runs code that it has as text ({name})"
    elif name in _IMPORT_BY_TEXT:
        module = _folded(call.args[0])
        yield from _of_name(module) if module else (f"imports a module whose name it makes at run time ({name})",)
    elif name in _REACH_BY_TEXT and len(call.args) > 1:
        attribute = _folded(call.args[1])
        yield from _of_name(attribute)
        if not attribute and _is_made(call.args[1]) and _is_of_library(call.args[0], imported):
            yield f"looks up a name that it makes at run time in {_text(call.args[0])}"


def _of_name(name: str) -> Iterator[str]:
    """The note on a module or an attribute that a text names."""
    package, _, rest = name.partition(".")
    if name in _ATTRIBUTES:
        yield f"{_ATTRIBUTES[name]} ({name})"
    elif package in _MODULES:
        yield _MODULES[package]
    elif package == "autograder" and rest.replace(".", "").isidentifier() and rest not in _FOR_STUDENTS:
        yield f"imports {name[:_TEXT_SHOWN]}"
    elif name in ("exec", "__import__"):
        yield f"runs code that it has as text ({name})"


def _folded(node: ast.expr, depth: int = 0) -> str:
    """The text that an expression comes to, if the tree tells it: constants, put together or turned round; else empty."""
    if depth > _DEEPEST:
        return ""
    parts: list[ast.expr] = []
    match node:
        case ast.Constant(value=str(text)):
            return text[:_LONGEST_TEXT]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [left, right]
        case ast.JoinedStr(values=values):
            parts = values
        case ast.FormattedValue(value=value):
            return _folded(value, depth + 1)
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=""), attr="join"), args=[ast.List() | ast.Tuple() as list_]
        ):
            parts = list_.elts
        case ast.Subscript(value=value, slice=ast.Slice(lower=None, upper=None, step=ast.UnaryOp())):
            return _folded(value, depth + 1)[::-1]
    texts = [_folded(part, depth + 1) for part in parts[:_LONGEST_TEXT]]
    return "".join(texts)[:_LONGEST_TEXT] if all(texts) else ""


def _is_made(node: ast.expr) -> bool:
    """Whether a name is put together where it is used; one that comes from a variable or a list is usual."""
    if isinstance(node, ast.JoinedStr):
        return False
    return isinstance(node, ast.BinOp | ast.Call) or (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice))


def _of_import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        whole = alias.name if isinstance(node, ast.Import) else f"{node.module or ''}.{alias.name}"
        package, _, rest = whole.partition(".")
        if package == "autograder" and rest and rest not in _FOR_STUDENTS:
            yield f"imports {whole[:_TEXT_SHOWN]}"
        elif package in _MODULES:
            yield _MODULES[package]
        elif isinstance(node, ast.ImportFrom) and alias.name in _ATTRIBUTES and package != "torch":
            yield f"{_ATTRIBUTES[alias.name]} ({alias.name})"
        elif package == "inspect" and rest in _INSPECTS:
            yield f"looks into stack frames ({rest})"
        elif alias.asname and rest in (*_NEVER_HANDED_ON, *_IMPORT_BY_TEXT):
            yield f"gives {rest} another name"
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
