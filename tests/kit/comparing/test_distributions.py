from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import init

from autograder.comparing.distributions import _mean_deviation as mean_deviation
from autograder.comparing.distributions import alike, judge_distribution, quantiles
from autograder.records.observation import DistributedAs

SHAPE = (64, 160)
COUNT = SHAPE[0] * SHAPE[1]
EPSILON = 2.0**-23


def objection(tensor: torch.Tensor, family: str, false_reject: float = 1e-9, **parameters: float) -> str:
    judge = DistributedAs(family, parameters, false_reject)  # type: ignore[arg-type]
    return judge_distribution(tensor.double().numpy(), judge, epsilon=EPSILON)


UNIFORM = {"family": "uniform", "a": -0.25, "b": 0.25}
NORMAL = {"family": "normal", "mean": 0.0, "std": 0.125}
TRUNCATED = {"family": "truncated_normal", "mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0}


def empty() -> torch.Tensor:
    return torch.empty(SHAPE)


RIGHT: list[tuple[dict[str, object], Callable[[], torch.Tensor]]] = [
    (UNIFORM, lambda: init.uniform_(empty(), -0.25, 0.25)),
    (UNIFORM, lambda: torch.rand(SHAPE) / 2 - 0.25),
    (NORMAL, lambda: init.normal_(empty(), 0.0, 0.125)),
    (NORMAL, lambda: torch.randn(SHAPE, dtype=torch.float64) * 0.125),
    (TRUNCATED, lambda: init.trunc_normal_(empty(), 0.0, 1.0, -2.0, 2.0)),
    (
        {"family": "truncated_normal", "mean": 0.5, "std": 2.0, "a": -1.0, "b": 4.0},
        lambda: init.trunc_normal_(empty(), 0.5, 2.0, -1.0, 4.0),
    ),
]


@pytest.mark.parametrize(("parameters", "draw"), RIGHT)
def test_right_draws_pass(parameters: dict[str, object], draw: Callable[[], torch.Tensor]) -> None:
    torch.manual_seed(3)
    assert [said for said in (objection(draw(), **parameters) for _ in range(15)) if said] == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("parameters", "draw"), RIGHT)
def test_the_bound_on_false_rejects_holds_where_it_can_be_seen(
    parameters: dict[str, object], draw: Callable[[], torch.Tensor]
) -> None:
    """With one false reject in five allowed, a hundred draws would show a bound too tight; grading allows far fewer."""
    torch.manual_seed(4)
    rejected = sum(bool(objection(draw()[:6], false_reject=0.2, **parameters)) for _ in range(100))  # type: ignore[arg-type]
    assert rejected <= 20


def shares_of_equal_parts(parts: int) -> torch.Tensor:
    """As many uniform numbers from each of some equal parts of (0, 1), in random order."""
    shares = (torch.arange(COUNT) % parts + torch.rand(COUNT, dtype=torch.float64)) / parts
    return shares[torch.randperm(COUNT)]


WRONG: list[tuple[dict[str, object], Callable[[], torch.Tensor], str]] = [
    (UNIFORM, lambda: torch.zeros(SHAPE), "is 0 everywhere"),
    (UNIFORM, lambda: init.uniform_(empty(), -0.26, 0.26), "none beyond -0.25 and 0.25"),
    (UNIFORM, lambda: init.uniform_(empty(), -0.24, 0.24), "reaches further"),
    (UNIFORM, lambda: torch.rand(SHAPE) / 4, "has mean 0.12"),
    (UNIFORM, lambda: (torch.rand(SHAPE) + torch.rand(SHAPE)) / 4 - 0.25, "does not look drawn from uniform"),
    (UNIFORM, lambda: torch.linspace(-0.25, 0.25, COUNT), "depend on their neighbours"),
    (UNIFORM, lambda: shares_of_equal_parts(COUNT) / 2 - 0.25, "more evenly than by chance"),
    (UNIFORM, lambda: shares_of_equal_parts(1024) / 2 - 0.25, "more evenly"),
    (UNIFORM, lambda: shares_of_equal_parts(256) / 2 - 0.25, "more even"),
    (NORMAL, lambda: torch.special.ndtri(shares_of_equal_parts(COUNT)) * 0.125, "spread more evenly"),
    (TRUNCATED, lambda: torch.special.ndtri(0.02275 + 0.9545 * shares_of_equal_parts(COUNT)), "are spread more evenly"),
    (UNIFORM, lambda: (torch.rand(1, 160) / 2 - 0.25).expand(SHAPE), "repeated elements"),
    (UNIFORM, lambda: torch.rand(SHAPE).index_fill(0, torch.tensor([3]), torch.nan), "NaN"),
    (NORMAL, lambda: init.normal_(empty(), 0.0, 0.125 * 1.15), "has standard deviation 0.14"),
    (NORMAL, lambda: init.normal_(empty(), 0.0, 0.125 / 1.2), "has standard deviation 0.10"),
    (NORMAL, lambda: init.normal_(empty(), 0.0, 0.125**2), "has standard deviation 0.015"),
    (NORMAL, lambda: init.normal_(empty(), 0.02, 0.125), "has mean 0.0"),
    (NORMAL, lambda: init.uniform_(empty(), -0.2165, 0.2165), "does not look drawn from normal"),
    (TRUNCATED, lambda: init.normal_(empty()), "none beyond -2 and 2"),
    (TRUNCATED, lambda: init.normal_(empty()).clamp(-2, 2), "right at the bound -2"),
    (TRUNCATED, lambda: init.trunc_normal_(empty(), 0, 1, -1.8, 1.8), "reaches further"),
    (TRUNCATED, lambda: init.uniform_(empty(), -2, 2), "does not look drawn from"),
]


@pytest.mark.parametrize(("parameters", "draw", "words"), WRONG, ids=[row[2] for row in WRONG])
def test_wrong_draws_are_told(parameters: dict[str, object], draw: Callable[[], torch.Tensor], words: str) -> None:
    torch.manual_seed(5)
    assert words in objection(draw(), **parameters)  # type: ignore[arg-type]


def test_the_tails_of_many_numbers_are_told() -> None:
    torch.manual_seed(8)
    numbers = torch.rand(12, 750_000).sum(dim=0) - 6
    assert "beyond 3 std; about 0.270% are expected" in objection(numbers, "normal", mean=0.0, std=1.0)
    numbers = torch.randn(750_000)
    assert objection(numbers, "normal", mean=0.0, std=1.0) == ""
    numbers[torch.randperm(750_000)[:500]] = 3.1 + torch.rand(500)
    assert "beyond 3 std; about 0.270% are expected" in objection(numbers, "normal", mean=0.0, std=1.0)


@pytest.mark.parametrize(("count", "cells"), [(7, 128), (400, 1024), (8192, 128)])
def test_the_mean_deviation_of_a_binomial_number(count: int, cells: int) -> None:
    chances = [math.comb(count, k) * (cells - 1) ** (count - k) / cells**count for k in range(count + 1)]
    expected = sum(chance * abs(k - count / cells) for k, chance in enumerate(chances))
    assert mean_deviation(count, 1 / cells) == pytest.approx(expected)


def test_fan_in_and_fan_out_are_told_apart() -> None:
    torch.manual_seed(6)
    std = (2 / 160) ** 0.5
    right, wrong = init.kaiming_normal_(empty()), init.kaiming_normal_(empty(), mode="fan_out")
    assert objection(right, family="normal", mean=0, std=std) == ""
    assert objection(wrong, family="normal", mean=0, std=std) != ""


def test_half_precision_draws_pass() -> None:
    torch.manual_seed(7)
    judge = DistributedAs("uniform", {"a": -0.25, "b": 0.25})
    for dtype, epsilon in ((torch.float16, 2.0**-10), (torch.bfloat16, 2.0**-7)):
        drawn = init.uniform_(empty(), -0.25, 0.25).to(dtype)
        assert judge_distribution(drawn.float().numpy(), judge, epsilon=epsilon) == ""


def test_few_elements_are_judged_leniently_and_none_not_at_all() -> None:
    assert objection(torch.tensor([0.1, -0.2, 0.05]), **UNIFORM) == ""  # type: ignore[arg-type]
    assert objection(torch.empty(0), **UNIFORM) == "has no elements"  # type: ignore[arg-type]


@pytest.mark.parametrize("parameters", [{"a": 1.0}, {"a": 1.0, "b": 0.0}])
def test_wrong_parameters_are_no_crash(parameters: dict[str, float]) -> None:
    assert "cannot be judged" in objection(torch.rand(10), "uniform", **parameters)


def test_alike() -> None:
    def looks_alike(one: np.ndarray, other: np.ndarray) -> bool:
        return alike(quantiles(one), quantiles(other), one.size)

    left, right = (np.random.default_rng(seed).normal(size=10_000) for seed in (1, 2))
    assert looks_alike(left, right)
    assert not looks_alike(left, right * 1.2)
    assert not looks_alike(left, np.zeros(10_000))
    assert looks_alike(np.full(10, np.nan), np.full(10, np.nan))
    assert not looks_alike(np.full(10, np.nan), np.zeros(10))
    assert looks_alike(np.empty(0), np.empty(0))
    assert not looks_alike(np.empty(0), np.zeros(1))
    assert looks_alike(np.array([3.0]), np.array([3.0]))
