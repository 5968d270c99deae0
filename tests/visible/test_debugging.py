"""Checks of topic `debugging` that students can run themselves."""

import math

import torch
from torch import nn

from autograder import checks, only, secret


class Poison(nn.Module):
    """Hands on its input, with one bad number in it."""

    def __init__(self, value=math.nan):
        super().__init__()
        self.value = value

    def forward(self, x):
        y = x.clone()
        y.view(-1)[y.numel() // 2] = self.value
        return y


class Branches(nn.Module):
    """A model with layers that are used, not used, detached, frozen, and multiplied by 0."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.unused = nn.Linear(3, 4)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.body = nn.Linear(3, 4)
        self.side = nn.Linear(4, 4)
        self.gate = nn.Linear(4, 4)

    def forward(self, x):
        hidden = self.frozen(torch.tanh(self.body(x)))
        return self.head(hidden + self.side(hidden).detach() + 0 * self.gate(hidden))


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))


@checks("predicted_nans", gate=True, draws=1)
def test_predicted_nans(code, given):
    """The prediction is the number of entries that are nan after clipping."""
    return {"predicted_nans": secret(float(code.predicted_nans))}


@checks("predicted_without", gate=True, draws=1)
def test_predicted_without(code, given):
    """The prediction names the layers whose weight has no gradient."""
    names = code.predicted_without
    names = [names] if isinstance(names, str) else list(names)
    return {"predicted_without": secret(", ".join(sorted(str(name) for name in names)))}


@checks("nonfinite_grads", gate=True)
def test_nonfinite_grads_names(code, given):
    """Parameters whose gradient contains a single nan are named, in the order of named_parameters()."""
    model = given.with_grad(given.module(network, name="model"))
    model[4].weight.grad[given.integer(0, 2), given.integer(0, 4)] = math.nan
    model[given.choice([0, 2])].weight.grad[given.integer(0, 4), given.integer(0, 3)] = math.nan
    return {"names": code.nonfinite_grads(model)}


@checks("nonfinite_grads")
def test_nonfinite_grads_without_grad(code, given):
    """Parameters without .grad are not listed."""
    model = given.with_grad(given.module(network, name="model"))
    model[0].weight.grad = model[2].bias.grad = model[4].weight.grad = None
    model[2].weight.grad[1, 2] = math.nan
    return {"names": code.nonfinite_grads(model), "fresh model": code.nonfinite_grads(given.module(network))}


@checks("nonfinite_grads")
def test_nonfinite_grads_all_finite(code, given):
    """If all gradients are finite, the list is empty."""
    return {"names": code.nonfinite_grads(given.with_grad(given.module(network, name="model")))}


@checks("disconnected", gate=True)
def test_disconnected_names(code, given):
    """Layers that are unused or detached are named; the others are not."""
    model = given.module(Branches, name="model")
    return {"names": code.disconnected(model, model(given.normal(5, 3)).square().mean())}


@checks("disconnected")
def test_disconnected_leaves_no_gradient(code, given):
    """Every .grad that was None is still None."""
    model = given.module(Branches, name="model")
    code.disconnected(model, model(given.normal(5, 3)).square().mean())
    return only({f"{name} afterwards": p for name, p in model.named_parameters()}, "gradient")


@checks("disconnected")
def test_disconnected_loss_is_usable(code, given):
    """loss.backward() works afterwards."""
    model = given.module(Branches, name="model")
    loss = model(given.normal(5, 3)).square().mean()
    code.disconnected(model, loss)
    loss.backward()
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "values")


@checks("first_nonfinite", gate=True)
def test_first_nonfinite_in_a_sequence(code, given):
    """The layer where the nan first appears is named, not a later one."""
    layers = [nn.Tanh(), nn.Sigmoid(), nn.LayerNorm(3), nn.Tanh(), nn.Sigmoid()]
    layers.insert(given.integer(1, 5), Poison())
    model = given.module(lambda: nn.Sequential(*layers), name="model")
    return {"name": code.first_nonfinite(model, given.normal(4, 3))}


@checks("first_nonfinite")
def test_first_nonfinite_none(code, given):
    """If all outputs are finite, the result is None."""
    model = given.module(network, name="model")
    return {"name": code.first_nonfinite(model, given.normal(4, 3))}


@checks("first_nonfinite")
def test_first_nonfinite_nested(code, given):
    """A module inside another one has a name with dots."""
    inner = nn.Sequential(nn.Tanh(), Poison(), nn.Sigmoid())
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.ModuleDict({"blk": inner})["blk"]), name="model")
    return {"name": code.first_nonfinite(model, given.normal(4, 3))}
