"""Makes mutants: copies of a reference solution with one small wrong change each.

If no mutant slips past the checks, they see what they claim to see. The changes are those of
`autograder.verifying.operators`. Each is made in the definition of one task (or in one that it uses), which `ast.unparse`
then writes back in place of the original. Nothing is run here.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from autograder.course.marked import marked_lines
from autograder.errors import AuthoringError
from autograder.records.jobs import Cell
from autograder.verifying.operators import OPERATORS, OfGradients, Replacement, Site
from autograder.verifying.operators.site import PROBES, called_name
from autograder.verifying.same_code import same_text

__all__ = ["Mutant", "make_mutants"]

_SHORT, _AROUND = 70, 12
_FUNCTION_OR_CLASS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Mutant:
    """One wrong copy of the reference.

    `name` numbers the task's mutants (`match-007`). `description` says what was changed, and `text` is the first line of
    the changed statement as `ast.unparse` writes it; together they identify the mutant even if the code around it moves.
    `cell` and `line` say where it is in the reference, `diff` has the lines that differ, and `cells` is the code to run.
    `operator` is a name from `course.verify_settings.OPERATORS`. `of_gradients`: it changes gradients and nothing else; then
    `probe`, unless it is empty, is the reference with code in the mutant's place that raises if a gradient could flow there.
    """

    name: str
    task: str
    description: str
    text: str
    cell: int
    line: int
    diff: str
    cells: tuple[Cell, ...]
    operator: str
    of_gradients: bool
    probe: tuple[Cell, ...]

    @property
    def identity(self) -> tuple[str, str, str]:
        """What an entry that accepts it names: task, description and line."""
        return self.task, self.description, self.text


def make_mutants(cells: Sequence[Cell], task: str, other_tasks: Collection[str] = ()) -> tuple[Mutant, ...]:
    """All mutants of one task, in source order, without duplicates.

    Args:
        cells: the reference's cells.
        task: the function, class or variable to change.
        other_tasks: definitions to leave alone even if the task uses them; they have mutants of their own.

    Raises:
        AuthoringError: if no cell defines the task.
    """
    trees = {index: tree for index, cell in enumerate(cells) if (tree := _parsed(cell.source)) is not None}
    definitions = {
        name: (index, statement) for index, tree in trees.items() for statement in tree.body for name in _defined(statement)
    }
    own = [*_in_ranges(cells, trees, task)]
    if own:  # the values that a notebook gives to what a range reads are only examples
        definitions = {name: placed for name, placed in definitions.items() if isinstance(placed[1], _FUNCTION_OR_CLASS)}
    elif task in definitions:
        own = [definitions[task]]
    if not own:
        raise AuthoringError(f"the reference does not define {task}; write its solution.")
    modules = frozenset(
        (alias.asname or alias.name).split(".")[0]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if isinstance(node, ast.Import) or alias.name in {"nn", "functional", "init", "optim", "autograd", "func"}
    )
    mutants: list[Mutant] = []
    same: Counter[tuple[str, str]] = Counter()
    for index, statement in _used(own, definitions, set(other_tasks) - {task}):
        for change in _changes(statement, modules):
            same[change.description, change.text] += 1
            count = same[change.description, change.text]
            mutants.append(
                Mutant(
                    name=f"{task}-{len(mutants) + 1:03}",
                    task=task,
                    description=change.description + (f" ({count})" if count > 1 else ""),
                    text=change.text,
                    cell=cells[index].number,
                    line=change.line,
                    diff=change.diff,
                    cells=_with(cells, index, statement, change.source),
                    operator=change.operator,
                    of_gradients=change.of_gradients,
                    probe=_with(cells, index, statement, PROBES + change.probe) if change.probe else (),
                )
            )
    return tuple(mutants)


def _with(cells: Sequence[Cell], index: int, statement: ast.stmt, source: str) -> tuple[Cell, ...]:
    """The cells with other source in the place of a statement of one of them."""
    cell = cells[index]
    return *cells[:index], Cell(cell.number, _substituted(cell.source, statement, source)), *cells[index + 1 :]


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:  # a cell with magics: it defines no task and stays as it is
        return None


def _defined(statement: ast.stmt) -> tuple[str, ...]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (statement.name,)
    if isinstance(statement, ast.Assign):
        return tuple(target.id for target in statement.targets if isinstance(target, ast.Name))
    if isinstance(statement, ast.AnnAssign) and statement.value and isinstance(statement.target, ast.Name):
        return (statement.target.id,)
    return ()


_Placed = tuple[int, ast.stmt]


def _in_ranges(cells: Sequence[Cell], trees: dict[int, ast.Module], task: str) -> Iterator[_Placed]:
    """The statements of a task that is a marked range, each with the index of its cell."""
    for index, tree in trees.items():
        lines = marked_lines(cells[index].source, task)
        yield from ((index, statement) for statement in tree.body if statement.lineno in lines)


def _used(own: list[_Placed], definitions: dict[str, _Placed], excluded: set[str]) -> list[_Placed]:
    """A task's own statements, then the definitions in the reference that it uses, directly or indirectly."""
    used = list(own)
    for _, statement in used:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id in definitions and node.id not in excluded:
                placed = definitions[node.id]
                if not any(placed[1] is other for _, other in used):
                    used.append(placed)
    return used


def _substituted(source: str, statement: ast.stmt, replacement: str) -> str:
    lines = source.splitlines()
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join([*lines[: first - 1], replacement, *lines[statement.end_lineno :]]) + "\n"


@dataclass(frozen=True)
class _Change:
    operator: str
    description: str
    text: str
    line: int
    diff: str
    source: str
    of_gradients: bool
    probe: str


@dataclass(frozen=True)
class _Place:
    """A site, and where it is attached: `parent.field` or `parent.field[index]`."""

    site: Site
    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt


def _changes(definition: ast.stmt, modules: frozenset[str]) -> Iterator[_Change]:
    root = ast.Module([definition], [])
    original = ast.unparse(root)
    written = same_text if any(isinstance(node, ast.Slice) for node in ast.walk(root)) else str
    seen = {written(original)}
    for place in list(_places(root, modules, (), definition)):
        for title, operator in OPERATORS.items():
            for change in list(operator(place.site)):
                replacement = change.replacement if isinstance(change, OfGradients) else change
                source = _applied(root, place, replacement)
                idle = isinstance(place.parent, ast.Expr) and isinstance(
                    replacement, ast.Name | ast.Attribute | ast.Constant
                )
                if idle or not _compiles(source) or (same := written(source)) in seen:
                    continue  # an idle expression amounts to a dropped statement
                seen.add(same)
                probe = change.probe if isinstance(change, OfGradients) else None
                yield _Change(
                    operator=title,
                    description=_description(title, place.site.node, replacement),
                    text=ast.unparse(place.statement).splitlines()[0],
                    line=getattr(place.site.node, "lineno", place.statement.lineno),
                    diff=_diff(original, source),
                    source=source,
                    of_gradients=isinstance(change, OfGradients),
                    probe="" if probe is None else _applied(root, place, probe),
                )


def _applied(root: ast.Module, place: _Place, replacement: Replacement) -> str:
    """Make the replacement, write out the whole definition, and restore the original."""
    if place.index is None:
        setattr(place.parent, place.field, replacement)
        source = ast.unparse(root)
        setattr(place.parent, place.field, place.site.node)
        return source
    siblings: list[ast.AST] = getattr(place.parent, place.field)
    kept = list(siblings)
    new: list[ast.AST] = list(replacement) if isinstance(replacement, list) else [replacement]
    siblings[place.index : place.index + 1] = new
    if not siblings and place.field == "body":
        siblings.append(ast.Pass())
    source = ast.unparse(root)
    siblings[:] = kept
    return source


def _places(node: ast.AST, modules: frozenset[str], parameters: tuple[str, ...], statement: ast.stmt) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _left_alone(node, field, child):
                continue
            inner = child if isinstance(child, ast.stmt) else statement
            if isinstance(child, ast.stmt | ast.expr):
                yield _Place(Site(child, parameters, modules), node, field, index, inner)
            if isinstance(child, ast.Raise):
                continue  # an error may say anything
            yield from _places(child, modules, _parameters(child) or parameters, inner)


def _parameters(node: ast.AST) -> tuple[str, ...]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return ()
    return tuple(argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))


def _left_alone(parent: ast.AST, field: str, child: ast.AST) -> bool:
    if field in {"annotation", "returns"} or isinstance(child, ast.expr_context):
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True  # a docstring
    if isinstance(child, ast.keyword) and child.arg == "strict" and isinstance(parent, ast.Call):
        return called_name(parent) == "zip"  # only guards against a mistake that is not made here
    if isinstance(parent, ast.JoinedStr) and isinstance(child, ast.Constant):
        return True
    # the operator for the minus sign also handles the number after it
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub) and isinstance(child, ast.Constant)


def _description(title: str, node: ast.AST, replacement: Replacement) -> str:
    before = ast.unparse(node)
    if not replacement or title in {"with dropped", "try undone", "statements swapped", "decorator dropped"}:
        return f"{title}: {_first_line(before)}"
    after = "\n".join(map(ast.unparse, replacement)) if isinstance(replacement, list) else ast.unparse(replacement)
    before, after = _first_line(before), _first_line(after)
    if len(before) > _SHORT or len(after) > _SHORT:
        start = max(_shared(before, after) - _AROUND, 0)
        end = max(_shared(before[start:][::-1], after[start:][::-1]) - _AROUND, 0)
        before, after = (
            ("…" if start else "") + text[start : len(text) - end] + ("…" if end else "") for text in (before, after)
        )
    return f"{title}: {before} → {after}"


def _shared(one: str, other: str) -> int:
    """The length of the common prefix."""
    shortest = min(len(one), len(other))
    return next((index for index in range(shortest) if one[index] != other[index]), shortest)


def _first_line(text: str) -> str:
    line, *more = text.splitlines()
    return line + (" …" if more else "")


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            compile(source, "<mutant>", "exec")
        except SyntaxError:
            return False
    return True
