"""Properties that are judged where no student code runs, on real observations; and authors' own sentences."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograder import alike, average_between, distributed_as, mostly, only, says
from autograder.checking.observe import observe
from autograder.comparing.compare import agree, compare, passes, same
from autograder.records.observation import Observation

TOLERANCES = {"float32": 1e-5, "float64": 1e-9}


def seen(thing: Any) -> Observation:
    return Observation(check="test_f", draw=0, returned=observe(thing, {}), error=None, effects=(), warnings=(), output="")


def random(seed: int, count: int = 50) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


CASES: list[tuple[Callable[[Any], Any], Any, list[Any], list[tuple[Any, str]]]] = [
    (
        lambda x: only(average_between(x, 0.9, 1.1), "values"),
        torch.ones(4),
        [torch.tensor([0.0, 2.0, 0.0, 2.0]), torch.full((4,), 1.05)],
        [
            (torch.zeros(4), "`result` is 0 on average; it should be between 0.9 and 1.1."),
            (torch.full((2,), torch.nan), "`result` is nan on average; it should be between 0.9 and 1.1."),
            (torch.zeros(0), "`result` has no elements."),
            (1.0, "`result` is not a tensor of real numbers."),
        ],
    ),
    (
        lambda x: only(mostly(x, [1, 0, 2, 1], 0.75), "values"),
        torch.tensor([1, 0, 2, 0]),
        [torch.tensor([1, 0, 2, 1]), torch.tensor([0, 0, 2, 1])],
        [
            (torch.tensor([0, 1, 2, 1]), "`result` is right in 2 of 4 places; it should be in at least 3."),
            (torch.tensor([1, 0, 2]), "`result` has 3 elements; it should have 4."),
        ],
    ),
    (
        lambda pair: alike(*pair),
        (random(1), random(1)),
        [(random(2), random(2))],
        [
            ((random(2), random(3)), "`result`: these should equal each other, but they differ."),
            ((random(2), random(2).double()), "`result[1]` has dtype float64; it should be float32."),
            ((random(2, 9), random(2, 9)), "`result[0]` has shape (9,); it should be (50,)."),
            ((random(2),) * 3, "`result` has 3 items; it should have 2."),
        ],
    ),
    (
        lambda pair: only(alike(*pair), "values"),
        ([random(1), 0.5], [random(1), 0.5]),
        [([random(2), 0.7], [random(2), 0.7])],
        [(([random(2), 0.7], [random(2), 0.8]), "`result`: these should equal each other, but they differ.")],
    ),
    (
        lambda x: only(distributed_as(x, "normal", mean=0, std=2), "values"),
        2 * random(1, 9000),
        [2 * random(2, 9000)],
        [
            (torch.zeros(1), "`result` has 1 element; about 9000 are expected."),
            (2 * random(2, 4000), "`result` has 4000 elements; about 9000 are expected."),
            (
                random(2, 9000).to(torch.float8_e5m2),  # so coarse that everything would be near enough
                "`result` has 8901 repeated elements of 9000; independent draws hardly ever coincide.",
            ),
        ],
    ),
    (
        lambda x: says({"a": x, "b": [x, 1]}, "The weights are wrong."),
        torch.ones(2),
        [torch.ones(2)],
        [(torch.zeros(2), "The weights are wrong."), (None, "The weights are wrong.")],
    ),
]


@pytest.mark.attack
@pytest.mark.parametrize("mark", [lambda x: distributed_as(x, "normal", mean=0, std=1), lambda x: alike([x], [x])])
def test_millions_of_numbers_in_place_of_a_few_take_no_time(mark: Callable[[Any], Any]) -> None:
    expected, actual = seen(only(mark(random(1)), "values")), seen(mark(torch.zeros(8_000_000, dtype=torch.uint8)))
    started = time.process_time()
    assert not same(expected, actual, TOLERANCES)
    assert "elements; about " in compare(expected, actual, TOLERANCES)[0].sentence
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(("mark", "reference", "right", "wrong"), CASES)
def test_judged_by_what_the_reference_says(
    mark: Callable[[Any], Any], reference: Any, right: list[Any], wrong: list[tuple[Any, str]]
) -> None:
    expected = seen(mark(reference))
    for thing in (reference, *right):
        assert passes(expected, seen(mark(thing)), TOLERANCES)
    for thing, sentence in wrong:
        actual = seen(mark(thing))
        assert not passes(expected, actual, TOLERANCES)
        assert [each.sentence for each in compare(expected, actual, TOLERANCES)] == [sentence]
        assert not same(expected, actual, TOLERANCES)
    for thing in right:
        assert agree(expected, seen(mark(thing)), TOLERANCES)


def test_the_code_under_test_cannot_loosen_a_property() -> None:
    expected = seen(only(average_between(torch.ones(3), 0.9, 1.1), "values"))
    assert not passes(expected, seen(only(average_between(torch.zeros(3), -1, 9), "values")), TOLERANCES)
    expected = seen(alike(random(1), random(1)))
    for cheating in (alike(only(random(1), "shape"), only(random(2), "shape")), [only(random(1)), only(random(2))]):
        assert not passes(expected, seen(cheating), TOLERANCES)


@pytest.mark.parametrize(("std", "fits"), [(1.0, True), (1.01, False), (0.99, False)])
def test_the_spread_of_many_truncated_normal_numbers(std: float, fits: bool) -> None:
    numbers = torch.nn.init.trunc_normal_(
        torch.empty(400_000), 0, std, -2 * std, 2 * std, generator=torch.Generator().manual_seed(3)
    ).clamp(-2, 2)
    limits = {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0}
    observed = seen(only(distributed_as(numbers, "truncated_normal", **limits), "values"))  # type: ignore[arg-type]
    assert passes(observed, observed, TOLERANCES) is fits


def test_numbers_of_hidden_checks_have_three_digits() -> None:
    def said(actual: float, expected: float, *, quote: bool) -> str:
        return compare(seen(expected), seen(actual), TOLERANCES, quote=quote)[0].sentence

    assert said(0.25, 0.123456, quote=True) == "`result` is 0.25; it should be 0.123456."
    assert said(0.25, 0.123456, quote=False) == "`result` is 0.25; it should be about 0.123."
    assert said(0.1239, 0.1241, quote=False) == "`result` is about 0.124 (off by 0.0002); it should be about 0.124."


def signalling(dtype: torch.dtype, whole: torch.dtype, bits: int) -> torch.Tensor:
    """What memory may hold that nothing has written to: among ordinary numbers, a NaN of which NumPy warns."""
    return torch.tensor([bits, *[1] * 9999], dtype=whole).view(dtype)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "bad",
    [
        signalling(torch.float32, torch.int32, 0x7F800001),
        signalling(torch.bfloat16, torch.int16, 0x7F81),
        signalling(torch.complex64, torch.int32, 0x7F800001),
    ],
    ids=["float32", "bfloat16", "complex64"],
)
def test_numbers_that_nothing_has_written_are_judged_without_a_warning(bad):
    for mark in (
        lambda x: only(distributed_as(x, "normal", mean=0, std=1), "values"),
        lambda x: only(average_between(x, 0, 1), "values"),
        lambda x: x,
    ):
        good = seen(mark(torch.zeros_like(bad)))
        assert not passes(good, seen(mark(bad)), TOLERANCES)
        assert compare(good, seen(mark(bad)), TOLERANCES)
