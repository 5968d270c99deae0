"""Small wrong changes of a solution, of the kinds that matter in PyTorch code: one operator a kind.

An operator looks at one node of the syntax tree and yields what could stand in its place. `autograder.mutants` puts
each replacement in, and `autograder.verify` demands that some check notices.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

__all__ = ["OPERATORS", "Operator", "Site"]


@dataclass(frozen=True)
class Site:
    """A node that may be replaced.

    `parameters` are those of the innermost function around it, `modules` the names of imported modules.
    """

    node: ast.AST
    parameters: tuple[str, ...]
    modules: frozenset[str]


Replacement = ast.expr | list[ast.stmt]
Operator = Callable[[Site], Iterator[Replacement]]
N = TypeVar("N", bound=ast.AST)

OPERATORS: dict[str, Operator] = {}
"""Every operator by the words that stand in a report, in the order in which mutants are made."""


def _operator(title: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS[title] = function
        return function

    return register


def _changed(node: N, **fields: object) -> N:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _method(thing: ast.expr, name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(thing, name, ast.Load()), list(arguments), [])


def _is_load(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _is_module(node: ast.AST, site: Site) -> bool:
    """`torch`, `torch.nn`, `F`, …: something whose attributes are functions rather than methods."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in site.modules


def _called_method(node: ast.AST, site: Site) -> tuple[ast.Call, ast.Attribute] | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not _is_module(node.func.value, site):
        return node, node.func
    return None


def _called_name(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _texts_differ(one: ast.AST, other: ast.AST) -> bool:
    return ast.unparse(one) != ast.unparse(other)


def _elements(node: ast.expr | None) -> Iterator[tuple[ast.expr, Callable[[ast.expr], ast.expr]]]:
    """The parts of a returned or assigned expression, each with a function that puts another in its place."""
    if node is None or isinstance(node, ast.Constant):
        return
    yield node, lambda new: new
    if isinstance(node, ast.Tuple | ast.List):
        for index, element in enumerate(node.elts):
            if not isinstance(element, ast.Constant | ast.Starred):
                yield element, partial(_with_element, node, index)


def _with_element(node: ast.Tuple | ast.List, index: int, new: ast.expr) -> ast.expr:
    return _changed(node, elts=[*node.elts[:index], new, *node.elts[index + 1 :]])


# ---- gradients and graphs ------------------------------------------------------------------------------------------


@_operator("detach inserted")
def _detach_inserted(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.Return | ast.Assign | ast.AugAssign):
        for element, put in _elements(site.node.value):
            if not isinstance(element, ast.Tuple | ast.List | ast.Dict | ast.Compare | ast.ListComp | ast.DictComp):
                yield [_changed(site.node, value=put(_method(element, "detach")))]


@_operator(".data taken")
def _data_taken(site: Site) -> Iterator[Replacement]:
    node = site.node
    if not isinstance(node, ast.Call) or _called_name(node) in {"isinstance", "len", "hasattr", "getattr", "type", "super"}:
        return
    for index, argument in enumerate(node.args):
        if isinstance(argument, ast.Name | ast.Attribute) and not _is_module(argument, site):
            data = ast.Attribute(argument, "data", ast.Load())
            yield _changed(node, args=[*node.args[:index], data, *node.args[index + 1 :]])


@_operator("with dropped")
def _with_dropped(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.With) and all(item.optional_vars is None for item in site.node.items):
        yield list(site.node.body)


@_operator("decorator dropped")
def _decorator_dropped(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        decorators = site.node.decorator_list
        for index in range(len(decorators)):
            yield [_changed(site.node, decorator_list=decorators[:index] + decorators[index + 1 :])]


@_operator("plain attribute for a registered one")
def _not_registered(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Call) and _called_name(node) == "Parameter" and node.args:
        yield node.args[0]
    if isinstance(node, ast.Call) and _called_name(node) in {"ModuleList", "ParameterList"} and node.args:
        yield ast.Call(_name("list"), [node.args[0]], [])
    if isinstance(node, ast.Call) and _called_name(node) in {"ModuleDict", "ParameterDict"} and node.args:
        yield ast.Call(_name("dict"), [node.args[0]], [])
    if isinstance(node, ast.Expr) and _called_name(node.value) in {"register_buffer", "register_parameter"}:
        call = node.value
        assert isinstance(call, ast.Call)
        if isinstance(call.func, ast.Attribute) and len(call.args) == 2 and isinstance(call.args[0], ast.Constant):
            target = ast.Attribute(call.func.value, str(call.args[0].value), ast.Store())
            yield [ast.Assign([target], call.args[1], lineno=node.lineno)]


# ---- dtypes, shapes, names of operations ----------------------------------------------------------------------------

_DTYPES = {
    "float32": ("float64", "float16"),
    "float": ("double",),
    "float64": ("float32",),
    "double": ("float",),
    "float16": ("float32",),
    "half": ("float",),
    "bfloat16": ("float16",),
    "int64": ("int32", "float32"),
    "long": ("int",),
    "int32": ("int64",),
    "int": ("long",),
    "uint8": ("int8",),
    "bool": ("uint8",),
}
_DTYPE_METHODS = {"float": "double", "double": "float", "half": "float", "long": "int", "int": "long", "bool": "int"}


@_operator("other dtype")
def _other_dtype(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Attribute) and _is_load(node) and isinstance(node.value, ast.Name) and node.value.id == "torch":
        for other in _DTYPES.get(node.attr, ()):
            yield _changed(node, attr=other)
    called = _called_method(node, site)
    if called and not called[0].args and called[1].attr in _DTYPE_METHODS:
        yield _changed(called[0], func=_changed(called[1], attr=_DTYPE_METHODS[called[1].attr]))


_MOVED = ("permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "t")


@_operator("reshape for a permutation of dimensions")
def _reshape_for_permute(site: Site) -> Iterator[Replacement]:
    called = _called_method(site.node, site)
    if called and called[1].attr in _MOVED:
        yield _method(called[1].value, "reshape", ast.Attribute(called[0], "shape", ast.Load()))
    if isinstance(site.node, ast.Attribute) and site.node.attr in {"T", "mT"} and _is_load(site.node):
        yield _method(site.node.value, "reshape", ast.Attribute(site.node, "shape", ast.Load()))


_PAIRS = (
    ("mean", "sum"),
    ("min", "max"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("ones", "zeros"),
    ("ones_like", "zeros_like"),
    ("rand", "randn"),
    ("rand_like", "randn_like"),
    ("normal_", "uniform_"),
    ("floor", "ceil"),
    ("tril", "triu"),
    ("cat", "stack"),
    ("softmax", "log_softmax"),
    ("exp", "log"),
    ("train", "eval"),
    ("no_grad", "enable_grad"),
    ("squeeze", "unsqueeze"),
    ("view", "reshape"),
    ("isnan", "isinf"),
    ("append", "extend"),
    ("children", "modules"),
    ("parameters", "buffers"),
    ("named_parameters", "named_buffers"),
    ("named_children", "named_modules"),
    ("fan_in", "fan_out"),
    ("in_features", "out_features"),
    ("deepcopy", "copy"),
)
_OTHER_NAMES = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])} | {
    "round": "floor",
    "trunc": "round",
    "sign": "abs",
    "sqrt": "square",
    "square": "abs",
    "norm": "sum",
    "isfinite": "isinf",
    "var": "std",
    "std": "var",
}


@_operator("other operation")
def _other_operation(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OTHER_NAMES:
        yield _changed(node, func=_changed(node.func, attr=_OTHER_NAMES[node.func.attr]))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"any", "all", "min", "max"}:
        yield _changed(node, func=_name(_OTHER_NAMES[node.func.id]))
    elif isinstance(node, ast.Name | ast.Attribute) and _is_load(node):
        if isinstance(node, ast.Name) and node.id in {"fan_in", "fan_out"}:
            yield _name(_OTHER_NAMES[node.id])
        if isinstance(node, ast.Attribute) and node.attr in {"in_features", "out_features"}:
            yield _changed(node, attr=_OTHER_NAMES[node.attr])


@_operator("call dropped")
def _call_dropped(site: Site) -> Iterator[Replacement]:
    node = site.node
    called = _called_method(node, site)
    if called and not (isinstance(called[1].value, ast.Name) and called[1].value.id == "self"):
        yield called[1].value
    elif isinstance(node, ast.Call) and node.args and not called:
        builtin = isinstance(node.func, ast.Name) and node.func.id not in {"isinstance", "hasattr", "range", "zip"}
        first = node.args[0]
        if (builtin or _is_module(node.func, site)) and not isinstance(first, ast.Starred):
            yield first


@_operator("in-place on the operand")
def _in_place(site: Site) -> Iterator[Replacement]:
    node = site.node
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.left, ast.Name | ast.Attribute)
        and type(node.op) in _IN_PLACE_OPERATORS
    ):
        yield _method(node.left, _IN_PLACE_OPERATORS[type(node.op)], node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _IN_PLACE:
        name = node.func.attr + "_"
        if not _is_module(node.func.value, site):
            yield _changed(node, func=_changed(node.func, attr=name))
        elif node.args and not isinstance(node.args[0], ast.Starred):
            yield _changed(node, func=ast.Attribute(node.args[0], name, ast.Load()), args=node.args[1:])


_IN_PLACE_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add_", ast.Sub: "sub_", ast.Mult: "mul_", ast.Div: "div_"}
_IN_PLACE = frozenset(
    """abs add clamp clip cos cumsum detach div erf exp fill_diagonal floor index_add index_fill lerp log masked_fill mul neg
    pow relu round scatter scatter_add sigmoid sign sin sqrt squeeze square sub t tanh transpose tril triu trunc
    unsqueeze""".split()  # noqa: SIM905 (a list of words reads better than one of strings)
)


# ---- conditions, loops, errors --------------------------------------------------------------------------------------

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


@_operator("other comparison")
def _other_comparison(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.Compare):
        ops = site.node.ops
        for index, operator in enumerate(ops):
            for other in _COMPARISONS[type(operator)]:
                yield _changed(site.node, ops=[*ops[:index], other(), *ops[index + 1 :]])


@_operator("other condition")
def _other_condition(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.BoolOp):
        yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for index in range(len(node.values)):
            rest = node.values[:index] + node.values[index + 1 :]
            yield _changed(node, values=rest) if len(rest) > 1 else rest[0]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield node.operand
    if isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
        yield _changed(node, body=node.orelse, orelse=node.body)
    if isinstance(node, ast.If | ast.While):
        yield [_changed(node, test=ast.UnaryOp(ast.Not(), node.test))]
        yield [_changed(node, test=ast.Constant(False))]
    if isinstance(node, ast.If) and not all(isinstance(child, ast.Raise) for child in node.body):
        yield [_changed(node, test=ast.Constant(True))]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for index, loop in enumerate(node.generators):
            if loop.ifs:
                generators = [*node.generators[:index], _changed(loop, ifs=[]), *node.generators[index + 1 :]]
                yield _changed(node, generators=generators)


@_operator("loop cut short")
def _loop_cut(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.For):
        for cut in (ast.Slice(lower=ast.Constant(1)), ast.Slice(upper=ast.UnaryOp(ast.USub(), ast.Constant(1)))):
            rest = ast.Subscript(ast.Call(_name("list"), [site.node.iter], []), cut, ast.Load())
            yield [_changed(site.node, iter=rest)]
    if isinstance(site.node, ast.Break):
        yield [ast.Continue()]
    if isinstance(site.node, ast.Continue):
        yield [ast.Break()]


@_operator("other exception")
def _other_exception(site: Site) -> Iterator[Replacement]:
    node = site.node
    if not isinstance(node, ast.Raise) or node.exc is None:
        return
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    if isinstance(raised, ast.Name):
        other = _name("LookupError" if raised.id == "RuntimeError" else "RuntimeError")
        yield [_changed(node, exc=_changed(node.exc, func=other) if isinstance(node.exc, ast.Call) else other)]


@_operator("try undone")
def _try_undone(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Try):
        yield [*node.body, *node.orelse, *node.finalbody]
        if node.finalbody:
            yield [_changed(node, finalbody=[])] if node.handlers else [*node.body]


# ---- numbers, arguments, expressions --------------------------------------------------------------------------------

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


@_operator("other arithmetic")
def _other_arithmetic(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.BinOp):
        for other in _ARITHMETIC.get(type(node.op), ()):
            yield _changed(node, op=other())
        yield node.left
        yield node.right
        if isinstance(node.op, ast.Sub | ast.Div | ast.Pow | ast.MatMult) and _texts_differ(node.left, node.right):
            yield _changed(node, left=node.right, right=node.left)
    if isinstance(node, ast.AugAssign):
        for other in _ARITHMETIC.get(type(node.op), ()):
            yield [_changed(node, op=other())]
        yield [ast.Assign([node.target], node.value, lineno=node.lineno)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    if (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.value, ast.BinOp)
        and not _texts_differ(node.targets[0], node.value.left)
    ):
        yield [ast.AugAssign(node.targets[0], node.value.op, node.value.right)]  # type: ignore[arg-type]


_WORDS = {"mean": "sum", "sum": "mean", "fan_in": "fan_out", "fan_out": "fan_in"}


@_operator("other constant")
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
            yield _number(-value)
            yield _number(0.0)
        elif isinstance(value, str):
            yield ast.Constant(_WORDS.get(value, value + "_"))


def _number(value: int | float) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


_SYMMETRIC = {"isinstance", "transpose", "swapaxes", "swapdims", "equal", "allclose", "add", "mul", "maximum", "minimum"}


@_operator("other arguments")
def _other_arguments(site: Site) -> Iterator[Replacement]:
    node = site.node
    if not isinstance(node, ast.Call) or any(isinstance(argument, ast.Starred) for argument in node.args):
        return
    for index in range(len(node.args) - 1):
        one, other = node.args[index : index + 2]
        if _called_name(node) not in _SYMMETRIC and _texts_differ(one, other):
            yield _changed(node, args=[*node.args[:index], other, one, *node.args[index + 2 :]])
    if len(node.args) > 1 and _called_name(node) not in {"isinstance", "hasattr"}:
        yield _changed(node, args=node.args[:-1])
    for index in range(len(node.keywords)):
        yield _changed(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])


@_operator("other slice")
def _other_slice(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Subscript) and _is_load(node):
        if isinstance(node.slice, ast.Slice):
            for bound in ("lower", "upper", "step"):
                if getattr(node.slice, bound) is not None:
                    yield _changed(node, slice=_changed(node.slice, **{bound: None}))
        yield node.value
    if isinstance(node, ast.Tuple) and _is_load(node) and len(node.elts) > 1:
        for index in range(len(node.elts)):
            yield _changed(node, elts=node.elts[:index] + node.elts[index + 1 :])


# ---- statements -----------------------------------------------------------------------------------------------------


@_operator("other result")
def _other_result(site: Site) -> Iterator[Replacement]:
    node = site.node
    if not isinstance(node, ast.Return) or node.value is None:
        return
    yield [_changed(node, value=ast.Constant(None))]
    for parameter in site.parameters:
        if parameter != "self":
            yield [_changed(node, value=_name(parameter))]
    for element, put in _elements(node.value):
        if "torch" in site.modules and not isinstance(element, ast.Tuple | ast.List | ast.Dict):
            yield [_changed(node, value=put(_method(_name("torch"), "zeros_like", element)))]
        if not isinstance(element, ast.Name | ast.Tuple | ast.List):
            yield [_changed(node, value=put(ast.Constant(0)))]


_DROPPABLE = (
    *(ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Raise, ast.Assert, ast.Return, ast.Break),
    *(ast.Continue, ast.If, ast.For, ast.While, ast.With, ast.Try),
)


@_operator("statement dropped")
def _statement_dropped(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, _DROPPABLE):
        yield []


def _statements_swapped(body: Sequence[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for index in range(len(body) - 1):
        one, other = body[index : index + 2]
        if isinstance(one, ast.Expr) and isinstance(other, ast.Expr) and _texts_differ(one, other):
            yield [*body[:index], other, one, *body[index + 2 :]]


@_operator("statements swapped")
def _swapped(site: Site) -> Iterator[Replacement]:
    if isinstance(site.node, ast.FunctionDef | ast.For | ast.With | ast.If | ast.While | ast.Try):
        for body in _statements_swapped(site.node.body):
            yield [_changed(site.node, body=body)]
