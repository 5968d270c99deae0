"""Changes that matter in PyTorch code: gradients, dtypes, dimensions, in-place operations, registration."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.verifying.operators.site import (
    NO_GRADIENT,
    OfGradients,
    Operator,
    Replacement,
    Site,
    called_method,
    called_name,
    changed,
    elements,
    is_load,
    is_module,
    method,
    variable,
    watched,
)

__all__ = ["OPERATORS"]


def _detach_inserted(site: Site) -> Iterator[OfGradients]:
    if isinstance(site.node, ast.Return | ast.Assign | ast.AugAssign):
        for element, put in elements(site.node.value):
            container = isinstance(element, ast.Tuple | ast.List | ast.Dict | ast.Compare | ast.ListComp | ast.DictComp)
            if not container and called_name(element) != "detach":
                detached, probe = (put(each) for each in (method(element, "detach"), watched(element)))
                yield OfGradients([changed(site.node, value=detached)], [changed(site.node, value=probe)])


def _data_taken(site: Site) -> Iterator[OfGradients]:
    node = site.node
    if not isinstance(node, ast.Call) or called_name(node) in {"isinstance", "len", "hasattr", "getattr", "type", "super"}:
        return
    for index, argument in enumerate(node.args):
        if isinstance(argument, ast.Name | ast.Attribute) and not is_module(argument, site):
            both = ast.Attribute(argument, "data", ast.Load()), watched(argument, consumed=True)
            data, probe = (changed(node, args=[*node.args[:index], each, *node.args[index + 1 :]]) for each in both)
            yield OfGradients(data, probe)


_NO_GRAD = ("no_grad", "inference_mode")


def _is_no_grad(node: ast.AST) -> bool:
    """Whether it is `torch.no_grad()`, or `torch.no_grad` as a decorator."""
    return called_name(node) in _NO_GRAD or (isinstance(node, ast.Attribute) and node.attr in _NO_GRAD)


def _no_gradient() -> ast.Call:
    return ast.Call(variable(NO_GRADIENT), [], [])


def _with_dropped(site: Site) -> Iterator[Replacement | OfGradients]:
    node = site.node
    if isinstance(node, ast.With) and all(item.optional_vars is None for item in node.items):
        if all(_is_no_grad(item.context_expr) for item in node.items):
            probe = changed(node, items=[ast.withitem(_no_gradient())])
            yield OfGradients(list(node.body), [probe])
        else:
            yield list(node.body)


def _decorator_dropped(site: Site) -> Iterator[Replacement | OfGradients]:
    if isinstance(site.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        decorators = site.node.decorator_list
        for index, decorator in enumerate(decorators):
            before, after = decorators[:index], decorators[index + 1 :]
            dropped: Replacement = [changed(site.node, decorator_list=before + after)]
            probe: Replacement = [changed(site.node, decorator_list=[*before, _no_gradient(), *after])]
            yield OfGradients(dropped, probe) if _is_no_grad(decorator) else dropped


def _not_registered(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Call) and called_name(node) == "Parameter" and node.args:
        yield node.args[0]
    if isinstance(node, ast.Call) and called_name(node) in {"ModuleList", "ParameterList"} and node.args:
        yield ast.Call(variable("list"), [node.args[0]], [])
    if isinstance(node, ast.Call) and called_name(node) in {"ModuleDict", "ParameterDict"} and node.args:
        yield ast.Call(variable("dict"), [node.args[0]], [])
    if isinstance(node, ast.Expr) and called_name(node.value) in {"register_buffer", "register_parameter"}:
        call = node.value
        assert isinstance(call, ast.Call)
        if isinstance(call.func, ast.Attribute) and len(call.args) == 2 and isinstance(call.args[0], ast.Constant):
            target = ast.Attribute(call.func.value, str(call.args[0].value), ast.Store())
            yield [ast.Assign([target], call.args[1], lineno=node.lineno)]


_KEYWORDS: dict[str, dict[str, bool | str]] = {
    "grad": {"create_graph": True},
    "backward": {"create_graph": True},
    "Parameter": {"requires_grad": False},
    "register_buffer": {"persistent": False},
    "Linear": {"bias": False},
    "ReLU": {"inplace": True},
    "relu": {"inplace": True},
    "cross_entropy": {"reduction": "sum"},
    "mse_loss": {"reduction": "sum"},
    "load_state_dict": {"strict": False},
    "mean": {"keepdim": True},
    "sum": {"keepdim": True},
    "norm": {"keepdim": True},
    "amax": {"keepdim": True},
    "argmax": {"keepdim": True},
    "var": {"unbiased": False},
    "std": {"unbiased": False},
}


def _keyword_added(site: Site) -> Iterator[Replacement | OfGradients]:
    node = site.node
    if isinstance(node, ast.Call):
        present = {keyword.arg for keyword in node.keywords}
        for keyword, value in _KEYWORDS.get(called_name(node), {}).items():
            if keyword not in present and (keyword != "keepdim" or node.args or "dim" in present):
                more = changed(node, keywords=[*node.keywords, ast.keyword(keyword, ast.Constant(value))])
                yield OfGradients(more) if keyword in {"create_graph", "requires_grad"} else more


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


def _other_dtype(site: Site) -> Iterator[Replacement]:
    node = site.node
    if isinstance(node, ast.Attribute) and is_load(node) and isinstance(node.value, ast.Name) and node.value.id == "torch":
        for other in _DTYPES.get(node.attr, ()):
            yield changed(node, attr=other)
    called = called_method(node, site)
    if called and not called[0].args and called[1].attr in _DTYPE_METHODS:
        yield changed(called[0], func=changed(called[1], attr=_DTYPE_METHODS[called[1].attr]))


_MOVED = ("permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "t")


def _reshape_for_permute(site: Site) -> Iterator[Replacement]:
    called = called_method(site.node, site)
    if called and called[1].attr in _MOVED:
        yield method(called[1].value, "reshape", ast.Attribute(called[0], "shape", ast.Load()))
    if isinstance(site.node, ast.Attribute) and site.node.attr in {"T", "mT"} and is_load(site.node):
        yield method(site.node.value, "reshape", ast.Attribute(site.node, "shape", ast.Load()))


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


def _other_operation(site: Site) -> Iterator[Replacement | OfGradients]:
    node = site.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OTHER_NAMES:
        other = changed(node, func=changed(node.func, attr=_OTHER_NAMES[node.func.attr]))
        yield OfGradients(other, _no_gradient()) if node.func.attr == "no_grad" else other
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"any", "all", "min", "max"}:
        yield changed(node, func=variable(_OTHER_NAMES[node.func.id]))
    elif isinstance(node, ast.Name | ast.Attribute) and is_load(node):
        if isinstance(node, ast.Name) and node.id in {"fan_in", "fan_out"}:
            yield variable(_OTHER_NAMES[node.id])
        if isinstance(node, ast.Attribute) and node.attr in {"in_features", "out_features"}:
            yield changed(node, attr=_OTHER_NAMES[node.attr])


def _call_dropped(site: Site) -> Iterator[Replacement | OfGradients]:
    node = site.node
    called = called_method(node, site)
    if called and not (isinstance(called[1].value, ast.Name) and called[1].value.id == "self"):
        thing = called[1].value
        yield OfGradients(thing, watched(thing)) if called[1].attr in {"detach", "detach_"} else thing
    elif isinstance(node, ast.Call) and node.args and not called:
        builtin = isinstance(node.func, ast.Name) and node.func.id not in {"isinstance", "hasattr", "range", "zip"}
        first = node.args[0]
        if (builtin or is_module(node.func, site)) and not isinstance(first, ast.Starred):
            yield first


def _in_place(site: Site) -> Iterator[Replacement | OfGradients]:
    node = site.node
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.left, ast.Name | ast.Attribute)
        and type(node.op) in _IN_PLACE_OPERATORS
    ):
        yield method(node.left, _IN_PLACE_OPERATORS[type(node.op)], node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _IN_PLACE:
        name = node.func.attr + "_"
        if not is_module(node.func.value, site):
            other = changed(node, func=changed(node.func, attr=name))
            yield OfGradients(other, watched(node.func.value)) if name == "detach_" else other
        elif node.args and not isinstance(node.args[0], ast.Starred):
            yield changed(node, func=ast.Attribute(node.args[0], name, ast.Load()), args=node.args[1:])


_IN_PLACE_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add_", ast.Sub: "sub_", ast.Mult: "mul_", ast.Div: "div_"}
_IN_PLACE = frozenset(
    """abs add clamp clip cos cumsum detach div erf exp fill_diagonal floor index_add index_fill lerp log masked_fill mul neg
    pow relu round scatter scatter_add sigmoid sign sin sqrt squeeze square sub t tanh transpose tril triu trunc
    unsqueeze""".split()  # noqa: SIM905 (a line of words reads better than a list of strings)
)

OPERATORS: dict[str, Operator] = {
    "detach inserted": _detach_inserted,
    ".data taken": _data_taken,
    "with dropped": _with_dropped,
    "decorator dropped": _decorator_dropped,
    "plain attribute for a registered one": _not_registered,
    "other dtype": _other_dtype,
    "reshape for a permutation of dimensions": _reshape_for_permute,
    "other operation": _other_operation,
    "keyword added": _keyword_added,
    "call dropped": _call_dropped,
    "in-place on the operand": _in_place,
}
