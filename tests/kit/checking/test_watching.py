from collections.abc import Callable

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.checking.watching import Watch, watchable


def put_grad(x: torch.Tensor) -> None:
    x.grad = torch.zeros_like(x)


@pytest.mark.parametrize(
    ("change", "effects"),
    [
        (lambda x: x + 1, ()),
        (lambda x: x.add_(0), ()),
        (lambda x: x.data.mul_(-1).mul_(-1), ()),
        (lambda x: x.data.mul_(-1), ("x: values",)),
        (lambda x: x.resize_(1), ("x: values",)),
        (lambda x: setattr(x, "data", x.data.double()), ("x: values",)),
        (lambda x: x.requires_grad_(), ("x: requires_grad",)),
        (put_grad, ("x: gradient",)),
        (lambda x: x.requires_grad_().sum().backward(), ("x: requires_grad", "x: gradient")),
    ],
)
def test_changes_of_a_tensor(change: Callable[[torch.Tensor], object], effects: tuple[str, ...]) -> None:
    x = torch.tensor([0.0, 1.0])
    watch = Watch("x", x)
    change(x)
    assert watch.changes() == effects


def test_values_are_compared_bit_by_bit() -> None:
    x = torch.tensor([0.0, float("nan")])
    watch = Watch("x", x)
    assert watch.changes() == ()
    x[0] = -0.0
    assert watch.changes() == ("x: values",)


@given(st.integers(0, 11), st.sampled_from([torch.float64, torch.int8, torch.bool, torch.bfloat16]))
@settings(max_examples=50)
def test_one_flipped_element_is_noticed(index: int, dtype: torch.dtype) -> None:
    x = torch.zeros(3, 4).to(dtype).t()
    watch = Watch("x", x)
    x.view(-1) if x.is_contiguous() else None
    x[index % 4, index // 4] = 1
    assert watch.changes() == ("x: values",)


@pytest.mark.parametrize(
    ("change", "effects"),
    [
        (lambda model: model(torch.ones(2, 3)).sum().backward(), ()),
        (lambda model: model.train()(torch.ones(2, 3)), ("net: values", "net: training")),
        (lambda model: model[0].weight.data.zero_(), ("net: values",)),
        (lambda model: model[0].weight.requires_grad_(False), ("net: requires_grad",)),
        (lambda model: model[1].train(), ("net: training",)),
        (lambda model: setattr(model[0], "bias", None), ("net: values", "net: requires_grad")),
        (lambda model: model.append(nn.Linear(1, 1)), ("net: values", "net: requires_grad", "net: training")),
        (lambda model: model.register_forward_hook(print), ("net: hooks",)),
        (lambda model: model[1].register_full_backward_pre_hook(print), ("net: hooks",)),
        (lambda model: model[0].register_state_dict_pre_hook(print), ("net: hooks",)),
        (lambda model: model[0].weight.register_hook(print), ("net: hooks",)),
        (lambda model: model[0].bias.register_post_accumulate_grad_hook(print), ("net: hooks",)),
        (lambda model: model[0].weight.register_hook(print).remove(), ()),
        (lambda model: model.register_forward_pre_hook(print).remove(), ()),
    ],
)
def test_changes_of_a_module(change: Callable[[nn.Module], object], effects: tuple[str, ...]) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval()
    watch = Watch("net", model)
    change(model)
    assert watch.changes() == effects


def test_the_order_of_a_modules_parameters_is_free() -> None:
    net = nn.Linear(3, 2)
    net.bias.requires_grad_(False)
    watch = Watch("net", net)
    weight = net.weight
    del net.weight
    net.weight = weight
    assert list(dict(net.named_parameters())) == ["bias", "weight"]
    assert watch.changes() == ()


def test_changes_of_an_optimizer() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    watch = Watch("optimizer", optimizer)
    assert watch.changes() == ()
    optimizer.param_groups[0]["lr"] = 0.2
    assert watch.changes() == ("optimizer: values",)
    watch.refresh()
    model(torch.ones(1, 2)).sum().backward()
    assert watch.changes() == ()
    optimizer.step()
    assert watch.changes() == ("optimizer: values",)


def test_changes_in_containers_and_arrays() -> None:
    state = {"w": torch.ones(2), "more": [torch.ones(1)], "n": 3}
    watch = Watch("state", state)
    assert watch.changes() == ()
    state["more"][0].requires_grad_()  # type: ignore[index]
    assert watch.changes() == ("state: requires_grad",)
    state["extra"] = torch.ones(1)
    assert "state: values" in watch.changes()
    array = numpy.ones(3)
    watch = Watch("array", array)
    array[1] = 2
    assert watch.changes() == ("array: values",)


def test_a_module_that_is_broken_afterwards_has_changed() -> None:
    model = nn.Linear(1, 1)
    watch = Watch("net", model)
    model._parameters["weight"] = "no tensor"  # type: ignore[assignment]
    assert "net: values" in watch.changes()


def test_what_can_be_watched() -> None:
    assert watchable(torch.ones(1))
    assert not watchable(3)
    assert not watchable("text")
