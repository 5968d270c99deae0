import torch
from torch import nn

from autograder.checking.spies import Spy, counted_steps


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
