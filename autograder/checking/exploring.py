"""Explores a task: its checks run on variations of what they draw, and return all that the task's function does.

`autograde verify` appends a call of `explore` to a file of checks, to tell mutants from the reference by more than the
checks look at. It only ever runs beside the course's own code.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import random
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import Any

import numpy
import torch

from autograder.authoring import Mark, raises
from autograder.checking.code import Code, NotAttempted, UndefinedName
from autograder.checking.given import Given
from autograder.records.exploration import CALLS, CODE, GRADIENTS, RESULT, RETURNED, VARIATIONS, varied_name

__all__ = ["explore"]

_MOST_CALLS = 6
_LONGEST_CODE = 1500
_CONSTANTS = {"zeros": 0.0, "nan": float("nan")}
_Draw = tuple[str, tuple[Any, ...], dict[str, Any]]


def explore(namespace: dict[str, Any], task: str, salt: int = 0) -> None:
    """Add to a file's namespace, for each check of a task and each variation, a check that explores it.

    With a `salt`, the global random generators start differently: what then differs is random.
    """
    checks = {name: thing for name, thing in namespace.items() if _is_check(thing, task)}
    for name, check in checks.items():
        for variation in VARIATIONS:
            explored = _in_file(partial(_explored, check, task, variation, salt), namespace)
            explored.__autograde__ = check.__autograde__
            namespace[varied_name(name, variation)] = explored


def _is_check(thing: Any, task: str) -> bool:
    mark = getattr(thing, "__autograde__", None)
    return isinstance(mark, Mark) and mark.kind == "check" and mark.task == task


def _in_file(run: Callable[[Any, Any], Any], namespace: dict[str, Any]) -> Any:
    """A function of the file that does what `run` does, so that the file's observers are used."""

    def explored(code: Any, given: Any) -> Any:
        return run(code, given)

    return FunctionType(explored.__code__, namespace, "explored", None, explored.__closure__)


def _explored(check: Callable[[Any, Any], Any], task: str, variation: str, salt: int, code: Code, given: Given) -> Any:
    if salt:
        torch.manual_seed(torch.initial_seed() + salt)
        numpy.random.seed(salt)
        random.seed(salt)
    varied = _VariedGiven.of(given, variation, check.__globals__)
    watched = _WatchedCode(code, task, varied)
    try:
        returned = check(watched, varied)
    except (UndefinedName, NotAttempted):
        raise
    except BaseException as error:  # as any check: the code may raise SystemExit or KeyboardInterrupt
        returned = raises(partial(_again, error))
    return {RETURNED: returned, CALLS: watched.calls}  # in this order: what `raises` calls is called only now


def _again(error: BaseException) -> None:
    raise error


class _Source(str):
    """Text that is code already."""


class _VariedGiven(Given):
    """Draws what `given` would, varied; remembers how everything was made, as code."""

    _variation: str
    _names: Mapping[str, Any]
    _made: list[tuple[Any, str]]

    @classmethod
    def of(cls, given: Given, variation: str, names: Mapping[str, Any]) -> _VariedGiven:
        """The same `given`, varied: whatever one of the two draws or watches, the other does."""
        varied = object.__new__(cls)
        varied.__dict__ = given.__dict__
        varied._variation, varied._names, varied._made = variation, names, []
        return varied

    @property
    def takes_gradients(self) -> bool:
        """Whether the gradients of results are wanted."""
        return self._variation == "gradients"

    def recipe(self, thing: Any) -> str:
        """The code that made a thing; empty if it was not drawn."""
        return next((code for known, code in reversed(self._made) if known is thing), "")

    def watch_too(self, things: list[Any]) -> None:
        """Watch the tensors that the check has made itself."""
        for thing in things:
            if isinstance(thing, torch.Tensor) and not any(thing is known for known in self.inputs().values()):
                self.watch(thing, self._next("argument"))

    def source_of(self, thing: Any) -> str:
        """How the file of checks writes a function or class; see `_source_of`."""
        return _source_of(thing, self._names)

    def _note(self, thing: Any, call: str, *arguments: Any, **options: Any) -> Any:
        try:
            texts = [*map(_literal, arguments), *(f"{key}={_literal(value)}" for key, value in options.items())]
            self._made.append((thing, f"given.{call}({', '.join(texts)})"))
        except _Unwritten:
            self._made.append((thing, ""))
        return thing

    def _drawn(self, *draw: Any) -> Any:
        method, shape, options = _varied(self._variation, draw)
        thing = getattr(super(), method)(*shape, **options)
        told = {key: value for key, value in options.items() if key != "name" and value is not False}
        self._note(thing, method, *shape, **told)
        return self.non_contiguous(thing) if self._variation == "gaps" else thing

    def _remade(self, method: str, thing: Any, *more: Any) -> Any:
        source = self.recipe(thing)
        made = getattr(super(), method)(thing, *more)
        if not source:
            self._made.append((made, ""))
            return made
        return self._note(made, method, _Source(source), *more)

    def normal(self, *shape: Any, **options: Any) -> Any:
        return self._drawn("normal", shape, options)

    def uniform(self, *shape: Any, **options: Any) -> Any:
        return self._drawn("uniform", shape, options)

    def integers(self, *shape: Any, **options: Any) -> Any:
        return self._drawn("integers", shape, options)

    def bools(self, *shape: Any, **options: Any) -> Any:
        return self._drawn("bools", shape, options)

    def full(self, *shape: Any, **options: Any) -> Any:
        return self._drawn("full", shape, options)

    def tensor(self, data: Any, **options: Any) -> Any:
        return self._drawn("tensor", (data,), options)

    def non_contiguous(self, x: Any) -> Any:
        return self._remade("non_contiguous", x)

    def transposed(self, x: Any) -> Any:
        return self._remade("transposed", x)

    def sliced(self, x: Any) -> Any:
        return self._remade("sliced", x)

    def expanded(self, x: Any, *shape: Any) -> Any:
        return self._remade("expanded", x, *shape)

    def non_leaf(self, x: Any) -> Any:
        return self._remade("non_leaf", x)

    def with_grad(self, thing: Any) -> Any:
        return self._remade("with_grad", thing)

    def module(self, factory: Any, *, name: str | None = None) -> Any:
        made = super().module(factory, name=name)
        source = self.source_of(factory)
        return self._note(made, "module", _Source(source)) if source else made


def _varied(variation: str, draw: _Draw) -> _Draw:
    """What is drawn instead; the same where the variation has nothing to say."""
    method, shape, options = draw
    floating = method in {"normal", "uniform"}
    dtype = options.get("dtype")
    if method == "tensor":
        return _varied_tensor(variation, draw)
    if variation == "gradients" and floating:
        return method, shape, {**options, "requires_grad": True}
    if variation in {"float64", "bfloat16"} and floating and dtype in (None, torch.float32):
        return method, shape, {**options, "dtype": getattr(torch, variation)}
    if variation == "int32" and method == "integers" and dtype in (None, torch.int64):
        return method, shape, {**options, "dtype": torch.int32}
    kept = {key: value for key, value in options.items() if key in {"requires_grad", "name"}}
    if variation == "int64" and floating:
        return "integers", shape, {"low": -4, "high": 5, **{key: kept[key] for key in kept if key == "name"}}
    if variation == "whole" and floating:
        return "integers", shape, {"low": -2, "high": 3, "dtype": dtype or torch.float32, **kept}
    if variation in _CONSTANTS and floating:
        return "full", shape, {"value": _CONSTANTS[variation], "dtype": dtype or torch.float32, **kept}
    return method, _other_sizes(variation, shape), options


def _varied_tensor(variation: str, draw: _Draw) -> _Draw:
    """An author's own values keep their shape and value."""
    method, data, options = draw
    floating = torch.as_tensor(data[0]).is_floating_point()
    if variation == "gradients" and floating:
        return method, data, {**options, "requires_grad": True}
    if variation in {"float64", "bfloat16"} and floating and options.get("dtype") is None:
        return method, data, {**options, "dtype": getattr(torch, variation)}
    return draw


def _other_sizes(variation: str, shape: tuple[Any, ...]) -> tuple[Any, ...]:
    sizes = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    if variation == "larger":
        return tuple(size + 1 if size > 1 else size for size in sizes) if sizes else shape
    if variation == "ones":
        return (1,) * len(sizes) if sizes else shape
    if variation == "empty":
        return (0, *sizes[1:]) if sizes else shape
    return shape


class _WatchedCode:
    """The code under test. `calls` are the first calls of the task's function: each call's code, its result (or what it
    raised), and its gradients."""

    def __init__(self, code: Code, task: str, given: _VariedGiven) -> None:
        self._code, self._task, self._given = code, task, given
        self.calls: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        thing = getattr(self._code, name)
        return self._watched(thing) if name == self._task and isinstance(thing, FunctionType) else thing

    def _watched(self, function: FunctionType) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            if len(self.calls) >= _MOST_CALLS:
                return function(*arguments, **named)
            call: dict[str, Any] = {
                CODE: [_written(self._task, function, arguments, named, self._given, drawn) for drawn in (True, False)]
            }
            self.calls[f"call {len(self.calls) + 1}"] = call
            self._given.watch_too([*arguments, *named.values()])
            try:
                result = function(*arguments, **named)
            except BaseException as error:
                call[RESULT] = raises(partial(_again, error))
                raise
            call[RESULT] = result
            if self._given.takes_gradients:
                call[GRADIENTS] = _gradients(result, [*arguments, *named.values()])
            return result

        watched.__name__, watched.__doc__ = function.__name__, function.__doc__
        watched.__wrapped__ = function  # type: ignore[attr-defined]
        return watched


def _gradients(result: Any, arguments: list[Any]) -> list[Any]:
    """The gradients of the sum of the result."""
    leaves = [each for each in arguments if isinstance(each, torch.Tensor) and each.requires_grad]
    if not isinstance(result, torch.Tensor) or not result.requires_grad or not leaves or result.is_complex():
        return []
    try:
        return list(torch.autograd.grad(result.sum(), leaves, allow_unused=True, retain_graph=True))
    except RuntimeError:
        return []


def _written(
    task: str, function: FunctionType, arguments: Any, named: dict[str, Any], given: _VariedGiven, drawn: bool
) -> str:
    """A call as code: lines that make its tensors, as `drawn` or by their values, then the call. Empty if unknown."""
    parameters = list(inspect.signature(function).parameters)
    lines: list[str] = []
    try:
        known: list[tuple[Any, str]] = []
        texts = []
        for position, (key, value) in enumerate([*((None, each) for each in arguments), *named.items()]):
            name = key or (parameters[position] if position < len(parameters) else f"input_{position + 1}")
            text = next((text for thing, text in known if thing is value), "") or _text_of(value, given, drawn)
            if isinstance(value, torch.Tensor | torch.nn.Module) and text != name and not text.isidentifier():
                lines.append(f"{name} = {text}")
                known.append((value, name))
                text = name
            texts.append(f"{key}={text}" if key else text)
    except _Unwritten:
        return ""
    code = "\n".join([*lines, f"code.{task}({', '.join(texts)})"])
    return code if len(code) <= _LONGEST_CODE else ""


class _Unwritten(Exception):
    """Nobody can say how to write a thing."""


def _text_of(thing: Any, given: _VariedGiven, drawn: bool) -> str:
    recipe = given.recipe(thing)
    if isinstance(thing, torch.Tensor):
        return recipe if drawn and recipe else _literal_tensor(thing)
    if recipe:
        return recipe
    if isinstance(thing, list | tuple):
        inner = [_text_of(each, given, drawn) for each in thing]
        return f"[{', '.join(inner)}]" if isinstance(thing, list) else f"({', '.join(inner)}{',' * (len(inner) == 1)})"
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{key!r}: {_text_of(each, given, drawn)}" for key, each in thing.items()) + "}"
    source = given.source_of(thing) if callable(thing) else ""
    return source or _literal(thing)


def _literal(thing: Any) -> str:
    if isinstance(thing, _Source):
        return str(thing)
    if thing is None or type(thing) in (bool, int, str) or isinstance(thing, torch.dtype):
        return repr(thing)
    if type(thing) is float:
        return repr(thing) if thing - thing == 0 else f'float("{thing}")'
    if isinstance(thing, torch.device):
        return f'torch.device("{thing}")'
    if type(thing) in (list, tuple):
        inner = ", ".join(map(_literal, thing))
        return f"[{inner}]" if type(thing) is list else f"({inner}{',' * (len(thing) == 1)})"
    if isinstance(thing, torch.Tensor):
        return _literal_tensor(thing)
    raise _Unwritten


def _literal_tensor(x: torch.Tensor) -> str:
    if type(x) not in (torch.Tensor, torch.nn.Parameter) or x.numel() > 100 or x.is_complex() or x.device.type != "cpu":
        raise _Unwritten
    if x.numel() == 0:
        return f"given.full({', '.join(map(str, x.shape))}, value=0, dtype={x.dtype})"
    grad = ", requires_grad=True" if x.requires_grad else ""
    short = x.is_floating_point() and x.dtype is not torch.float64
    plain = x.detach()
    if short:  # float32 needs fewer digits than Python's floats
        digits = [float(str(each)) for each in plain.float().flatten().numpy()]
        plain = torch.tensor(digits, dtype=torch.float64).reshape(x.shape)
    return f"given.tensor({_literal(plain.tolist())}, dtype={x.dtype}{grad})"


def _source_of(thing: Any, names: Mapping[str, Any]) -> str:
    """How a file of checks writes a function or class: by its name, or the lambda itself; empty if that cannot be told."""
    name = getattr(thing, "__name__", "")
    if isinstance(thing, type) and vars(torch.nn).get(name) is thing:
        return f"nn.{name}" if names.get("nn") is torch.nn else f"torch.nn.{name}"
    if names.get(name) is thing:
        return str(name)
    if not isinstance(thing, FunctionType) or name != "<lambda>" or thing.__code__.co_freevars:
        return ""
    lines = "".join(linecache.getlines(thing.__code__.co_filename))
    found = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(lines))
        if isinstance(node, ast.Lambda) and node.lineno == thing.__code__.co_firstlineno
    ]
    return found[0] if len(found) == 1 else ""
