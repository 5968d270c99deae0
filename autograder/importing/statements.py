"""What a statement reads, binds and changes: by this, an assertion's inputs are found among the statements before it."""

from __future__ import annotations

import ast

__all__ = ["ONLY_SHOW", "changes_from_afar", "flat", "names_bound", "names_changed", "names_read", "root_of"]

ONLY_SHOW = {"print", "display"}
"""Functions that change nothing."""

_PLOTTING = {"plt", "sns"}
_FROM_AFAR = {"backward", "step", "zero_grad"}
"""Methods that write into other things than their own: gradients, parameters."""


def names_read(node: ast.AST) -> set[str]:
    """The names that a statement reads, but for those that it has assigned itself before."""
    if isinstance(node, ast.For | ast.While | ast.If | ast.With):
        head = [value for name, value in ast.iter_fields(node) if name in ("iter", "test", "items")]
        parts = [part for value in head for part in (value if isinstance(value, list) else [value])]
        read = set().union(*map(_mentioned, parts))
        bound = names_bound(ast.With(node.items, [])) if isinstance(node, ast.With) else set()
        bound |= (
            {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)} if isinstance(node, ast.For) else set()
        )
        for inner in [*node.body, *getattr(node, "orelse", [])]:
            read |= names_read(inner) - bound
            bound |= names_bound(inner)
        return read
    return _mentioned(node)


def _mentioned(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)} | {
        each.target.id for each in ast.walk(node) if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)
    }


def names_bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds by an assignment, an import or a definition."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    own = {id(part) for each in ast.walk(node) if isinstance(each, ast.comprehension) for part in ast.walk(each.target)}
    names = (each for each in ast.walk(node) if isinstance(each, ast.Name) and id(each) not in own)
    return {each.id for each in names if isinstance(each.ctx, ast.Store)}


def names_changed(node: ast.stmt) -> set[str]:
    """The names whose things a statement may change: `x.sort()`, `x[0] = 1`, `in_place(x)`; seeds change modules.

    `f(x).sum().backward()` may change all that it mentions.
    """
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call) and not _only_shows(each.value):
            parts = [*([] if isinstance(each.value.func, ast.Name) else [each.value.func]), *each.value.args]
            roots = [root_of(part) for part in parts]
            found |= {root.id for root in roots if isinstance(root, ast.Name)}
            if changes_from_afar(each):
                found |= _mentioned(each)
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Del):
            found.add(each.id)
        if isinstance(each, ast.Subscript | ast.Attribute) and isinstance(each.ctx, ast.Store):
            root = root_of(each)
            if isinstance(root, ast.Name):
                found.add(root.id)
    return found


def changes_from_afar(node: ast.stmt) -> bool:
    """Whether a statement writes into what its names were made of: `loss.backward()`, `optimizer.step()`."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _called(node.value) in _FROM_AFAR


def _only_shows(call: ast.Call) -> bool:
    root = root_of(call.func)
    return ast.unparse(call.func) in ONLY_SHOW or (isinstance(root, ast.Name) and root.id in _PLOTTING)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def root_of(node: ast.expr) -> ast.expr:
    """`x` of `x.a[0].b`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node


def flat(target: ast.expr) -> list[ast.expr]:
    """The single targets of an assignment: `a`, `b` and `c` of `a, (b, c)`."""
    return [each for part in target.elts for each in flat(part)] if isinstance(target, ast.Tuple | ast.List) else [target]
