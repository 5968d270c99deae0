"""Exceptions → facts: which one, where in the student's code, and what the student's function was called with."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType, SimpleNamespace, TracebackType
from typing import Any, Literal

import numpy
import torch

from autograder.checking.code import NotAttempted, UndefinedName
from autograder.checking.tensor_facts import is_tensor
from autograder.checking.type_names import base_names, type_name
from autograder.records.observation import ErrorFact, SourceLine

__all__ = [
    "add_plain_file",
    "describe_error",
    "gives_none",
    "in_words",
    "line_of",
    "line_of_frame",
    "line_of_init",
    "own_frames",
    "safe_text",
]

_MESSAGE_LIMIT = 500
_ARGUMENTS_LIMIT = 400
_LINE_LIMIT = 200
_TRACEBACK = BaseException.__dict__["__traceback__"].__get__
_PLACE = re.compile(r" \([^()\n]*, line \d+\)\Z")
"""What Python puts after a SyntaxError's message, and `at` says, too."""
_CELL = re.compile(r"<cell (\d{1,6})>")
_plain_files = {"<submission>"}
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_RAISE = dis.opmap["RAISE_VARARGS"]
_MODULE_FILE = torch.nn.Module.__init__.__code__.co_filename
_Base: Any = torch._C.TensorBase
_DTYPE, _SHAPE, _DEVICE = _Base.dtype.__get__, _Base.shape.__get__, _Base.device.__get__
_CODE_NAME = type(lambda: None).__dict__["__qualname__"].__get__
_Function = type(lambda: None)
_Locate = Callable[[FrameType], int | None]


def add_plain_file(path: str) -> None:
    """From now on, frames whose file is `path` are the student's too, as those of `<submission>` are."""
    _plain_files.add(path)


def _number(filename: str) -> int | None:
    match = _CELL.fullmatch(filename)
    return int(match[1]) if match else 0 if filename in _plain_files else None


def _by_filename(frame: FrameType) -> int | None:
    return _number(frame.f_code.co_filename)


_cell_of: _Locate = _by_filename


@contextmanager
def own_frames(locate: _Locate) -> Iterator[None]:
    """Within the context, `locate` decides which frames are the student's: it returns the number of their cell, 0 for a
    plain file, None for any other frame. Outside it, the name of a frame's file decides."""
    global _cell_of
    before, _cell_of = _cell_of, locate
    try:
        yield
    finally:
        _cell_of = before


def describe_error(error: BaseException) -> ErrorFact:
    """Describe an exception without trusting it: its own `__str__` is guarded, its text cut to 500 characters.

    Frames whose file is `<cell N>`, `<submission>` or from `add_plain_file` are the student's (see also `own_frames`);
    `at` is the innermost one.
    """
    kind = type(error)
    if issubclass(kind, UndefinedName | NotAttempted):
        return ErrorFact(
            type=kind.__name__,
            bases=(kind.__name__,),
            message=str(error),
            undefined=issubclass(kind, UndefinedName),
            not_attempted=issubclass(kind, NotAttempted),
        )
    steps = _steps(_TRACEBACK(error))
    inner = [step for step in steps if _cell_of(step.tb_frame) is not None]
    at = _line_at(inner[-1]) if inner else None
    unready = _unready_module(error, steps)
    if unready is not None and at is None:
        at = line_of_init(type(unready))
    if issubclass(kind, SyntaxError):
        at = _line_of_syntax_error(error) or at
    return ErrorFact(
        type=type_name(kind),
        bases=base_names(kind),
        message=_PLACE.sub("", safe_text(error)) if issubclass(kind, SyntaxError) else safe_text(error),
        at=at,
        arguments=_arguments(inner),
        not_attempted=kind is NotImplementedError and bool(inner) and inner[-1] is steps[-1] and _raises(inner[-1]),
        own_words=bool(steps) and _raises(steps[-1]) and _is_under_test(steps[-1].tb_frame),
        origin=_origin(steps),
        check_line=_line_of_check(steps),
        unready=unready is not None,
    )


def _origin(steps: list[TracebackType]) -> Literal["code", "library", "check"]:
    """Whose line stopped; a file of checks is called test_….py."""
    own = [_is_under_test(step.tb_frame) and not _is_check(step.tb_frame) for step in steps]
    if not any(own):
        return "library" if _is_call_of_the_code(steps) else "check"
    return "code" if own[-1] else "library"


def _is_call_of_the_code(steps: list[TracebackType]) -> bool:
    """Whether the check's last line stopped in `code.NAME(…)`, where NAME is a library's function and so has no line of its
    own here. A plain function or a class that stops before its first line does not take the arguments."""
    step = next((step for step in reversed(steps) if _is_check(step.tb_frame)), None)
    called = _called(step) if step is not None else None
    match called:
        case ast.Attribute(value=ast.Name(id="code"), attr=name):
            thing = getattr(step.tb_frame.f_locals.get("code"), name, None) if step is not None else None
            return callable(thing) and (step is not steps[-1] or not isinstance(thing, _Function | type))
    return False


def _called(step: TracebackType) -> ast.expr | None:
    """What the line of a step was just calling; None if it was doing something else."""
    code = step.tb_frame.f_code
    first, last, start, end = next(islice(code.co_positions(), step.tb_lasti // 2, None), (None,) * 4)
    if first is None or last is None:
        return None
    lines = [line.encode() for line in linecache.getlines(code.co_filename)[first - 1 : last]]
    if not lines:
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        expression = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:  # it was no expression
        return None
    return expression.func if isinstance(expression, ast.Call) else None


def _line_of_check(steps: list[TracebackType]) -> int:
    """The line of the file of checks that stopped; 0 if code under test was running."""
    if _origin(steps) != "check":
        return 0
    return next((step.tb_lineno for step in reversed(steps) if _is_check(step.tb_frame)), 0)


def _unready_module(error: BaseException, steps: list[TracebackType]) -> torch.nn.Module | None:
    """The module that PyTorch's own lines stumbled over because `Module.__init__` has not run for it."""
    if not isinstance(error, AttributeError) or not steps or steps[-1].tb_frame.f_code.co_filename != _MODULE_FILE:
        return None
    module = steps[-1].tb_frame.f_locals.get("self")
    if not isinstance(module, torch.nn.Module) or "_parameters" in object.__getattribute__(module, "__dict__"):
        return None
    return module


def line_of_init(kind: type) -> SourceLine | None:
    """The first line of the student's `__init__` that calls no other one, in a class or in those that it inherits from."""
    for each in kind.__mro__:
        init = vars(each).get("__init__")
        if each is torch.nn.Module or type(init) is not _Function:
            continue
        if "__init__" not in init.__code__.co_names and (place := line_of(init)) is not None:
            return place
    return None


def line_of(function: Any) -> SourceLine | None:
    """The first line of a plain function of the student's; None of any other."""
    if type(function) is not _Function:
        return None
    frame: Any = SimpleNamespace(f_code=function.__code__, f_globals=function.__globals__)
    number, line = _cell_of(frame), function.__code__.co_firstlineno
    if number is None:
        return None
    return SourceLine(number, line, _clean(linecache.getline(function.__code__.co_filename, line).strip(), _LINE_LIMIT))


def line_of_frame(frame: FrameType | None) -> SourceLine | None:
    """The student's line that runs now, in a frame or in those that called it; None if there is none."""
    while frame is not None:
        if (number := _cell_of(frame)) is not None:
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
            return SourceLine(number, frame.f_lineno, _clean(line.strip(), _LINE_LIMIT))
        frame = frame.f_back
    return None


def gives_none(function: object) -> bool:
    """Whether a plain function returns None in every case, though its annotation does not say so."""
    if type(function) is not _Function or function.__code__.co_flags & _GENERATOR:
        return False
    if function.__annotations__.get("return", "") in (None, "None"):
        return False
    steps = list(dis.get_instructions(function.__code__))
    returned = [
        step.argval if step.opname == "RETURN_CONST" else before.argval if before.opname == "LOAD_CONST" else ""
        for before, step in zip([steps[0], *steps], steps, strict=False)
        if step.opname in ("RETURN_VALUE", "RETURN_CONST")
    ]
    return bool(returned) and all(value is None for value in returned)


def _is_check(frame: FrameType) -> bool:
    return _cell_of(frame) is None and Path(frame.f_code.co_filename).name.startswith("test_")


def safe_text(error: BaseException) -> str:
    """`str(error)`, whatever the exception's own `__str__` does, cut to 500 characters."""
    if isinstance(error, SystemExit) and error.code is None:  # as `exit()` raises it
        return ""
    try:
        text = str.__str__(str(error))
    except BaseException as inner:  # a student's __str__ may raise anything
        return f"(its text cannot be read: {type_name(type(inner))})"
    return _clean(text, _MESSAGE_LIMIT)


def _clean(text: str, limit: int) -> str:
    """Text that can be encoded as UTF-8, cut to a limit."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _steps(trace: TracebackType | None) -> list[TracebackType]:
    steps = []
    while trace is not None:
        steps.append(trace)
        trace = trace.tb_next
    return steps


def _line_at(step: TracebackType) -> SourceLine:
    filename = step.tb_frame.f_code.co_filename
    text = linecache.getline(filename, step.tb_lineno)
    return SourceLine(_cell_of(step.tb_frame) or 0, step.tb_lineno, _clean(text.strip(), _LINE_LIMIT))


def _line_of_syntax_error(error: BaseException) -> SourceLine | None:
    filename, line = getattr(error, "filename", None), getattr(error, "lineno", None)
    if type(filename) is not str or type(line) is not int:
        return None
    number = _number(filename)
    if number is None:
        return None
    return SourceLine(number, line, _clean(linecache.getline(filename, line).strip(), _LINE_LIMIT))


def _raises(step: TracebackType) -> bool:
    """Whether this is a `raise` statement: PyTorch's own NotImplementedError comes out of a call."""
    return step.tb_frame.f_code.co_code[step.tb_lasti] == _RAISE


def _is_under_test(frame: FrameType) -> bool:
    """Whether it is the student's or in the course's folder: libraries have absolute paths, or `<…>`."""
    filename = frame.f_code.co_filename
    return _cell_of(frame) is not None or not (filename.startswith("<") or Path(filename).is_absolute())


def _arguments(inner: list[TracebackType]) -> str:
    for step in reversed(inner):
        code = step.tb_frame.f_code
        if code.co_name in {"<module>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}:
            continue
        count = code.co_argcount + code.co_kwonlyargcount
        variables = step.tb_frame.f_locals
        parts = [f"{name}: {in_words(variables[name])}" for name in code.co_varnames[:count] if name in variables]
        return _clean(", ".join(parts), _ARGUMENTS_LIMIT)
    return ""


def in_words(thing: Any) -> str:
    """Describe a thing without running any of its code, e.g. `uint8 tensor of shape (2, 3)`."""
    kind = type(thing)
    if is_tensor(thing):
        try:
            with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch():
                dtype, shape, device = _DTYPE(thing), tuple(_SHAPE(thing)), str(_DEVICE(thing))
        except RuntimeError:
            return type_name(kind)
        place = "" if device == "cpu" else f" on {device}"
        name = "tensor" if kind is torch.Tensor else type_name(kind)
        return f"{str(dtype).removeprefix('torch.')} {name} of shape {shape}{place}"
    if issubclass(kind, numpy.ndarray):
        return f"{numpy.ndarray.dtype.__get__(thing)} array of shape {numpy.ndarray.shape.__get__(thing)}"
    if thing is None or kind in (bool, float, complex, torch.dtype, torch.device):
        return repr(thing)
    if kind is int:
        return repr(thing) if thing.bit_length() < 200 else "a very large int"
    if kind is str:
        return repr(thing if len(thing) <= 40 else thing[:39] + "…")
    if kind in (list, tuple, set, frozenset, dict):
        return f"{type_name(kind)} of {len(thing)}"
    if kind is _Function:
        return f"function {_CODE_NAME(thing)}"
    return type_name(kind)
