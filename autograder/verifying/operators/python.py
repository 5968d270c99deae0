"""Changes to any Python code: conditions, loops, errors, numbers, arguments, statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from autograder.verifying.operators.site import (
    Operator,
    Replacement,
    Site,
    called_name,
    changed,
    elements,
    is_load,
    method,
    texts_differ,
    variable,
)

__all__ = ["OPERATORS"]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


def _other_comparison(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.Compare):
        ops = site.node.ops
        for index, operator in enumerate(ops):
            for other in _COMPARISONS[type(operator)]:
                yield changed(site.node, ops=[*ops[:index], other(), *ops[index + 1 :]])


def _other_condition(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.BoolOp):
        yield changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for index in range(len(node.values)):
            rest = node.values[:index] + node.values[index + 1 :]
            yield changed(node, values=rest) if len(rest) > 1 else rest[0]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield node.operand
    if isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
        yield changed(node, body=node.orelse, orelse=node.body)
    if isinstance(node, ast.If | ast.While):
        yield [changed(node, test=ast.UnaryOp(ast.Not(), node.test))]
        yield [changed(node, test=ast.Constant(False))]
    if isinstance(node, ast.If) and not all(isinstance(child, ast.Raise) for child in node.body):
        yield [changed(node, test=ast.Constant(True))]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for index, loop in enumerate(node.generators):
            if loop.ifs:
                generators = [*node.generators[:index], changed(loop, ifs=[]), *node.generators[index + 1 :]]
                yield changed(node, generators=generators)


def _loop_cut(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.For):
        for cut in (ast.Slice(lower=ast.Constant(1)), ast.Slice(upper=ast.UnaryOp(ast.USub(), ast.Constant(1)))):
            rest = ast.Subscript(ast.Call(variable("list"), [site.node.iter], []), cut, ast.Load())
            yield [changed(site.node, iter=rest)]
    if isinstance(site.node, ast.Break):
        yield [ast.Continue()]
    if isinstance(site.node, ast.Continue):
        yield [ast.Break()]


def _other_exception(site: Site) -> Iterator[Replacement]:
    node = site.node
    if not isinstance(node, ast.Raise) or node.exc is None:
        return
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    if isinstance(raised, ast.Name):
        other = variable("LookupError" if raised.id == "RuntimeError" else "RuntimeError")
        yield [changed(node, exc=changed(node.exc, func=other) if isinstance(node.exc, ast.Call) else other)]


def _try_undone(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Try):
        yield [*node.body, *node.orelse, *node.finalbody]
        if node.finalbody:
            yield [changed(node, finalbody=[])] if node.handlers else [*node.body]


_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}


def _other_arithmetic(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.BinOp):
        for other in _ARITHMETIC.get(type(node.op), ()):
            yield changed(node, op=other())
        yield node.left
        yield node.right
        if isinstance(node.op, ast.Sub | ast.Div | ast.Pow | ast.MatMult) and texts_differ(node.left, node.right):
            yield changed(node, left=node.right, right=node.left)
    if isinstance(node, ast.AugAssign):
        for other in _ARITHMETIC.get(type(node.op), ()):
            yield [changed(node, op=other())]
        yield [ast.Assign([node.target], node.value, lineno=node.lineno)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    if (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.value, ast.BinOp)
        and not texts_differ(node.targets[0], node.value.left)
    ):
        yield [ast.AugAssign(node.targets[0], node.value.op, node.value.right)]  # type: ignore[arg-type]


_WORDS = {"mean": "sum", "sum": "mean", "fan_in": "fan_out", "fan_out": "fan_in"}


def _other_constant(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        if isinstance(value, int):
            yield _number(-value + 1)
            yield _number(-value - 1)
        elif isinstance(value, float):
            yield node.operand
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield ast.Constant(not value)
        elif isinstance(value, int):
            yield _number(value + 1)
            yield _number(value - 1)
        elif isinstance(value, float):
            yield _number(value + 1.0)
            if value:
                yield _number(-value)
                yield _number(0.0)
        elif isinstance(value, str):
            yield ast.Constant(_WORDS.get(value, value + "_"))


def _number(value: int | float) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


_SYMMETRIC = {"isinstance", "transpose", "swapaxes", "swapdims", "equal", "allclose", "add", "mul", "maximum", "minimum"}


def _other_arguments(site: Site) -> Iterator[Replacement]:
    node = site.node
    if not isinstance(node, ast.Call) or any(isinstance(argument, ast.Starred) for argument in node.args):
        return
    for index in range(len(node.args) - 1):
        one, other = node.args[index : index + 2]
        if called_name(node) not in _SYMMETRIC and texts_differ(one, other):
            yield changed(node, args=[*node.args[:index], other, one, *node.args[index + 2 :]])
    if len(node.args) > 1 and called_name(node) not in {"isinstance", "hasattr"}:
        yield changed(node, args=node.args[:-1])
    for index, keyword in enumerate(node.keywords):
        if called_name(node) == "zip" and keyword.arg == "strict":
            continue  # zip only guards against a mistake that is not made here
        yield changed(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])


def _other_slice(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Subscript) and is_load(node):
        if isinstance(node.slice, ast.Slice):
            for bound in ("lower", "upper", "step"):
                if getattr(node.slice, bound) is not None:
                    yield changed(node, slice=changed(node.slice, **{bound: None}))
        yield node.value
    if isinstance(node, ast.Tuple) and is_load(node) and len(node.elts) > 1:
        for index in range(len(node.elts)):
            yield changed(node, elts=node.elts[:index] + node.elts[index + 1 :])


def _other_result(site: Site) -> Iterator[Replacement]:
    node = site.node
    if not isinstance(node, ast.Return) or node.value is None:
        return
    yield [changed(node, value=ast.Constant(None))]
    for parameter in site.parameters:
        if parameter != "self":
            yield [changed(node, value=variable(parameter))]
    for element, put in elements(node.value):
        if "torch" in site.modules and not isinstance(element, ast.Tuple | ast.List | ast.Dict):
            yield [changed(node, value=put(method(variable("torch"), "zeros_like", element)))]
        if not isinstance(element, ast.Name | ast.Tuple | ast.List):
            yield [changed(node, value=put(ast.Constant(0)))]


_DROPPABLE = (
    *(ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Raise, ast.Assert, ast.Return, ast.Break),
    *(ast.Continue, ast.If, ast.For, ast.While, ast.With, ast.Try),
)


def _statement_dropped(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, _DROPPABLE):
        yield []


def _statements_swapped(body: Sequence[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for index in range(len(body) - 1):
        one, other = body[index : index + 2]
        if isinstance(one, ast.Expr) and isinstance(other, ast.Expr) and texts_differ(one, other):
            yield [*body[:index], other, one, *body[index + 2 :]]


def _swapped(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.FunctionDef | ast.For | ast.With | ast.If | ast.While | ast.Try):
        for body in _statements_swapped(site.node.body):
            yield [changed(site.node, body=body)]


OPERATORS: dict[str, Operator] = {
    "other comparison": _other_comparison,
    "other condition": _other_condition,
    "loop cut short": _loop_cut,
    "other exception": _other_exception,
    "try undone": _try_undone,
    "other arithmetic": _other_arithmetic,
    "other constant": _other_constant,
    "other arguments": _other_arguments,
    "other slice": _other_slice,
    "other result": _other_result,
    "statement dropped": _statement_dropped,
    "statements swapped": _swapped,
}
