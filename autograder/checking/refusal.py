"""`given.unavailable(…)`: PyTorch functions that raise in a task, whichever way they are reached.

A function is refused in three places, since each alone can be walked around:

* where Python calls it (`__torch_function__`), which gives the best message;
* where PyTorch dispatches the operators it is made of, which `torch.ops`, `torch._C` and disabled hooks reach as well;
* for `torch.nn.init`, in its code and wherever a frame of that file, or of a second copy of it, computes something.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from types import CodeType, FrameType, FunctionType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["unavailable"]

# Taken before student code can replace them.
_Library, _schemas_of = torch.library.Library, torch._C._jit_get_schemas_for_operator
_catch_warnings, _simplefilter, _getframe = warnings.catch_warnings, warnings.simplefilter, sys._getframe

# A simulated GPU's tensors are tensors of the CPU, and each key takes time at every refusal. The first one is where every
# operator starts inside `torch.func` and `torch.vmap`; without autograd's, an operator made of others would be reached.
_KEYS = (
    "FuncTorchDynamicLayerFrontMode",
    *("AutogradCPU", "CPU"),
    *(("AutogradCUDA", "CUDA") if torch.version.cuda or torch.version.hip else ()),
)
_LOSSES_AND_ACTIVATIONS = ("torch._C._nn", "torch.nn.functional")
# How the operators of `F.nll_loss` or `F.logsigmoid` are called: `nll_loss_nd`, `nll_loss2d_forward`, `log_sigmoid_forward`.
_BASES = ("{}", "{}_loss")
_FORMS = ("{}", "{}_nd", "{}2d", "{}_forward", "{}2d_forward")
_INIT_FILE = torch.nn.init.__file__
_Functions = tuple[Callable[..., Any], ...]


@contextmanager
def unavailable(*functions: Callable[..., Any]) -> Iterator[None]:
    """Make PyTorch functions raise a RuntimeError inside the context, however they were imported or are called.

    This works for functions of `torch` and `torch.nn.functional` that take a tensor and so go through
    `__torch_function__`, and for those of `torch.nn.init`, even when a module's forward calls them. Of losses and
    activations, the operators behind them are refused too; of a function of `torch`, the tensors' method of its name.
    """
    functions = (*functions, *_methods_of(functions))
    with _replaced_code(functions), _refused_operators(functions), _refused_copies(functions), _AtTheCall(functions):
        yield


def _methods_of(functions: _Functions) -> Iterator[Callable[..., Any]]:
    for function in functions:
        name = getattr(function, "__name__", "")
        if getattr(torch, name, None) is function and hasattr(torch.Tensor, name):
            yield getattr(torch.Tensor, name)


def _message(name: str) -> str:
    return f"{name} is not available in this task."


class _AtTheCall(TorchFunctionMode):
    def __init__(self, functions: _Functions) -> None:
        super().__init__()
        self._functions = functions

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if any(function is refused for refused in self._functions):
            raise RuntimeError(_message(getattr(function, "__name__", "this function")))
        return function(*args, **(kwargs or {}))


# ---- operators --------------------------------------------------------------------------------------------------------


@contextmanager
def _refused_operators(functions: _Functions) -> Iterator[None]:
    """Put a refusal in front of the operators of losses and activations: nothing else is made of those.

    Operators such as `sum` stay: right answers and PyTorch itself need them.
    """
    names = {name: function.__name__ for function in functions for name in _operators_of(function)}
    if not names:
        yield
        return
    library = _Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    try:
        with _catch_warnings():
            _simplefilter("ignore")  # PyTorch tells that a kernel is overridden
            for name, function in names.items():
                refuse = _refusal_of(function)
                for key in _KEYS:
                    library.impl(name, refuse, key, allow_override=True)  # type: ignore[no-untyped-call]
        yield
    finally:
        library._destroy()  # type: ignore[no-untyped-call]


@cache
def _operators_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's operators with their overloads, e.g. `nll_loss.out`."""
    if getattr(function, "__module__", "") not in _LOSSES_AND_ACTIVATIONS:
        return ()
    names = [form.format(base.format(function.__name__)) for base in _BASES for form in _FORMS]
    return tuple(
        f"{name}.{schema.overload_name}" if schema.overload_name else name
        for name in names
        for schema in _schemas_of(f"aten::{name}")
    )


def _refusal_of(name: str) -> Callable[..., None]:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise RuntimeError(_message(name))

    return refuse


# ---- torch.nn.init: Python functions, most of which never call `__torch_function__` -----------------------------------


def _refused_copies(functions: _Functions) -> AbstractContextManager[object]:
    names = frozenset(
        function.__name__
        for function in functions
        if isinstance(function, FunctionType) and function.__module__ == "torch.nn.init"
    )
    return _InFramesOfInit(names) if names else nullcontext()


def _refuse(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("its message")


def _code_refusing(name: str) -> CodeType:
    """Code without a closure, as it stands in for that of a function of torch.nn.init, that refuses by name."""
    code = _refuse.__code__
    return code.replace(co_consts=tuple(_message(name) if each == "its message" else each for each in code.co_consts))


@contextmanager
def _replaced_code(functions: _Functions) -> Iterator[None]:
    changed: list[tuple[FunctionType, CodeType]] = []
    for function in functions:
        if isinstance(function, FunctionType) and function.__module__ == "torch.nn.init" and not function.__closure__:
            changed.append((function, function.__code__))
            function.__code__ = _code_refusing(function.__name__)
    try:
        yield
    finally:
        for function, code in changed:
            function.__code__ = code


class _InFramesOfInit(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses whatever a function of torch/nn/init.py computes: a second copy of the module has functions of its own."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._names = names

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep PyTorch from wrapping this: the wrapper imports the compiler, which takes a second."""
        return False

    def __torch_dispatch__(
        self, operator: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        frame: FrameType | None = _getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == _INIT_FILE and frame.f_code.co_name in self._names:
                raise RuntimeError(_message(frame.f_code.co_name))
            frame = frame.f_back
        return operator(*args, **(kwargs or {}))
