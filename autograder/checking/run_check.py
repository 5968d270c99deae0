"""Runs one draw of one check in this process and returns what it observed. This is the border to student code."""

from __future__ import annotations

import io
import os
import random
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
import torch

from autograder.authoring import Mark
from autograder.checking.code import Code
from autograder.checking.error_facts import describe_error, safe_text
from autograder.checking.given import Given
from autograder.checking.observe import observe
from autograder.checking.tensor_facts import contents
from autograder.checking.type_names import base_names, type_name
from autograder.errors import AuthoringError
from autograder.processes.compiled_files import executed
from autograder.records.jobs import CheckModule, CheckRequest, Replacement
from autograder.records.observation import ErrorFact, Fact, Observation

__all__ = ["OUTPUT_LIMIT", "load_checks", "load_replacement", "run_check"]

OUTPUT_LIMIT = 4000
"""How many characters printed by one run of a check are kept."""
_WARNINGS_LIMIT = 10
_OTHER_SEED = 0x1F83D9ABFB41BD6B  # below 2**63; code that draws is not to meet the numbers that `given` drew
_WARNING_TEXT_LIMIT = 300

_set_default_dtype = torch._C._set_default_dtype
_get_default_dtype = torch.get_default_dtype
_is_grad_enabled, _set_grad_enabled = torch._C.is_grad_enabled, torch._C._set_grad_enabled
_get_deterministic = torch._C._get_deterministic_algorithms
_set_deterministic = torch._C._set_deterministic_algorithms
_is_anomaly_enabled, _set_anomaly_enabled = torch.is_anomaly_enabled, torch.set_anomaly_enabled
_get_num_threads, _set_num_threads = torch.get_num_threads, torch.set_num_threads
_function_depth, _pop_function_mode = torch._C._len_torch_function_stack, torch._C._pop_torch_function_stack
_dispatch_depth, _pop_dispatch_mode = torch._C._len_torch_dispatch_stack, torch._C._pop_torch_dispatch_stack
_set_default_device = torch.set_default_device
_getcwd, _chdir = os.getcwd, os.chdir
_catch_warnings, _simplefilter = warnings.catch_warnings, warnings.simplefilter


def run_check(function: Callable[[Code, Given], Any], code: Code, request: CheckRequest, device: str = "cpu") -> Observation:
    """Run a check once and observe what it returns, or the exception that ended it.

    PyTorch's, NumPy's and Python's global generators are seeded from the request; default dtype, grad mode and the
    other global switches of PyTorch start in their usual positions, and are put back to where they were afterwards.

    Args:
        function: a check, as `load_checks` returns it.
        code: the code under test.
        request: which check and draw this is, and its seed.
        device: where inputs are made, `cpu` or e.g. `cuda:0`. The second device is a simulated `cuda:0` beside the CPU,
            from when the check first asks for it; else the CPU, or for a request `from_cpu` the other way round.

    Returns:
        The observation. Whatever student code does, short of ending the process, comes back as one.
    """
    given = _given(request, device)
    found = _Switches.now()
    on_gpu = device.startswith("cuda")
    usual = found.usual(deterministic=on_gpu)
    if found != usual:
        usual.set()
    generators = _Generators(request.seed ^ _OTHER_SEED, on_gpu=on_gpu)
    output = _Output()
    streams = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = output
    returned: Fact | None = None
    error: ErrorFact | None = None
    effects: set[str] = set()
    try:
        with _catch_warnings(record=True) as caught:
            _simplefilter("always")
            try:
                returned = observe(function(code, given), given.inputs())
            except BaseException as raised:  # student code may raise SystemExit or KeyboardInterrupt
                error = _described(raised)
            try:
                effects |= _global_effects(generators, given)
                given.end_simulation()
                usual.set()
                effects |= set(given.changes())
            except Exception as raised:  # what student code left behind can be broken in any way
                returned, error = None, _described(raised)
    finally:
        sys.stdout, sys.stderr = streams
        given.close()
        found.set()
    return Observation(
        check=request.check,
        draw=request.draw,
        returned=returned,
        error=error,
        effects=tuple(sorted(effects)),
        warnings=_texts(caught),
        output=output.text(),
    )


def _given(request: CheckRequest, device: str) -> Given:
    if device == "cpu":
        return Given(request.seed)
    places = ("cpu", device) if request.from_cpu else (device, "cpu")
    return Given(request.seed, *places, simulated=False)


def _described(error: BaseException) -> ErrorFact:
    try:
        return describe_error(error)
    except Exception:  # student code can replace what describing needs
        return ErrorFact(type=type_name(type(error)), bases=base_names(type(error)))


def _global_effects(generators: _Generators, given: Given) -> set[str]:
    effects = set()
    if _get_default_dtype() is not torch.float32:
        effects.add("default dtype")
    if not _is_grad_enabled():
        effects.add("grad mode")
    if generators.moved() or given.gpu_drawn_from():
        effects.add("global random state")
    return effects


def _has_default_device() -> bool:
    return getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None) is not None


class _Switches(NamedTuple):
    """The global switches of PyTorch that student code may turn, and the working folder."""

    default_dtype: torch.dtype
    grad: bool
    deterministic: bool
    anomaly: bool
    threads: int
    function_modes: int
    dispatch_modes: int
    folder: str
    default_device: bool

    @classmethod
    def now(cls) -> _Switches:
        return cls(
            default_dtype=_get_default_dtype(),
            grad=_is_grad_enabled(),
            deterministic=_get_deterministic(),
            anomaly=_is_anomaly_enabled(),
            threads=_get_num_threads(),
            function_modes=_function_depth(),
            dispatch_modes=_dispatch_depth(),
            folder=_getcwd(),
            default_device=_has_default_device(),
        )

    def usual(self, *, deterministic: bool) -> _Switches:
        """The positions a check starts from."""
        return self._replace(
            default_dtype=torch.float32, grad=True, deterministic=deterministic, anomaly=False, default_device=False
        )

    def set(self) -> None:
        """Turn only what stands elsewhere: some of these switches are slow. A default device is always taken away."""
        if _get_default_dtype() is not self.default_dtype:
            _set_default_dtype(self.default_dtype)
        if _is_grad_enabled() is not self.grad:
            _set_grad_enabled(self.grad)
        if _get_deterministic() is not self.deterministic:
            _set_deterministic(self.deterministic, warn_only=True)
        if _is_anomaly_enabled() is not self.anomaly:
            _set_anomaly_enabled(self.anomaly)
        if _get_num_threads() != self.threads:
            _set_num_threads(self.threads)
        if _has_default_device():
            _set_default_device(None)
        while _function_depth() > self.function_modes:
            _pop_function_mode()
        while _dispatch_depth() > self.dispatch_modes:
            _pop_dispatch_mode(None)
        if _getcwd() != self.folder:
            _chdir(self.folder)


class _Generators:
    """The global random generators, seeded, and whether anything has been drawn from them since.

    Reading the states of Python's and NumPy's generators is slow, so one number is drawn from each in the end and
    compared with what a twin with the same seed gives first.
    """

    _torch = torch.default_generator
    _numpy_twin = numpy.random.RandomState(0)
    _python_twin = random.Random(0)
    _numpy_seed, _numpy_draw = numpy.random.seed, numpy.random.random_sample
    _python_seed, _python_draw = random.seed, random.random

    def __init__(self, seed: int, *, on_gpu: bool = False) -> None:
        small = seed % 2**32
        self._torch.manual_seed(seed)
        self._gpu = torch.cuda.default_generators[0].manual_seed(seed) if on_gpu else None
        self._gpu_state = contents(self._gpu.get_state()) if self._gpu else b""
        for seeder in (_Generators._numpy_seed, self._numpy_twin.seed, _Generators._python_seed, self._python_twin.seed):
            seeder(small)
        self._torch_state = contents(self._torch.get_state())

    def moved(self) -> bool:
        moved = contents(self._torch.get_state()) != self._torch_state
        moved |= self._gpu is not None and contents(self._gpu.get_state()) != self._gpu_state
        moved |= _Generators._numpy_draw() != self._numpy_twin.random_sample()
        moved |= _Generators._python_draw() != self._python_twin.random()
        return moved


class _Output(io.TextIOBase):
    """Takes the place of stdout and stderr; keeps the first `OUTPUT_LIMIT` characters."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = OUTPUT_LIMIT
        self._cut = False

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if type(text) is not str:
            raise TypeError(f"write() argument must be str, not {type_name(type(text))}")
        self._parts.append(text[: self._room])
        self._cut |= len(text) > self._room
        self._room = max(self._room - len(text), 0)
        return len(text)

    def text(self) -> str:
        whole = "".join(self._parts) + ("…" if self._cut else "")
        return whole.encode("utf-8", "backslashreplace").decode("utf-8")


def _texts(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    texts: dict[str, None] = {}
    for warning in caught[:100]:
        if not isinstance(warning.message, Warning):
            continue
        text = f"{type_name(type(warning.message))}: {safe_text(warning.message)}"
        texts[text[:_WARNING_TEXT_LIMIT]] = None
    return tuple(texts)[:_WARNINGS_LIMIT]


def load_checks(module: CheckModule, code: bytes = b"") -> dict[str, Callable[[Code, Given], Any]]:
    """Execute a file of checks and return the functions marked with `@checks`, by name, in their order.

    `code` is the file as `compiled.compiled` gives it; without it, it is compiled here.
    """
    namespace = executed(module.filename, module.source, code)
    return {
        name: thing
        for name, thing in namespace.items()
        if isinstance(mark := getattr(thing, "__autograde__", None), Mark) and mark.kind == "check"
    }


def load_replacement(replacement: Replacement, code: bytes = b"") -> Any:
    """Execute a file of misconceptions or alternatives and return what stands there under the replacement's name.

    Raises:
        AuthoringError: if there is no such name.
    """
    namespace = executed(replacement.filename, replacement.source, code)
    if replacement.name not in namespace:
        raise AuthoringError(f"{replacement.filename}: there is no {replacement.name}.")
    return namespace[replacement.name]
