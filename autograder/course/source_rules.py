"""Rules on how an answer is written, judged on its syntax tree. Nothing here runs any code.

A syntax tree tells what is written, not what happens: docs/authoring/source-rules.md says what it does not show. The source
may be a student's: time and memory are in proportion to it, and nothing recurses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeGuard

from autograder.course.cells import parsed, statements, without_special_lines
from autograder.records.jobs import Cell, Job, SourceRule
from autograder.records.observation import Observation, SourceFact, SourceLine

__all__ = ["rule_observations", "seen_of"]

_MOST_PLACES = 5
_MOST_STEPS = 16
_LONGEST_NAME = 200
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_Names = Mapping[str, str]
"""What a name stands for: `m` for `torch.mean`. Empty if it is something that the tree does not tell."""


def rule_observations(job: Job) -> dict[tuple[str, int], Observation]:
    """What each of a job's rules sees in its source, by check and draw; of a replaced task, in the replacement's file."""
    replaced = job.replacement
    found: dict[tuple[str, int], Observation] = {}
    for rule in job.rules:
        if replaced is not None and replaced.task == rule.task:
            found[rule.check, 0] = seen_of(rule, (Cell(0, replaced.source),), name=replaced.name)
        else:
            found[rule.check, 0] = seen_of(rule, job.cells)
    return found


def seen_of(rule: SourceRule, cells: tuple[Cell, ...], *, name: str = "") -> Observation:
    """What a rule sees in cells: in the last definition of its task.

    Args:
        rule: the rule.
        cells: the source.
        name: what the task is called there, if not by its own name.
    """
    file = _File(cells)
    definitions = file.definitions_of(name or rule.task)
    places = [
        SourceLine(cell, node.lineno, "")
        for cell, definition in definitions
        for node in (_loops(definition) if rule.kind == "loops" else file.uses(definition, rule.names))
    ]
    return _shared(
        Observation(
            check=rule.check,
            draw=0,
            returned=SourceFact(
                demand=rule.demand,
                at_most=rule.at_most,
                found=bool(definitions),
                count=len(places),
                places=tuple(places[:_MOST_PLACES]) if len(places) > rule.at_most else (),
            ),
        )
    )


@lru_cache(maxsize=256)
def _shared(observation: Observation) -> Observation:
    """One object for equal observations, by which scoring knows an answer again."""
    return observation


def _loops(definition: ast.stmt) -> Iterator[ast.stmt | ast.expr]:
    return (node for node in ast.walk(definition) if isinstance(node, _LOOPS))


class _File:
    """What cells define at their top level, and what their names stand for there."""

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self._definitions: dict[str, tuple[int, ast.stmt]] = {}
        self._names: dict[str, str] = {}
        self._starred: set[str] = set()
        for cell in cells:
            tree = parsed(cell.source) or parsed(without_special_lines(cell.source))
            for statement in statements(tree.body) if tree else ():
                for name, whole in _bound(statement):
                    if name == "*":
                        self._starred.add(whole)
                    else:
                        self._names[name] = whole
                        self._definitions[name] = cell.number, statement
                        if isinstance(statement, ast.Import | ast.ImportFrom):
                            del self._definitions[name]

    def definitions_of(self, name: str) -> list[tuple[int, ast.stmt]]:
        """The last definition of a name, with its cell; after `name = helper` or `name = wrap(helper)`, the helper's too."""
        found: dict[str, tuple[int, ast.stmt]] = {}
        while name in self._definitions and name not in found and len(found) < _MOST_STEPS:
            found[name] = self._definitions[name]
            name = _wrapped(found[name][1])
        return list(found.values())

    def uses(self, definition: ast.stmt, wanted: tuple[str, ...]) -> Iterator[ast.expr]:
        """Where one of the wanted names stands in a definition; what only gives it another name is not such a place."""
        names = {**self._from_stars(wanted), **self._names, **_names_within(definition)}
        renamed = {id(node.value) for node in ast.walk(definition) if node is not definition and _renames(node)}
        for node in ast.walk(definition):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in renamed:
                method = f".{node.attr}" if isinstance(node, ast.Attribute) else ""
                if method in wanted or _full(_dotted(node), names) in wanted:
                    yield node

    def _from_stars(self, wanted: tuple[str, ...]) -> _Names:
        """What `from torch import *` makes of `torch.nn.functional.relu`: `nn` stands for `torch.nn`."""
        found: dict[str, str] = {}
        for whole in wanted:
            parts = whole.split(".")
            for count in range(1, len(parts)):
                module = ".".join(parts[:count])
                if module in self._starred:
                    found[parts[count]] = f"{module}.{parts[count]}"
        return found


def _names_within(definition: ast.stmt) -> _Names:
    """The names that a function or class binds itself; a name that once stands for something known is taken for that."""
    found: dict[str, str] = {}
    if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for node in ast.walk(definition):
            for name, whole in _bound(node):
                found[name] = whole or found.get(name, "")
    return found


def _bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that a node binds, and what each stands for."""
    match node:
        case ast.Import(names=names):
            for each in names:
                first = each.name.split(".")[0]
                yield (each.asname, _short(each.name)) if each.asname else (first, _short(first))
        case ast.ImportFrom(module=str(module), names=names, level=0):
            for each in names:
                if each.name == "*":
                    yield "*", _short(module)
                else:
                    yield each.asname or each.name, _short(f"{module}.{each.name}")
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, _short(_dotted(value))
                else:
                    yield from ((part.id, "") for part in ast.walk(target) if isinstance(part, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, _short(_dotted(value))
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            yield name, ""
        case ast.Name(id=name, ctx=ast.Store()):
            yield name, ""


def _renames(node: ast.AST) -> TypeGuard[ast.Assign]:
    """Whether a statement does nothing but give what stands at its right another name."""
    return isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else ""


def _dotted(node: ast.expr) -> str:
    """`torch.mean` as it stands; empty for anything but names with dots between them."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _MOST_STEPS:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _full(dotted: str, names: _Names) -> str:
    """The full name of what stands under a name; empty if the tree does not tell."""
    for _ in range(_MOST_STEPS):
        first, dot, rest = dotted.partition(".")
        behind = names.get(first, first)
        if not behind:
            return ""
        dotted = f"{behind}{dot}{rest}"
        if behind.partition(".")[0] == first:
            return dotted
    return ""


def _wrapped(node: ast.stmt) -> str:
    """The helper's name of `task = helper` or `task = wrap(helper)`; empty for anything else."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]
    return value.id if isinstance(value, ast.Name) else ""
