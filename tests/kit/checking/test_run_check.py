import linecache
import os
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest
import torch

from autograder.checking.code import Code
from autograder.checking.given import Given
from autograder.checking.run_check import OUTPUT_LIMIT, load_checks, load_replacement, run_check
from autograder.errors import AuthoringError
from autograder.records.jobs import CheckModule, CheckRequest, Replacement
from autograder.records.observation import MappingFact, Observation, SourceLine

REQUEST = CheckRequest(check="test_f", task="f", draw=2, seed=11, seconds=5.0)
CHECKS = '''"""Checks."""

import torch

from autograder import checks, only

HELPER = 3


@checks("f")
def test_one(code, given):
    """One."""
    return only({"y": code.f(given.normal(3)), "helper": HELPER}, "values")


def test_no_check():
    pass


@checks("g", draws=2)
def test_two(code, given):
    """Two."""
    return code.f(given.normal(3))
'''


def run(body: str, check: Callable[[Code, Given], Any] | None = None, **names: Any) -> Observation:
    """Run a check on `def f(x)` with this body, as a student's cell 1. By default, the check calls f on a drawn tensor."""
    source = "def f(x):\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    linecache.cache["<cell 1>"] = (len(source), None, source.splitlines(keepends=True), "<cell 1>")
    namespace: dict[str, Any] = {
        "torch": torch,
        "numpy": numpy,
        "random": random,
        "warnings": warnings,
        "sys": sys,
        "os": os,
    }
    namespace |= names
    exec(compile(source, "<cell 1>", "exec"), namespace)
    default = lambda code, given: code.f(given.normal(3, name="x"))  # noqa: E731 - short, and used once
    return run_check(check or default, Code(namespace), REQUEST)


def test_an_observation_tells_what_came_back() -> None:
    observation = run("print('hello')\nwarnings.warn('careful')\nreturn {'y': x}")
    assert (observation.check, observation.draw, observation.error) == ("test_f", 2, None)
    assert isinstance(observation.returned, MappingFact)
    assert observation.returned.items[0].shares == ("x",)  # type: ignore[union-attr]
    assert observation.output == "hello\n"
    assert observation.warnings == ("UserWarning: careful",)
    assert observation.effects == ()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(observation), type=Observation) == observation


def test_equal_seeds_give_equal_observations() -> None:
    body = "return [x, torch.rand(3), numpy.random.rand(), random.random()]"
    assert run(body) == run(body)


@pytest.mark.parametrize(
    ("body", "effects"),
    [
        ("return x + 1", ()),
        ("return torch.rand(3, generator=torch.Generator().manual_seed(1))", ()),
        ("torch.rand(3)", ("global random state",)),
        ("numpy.random.rand()", ("global random state",)),
        ("random.random()", ("global random state",)),
        ("torch.manual_seed(0)", ("global random state",)),
        ("with torch.random.fork_rng():\n    torch.rand(3)", ()),
        ("torch.set_default_dtype(torch.float64)", ("default dtype",)),
        ("torch.set_grad_enabled(False)", ("grad mode",)),
        ("x.requires_grad_().sum().backward()", ("x: gradient", "x: requires_grad")),
        ("x.add_(1)\nraise ValueError", ("x: values",)),
    ],
)
def test_side_effects(body: str, effects: tuple[str, ...]) -> None:
    assert run(body).effects == effects


@pytest.mark.parametrize(
    "error",
    ["ValueError", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "RecursionError", "MemoryError", "StopIteration"],
)
def test_every_exception_is_observed(error: str) -> None:
    observation = run(f"raise {error}('no')")
    assert observation.returned is None
    assert observation.error is not None
    assert observation.error.type == error
    assert observation.error.message == "no"
    assert observation.error.at == SourceLine(1, 2, f"raise {error}('no')")
    assert observation.error.arguments == "x: float32 tensor of shape (3,)"


def test_an_exception_in_something_returned_lazily_is_observed() -> None:
    observation = run("return (y for y in [1 / 0])", lambda code, given: list(code.f(1)))
    assert observation.error is not None
    assert observation.error.type == "ZeroDivisionError"


def test_a_check_starts_from_usual_settings_and_leaves_what_it_found() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    torch.autograd.set_detect_anomaly(True)
    try:
        seen = run("return [torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_anomaly_enabled()]")
        values = [item.value for item in seen.returned.items]  # type: ignore[union-attr]
        assert values == ["torch.float32", True, False]
        assert torch.get_default_dtype() is torch.float64
        assert not torch.is_grad_enabled()
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_anomaly_enabled()
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.use_deterministic_algorithms(False)
        torch.autograd.set_detect_anomaly(False)


def test_what_a_check_leaves_behind_is_undone() -> None:
    streams, folder, threads, filters = sys.stdout, Path.cwd(), torch.get_num_threads(), list(warnings.filters)
    run(
        "torch.set_default_device('meta')\ntorch.set_num_threads(1)\nos.chdir('/')\nsys.stdout = None\n"
        "torch.overrides.TorchFunctionMode().__enter__()\nwarnings.simplefilter('error')\nraise SystemExit"
    )
    assert torch.ones(1).device.type == "cpu"
    assert (sys.stdout, Path.cwd(), torch.get_num_threads()) == (streams, folder, threads)
    assert torch._C._len_torch_function_stack() == 0
    assert list(warnings.filters) == filters


def test_a_check_runs_in_one_thread_as_in_grading() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert run("print(torch.get_num_threads())").output == "1\n"
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_output_and_warnings_are_cut() -> None:
    observation = run(
        "for i in range(100):\n    print('x' * 1000)\n    warnings.warn(f'{i} ' * 1000)\nsys.stderr.write('end')"
    )
    assert len(observation.output) == OUTPUT_LIMIT + 1
    assert len(observation.warnings) == 10
    assert max(map(len, observation.warnings)) <= 300


@pytest.mark.parametrize(
    "body",
    [
        "torch.Tensor.detach = torch.Tensor.contiguous = torch.Tensor.numpy = None\nreturn x",
        "torch.get_default_dtype = torch.get_rng_state = torch.set_grad_enabled = None\nreturn x",
        "random.seed = random.random = numpy.random.seed = numpy.random.random_sample = None\nreturn x",
        "linecache.getline = linecache.cache = None\nraise ValueError",
        "sys.stdout.write = None\nreturn x",
        "warnings.catch_warnings = warnings.showwarning = None\nreturn x",
    ],
)
def test_functions_that_student_code_replaced_do_not_matter(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, names in (
        (torch.Tensor, "detach contiguous numpy"),
        (torch, "get_default_dtype get_rng_state set_grad_enabled"),
        (random, "seed random"),
        (numpy.random, "seed random_sample"),
        (linecache, "getline cache"),
        (warnings, "catch_warnings showwarning"),
    ):
        for name in names.split():
            monkeypatch.setattr(owner, name, getattr(owner, name))
    observation = run(body, linecache=linecache)
    monkeypatch.undo()
    assert (observation.returned is None) == ("raise" in body)


def test_functions_replaced_in_a_cell_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, names in ((warnings, "catch_warnings simplefilter"), (torch, "Generator device"), (os, "getcwd chdir")):
        for name in names.split():
            monkeypatch.setattr(owner, name, None)
    observation = run("return 3", lambda code, given: code.f(1))
    monkeypatch.undo()
    assert (observation.error, observation.effects) == (None, ())


def test_a_module_that_is_broken_afterwards_is_an_observation() -> None:
    def check(code: Code, given: Given) -> Any:
        model = given.module(lambda: torch.nn.Linear(2, 2), name="model")
        return code.f(model)

    observation = run("x.__dict__.clear()\nreturn 1", check)
    assert observation.effects == ("model: hooks", "model: requires_grad", "model: training", "model: values")


def test_a_scratch_folder_is_there_for_the_check_only() -> None:
    seen = []
    run("return 1", lambda code, given: seen.append(given.scratch))
    assert not seen[0].exists()


def test_checks_of_a_file() -> None:
    checks = load_checks(CheckModule("tests/visible/test_topic.py", CHECKS))
    assert list(checks) == ["test_one", "test_two"]
    observation = run_check(checks["test_one"], Code({"f": lambda x: x * 2}), REQUEST)
    assert observation.returned is not None
    assert observation.returned.items[1].value == 3  # type: ignore[union-attr]
    assert "HELPER = 3" in linecache.getline("tests/visible/test_topic.py", 7)


def test_replacements() -> None:
    source = "def shared(x): return x + 1\ndef wrong(x): return shared(x)\n"
    assert load_replacement(Replacement("f", "wrong", "solutions/misconceptions/t.py", source))(1) == 2
    with pytest.raises(AuthoringError, match=r"solutions/misconceptions/t\.py does not define other"):
        load_replacement(Replacement("f", "other", "solutions/misconceptions/t.py", source))


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("input('How many? ')", "input()"),
        ("breakpoint()", "breakpoint()"),
        ("__import__('getpass').getpass()", "getpass()"),
        ("__import__('pdb').set_trace()", "a debugger"),
        ("__import__('bdb').Bdb().set_trace()", "a debugger"),
    ],
)
def test_a_question_is_refused_in_a_sentence_and_may_be_asked_again_afterwards(question: str, named: str) -> None:
    before = input, sys.breakpointhook
    namespace: dict[str, Any] = {}
    exec(f"def f(x):\n    {question}\n    return x", namespace)
    seen = run_check(load_checks(CheckModule("checks", CHECKS))["test_one"], Code(namespace), REQUEST)
    assert seen.error is not None
    assert seen.error.message == f"A check cannot wait for {named}. To use it, call your code in a cell of its own."
    assert (input, sys.breakpointhook) == before
