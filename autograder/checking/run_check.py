"""Runs one draw of one check in this process and returns what it observed. This is the border with student code."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable
from typing import Any

import msgspec
import torch

from autograder.authoring import Mark
from autograder.checking.code import Code
from autograder.checking.error_facts import describe_error, gives_none, in_words, safe_text
from autograder.checking.execute_file import execute_file
from autograder.checking.given import Given
from autograder.checking.observe import observe
from autograder.checking.observers import Observers
from autograder.checking.questions import unanswered
from autograder.checking.switches import Generators, Switches
from autograder.checking.type_names import base_names, type_name
from autograder.errors import AuthoringError
from autograder.records.jobs import CheckModule, CheckRequest, Replacement
from autograder.records.observation import BAD_WEIGHTS, ErrorFact, Fact, Observation

__all__ = ["OUTPUT_LIMIT", "load_checks", "load_replacement", "run_check"]

OUTPUT_LIMIT = 4000
"""How many of the characters printed by one run of a check are kept."""
_WARNINGS_LIMIT = 10
_OTHER_SEED = 0x1F83D9ABFB41BD6B  # below 2**63; code that draws must not get the numbers that `given` drew
_WARNING_TEXT_LIMIT = 300

_catch_warnings, _simplefilter = warnings.catch_warnings, warnings.simplefilter
_replace = msgspec.structs.replace


def run_check(function: Callable[[Code, Given], Any], code: Code, request: CheckRequest, device: str = "cpu") -> Observation:
    """Run a check once and observe what it returns, or the exception that ended it.

    PyTorch's, NumPy's and Python's global generators are seeded from the request. The default dtype, grad mode and
    PyTorch's other global switches start in their usual positions and are restored afterwards.

    Args:
        function: a check, as `load_checks` returns it.
        code: the code under test.
        request: which check and draw this is, and its seed.
        device: where inputs are made, `cpu` or e.g. `cuda:0`. With `cpu`, the second device is a `cuda:0` simulated once
            the check first asks for it; with a GPU it is the CPU, or the other way round for a request `from_cpu`.

    Returns:
        The observation, whatever student code does short of ending the process.
    """
    given = _given(request, device)
    observers = Observers(getattr(function, "__globals__", {}))
    before = Switches.now()
    on_gpu = device.startswith("cuda")
    usual = before.usual(deterministic=on_gpu)
    if before != usual:
        usual.set()
    generators = Generators(request.seed ^ _OTHER_SEED, on_gpu=on_gpu)
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
                with unanswered():
                    returned = observe(function(code, given), given.inputs(), observers)
            except BaseException as raised:  # student code may raise SystemExit or KeyboardInterrupt
                error = _with_answer(_described(raised), code, request.task)
            try:
                effects |= _global_effects(generators, given)
                given.end_simulation()
                usual.set()
                effects |= set(given.changes())
            except Exception as raised:  # student code can leave things broken in any way
                returned, error = None, _described(raised)
    finally:
        sys.stdout, sys.stderr = streams
        given.close()
        before.set()
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


def _with_answer(error: ErrorFact, code: Code, task: str) -> ErrorFact:
    """The error, if a check's line met it, with what a task's variable holds, or a mark if its function returns None."""
    if error.origin != "check" or error.type == BAD_WEIGHTS:  # which says itself what it met
        return error
    try:
        thing = getattr(code, task)
        if not callable(thing):
            return _replace(error, held=in_words(thing))
        none = "NoneType" in error.message and gives_none(thing)
    except Exception:  # student code can leave anything under the name, or nothing
        return error
    return _replace(error, gives_none=True) if none else error


def _global_effects(generators: Generators, given: Given) -> set[str]:
    effects = set()
    switches = Switches.now()
    if switches.default_dtype is not torch.float32:
        effects.add("default dtype")
    if not switches.grad:
        effects.add("grad mode")
    if generators.moved() or given.gpu_drawn_from():
        effects.add("global random state")
    return effects


class _Output(io.TextIOBase):
    """Replaces stdout and stderr; keeps the first `OUTPUT_LIMIT` characters."""

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
    """Execute a checks file and return the functions marked with `@checks`, by name, in order.

    `code` is the compiled file from `autograder.processes.compiled_files`; without it, the file is compiled here.

    Raises:
        BaseException: whatever the file raises, including a SyntaxError.
    """
    namespace = execute_file(module.filename, module.source, code)
    return {
        name: thing
        for name, thing in namespace.items()
        if isinstance(mark := getattr(thing, "__autograde__", None), Mark) and mark.kind == "check"
    }


def load_replacement(replacement: Replacement, code: bytes = b"") -> Any:
    """Execute a file of misconceptions or alternatives and return what it defines under the replacement's name.

    Raises:
        AuthoringError: if it does not define that name.
        BaseException: whatever the file raises, including a SyntaxError.
    """
    namespace = execute_file(replacement.filename, replacement.source, code)
    if replacement.name not in namespace:
        raise AuthoringError(f"{replacement.filename} does not define {replacement.name}.")
    return namespace[replacement.name]
