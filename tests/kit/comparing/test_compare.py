from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.authoring import alike as all_alike
from autograder.authoring import (
    at_least,
    at_most,
    close,
    distributed_as,
    exactly,
    ignoring,
    only,
    raises,
    secret,
    unordered,
)
from autograder.checking.observe import observe
from autograder.comparing.arrays import DEFAULT_TOLERANCES as TOLERANCES
from autograder.comparing.bounds import sketch
from autograder.comparing.compare import agree, compare, message_template, same
from autograder.records.observation import (
    DEFAULT_FACTS,
    FACT_NAMES,
    ErrorFact,
    MappingFact,
    Observation,
    OpaqueFact,
    Policy,
    SourceFact,
    SourceLine,
    TensorFact,
    ValueFact,
)


def seen(thing: Any, **inputs: Any) -> Observation:
    return Observation(check="test_it", draw=0, returned=observe(thing, inputs))


def told(expected: Any, actual: Any, **options: Any) -> list[str]:
    return [difference.sentence for difference in compare(seen(expected), seen(actual), TOLERANCES, **options)]


def raising(error: Exception) -> Any:
    def call() -> None:
        raise error

    return raises(call)


def raising_itself(error: Exception) -> Any:
    """The same where the line that raises is the code's under test."""
    names: dict[str, Any] = {"error": error}
    exec(compile("def call():\n    raise error", "<cell 1>", "exec"), names)
    return raises(names["call"])


def leaf(*values: float, grad: list[float] | None = None) -> torch.Tensor:
    tensor = torch.tensor(values, requires_grad=True)
    if grad is not None:
        tensor.grad = torch.tensor(grad)
    return tensor


A = torch.tensor([[0.25, -1.5, 2.0, 0.5], [1.25, 3.0, -0.75, 4.0], [-2.5, 0.125, 1.0, -3.5]])
ZEROS = torch.zeros(3, 4)
FLAT = A.flatten()


SENTENCES = [
    # facts other than values, in the order of comparison
    ({"gradient": A}, {"gradient": A.double()}, "`gradient` has dtype float64; it should be float32."),
    ({"x": A}, {"x": A.t()}, "`x` has shape (4, 3); it should be (3, 4)."),
    ({"x": A}, {"x": A.t().double()}, "`x` has shape (4, 3); it should be (3, 4)."),
    (A, A.to("meta"), "`result` is on device meta; it should be on cpu."),
    (A.to_sparse(), A, "`result` has layout strided; it should be sparse_coo."),
    (A, A.clone().requires_grad_(), "`result` has requires_grad=True; it should be False."),
    (nn.Parameter(A), A, "`result` is a Tensor; it should be a Parameter."),
    (A, A.numpy(), "`result` is an ndarray; it should be a Tensor."),
    (A.sum(), 7.0, "`result` is a float; it should be a Tensor."),
    (1.0, A.sum(), "`result` is a Tensor; it should be a float."),
    (A, None, "`result` is None; it should be a Tensor."),
    (None, A, "`result` is a Tensor; it should be None."),
    (
        only(leaf(1.0) * 2, "is_leaf"),
        leaf(2.0),
        "`result` is a leaf; it should be the result of a recorded operation.",
    ),
    (
        only(leaf(1.0) * 2, "grad_fn"),
        torch.tensor([2.0]),
        "`result` has no grad_fn: it is cut off from the graph; it should be part of it.",
    ),
    (
        only(leaf(1.0), "gradient"),
        leaf(1.0, grad=[0.0]),
        "`result` has a gradient of zeros; it should have no gradient (its .grad should be None).",
    ),
    (
        only(leaf(1.0, grad=[3.0]), "gradient"),
        leaf(1.0),
        "`result` has no gradient (its .grad is None); it should have a gradient.",
    ),
    (only(leaf(1.0, grad=[3.0]), "gradient"), leaf(1.0, grad=[6.0]), "`result.grad` is 6; it should be 3."),
    (
        only(leaf(1.0, grad=[3.0]), "gradient"),
        leaf(1.0) * 1,
        "`result` is not a leaf, so it keeps no .grad; it should have a gradient.",
    ),
    (
        only(A.expand(2, 3, 4), "overlap"),
        A.expand(2, 3, 4).clone(),
        "`result` stores each element separately; several should share memory (as after expand).",
    ),
    (only(A, "stride"), A.t().contiguous().t(), "`result` has stride (1, 3); it should be (4, 1)."),
    (
        exactly(torch.tensor([0.0, 1.0])),
        torch.tensor([-0.0, 1.0]),
        "`result`: 1 of 2 elements differ in their bits; the first is at [0] (yours -0, expected 0).",
    ),
    # values
    (
        {"result": A},
        {"result": torch.where(A > 2.5, A + torch.tensor([0.25, 0.5, 0.125, 0.25]), A)},
        "`result`: 2 of 12 elements differ; the largest difference is 0.5 at [1, 1] (yours 3.5, expected 3).",
    ),
    (
        A,
        A + torch.eye(3, 4)[1] * (A == 3),
        "`result`: 1 of 12 elements differs, by 1, at [1, 1] (yours 4, expected 3).",
    ),
    (A[0, 0], A[0, 0] + 0.5, "`result` is 0.75; it should be 0.25. Your value is 3 times the expected one."),
    (
        A,
        A / ZEROS[0].index_fill(0, torch.tensor([1, 2, 3]), 1.0),
        "`result` has an infinity at [0, 0], [1, 0], [2, 0]; it should be finite there.",
    ),
    (A, torch.where(A > 3, torch.nan, A), "`result` has NaN at [1, 3]; it should be finite there."),
    (torch.where(A > 3, torch.nan, A), A, "`result` should be NaN at [1, 3]."),
    (A > 0, A > 1, "`result`: 4 of 12 elements differ; the first is at [0, 0] (yours False, expected True)."),
    # numbers, strings and other Python values
    (3, 3.0, "`result` is a float; it should be an int."),
    (True, 1, "`result` is an int; it should be a bool."),
    (3, 4, "`result` is 4; it should be 3."),
    (True, False, "`result` is False; it should be True."),
    (0.25, 0.2500251, "`result` is 0.250025; it should be 0.25."),
    (1.0, 1.00003, "`result` is 1.00003; it should be 1."),
    ("mean", "sum", "`result` is 'sum'; it should be 'mean'."),
    (torch.float32, torch.float64, "`result` is 'torch.float64'; it should be 'torch.float32'."),
    (float("nan"), 1.0, "`result` is 1; it should be NaN. "),
    ([1, 2], (1, 2), "`result` is a tuple; it should be a list."),
    ([1, 2], [1], "`result` has 1 item; it should have 2."),
    ([1, 2], [1, 3], "`result[1]` is 3; it should be 2."),
    ({"a": {"k": 1}}, {"a": {}}, "`a` lacks the key 'k'."),
    ({"a": 1}, {}, "`a` is missing."),
    ({"a": 1}, {"a": 1, "b": 2}, "`result` has the key 'b', which should not be there."),
    ({"a": [A]}, {"a": [A.double()]}, "`a[0]` has dtype float64; it should be float32."),
    ({"a": {"b": A}}, {"a": {"b": A.double()}}, '`a["b"]` has dtype float64; it should be float32.'),
    (1 + 2j, 1 + 3j, "`result` is 3; it should be 2."),
    # policies
    (
        unordered(A),
        A[[2, 0, 0]],
        "`result`: 1 of the 3 entries along dimension 0 is not among those expected (their order does not matter).",
    ),
    (
        unordered([1, 2, 3]),
        [3, 2, 4],
        "`result`: 1 of its 3 items is not among those expected (their order does not matter).",
    ),
    (at_least(0.9, 0.95), 0.9, "`result` is 0.9; it should be at least 0.95."),
    (at_most(torch.tensor(0.1), 0.2), torch.tensor(0.3), "`result` is 0.3; it should be at most 0.2."),
    (at_least(0.9, 0.5), float("nan"), "`result` is not a number."),
    (secret("float32"), "float64", "`result` is not the right answer (yours: 'float64')."),
    # exceptions
    (raising(ValueError()), raising_itself(TypeError()), "`result` raised TypeError; it should raise ValueError."),
    (raises(lambda: 1), raising_itself(TypeError()), "`result` raised TypeError; it should raise nothing."),
    (
        {"shape (3,)": raising(ValueError())},
        {"shape (3,)": raises(lambda: A)},
        "`shape (3,)` raised nothing and returned a float32 tensor of shape (3, 4); it should raise ValueError.",
    ),
    # modules
    (nn.Linear(2, 3), nn.Linear(2, 3, bias=False), "`result` has no parameter `bias`."),
    (nn.Linear(2, 3, bias=False), nn.Linear(2, 3), "`result` has a parameter `bias`, which should not be registered."),
    (nn.Dropout(), nn.Dropout().eval(), "`result` is in evaluation mode; it should be in training mode."),
]


@pytest.mark.parametrize(("expected", "actual", "sentence"), SENTENCES, ids=[row[2][:60] for row in SENTENCES])
def test_sentence(expected: Any, actual: Any, sentence: str) -> None:
    torch.manual_seed(0)
    sentences = told(expected, actual)
    assert any(each.startswith(sentence.strip()) for each in sentences), sentences


CAUSES = [
    (A, ZEROS, "All of your values are 0."),
    (A, -A, "The sign is flipped."),
    (A, A.abs(), "Your values are the absolute values of the expected ones: the signs are lost."),
    (A, A.t().reshape(3, 4), "These are the right numbers in a different order: dimensions 0 and 1 look swapped."),
    (A, A.flip(0), "These are the right numbers in reverse order along dimension 0."),
    (A, A.roll(1, 1), "These are the right numbers, each one place later along dimension 1."),
    (FLAT, FLAT.sort().values, "These are the right numbers in a different order."),
    (A, A * 12, "Your values are 12 times the expected ones: did you take the sum instead of the mean?"),
    (A, A / 3, "Your values are 1/3 of the expected ones: did you take the mean instead of the sum?"),
    (A, A * 2, "Your values are 2 times the expected ones."),
    (A, A * 0.6, "Your values are 0.6 times the expected ones."),
    (A, A + 0.5, "All of your values are 0.5 too large."),
    (A, A.trunc(), "The fractional parts are missing: was there an integer division or a conversion to integers?"),
    (torch.tensor(47.6429), torch.tensor(47.0), "The fractional parts are missing"),
    (torch.arange(20) / 255, torch.arange(20) / 256, "Your values are 0.9961 times the expected ones."),
    (A, A.mean(0).expand(3, 4), "Your values do not vary along dimension 0: was something broadcast, or reduced over it?"),
    (A, A**2, "Your values are the squares of the expected ones."),
    (A, A.relu(), "The values that should be negative are 0."),
    (A.double() / 3, (A / 3).double(), "The precision is only that of float32"),
    (A / 3, (A / 3).half().float(), "The precision is only that of float16"),
    (A / 3, (A / 3).bfloat16().float(), "The precision is only that of bfloat16"),
    (A, torch.cat([A[:-1], A[-1:] + A[:1]]), "Only the last entry along dimension 0 differs."),
    (A > 0, A <= 0, "True and False are swapped."),
    (A > 0, A > -9, "All of your values are True."),
    (torch.tensor([200, 3, 255]), torch.tensor([-56, 3, -1]), "Your values are off by multiples of 256"),
    (torch.tensor([1 + 2j, 3 - 1j]), torch.tensor([1 - 2j, 3 + 1j]), "Your values are the complex conjugates"),
]


@pytest.mark.parametrize(("expected", "actual", "cause"), CAUSES, ids=[row[2][:50] for row in CAUSES])
def test_likely_cause(expected: torch.Tensor, actual: torch.Tensor, cause: str) -> None:
    (sentence,) = told(expected, actual)
    assert cause in sentence


def test_numbers_that_are_nearly_right_have_lost_no_sign_and_no_factor() -> None:
    torch.manual_seed(0)
    large = torch.randint(2**61, 2**62, (12,))
    (sentence,) = told(large, large.double().long())
    assert sentence.endswith(").")  # no cause follows
    assert any(f"difference is {gap} at" in sentence for gap in (large - large.double().long()).abs().tolist())
    exact = torch.randn(12, dtype=torch.float64)
    assert not any(" 1 times" in sentence for sentence in told(exact, exact * (1 + 4.2e-8)))


def test_no_cause_is_named_for_unrelated_numbers() -> None:
    generator = torch.Generator().manual_seed(1)
    for shape in ((), (3,), (4, 5), (2, 3, 4)):
        expected, actual = (torch.randn(shape, generator=generator) for _ in range(2))
        (sentence,) = told(expected, actual)
        assert sentence.endswith((").", f"{expected.item():.6g}.") if shape == () else ").")


EQUAL = [
    (A, A.t().contiguous().t()),
    (only(A, "values"), A.double()),
    (only(A.sum(), "values"), A.sum().item()),
    (only(A.sum().item(), "values"), A.sum()),
    (ignoring(A, "dtype"), A.double()),
    (ignoring(A, "requires_grad"), A.clone().requires_grad_()),
    (unordered(A), A[[2, 0, 1]] + 1e-7),
    (unordered([1.0, 2.0, 3.0]), [3.0, 1.0000001, 2.0]),
    ({1, 2, 3}, {3, 2, 1}),
    (A.shape, (3, 4)),
    (0.1 + 0.2, 0.3),
    (close(1.0, rtol=0.1), 1.05),
    (close(A, rtol=0.0, atol=1.0), A + 0.9),
    (A.to("meta"), A.to("meta")),
    (float("nan"), float("nan")),
    (torch.tensor([torch.inf, -torch.inf, torch.nan]), torch.tensor([torch.inf, -torch.inf, torch.nan])),
    (raising(LookupError()), raising(KeyError())),
    (raises(lambda: 1), raises(lambda: 2)),
    (torch.empty(0, 3), torch.empty(0, 3)),
    (at_least(0.97, 0.9), 0.91),
    (secret(torch.float32), torch.float32),
    (object(), object()),
]


@pytest.mark.parametrize(("expected", "actual"), EQUAL)
def test_equal(expected: Any, actual: Any) -> None:
    assert told(expected, actual) == []


def test_only_the_first_difference_of_a_thing_is_told_and_of_each_thing_one() -> None:
    sentences = told({"a": A, "b": A, "c": A}, {"a": A.t().double(), "b": A, "c": -A})
    assert [sentence[:12] for sentence in sentences] == ["`a` has shap", "`c`: all 12 "]


def test_facts_are_compared_in_their_order() -> None:
    expected = observe(only(leaf(1.0) * 2, *FACT_NAMES))
    assert isinstance(expected, TensorFact)
    wrong: dict[str, Any] = {
        "type": "Parameter",
        "shape": (2,),
        "dtype": "float64",
        "device": "meta",
        "layout": "sparse_coo",
        "requires_grad": False,
        "is_leaf": True,
        "grad_fn": False,
        "values": b"\0\0\0\0",
        "gradient": "none",
        "aliasing": ("x",),
        "overlap": True,
        "stride": (7,),
        "bits": True,
    }
    fields = {"grad_fn": "has_grad_fn", "aliasing": "shares", "bits": "conj"}
    for start, fact in enumerate(FACT_NAMES):
        changes = {fields.get(name, name): wrong[name] for name in FACT_NAMES[start:]}
        actual = msgspec.structs.replace(expected, **changes)
        found = compare(_of(expected), _of(actual), TOLERANCES)
        assert [difference.fact for difference in found] == [fact]


def _of(fact: Any) -> Observation:
    return Observation(check="test_it", draw=0, returned=fact)


def test_aliasing_names_the_input() -> None:
    expected = seen(only(A.clone(), "aliasing"), x=A)
    assert compare(expected, seen(A, x=A), TOLERANCES)[0].sentence == (
        "`result` shares its storage with `x`; it should have its own."
    )
    expected = seen(only(A.view(4, 3), "aliasing"), x=A)
    assert compare(expected, seen(A.clone(), x=A), TOLERANCES)[0].sentence == (
        "`result` has its own storage; it should share that of `x`."
    )


def test_aliasing_of_several_things_is_true_of_each() -> None:
    def both(row: Any, column: Any) -> list[str]:
        right = seen(only({"last row": A[-1], "third column": A[:, 2]}, "aliasing"), x=A)
        return [each.sentence for each in compare(right, seen({"last row": row, "third column": column}, x=A), TOLERANCES)]

    assert both(A[-1], A[:, 2].clone()) == [
        "`last row` and `third column` share no storage; they should.",
        "`third column` has its own storage; it should share that of `x`.",
    ]
    assert both(A[-1].clone(), A[:, 2].clone()) == [
        "`last row` has its own storage; it should share that of `x`.",
        "`third column` has its own storage; it should share that of `x`.",
    ]
    copy = A.clone()
    assert both(copy[-1], copy[:, 2])[0] == "`last row` shares no storage with `x`; it should."


def test_aliasing_with_another_input() -> None:
    b = torch.ones(3, 4)
    expected = seen(only(A.view(4, 3), "aliasing"), x=A, b=b)
    assert compare(expected, seen(b, x=A, b=b), TOLERANCES)[0].sentence == (
        "`result` shares its storage with `b`; it should share that of `x`."
    )


def test_an_assertion_of_the_check_is_not_raised_by_the_code() -> None:
    stopped = Observation(check="test_it", draw=0, error=ErrorFact(type="AssertionError", origin="check"))
    assert [each.sentence for each in compare(seen(A), stopped, TOLERANCES, task="f")] == [
        "What `f` returned or left behind does not pass this check."
    ]


def test_policies_come_from_the_expected_side_only() -> None:
    expected, forged = seen(A), seen(only(A.double() * 5, "shape"))
    assert compare(expected, forged, TOLERANCES)
    assert compare(expected, seen(at_least(3.0, -1e9)), TOLERANCES)


def test_tiny_gradients_of_the_wrong_sign_differ() -> None:
    tiny = torch.full((4,), 1e-6)
    assert told(only(tiny, "values"), -tiny) != []
    assert told(only(tiny.double() * 1e-6, "values"), -tiny.double() * 1e-6) != []
    assert told(only(tiny, "values"), torch.zeros(4)) != []


def test_rounding_around_zero_does_not_differ() -> None:
    """A gradient that nearly cancels out is nothing but rounding errors."""
    assert told(torch.tensor([3e-8, -1e-8]), torch.tensor([-3e-8, 6e-8])) == []
    assert told(torch.zeros(2), torch.tensor([-3e-8, 6e-8])) == []
    x = torch.randn(64, generator=torch.Generator().manual_seed(0))
    assert told((x - x.mean()).mean(), (x - x.sum() / 64).sum() / 64) == []


def test_tolerance_is_that_of_the_dtype() -> None:
    for dtype, below, above in (
        (torch.float64, 1e-9, 3e-9),
        (torch.float32, 1e-5, 3e-5),
        (torch.float16, 4e-3, 1e-2),
        (torch.bfloat16, 3e-2, 9e-2),
    ):
        x = torch.ones(3, dtype=dtype)
        assert told(x, (x.double() + below).to(dtype)) == []
        assert told(x, (x.double() + above).to(dtype)) != []
    assert told(torch.ones(3, dtype=torch.int64), torch.ones(3, dtype=torch.int64) + 1) != []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_a_coarse_dtype_does_not_loosen_the_comparison_where_dtypes_do_not_count(dtype: torch.dtype) -> None:
    for expected in (A / 3000, A / 3, A.double() / 3):
        reference = seen(only(expected, "values"))
        assert compare(reference, seen(torch.zeros_like(A).to(dtype)), TOLERANCES)
        assert compare(reference, seen((1.02 * expected).to(dtype)), TOLERANCES)
    assert compare(seen(only(0.1, "values")), seen(torch.zeros(()).to(dtype)), TOLERANCES)
    for wanted, other in ((torch.float32, torch.float64), (torch.float64, torch.float32), (dtype, torch.float32)):
        assert not compare(seen(only((A / 3).to(wanted), "values")), seen((A / 3).to(other)), TOLERANCES)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz])
def test_small_floats_are_read_from_their_bits(dtype: torch.dtype) -> None:
    x = torch.tensor([0.5, -2.0, 1.5]).to(dtype)
    assert told(x, x.clone()) == []
    assert told(x, (-x.float()).to(dtype))[0].endswith("The sign is flipped.")


def test_large_tensors_take_no_time() -> None:
    x = torch.rand(2000, 1000) + 1
    assert told(x, x * 2)[0].startswith("`result`: all 2000000 elements differ")


def test_undefined_and_untouched_code() -> None:
    expected = seen(A)
    undefined = Observation(check="test_it", draw=0, error=ErrorFact(type="UndefinedName", undefined=True))
    untouched = Observation(check="test_it", draw=0, error=ErrorFact(type="NotImplementedError", not_attempted=True))
    raised = Observation(check="test_it", draw=0, error=ErrorFact(type="ValueError", at=SourceLine(3, 4, "x")))
    assert compare(expected, undefined, TOLERANCES, task="match")[0].sentence == "`match` is not defined in your file."
    assert compare(expected, untouched, TOLERANCES, task="match")[0].sentence == "`match` is not attempted yet."
    assert compare(expected, raised, TOLERANCES)[0].sentence == "Your code raised ValueError in cell 3, line 4."


def test_a_stub_is_no_exception_that_was_asked_for() -> None:
    """NotImplementedError is a RuntimeError."""
    expected = raising(RuntimeError())

    def stub() -> None:
        raise NotImplementedError

    code = compile("def stub():\n    raise NotImplementedError", "<cell 1>", "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    assert told(expected, raises(stub)) == []
    assert told(expected, raises(namespace["stub"])) == ["`result`: what it calls is not attempted yet."]


def test_nothing_that_the_code_chose_is_quoted_of_a_hidden_check() -> None:
    stolen = "the hidden check's source"
    expected = {"a": "x", "b": {}, "c": A, "d": raising(ValueError()), "e": nn.Linear(1, 1, bias=False), "f": A}
    weird = type(stolen, (Exception,), {})
    module = nn.Linear(1, 1, bias=False)
    module.register_buffer(stolen.replace(".", ""), torch.zeros(1))
    actual = {
        "a": stolen,
        "b": {stolen: 1},
        "c": type(stolen, (), {})(),
        "d": raising(weird(stolen)),
        "e": module,
        "f": stolen,
    }
    text = " ".join(told(expected, actual, quote=False))
    assert "hidden" not in text
    assert text.count(". `") >= 4


def test_a_dtype_is_told_even_of_a_hidden_check() -> None:
    assert told(torch.int64, torch.float64, quote=False) == ["`result` is 'torch.float64'; it should be 'torch.int64'."]
    forged = Observation(check="test", draw=0, returned=ValueFact(type="dtype", value="torch.hidden"))
    expected = Observation(check="test", draw=0, returned=ValueFact(type="dtype", value="torch.int64"))
    assert "hidden" not in compare(expected, forged, {}, quote=False)[0].sentence


CORRUPT = [
    TensorFact(type="Tensor", dtype="float32", shape=(3, 4), device="cpu", values=b"abc"),
    TensorFact(type="Tensor", dtype="float99", shape=(3, 4), device="cpu", values=b"abc"),
    TensorFact(type="Tensor", dtype="float32", shape=(-3, -4), device="cpu", values=b"\0" * 48),
    TensorFact(type="Tensor", dtype="float32", shape=(2**40, 2**40), device="cpu"),
    ValueFact(type="Tensor", value=None),
    MappingFact(type="Tensor", keys=("a", "b"), items=()),
    OpaqueFact(type="Tensor", reason="too large"),
]


@pytest.mark.parametrize("fact", CORRUPT)
@pytest.mark.parametrize("facts", [DEFAULT_FACTS, ("values",), ("gradient",), FACT_NAMES])
def test_corrupt_facts_differ_and_never_crash(fact: Any, facts: Any) -> None:
    x = leaf(*[1.0] * 12, grad=[2.0] * 12)
    for expected in (only(x, *facts), only(x.reshape(3, 4), *facts), unordered(A), [A], {"a": A}, 3, raises(lambda: 1)):
        assert compare(seen(expected), _of(fact), TOLERANCES)


# ---- properties -------------------------------------------------------------------------------------------------------

SHAPES = st.sampled_from([(), (1,), (5,), (2, 3), (2, 0), (3, 1, 2)])
DTYPES = st.sampled_from(
    [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.complex64]
)


@st.composite
def tensors(draw: Any) -> torch.Tensor:
    shape, dtype, seed = draw(SHAPES), draw(DTYPES), draw(st.integers(0, 10_000))
    scale = draw(st.sampled_from([1e-8, 1e-3, 1.0, 100.0]))
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale
    return (x.abs() * 50).to(dtype) if dtype is torch.uint8 else x.to(dtype)


THINGS = st.recursive(
    st.one_of(tensors(), st.integers(-(2**62), 2**62), st.floats(), st.booleans(), st.none(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3), st.tuples(inner, inner)
    ),
    max_leaves=6,
)
MARKS = st.sampled_from(
    [
        lambda thing: thing,
        exactly,
        unordered,
        secret,
        lambda thing: only(thing, *FACT_NAMES),
        lambda thing: ignoring(thing, "type"),
    ]
)


@settings(max_examples=150)
@given(thing=THINGS, mark=MARKS)
def test_nothing_differs_from_itself(thing: Any, mark: Any) -> None:
    observation = seen(mark(thing))
    assert compare(observation, observation, TOLERANCES) == ()
    assert same(observation, observation, TOLERANCES)


@settings(max_examples=150)
@given(tensor=tensors(), place=st.integers(0, 1000), data=st.data())
def test_a_change_beyond_the_tolerance_is_found_and_one_within_is_not(tensor: torch.Tensor, place: int, data: Any) -> None:
    if tensor.numel() == 0 or not tensor.is_floating_point():
        return
    tolerance = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}[tensor.dtype]
    room = tolerance * (1 + tensor.abs().max().double().item())
    step = room * data.draw(st.floats(1.5, 1e6)) * data.draw(st.sampled_from([-1, 1]))
    changed = tensor.double().clone()
    changed.view(-1)[place % tensor.numel()] += step
    assert told(only(tensor, "values"), changed.to(torch.float64)) != [] or tensor.dtype is torch.float64
    nearly = (tensor.double() * (1 + 1e-4 * tolerance)).to(tensor.dtype)
    assert told(tensor, nearly) == []


@settings(max_examples=100)
@given(left=THINGS, right=THINGS)
def test_sentences_are_sentences(left: Any, right: Any) -> None:
    for difference in compare(seen(left), seen(right), TOLERANCES):
        assert difference.sentence.endswith((".", "?"))
        assert "cannot be compared" not in difference.sentence
        assert difference.where


# ---- same -------------------------------------------------------------------------------------------------------------


def alike(left: Any, right: Any) -> bool:
    return same(seen(left), seen(right), TOLERANCES)


def test_same_is_not_narrowed_by_policies() -> None:
    assert told(only(A, "shape"), A * 2) == []
    assert not alike(only(A, "shape"), only(A * 2, "shape"))
    assert not alike(ignoring(A, "dtype"), ignoring(A.double(), "dtype"))
    assert not alike(only(3, "values"), only(3.0, "values"))
    assert alike(only(A, "shape"), only(A.clone(), "shape"))


def test_same_errors_have_one_type_and_one_message_template() -> None:
    assert alike(raising(ValueError("shape (3, 4) of 'x'")), raising(ValueError("shape (5, 6) of 'y'")))
    assert not alike(raising(ValueError("one thing")), raising(ValueError("another thing")))
    assert not alike(raising(LookupError("a")), raising(KeyError("a")))
    assert not alike(raising(ValueError("a")), raises(lambda: 1))


def test_same_wants_equal_side_effects_unless_told_otherwise() -> None:
    left = seen(A)
    right = msgspec.structs.replace(left, effects=("default dtype",))
    assert not same(left, right, TOLERANCES)
    assert same(left, right, TOLERANCES, effects=False)


def test_random_things_are_the_same_if_they_may_come_from_one_distribution() -> None:
    def drawn(scale: float) -> Any:
        return distributed_as(torch.randn(100, 100) * scale, "normal", mean=0, std=1)

    assert alike(drawn(2.0), drawn(2.0))
    assert not alike(drawn(2.0), drawn(1.5))
    assert not alike(drawn(2.0), distributed_as(torch.zeros(100, 100), "normal", mean=0, std=1))
    assert alike(at_least(0.5, 0.9), at_least(0.52, 0.9))
    assert not alike(at_least(0.5, 0.9), at_least(0.7, 0.9))
    assert not alike(at_least(0.89, 0.9), at_least(0.91, 0.9))


def test_random_things_differ_if_one_piles_up_or_reaches_further() -> None:
    def drawn(numbers: torch.Tensor) -> Any:
        return distributed_as(numbers, "truncated_normal", mean=0, std=1, a=-2, b=2)

    def normal() -> torch.Tensor:
        return torch.randn(100, 200)

    assert alike(drawn(normal().clamp(-2, 2)), drawn(normal().clamp(-2, 2)))
    assert alike(drawn(normal()), drawn(normal()))
    assert not alike(drawn(normal().clamp(-2, 2)), drawn(normal().clamp(-2)))
    assert not alike(drawn(normal().clamp(-2)), drawn(normal()))


def test_what_an_author_and_a_student_write_into_an_exception_need_not_agree() -> None:
    def error(message: str, own: bool) -> Observation:
        return Observation(check="test", draw=0, error=ErrorFact(type="ValueError", message=message, own_words=own))

    assert same(error("empty", True), error("there is nothing in it", True), {})
    assert not same(error("empty", True), error("there is nothing in it", False), {})


def test_message_template() -> None:
    assert message_template("size of tensor a (3) must match 1e-5 at 0x7f, 'x'") == message_template(
        "size of tensor a (12) must match 2.5 at 0xff12, 'name'"
    )
    assert message_template("a") != message_template("b")


def test_the_trusted_side_imports_no_torch() -> None:
    modules = ("comparing.compare", "scoring.diagnosis", "scoring.score", "keys.build", "course.topic", "processes.pool")
    imports = ", ".join(f"autograder.{module}" for module in modules)
    code = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_policy_and_numpy_defaults_are_as_documented() -> None:
    assert Policy().facts == DEFAULT_FACTS
    assert told(np.arange(3), np.arange(3)) == []


def test_on_another_machine_the_same_code_says_the_same() -> None:
    """A bound that is missed differs from the reference, but not from itself; other last digits do not matter."""
    missed, missed_elsewhere, met = (seen(at_least(share, 0.97)) for share in (0.69, 0.4825, 0.99))
    assert compare(missed, missed, TOLERANCES)
    assert agree(missed, missed_elsewhere, TOLERANCES)
    assert not agree(missed, met, TOLERANCES)
    assert agree(seen(A), seen(A * (1 + 1e-7)), TOLERANCES)
    assert not agree(seen(A), seen(A * (1 + 1e-3)), TOLERANCES)
    assert not agree(seen(only(A, "bits")), seen(only(A * (1 + 1e-6), "bits")), TOLERANCES)
    one, other, equal = (seen(all_alike(A * factor, A)) for factor in (2, 3, 1))
    assert compare(one, one, TOLERANCES)
    assert agree(one, other, TOLERANCES)
    assert not agree(one, equal, TOLERANCES)
    assert not agree(equal, one, TOLERANCES)


def test_a_sketch_says_what_its_tensor_says() -> None:
    def drawn(std: float, seed: int) -> torch.Tensor:
        return torch.randn(100, 100, generator=torch.Generator().manual_seed(seed)) * std

    right, wrong, other = (seen(distributed_as(drawn(*how), "normal", mean=0, std=1)) for how in ((1, 1), (2, 1), (2, 2)))
    kept = [msgspec.structs.replace(one, returned=sketch(one.returned)) for one in (right, wrong)]
    assert len(msgspec.msgpack.encode(kept[0])) < 1000
    assert not compare(right, kept[0], TOLERANCES)
    assert not compare(kept[0], right, TOLERANCES)
    assert [d.sentence for d in compare(right, kept[1], TOLERANCES)] == [
        d.sentence for d in compare(right, wrong, TOLERANCES)
    ]
    assert same(kept[1], other, TOLERANCES)
    assert not same(kept[1], right, TOLERANCES)
    assert not compare(kept[0], seen(distributed_as(drawn(1, 3), "normal", mean=0, std=1)), TOLERANCES)
    assert compare(kept[0], seen(distributed_as(drawn(1, 3)[:50], "normal", mean=0, std=1)), TOLERANCES)


# rules on the source


def ruled(count: int = 0, *, found: bool = True, at_most: int = 0, cell: int = 3) -> Observation:
    places = (SourceLine(cell, 7, ""),) * count if count > at_most else ()
    fact = SourceFact(demand="`f` must do without loops.", at_most=at_most, found=found, count=count, places=places)
    return Observation(check="f_forbids_loops", draw=0, returned=fact)


@pytest.mark.parametrize(
    ("expected", "actual", "sentence"),
    [
        (ruled(), ruled(1), "Cell 3, line 7: `f` must do without loops."),
        (ruled(), ruled(3, cell=0), "Line 7 and 2 more places: `f` must do without loops."),
        (ruled(1, at_most=1), ruled(2, at_most=1), "Cell 3, line 7 and 1 more place: `f` must do without loops."),
        (ruled(), ruled(found=False), "Your file has no definition of it that can be read, so the rule is not kept."),
    ],
)
def test_a_rule_is_kept_or_not(expected: Observation, actual: Observation, sentence: str) -> None:
    assert [difference.sentence for difference in compare(expected, actual, TOLERANCES)] == [sentence]
    assert not same(expected, actual, TOLERANCES)


def test_how_a_rule_is_kept_does_not_matter() -> None:
    assert compare(ruled(at_most=2), ruled(2, at_most=2), TOLERANCES) == ()
    assert same(ruled(1), ruled(2), TOLERANCES)
    assert not same(ruled(1), ruled(found=False), TOLERANCES)
