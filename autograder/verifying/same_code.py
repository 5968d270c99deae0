"""When two pieces of code are the same, however they are written: `x[0:n]` is `x[:n]`."""

from __future__ import annotations

import ast

__all__ = ["same_text"]


def same_text(source: str) -> str:
    """The text of valid code in which every slice is written in its shortest form; equal texts do the same."""
    return ast.unparse(_Shortest().visit(ast.parse(source)))


class _Shortest(ast.NodeTransformer):
    """Leaves out bounds and steps that say what holds anyway."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for dim, part in enumerate(parts):
            if isinstance(part, ast.Slice):
                _shorten(part, _lengths(node.value, dim) if _plain(parts[:dim]) else ())
        return node


def _shorten(part: ast.Slice, lengths: tuple[str, ...]) -> None:
    if _is_number(part.step, 1):
        part.step = None
    forwards = part.step is None or (isinstance(part.step, ast.Constant) and isinstance(part.step.value, int))
    if forwards and _is_number(part.lower, 0):  # a negative step is not a constant but a sign and a constant
        part.lower = None
    if forwards and part.upper is not None and ast.unparse(part.upper) in lengths:
        part.upper = None


def _lengths(thing: ast.expr, dim: int) -> tuple[str, ...]:
    """How the length of a thing along a dimension is written."""
    text = ast.unparse(thing)
    first = (f"len({text})",) if dim == 0 else ()
    return (*first, f"{text}.shape[{dim}]", f"{text}.size({dim})", f"{text}.size()[{dim}]")


def _plain(parts: list[ast.expr]) -> bool:
    """Whether each of the parts before a slice stands for one dimension, as neither `...` nor `None` does."""
    return all(isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and type(part.value) is int) for part in parts)


def _is_number(node: ast.expr | None, number: int) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == number
