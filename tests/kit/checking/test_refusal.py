"""Functions that are not available in a task: whichever way they are reached, and nothing else."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checking.refusal import unavailable
from autograder.course.declarations import read_checks

COURSE = Path(__file__).parents[3]

LOSSES = (
    *(F.cross_entropy, F.nll_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits),
    *(torch.binary_cross_entropy_with_logits, F.logsigmoid, F.softplus),
)
INIT = [member for member in vars(nn.init).values() if callable(member) and member.__module__ == "torch.nn.init"]
NAMED = read_checks(COURSE / "tests/hidden/test_initialization.py")[0].unavailable
refused = pytest.raises(RuntimeError, match="is not available in this task")


def test_unavailable_functions_raise_also_inside_modules() -> None:
    logits, labels = torch.ones(2, 3), torch.tensor([0, 1])
    early = F.cross_entropy
    with unavailable(F.cross_entropy, torch.nn.init.uniform_):
        for call in (
            lambda: early(logits, labels),
            lambda: nn.CrossEntropyLoss()(logits, labels),
            lambda: nn.init.uniform_(logits),
        ):
            with pytest.raises(RuntimeError, match="is not available in this task"):
                call()
        F.log_softmax(logits, 1)
    early(logits, labels)


def test_every_function_of_nn_init_can_be_made_unavailable() -> None:
    weight, early = torch.zeros(4, 3), nn.init.xavier_uniform_
    with unavailable(nn.init.xavier_uniform_, nn.init.trunc_normal_, nn.init.calculate_gain):
        for call in (
            lambda: early(weight, gain=2.0),
            lambda: nn.init.xavier_uniform_(weight),
            lambda: nn.init.trunc_normal_(weight, std=0.1, generator=torch.Generator()),
            lambda: nn.init.calculate_gain("relu"),
        ):
            with pytest.raises(RuntimeError, match="is not available in this task"):
                call()
    assert not weight.any()
    early(weight)
    assert nn.init.calculate_gain("relu") > 1
    assert weight.any()


def without_hooks(call: Callable[[], Any]) -> Any:
    with torch._C.DisableTorchFunction():
        return call()


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: torch.ops.aten.cross_entropy_loss(x, y),
        lambda x, y: torch.ops.aten.cross_entropy_loss(x, x.softmax(1)),
        lambda x, y: torch.ops.aten.nll_loss_forward(x, y, None, 1, -100),
        lambda x, y: torch._C._nn.cross_entropy_loss(x, y),
        lambda x, y: torch._C._VariableFunctions.binary_cross_entropy_with_logits(x, x),
        lambda x, y: without_hooks(lambda: F.cross_entropy(x, y, label_smoothing=0.1)),
        lambda x, y: without_hooks(lambda: F.nll_loss(x, y)),
        lambda x, y: without_hooks(lambda: F.binary_cross_entropy_with_logits(x, x)),
        lambda x, y: without_hooks(lambda: F.softplus(x)),
        lambda x, y: torch.func.grad(lambda x: torch.ops.aten.cross_entropy_loss(x, y))(x.detach()),
        lambda x, y: torch.ops.aten.log_sigmoid.default(x),
        lambda x, y: torch.ops.aten.softplus.default._op(x),
    ],
)
@pytest.mark.parametrize("recorded", [True, False])
def test_the_operators_behind_them_are_refused(call: Callable[[Any, Any], Any], recorded: bool) -> None:
    x, y = torch.randn(4, 3, requires_grad=recorded), torch.tensor([0, 1, 2, 0])
    call(x, y)
    with unavailable(*LOSSES), refused:
        call(x, y)
    with unavailable(*LOSSES), refused, torch.inference_mode():
        call(x.detach(), y)
    call(x, y)


@pytest.mark.parametrize(
    "call",
    [
        torch.ops.aten.cross_entropy_loss,
        torch.ops.aten.nll_loss_nd,
        lambda x, y: torch.ops.aten.binary_cross_entropy_with_logits(x, y[:, None].expand(x.shape).to(x.dtype)),
        lambda x, y: torch.ops.aten.softplus(x).sum(),
    ],
)
@pytest.mark.parametrize(
    "transformed",
    [
        lambda call, x, y: torch.vmap(call)(x[None], y[None]),
        lambda call, x, y: torch.func.grad(call)(x, y),
        lambda call, x, y: torch.vmap(torch.func.grad(lambda x, y: call(x[None], y[None])))(x, y),
        lambda call, x, y: torch.func.jvp(lambda x: call(x, y), (x,), (x,)),
        lambda call, x, y: torch.func.functionalize(call)(x, y),
    ],
    ids=["vmap", "grad", "grad of each sample", "jvp", "functionalize"],
)
def test_an_operator_is_refused_in_a_transformation(transformed: Callable[..., Any], call: Callable[..., Any]) -> None:
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    without_hooks(lambda: transformed(call, x, y))
    with unavailable(*LOSSES), refused:
        without_hooks(lambda: transformed(call, x, y))
    without_hooks(lambda: transformed(call, x, y))


def test_right_answers_can_be_transformed() -> None:
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    with unavailable(*LOSSES):
        each = torch.vmap(lambda x, y: x.logsumexp(0) - x.gather(0, y[None]).squeeze())(x, y)
        gradient = torch.func.grad(lambda x: (x.clamp(min=0) - x * 0.3 + (-x.abs()).exp().log1p()).sum())(x)
    torch.testing.assert_close(each, F.cross_entropy(x, y, reduction="none"))
    torch.testing.assert_close(gradient, x.sigmoid() - 0.3)


def test_what_right_answers_use_stays_and_says_nothing() -> None:
    x, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    with warnings.catch_warnings(), unavailable(*LOSSES), unavailable(F.cross_entropy):
        warnings.simplefilter("error")
        losses = [
            -F.log_softmax(x, 1).gather(1, y[:, None]).mean(),
            (x.logsumexp(1) - x[range(4), y]).mean(),
            (x.clamp(min=0) - x * 0.3 + (-x.abs()).exp().log1p()).mean(),
            torch.logaddexp(x, torch.zeros(())).sum() + x.sigmoid().log().mean(),
            F.mse_loss(x, x.detach() + 1) + F.huber_loss(x, x.detach()) + F.softmin(x, 1).sum(),
        ]
        torch.autograd.grad(sum(losses), x, create_graph=True)[0].sum().backward()
    assert x.grad is not None
    F.cross_entropy(x, y).backward()


def second_copy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("init2", nn.init.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_second_copy_of_nn_init_is_refused() -> None:
    w, copy = torch.full((4, 3), 7.0), second_copy()
    with unavailable(*INIT):
        for call in (
            lambda: copy.xavier_uniform_(w),
            lambda: copy.kaiming_normal_(w, nonlinearity="relu"),
            lambda: copy.trunc_normal_(w, std=0.1),
            lambda: without_hooks(lambda: copy.xavier_uniform_(w)),
        ):
            with refused:
                call()
        assert (w == 7).all()
        with torch.no_grad():
            w.uniform_(-1, 1).normal_(0, 2).clamp_(-1, 1).erfinv_()
        nn.Parameter(w).data.fill_(3)
    copy.xavier_uniform_(w)


def test_students_may_be_told_each_name_of_torch_nn_init() -> None:
    functions = [each for each in INIT if isinstance(each, FunctionType)]
    assert {each.__name__ for each in functions if not each.__name__.startswith("_")} <= NAMED
    with unavailable(*functions), pytest.raises(RuntimeError, match=r"^orthogonal_ is not available in this task\.$"):
        nn.init.orthogonal_(torch.ones(2, 2))


def test_the_operators_behind_a_function_have_its_name() -> None:
    with unavailable(F.nll_loss), pytest.raises(RuntimeError, match=r"^nll_loss is not available in this task\.$"):
        torch.ops.aten.nll_loss_nd(torch.ones(2, 2), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("function", "call"),
    [
        (torch.sum, lambda x: x.sum()),
        (torch.matmul, lambda x: x.matmul(x)),
        (torch.matmul, lambda x: x @ x),
        (torch.softmax, lambda x: x.softmax(0)),
    ],
)
def test_the_method_of_the_same_name_is_refused(function: Callable[..., Any], call: Callable[[Any], Any]) -> None:
    x = torch.ones(2, 2)
    with refused, unavailable(function):
        call(x)
    with unavailable(function):
        assert x.mean() == 1
