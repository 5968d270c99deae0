"""Exploring checks: what they draw, and what they say of each call of the task."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from autograder.checking.code import Code
from autograder.checking.exploring import explore
from autograder.checking.run_check import load_checks, run_check
from autograder.records.exploration import (
    AS_DRAWN,
    CALLS,
    CODE,
    GRADIENTS,
    RESULT,
    RETURNED,
    VARIATIONS,
    check_and_variation,
    varied_name,
)
from autograder.records.jobs import CheckModule, CheckRequest
from autograder.records.observation import DEFAULT_FACTS, Fact, MappingFact, Observation, RaisedFact, TensorFact

HEADER = "import torch\nfrom torch import nn\n\nfrom autograder import checks, only, raises\n\n\n"


def explored(body: str, task: Any, variation: str = AS_DRAWN, salt: int = 0) -> Observation:
    """What a check with this body sees of a function, under a variation."""
    source = f'{HEADER}@checks("f")\ndef test_f(code, given):\n    {body}\n'
    call = f"\nfrom autograder.checking.exploring import explore\nexplore(globals(), 'f', {salt})\n"
    name = varied_name("test_f", variation)
    check = load_checks(CheckModule("test_x.py", source + call))[name]
    seen = run_check(check, Code({"f": task}), CheckRequest(name, "f", 0, 7, 5.0))
    assert seen.error is None, seen.error
    return seen


def parts(fact: Fact | None) -> dict[str, Fact]:
    assert isinstance(fact, MappingFact)
    return dict(zip(fact.keys, fact.items, strict=True))


def calls(seen: Observation) -> list[dict[str, Any]]:
    return [parts(call) for call in parts(parts(seen.returned)[CALLS]).values()]


def codes(seen: Observation) -> list[str]:
    return [item.value for item in calls(seen)[0][CODE].items]


def run(code: str, function: Any) -> Any:
    """What the code of a call does, as a check would do it: returns the arguments."""
    from autograder.checking.given import Given

    found: list[Any] = []
    names = {
        "torch": torch,
        "nn": nn,
        "given": Given(7),
        "code": Code({"f": lambda *a, **k: found.extend([*a, *k.values()])}),
    }
    exec(code, names)
    return found


def test_the_result_is_seen_with_all_its_facts_and_what_the_check_looks_at():
    seen = explored('return only({"y": code.f(given.normal(2, 3))}, "shape")', lambda x: x.double())
    (call,) = calls(seen)
    assert (call[RESULT].dtype, call[RESULT].policy.facts) == ("float64", DEFAULT_FACTS)
    assert parts(parts(seen.returned)[RETURNED])["y"].policy.facts == ("shape",)


def test_a_call_is_written_as_it_was_drawn_and_by_its_values():
    drawn, literal = codes(explored("return code.f(given.normal(3), 0.5, dim=(0, 1))", lambda x, scale, dim: x))
    assert drawn == "x = given.normal(3)\ncode.f(x, 0.5, dim=(0, 1))"
    assert literal.startswith("x = given.tensor([")
    assert literal.endswith("dtype=torch.float32)\ncode.f(x, 0.5, dim=(0, 1))")
    one, other = (run(text, None) for text in (drawn, literal))
    assert torch.equal(one[0], other[0])


@pytest.mark.parametrize(
    ("body", "drawn"),
    [
        ("code.f(given.non_contiguous(given.normal(2, 2)))", "x = given.non_contiguous(given.normal(2, 2))\ncode.f(x)"),
        ("code.f(given.expanded(given.normal(1), 3))", "x = given.expanded(given.normal(1), 3)\ncode.f(x)"),
        ("code.f([given.normal(1), given.bools(2)])", "code.f([given.normal(1), given.bools(2)])"),
        ("code.f({'a': given.integers(2, high=3)})", "code.f({'a': given.integers(2, high=3)})"),
        ("code.f(torch.float64, None, 'mean')", "code.f(torch.float64, None, 'mean')"),
        ("code.f(given.normal(()), nn.ReLU)", "x = given.normal(())\ncode.f(x, nn.ReLU)"),
        ("code.f(given.module(lambda: nn.Linear(2, 1)))", "x = given.module(lambda: nn.Linear(2, 1))\ncode.f(x)"),
        ("code.f(lambda t: t**2 + 1)", "code.f(lambda t: t ** 2 + 1)"),
        ("code.f(given.tensor([1.0, float('inf')]))", 'x = given.tensor([1.0, float("inf")])\ncode.f(x)'),
        ("code.f(given.full(2, value=3))", "x = given.full(2, value=3)\ncode.f(x)"),
        ("code.f(given.normal(0, 2) * 1)", "x = given.full(0, 2, value=0, dtype=torch.float32)\ncode.f(x)"),
    ],
)
def test_inputs_are_written_as_an_author_would(body, drawn):
    written = codes(explored(f"return {{'y': {body} is None}}", lambda x, *more: x))[0]
    assert written == drawn
    assert len(run(written, None)) >= 1


@pytest.mark.parametrize("argument", ["object()", "given.generator()", "[k for k in range(3000)]", "given.normal(500) * 1"])
def test_what_nobody_can_write_or_read_is_left_out(argument):
    assert codes(explored(f"code.f({argument}); return 1", lambda x: 1))[1] == ""


@pytest.mark.parametrize(
    ("variation", "holds"),
    [
        (AS_DRAWN, lambda x: x.dtype is torch.float32 and not x.requires_grad),
        ("gradients", lambda x: x.requires_grad),
        ("float64", lambda x: x.dtype is torch.float64),
        ("bfloat16", lambda x: x.dtype is torch.bfloat16),
        ("int64", lambda x: x.dtype is torch.int64),
        ("whole", lambda x: x.dtype is torch.float32 and torch.equal(x, x.round())),
        ("zeros", lambda x: not x.any()),
        ("nan", lambda x: bool(x.isnan().all())),
        ("gaps", lambda x: not x.is_contiguous()),
        ("larger", lambda x: x.shape == (3, 4)),
        ("ones", lambda x: x.shape == (1, 1)),
        ("empty", lambda x: x.shape == (0, 3)),
    ],
)
def test_variations_of_what_is_drawn(variation, holds):
    xs = []
    seen = explored(
        "return code.f(given.normal(2, 3))", lambda x: xs.append(x.detach().requires_grad_(x.requires_grad)), variation
    )
    drawn = codes(seen)[0]
    again = run(drawn, None)[0]
    assert holds(again)
    assert holds(xs[0]) or variation == "gaps"


def test_every_variation_leaves_what_it_has_nothing_to_say_to():
    for variation in VARIATIONS:
        seen = explored(
            "return [code.f(given.tensor([1, 2])), given.bools(2), given.full(2, value=1)]", lambda x: x, variation
        )
        stored = "given.non_contiguous(given.tensor([1, 2]))" if variation == "gaps" else "given.tensor([1, 2])"
        assert codes(seen)[0] == f"x = {stored}\ncode.f(x)"
        assert check_and_variation(varied_name("test_f", variation)) == ("test_f", variation)


def test_gradients_of_the_result_are_seen():
    seen = explored("return code.f(given.normal(3), given.normal(3))", lambda x, y: x * y.detach(), "gradients")
    one, other = calls(seen)[0][GRADIENTS].items
    assert isinstance(one, TensorFact)
    assert other.type == "None" or other.value is None  # nothing flows to y


def test_errors_are_seen_in_raises_too():
    def refuses(x: torch.Tensor) -> None:
        raise ValueError("no")

    (call,) = calls(explored('return {"no": raises(lambda: code.f(given.normal(2)))}', refuses))
    assert isinstance(call[RESULT], RaisedFact)
    assert call[RESULT].error.type == "ValueError"
    seen = explored("return code.f(given.normal(2))", refuses)
    assert parts(seen.returned)[RETURNED].error.type == "ValueError"


def test_side_effects_are_seen_as_ever():
    assert explored("return code.f(given.normal(2))", lambda x: x.mul_(2)).effects == ("input 1: values",)
    assert explored("return code.f(given.normal(2))", lambda x: x.mul_(2), "gaps").effects == ("input 1: values",)


def test_arguments_that_the_check_made_itself_are_watched_too():
    seen = explored("return code.f(torch.ones(2), given.normal(2))", lambda x, y: x.add_(y))
    assert seen.effects == ("argument 1: values",)


def test_what_is_random_differs_with_a_salt():
    one, other = (explored("return code.f(2)", lambda n: torch.randn(n), salt=salt) for salt in (0, 5))
    assert calls(one)[0][RESULT].values != calls(other)[0][RESULT].values
    one, other = (explored("return code.f(given.normal(2))", lambda x: x, salt=salt) for salt in (0, 5))
    assert calls(one) == calls(other)


def test_classes_are_left_as_they_are():
    seen = explored("return {'y': given.module(lambda: code.f(2, 3)).weight}", nn.Linear)
    assert parts(parts(seen.returned)[CALLS]) == {}


def test_only_checks_of_the_task_are_explored():
    names = load_checks(CheckModule("test_x.py", HEADER + '@checks("g")\ndef test_g(code, given):\n    return 1\n'))
    before = dict(names)
    explore(names, "f")
    assert names == before
