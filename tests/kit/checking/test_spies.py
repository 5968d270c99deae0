import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.checking.spies import Spy, counted_steps, unavailable


def test_a_function_is_counted_with_what_it_got() -> None:
    x = torch.ones(2, requires_grad=True)
    spy = Spy(lambda t, *, k=1: t * k)
    result = spy(x, k=3)
    with torch.no_grad():
        spy(x)
        x.mul_(5)
    assert torch.equal(result, torch.full((2,), 3.0))
    assert spy.count == 2
    assert [argument.tolist() for argument in spy.arguments] == [[1, 1], [1, 1]]
    assert [call.grad_enabled for call in spy.calls] == [True, False]
    assert spy.calls[0].kwargs == {"k": 3}
    assert spy.calls[0].training is None


def test_a_module_is_counted_where_it_is_called() -> None:
    model = nn.Linear(2, 3)
    spy = Spy(model)
    model(torch.ones(1, 2))
    model.eval()
    nn.Sequential(model)(torch.ones(4, 2))
    assert [tuple(argument.shape) for argument in spy.arguments] == [(1, 2), (4, 2)]
    assert [call.training for call in spy.calls] == [True, False]


def test_steps_of_every_optimizer_are_counted() -> None:
    model = nn.Linear(2, 3)
    first, second = torch.optim.SGD(model.parameters(), lr=0.1), torch.optim.Adam(model.parameters())
    first.step()
    with counted_steps() as steps:
        first.step()
        second.step()
        first.step()
    first.step()
    assert (steps.count, steps.distinct) == (3, 2)
    assert steps.optimizers == [first, second, first]


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
