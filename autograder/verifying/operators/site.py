"""The place of a possible change, and what operators need to inspect it and to build a replacement."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

__all__ = [
    "NO_GRADIENT",
    "PROBES",
    "WATCHED",
    "OfGradients",
    "Operator",
    "Replacement",
    "Site",
    "called_method",
    "called_name",
    "changed",
    "elements",
    "is_load",
    "is_module",
    "method",
    "texts_differ",
    "variable",
    "watched",
]

WATCHED, NO_GRADIENT = "_autograde_watched", "_autograde_no_gradient"
PROBES = f"""\
import contextlib as _contextlib
import torch as _torch
from torch.overrides import TorchFunctionMode as _TorchFunctionMode

class _AutogradeGradient(BaseException):
    pass

def {WATCHED}(thing, consumed=False):
    parts = thing if isinstance(thing, (list, tuple)) else thing.values() if isinstance(thing, dict) else [thing]
    for part in parts:
        if isinstance(part, _torch.Tensor) and part.requires_grad and not (consumed and not _torch.is_grad_enabled()):
            raise _AutogradeGradient
    return thing

class _AutogradeResults(_TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return {WATCHED}(function(*args, **(kwargs or {{}})))

@_contextlib.contextmanager
def {NO_GRADIENT}():
    with _AutogradeResults():
        yield
"""
"""Source of what probes use: it raises where a gradient could flow, and otherwise changes nothing."""


@dataclass(frozen=True)
class Site:
    """A node that may be replaced.

    `parameters` are those of the innermost enclosing function, `modules` the names of imported modules.
    """

    node: ast.AST
    parameters: tuple[str, ...]
    modules: frozenset[str]


Replacement = ast.expr | list[ast.stmt]


@dataclass(frozen=True)
class OfGradients:
    """A replacement that changes gradients and nothing else.

    `probe`, put in the same place, raises if a gradient could flow there; None if that cannot be told.
    """

    replacement: Replacement
    probe: Replacement | None = None


Operator = Callable[[Site], Iterator[Replacement | OfGradients]]
N = TypeVar("N", bound=ast.AST)


def changed(node: N, **fields: object) -> N:
    """A copy of a node with some fields changed."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def variable(name: str) -> ast.Name:
    """The expression that reads a name."""
    return ast.Name(name, ast.Load())


def method(thing: ast.expr, name: str, *arguments: ast.expr) -> ast.Call:
    """A call of a method of `thing`."""
    return ast.Call(ast.Attribute(thing, name, ast.Load()), list(arguments), [])


def watched(thing: ast.expr, *, consumed: bool = False) -> ast.Call:
    """The probe of one expression. `consumed`: it is only computed with, so that nothing flows from it under `no_grad`."""
    return ast.Call(variable(WATCHED), [thing, *([ast.Constant(True)] if consumed else [])], [])


def is_load(node: ast.AST) -> bool:
    """Whether the node is read rather than assigned to."""
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def is_module(node: ast.AST, site: Site) -> bool:
    """`torch`, `torch.nn`, `F`, …: something whose attributes are functions rather than methods."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in site.modules


def called_method(node: ast.AST, site: Site) -> tuple[ast.Call, ast.Attribute] | None:
    """The call and its function, if the node calls a method of a thing (rather than a module's function)."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not is_module(node.func.value, site):
        return node, node.func
    return None


def called_name(node: ast.AST) -> str:
    """The last name in what the node calls; empty if it is not a call, or calls something without a name."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def texts_differ(one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes are written differently."""
    return ast.unparse(one) != ast.unparse(other)


def elements(node: ast.expr | None) -> Iterator[tuple[ast.expr, Callable[[ast.expr], ast.expr]]]:
    """The parts of a returned or assigned expression, each with a function that replaces it."""
    if node is None or isinstance(node, ast.Constant):
        return
    yield node, lambda new: new
    if isinstance(node, ast.Tuple | ast.List):
        for index, element in enumerate(node.elts):
            if not isinstance(element, ast.Constant | ast.Starred):
                yield element, partial(_with_element, node, index)


def _with_element(node: ast.Tuple | ast.List, index: int, new: ast.expr) -> ast.expr:
    return changed(node, elts=[*node.elts[:index], new, *node.elts[index + 1 :]])
