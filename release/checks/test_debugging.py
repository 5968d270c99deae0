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
    """A model with layers that are used, not used, detached, frozen, and multiplied by 0, under names that are given."""

    def __init__(self, names):
        super().__init__()
        self.names = dict(zip(("head", "unused", "frozen", "body", "side", "gate"), names, strict=True))
        for name in sorted(names):
            self.add_module(name, nn.Linear(3 if name in (self.names["unused"], self.names["body"]) else 4, 4))
        self.part("frozen").requires_grad_(False)

    def part(self, role):
        return getattr(self, self.names[role])

    def forward(self, x):
        hidden = self.part("frozen")(torch.tanh(self.part("body")(x)))
        return self.part("head")(hidden + self.part("side")(hidden).detach() + 0 * self.part("gate")(hidden))


def branches(given):
    names = [f"layer{number}" for number in given.permutation(50).tolist()[:6]]
    return given.module(lambda: Branches(names), name="model")


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))


def named_network(given):
    """Four layers under drawn names."""
    names = [f"layer{number}" for number in given.permutation(50).tolist()[:4]]
    return given.with_grad(given.module(lambda: nn.ModuleDict({name: nn.Linear(3, 4) for name in names}), name="model"))


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
    model = named_network(given)
    parameters = list(model.parameters())
    for index in given.permutation(len(parameters)).tolist()[:3]:
        gradient = parameters[index].grad.view(-1)
        gradient[given.integer(0, len(gradient))] = math.nan
    return {"names": code.nonfinite_grads(model)}


@checks("nonfinite_grads")
def test_nonfinite_grads_without_grad(code, given):
    """Parameters without .grad are not listed; if all gradients are finite, the list is empty."""
    model, finite = named_network(given), given.with_grad(given.module(network))
    parameters = list(model.parameters())
    *without, bad = given.permutation(len(parameters)).tolist()[:4]
    for index in without:
        parameters[index].grad = None
    parameters[bad].grad.view(-1)[1] = math.nan
    fresh = given.module(network)
    found = {"names": model, "fresh model": fresh, "all finite": finite}
    return {name: code.nonfinite_grads(net) for name, net in found.items()}


@checks("disconnected", gate=True)
def test_disconnected_names(code, given):
    """Layers that are unused or detached are named; the others are not."""
    model = branches(given)
    return {"names": code.disconnected(model, model(given.normal(5, 3)).square().mean())}


@checks("disconnected")
def test_disconnected_leaves_no_gradient(code, given):
    """Every .grad that was None is still None, and loss.backward() works afterwards."""
    model = branches(given)
    loss = model(given.normal(5, 3)).square().mean()
    code.disconnected(model, loss)
    found = {f"{name} afterwards": p.grad is None or p.grad.clone() for name, p in model.named_parameters()}
    loss.backward()
    found |= {f"{name} after backward": p.grad for name, p in model.named_parameters()}
    return only(found, "values")


@checks("first_nonfinite", gate=True)
def test_first_nonfinite_in_a_sequence(code, given):
    """The layer where the nan first appears is named, not a later one."""
    names = [f"layer{number}" for number in given.permutation(50).tolist()[:6]]
    layers = [nn.Tanh(), nn.Sigmoid(), nn.LayerNorm(3), nn.Tanh(), nn.Sigmoid()]
    layers.insert(given.integer(1, 5), Poison())

    def make():
        model = nn.Sequential()
        for name, layer in zip(names, layers, strict=True):
            model.add_module(name, layer)
        return model

    return {"name": code.first_nonfinite(given.module(make, name="model"), given.normal(4, 3))}


@checks("first_nonfinite")
def test_first_nonfinite_nested(code, given):
    """A module inside another one has a name with dots; if all outputs are finite, the result is None."""
    inner = [nn.Tanh(), nn.Identity(), nn.Sigmoid()]
    inner.insert(given.integer(0, 4), Poison())
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Sequential(*inner))), name="model")
    finite = given.module(network, name="finite model")
    return {
        "name": code.first_nonfinite(model, given.normal(4, 3)),
        "finite": code.first_nonfinite(finite, given.normal(4, 3)),
    }
