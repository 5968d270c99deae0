"""One assertion → what a check returns instead: the things it compares, without what it compares them with.

`assert torch.allclose(f(x), expected, atol=1e-3)` becomes `close(f(x), rtol=0.001, atol=0.001)`: the reference's own
result is what is expected. A condition that cannot be taken apart is kept as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Set
from dataclasses import dataclass

__all__ = ["Seen", "assertion_of", "mentions", "observed"]

_COMPARING = {
    *("allclose", "isclose", "is_close", "equal", "array_equal", "array_equiv", "close", "eq", "approx_equal"),
    *("assert_allclose", "assert_almost_equal", "assert_array_equal", "assert_array_almost_equal", "assert_equal"),
    *("assert_close", "assertEqual", "assertAlmostEqual", "assertListEqual", "assertTupleEqual", "assertDictEqual"),
    *(
        "assert_frame_equal",
        "assert_series_equal",
        "assertSequenceEqual",
        "assertCountEqual",
        "assert_array_almost_equal_nulp",
    ),
    *("assertIs", "assert_is", "assert_approx_equal"),
}
_TRUTH = {"assert_true", "assertTrue", "assert_", "assert_false", "assertFalse", "assertIsNone", "assert_is_none",
          "assertIsNotNone", "assert_is_not_none", "bool", "all"}  # fmt: skip
_OF_TYPE = {"isinstance", "assertIsInstance", "assert_is_instance"}
_BOUNDS = {"assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE, "assertLess": ast.Lt, "assertLessEqual": ast.LtE}
_DEFAULTS = {"allclose": (1e-5, 1e-8), "isclose": (1e-5, 1e-8), "assert_allclose": (1e-7, 1e-8)}
"""Relative and absolute tolerances of functions of PyTorch and NumPy, unless their call says otherwise."""
_PLACES = {"assertAlmostEqual": 7, "assert_almost_equal": 7, "assert_array_almost_equal": 6}
_WITH_NAMES = {"dict", "state_dict", "keys", "vars"}
_REDUCING = {"abs", "fabs", "max", "amax", "sum", "mean", "norm", "item", "sqrt", "square", "any", "numpy", "float"}


@dataclass(frozen=True)
class Seen:
    """A thing that a check returns: what names it, and the expression with its marks. `names` are the marks used."""

    name: str
    expression: ast.expr
    names: frozenset[str] = frozenset()


def mentions(node: ast.AST, names: Set[str]) -> bool:
    """Whether some of the names occur in it."""
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def assertion_of(node: ast.stmt) -> ast.expr | None:
    """The condition of `assert …`, or the call of `assert_equal(…)`, `self.assertTrue(…)` and the like."""
    if isinstance(node, ast.Assert):
        return node.test
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        name = _called(node.value)
        if name in _COMPARING | _TRUTH | _OF_TYPE | set(_BOUNDS) and name.startswith("assert"):
            return node.value
    return None


def observed(test: ast.expr, student: Set[str], *, bounds: bool = True) -> list[Seen] | None:
    """The things that a condition compares.

    Args:
        test: the condition.
        student: the names of what comes from the student's code.
        bounds: whether `<` compares numbers, and not the elements of tensors.

    Returns:
        The things; None if the condition cannot be taken apart.
    """
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [observed(value, student) for value in values if mentions(value, student)]
            return None if None in parts or not parts else [seen for part in parts if part for seen in part]
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(func=ast.Attribute(value=value, attr="any"), args=arguments)):
            return observed(arguments[0] if arguments and _is_module(value) else value, student, bounds=False)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return observed(operand, student)
        case ast.Compare():
            return _compared(test, student, bounds=bounds)
        case ast.Call():
            return _call(test, student)
        case ast.BoolOp() | ast.IfExp() | ast.Constant():
            return None
    return [_seen(test)] if mentions(test, student) else None


def _compared(test: ast.Compare, student: Set[str], *, bounds: bool = True) -> list[Seen] | None:
    if isinstance(test.ops[0], ast.In | ast.NotIn) and not mentions(test.left, student):  # all of what it is in
        whole = test.comparators[0]
        if isinstance(whole, ast.Call) and _called(whole) in _WITH_NAMES:  # a name in it: its names
            whole = ast.Call(ast.Name("sorted", ast.Load()), [whole], [])
        return [_seen(whole)] if len(test.ops) == 1 and mentions(whole, student) else None
    if any(isinstance(op, ast.In | ast.NotIn | ast.NotEq | ast.IsNot) for op in test.ops):
        is_none = len(test.ops) == 1 and ast.unparse(test.comparators[0]) == "None"
        return [_seen(test.left)] if is_none and mentions(test.left, student) else None
    sides = [test.left, *test.comparators]
    ours = [side for side in sides if mentions(side, student)]
    ordered = len(test.ops) == 1 and isinstance(test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    if ordered and len(ours) == 2 and bounds:  # the first number of the reference is what the second is compared with
        return [_bounded(sides[0], sides[1], "at_most" if isinstance(test.ops[0], ast.Lt | ast.LtE) else "at_least")]
    if not ordered or len(ours) != 1:
        approximate = next((tolerances for side in sides if (tolerances := _approx(side)) is not None), None)
        return [_typed(side) or _with(side, approximate or {}) for side in ours]
    if not bounds and not _distance(ours[0]):
        return [_seen(ours[0])]
    left_is_ours = ours[0] is test.left
    other = test.comparators[0] if left_is_ours else test.left
    below = isinstance(test.ops[0], ast.Lt | ast.LtE) == left_is_ours
    if below and (pair := _distance(ours[0])):
        return [_close(side, other) for side in pair if mentions(side, student)]
    return [_bounded(ours[0], other, "at_most" if below else "at_least")]


def _approx(node: ast.expr) -> dict[str, ast.expr] | None:
    """The tolerances of `pytest.approx(…)`; None for anything else."""
    if not isinstance(node, ast.Call) or _called(node) != "approx":
        return None
    given = dict(zip(("rel", "abs"), node.args[1:], strict=False))
    given |= {each.arg: each.value for each in node.keywords if each.arg}
    return {"rtol": given.get("rel") or ast.Constant(1e-6), "atol": given.get("abs") or ast.Constant(1e-12)}


def _distance(node: ast.expr) -> list[ast.expr] | None:
    """The two sides of `abs(a - b)`, `(a - b).abs().max()`, `np.linalg.norm(a - b)`, `rel_error(a, b)`."""
    inside = False
    while isinstance(node, ast.Call):
        name = _called(node)
        if name in ("error", "rel_error", "relative_error", "dist", "distance") and len(node.args) == 2:
            return node.args
        if name not in _REDUCING:
            return None
        inside = True
        is_method = isinstance(node.func, ast.Attribute) and not _is_module(node.func.value)
        if is_method:
            node = node.func.value  # type: ignore[attr-defined] # an attribute, see the line above
        elif len(node.args) >= 1:
            node = node.args[0]
        else:
            return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        node = node.left
    return [node.left, node.right] if inside and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) else None


def _is_module(node: ast.expr) -> bool:
    return re.fullmatch(r"(np|numpy|torch|math|scipy|jnp|F)(\.\w+)*", ast.unparse(node)) is not None


def _call(test: ast.Call, student: Set[str]) -> list[Seen] | None:
    name = _called(test)
    if name in _OF_TYPE and len(test.args) >= 2:
        single = isinstance(test.args[1], ast.Name | ast.Attribute)
        return [_only(test.args[0], "type")] if single and mentions(test.args[0], student) else None
    if name in _BOUNDS and len(test.args) >= 2:
        return _compared(ast.Compare(test.args[0], [_BOUNDS[name]()], [test.args[1]]), student)
    if name in _TRUTH and not test.args and isinstance(test.func, ast.Attribute):  # (a == b).all()
        return observed(test.func.value, student, bounds=False)
    if name in _TRUTH and test.args:
        inner = test.args[0]
        if isinstance(inner, ast.GeneratorExp | ast.ListComp):
            return _each(inner, student)
        return observed(inner, student, bounds=name != "all")
    if name == "item" and isinstance(test.func, ast.Attribute):
        return observed(test.func.value, student)
    if name in _COMPARING:
        sides = test.args[:2]
        if isinstance(test.func, ast.Attribute) and len(sides) == 1:  # a.equal(b)
            sides = [test.func.value, *sides]
        ours = [side for side in sides if mentions(side, student)]
        tolerances = _tolerances(name, test)
        return [_typed(side) or _with(side, tolerances) for side in ours] or None
    if name in ("hasattr", "callable", "any", "issubclass"):
        return None
    return [_seen(test)] if mentions(test, student) else None


def _tolerances(name: str, test: ast.Call) -> dict[str, ast.expr]:
    """The tolerances with which a call compares, as the author gave them or as they are without; empty for the course's."""
    given = {each.arg: each.value for each in test.keywords if each.arg is not None}
    tolerances: dict[str, ast.expr] = {key: given[key] for key in ("rtol", "atol", "rel_tol", "abs_tol") if key in given}
    if name in _PLACES:
        places = given.get("places") or given.get("decimal") or [*test.args[2:3], ast.Constant(_PLACES[name])][0]
        if "delta" in given:
            return {"rtol": ast.Constant(0.0), "atol": given["delta"]}
        if isinstance(places, ast.Constant) and isinstance(places.value, int):
            return {"rtol": ast.Constant(0.0), "atol": ast.Constant(float(f"1e-{places.value}"))}
    if name in _DEFAULTS and not {"rel_tol", "abs_tol"} & set(given) and ast.unparse(test.func) != "math.isclose":
        rtol, atol = _DEFAULTS[name]
        return {"rtol": ast.Constant(rtol), "atol": ast.Constant(atol)} | tolerances
    return tolerances


def _each(loop: ast.GeneratorExp | ast.ListComp, student: Set[str]) -> list[Seen] | None:
    ours = [each.iter for each in loop.generators if mentions(each.iter, student)]
    items = {part.id for each in loop.generators for part in ast.walk(each.target) if isinstance(part, ast.Name)}
    types = observed(loop.elt, student | items)
    if ours and types and all("only" in seen.names for seen in types):
        return [Seen(seen.name, ast.ListComp(seen.expression, loop.generators), seen.names) for seen in types]
    if ours:  # what it runs over is the student's: that is what is compared
        return [_seen(each) for each in ours]
    inner = observed(loop.elt, student)
    if inner is None:
        return None
    return [Seen(seen.name, ast.ListComp(seen.expression, loop.generators), seen.names) for seen in inner]


def _typed(side: ast.expr) -> Seen | None:
    """`type(x)` → only(x, "type")."""
    if isinstance(side, ast.Call) and _called(side) == "type" and len(side.args) == 1:
        return _only(side.args[0], "type")
    return None


def _seen(node: ast.expr) -> Seen:
    return Seen(ast.unparse(node), node)


def _only(node: ast.expr, fact: str) -> Seen:
    call = ast.Call(ast.Name("only", ast.Load()), [node, ast.Constant(fact)], [])
    return Seen(ast.unparse(node), call, frozenset(["only"]))


def _bounded(node: ast.expr, bound: ast.expr, mark: str) -> Seen:
    return Seen(ast.unparse(node), ast.Call(ast.Name(mark, ast.Load()), [node, bound], []), frozenset([mark]))


def _close(node: ast.expr, tolerance: ast.expr) -> Seen:
    keywords = [ast.keyword("rtol", tolerance), ast.keyword("atol", tolerance)]
    return Seen(ast.unparse(node), ast.Call(ast.Name("close", ast.Load()), [node], keywords), frozenset(["close"]))


def _with(node: ast.expr, tolerances: dict[str, ast.expr]) -> Seen:
    if not tolerances:
        return _seen(node)
    rtol = tolerances.get("rtol") or tolerances.get("rel_tol")
    atol = tolerances.get("atol") or tolerances.get("abs_tol")
    keywords = [ast.keyword("rtol", rtol or ast.Constant(1e-5)), ast.keyword("atol", atol or ast.Constant(1e-8))]
    return Seen(ast.unparse(node), ast.Call(ast.Name("close", ast.Load()), [node], keywords), frozenset(["close"]))


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
