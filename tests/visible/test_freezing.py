"""Checks of topic `freezing` that students can run themselves."""

import torch
from torch import nn

from autograder import checks, only, raises, secret


class Net(nn.Module):
    """A network with names that start alike: layer1 and layer10."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(3, 4)
        self.layer2 = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4, bias=False))
        self.layer10 = nn.Linear(4, 2)


def flags(model):
    return {name: parameter.requires_grad for name, parameter in model.named_parameters()}


def backbone():
    """The part to be frozen, with dropout, and with running statistics unlike those of any batch."""
    norm = nn.BatchNorm1d(4)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(2, 3)
    return nn.Sequential(nn.Linear(3, 4), norm, nn.Tanh(), nn.Dropout(0.5)).double()


def head():
    return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def gradients(result, module):
    """The gradients of a tensor's sum with respect to a module's parameters, by name; None where none arrives."""
    named = dict(module.named_parameters())
    if not result.requires_grad:
        return dict.fromkeys(named)
    return dict(zip(named, torch.autograd.grad(result.sum(), list(named.values()), allow_unused=True), strict=True))


def body_and_head():
    """A model with a frozen body."""
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4)))
    model.add_module("head", nn.Linear(4, 2))
    model.body.requires_grad_(False)
    return model.double()


def groups(model, optimizer):
    """The optimizer's groups: the learning rate of each, and the names of the parameters it holds."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [
        {
            "lr": group["lr"],
            "parameters": sorted(names.get(id(parameter), "another tensor") for parameter in group["params"]),
        }
        for group in optimizer.param_groups
    ]


def step(model, optimizer, x):
    optimizer.zero_grad()
    model(x).square().sum().backward()
    optimizer.step()


@checks("predicted_layers", gate=True, draws=1)
def test_predicted_layers(code, given):
    """The predicted layers are those whose weights have a gradient."""
    layers = code.predicted_layers
    numbers = {int(number) for number in ([layers] if isinstance(layers, int) else layers)}
    return {"predicted_layers": secret(" ".join(str(number) for number in sorted(numbers)))}


@checks("predicted_running_mean", gate=True, draws=1)
def test_predicted_running_mean(code, given):
    """The predicted number is the running mean."""
    return {"predicted_running_mean": secret(round(float(code.predicted_running_mean), 4))}


@checks("predicted_weight", gate=True, draws=1)
def test_predicted_weight(code, given):
    """The predicted number is the value of w."""
    return {"predicted_weight": secret(round(float(code.predicted_weight), 4))}


@checks("freeze", gate=True)
def test_freeze_module(code, given):
    """The parameters of the named module are frozen, and no others."""
    model = given.module(Net, name="model")
    code.freeze(model, ["layer2"])
    return {"requires_grad": flags(model)}


@checks("freeze")
def test_freeze_ends_at_a_dot(code, given):
    """A name that merely starts with the same letters is not matched: "layer1" does not freeze layer10."""
    model = given.module(Net, name="model")
    code.freeze(model, ["layer1"])
    return {"requires_grad": flags(model)}


@checks("freeze")
def test_freeze_returns_names(code, given):
    """The function returns the names of the frozen parameters, in the model's order."""
    model = given.module(Net, name="model")
    return {"returned": code.freeze(model, ["layer2", "layer1.weight"])}


@checks("freeze")
def test_freeze_refuses_unknown_prefix(code, given):
    """A prefix that matches nothing raises a ValueError, and then nothing is frozen."""
    model = given.module(Net, name="model")
    refused = raises(lambda: code.freeze(model, ["layer1", "nope"]))
    return {"['layer1', 'nope']": refused, "parameters": only(dict(model.named_parameters()), "requires_grad")}


@checks("head_only_forward", gate=True)
def test_head_only_forward_values(code, given):
    """The result is head(backbone(x)), with the backbone in eval mode."""
    result = code.head_only_forward(given.module(backbone), given.module(head), given.normal(5, 3, dtype=torch.float64))
    return {"result": only(result, "shape", "values")}


@checks("head_only_forward")
def test_head_only_forward_trains_the_head(code, given):
    """The result requires grad, and gradients reach the head's parameters."""
    net = given.module(head)
    result = code.head_only_forward(given.module(backbone), net, given.normal(5, 3, dtype=torch.float64))
    return {"result": only(result, "requires_grad"), "gradients of the head": only(gradients(result, net), "values")}


@checks("head_only_forward")
def test_head_only_forward_no_gradient_for_the_backbone(code, given):
    """No gradient reaches the backbone's parameters."""
    base = given.module(backbone)
    result = code.head_only_forward(base, given.module(head), given.normal(5, 3, dtype=torch.float64))
    return {"gradients of the backbone": only(gradients(result, base), "values")}


@checks("head_only_forward")
def test_head_only_forward_restores_the_mode(code, given):
    """A backbone in training mode is still in training mode afterwards."""
    base = given.module(backbone)
    code.head_only_forward(base, given.module(head), given.normal(5, 3, dtype=torch.float64))
    return {"training": {name or "backbone": module.training for name, module in base.named_modules()}}


@checks("freeze_entries", gate=True)
def test_freeze_entries_gradient(code, given):
    """After backward(), .grad is 0 where the mask is True, and the normal gradient elsewhere."""
    param = nn.Parameter(given.normal(2, 3))
    mask = given.tensor([[True, False, True], [False, False, True]])
    code.freeze_entries(param, mask)
    (param * given.uniform(2, 3, low=1, high=2)).square().sum().backward()
    return {"param.grad": only(param.grad, "values")}


@checks("freeze_entries")
def test_freeze_entries_keeps_values(code, given):
    """The values of param do not change, and it is still a leaf that requires grad."""
    param = nn.Parameter(given.normal(2, 3))
    code.freeze_entries(param, given.tensor([[True, False, True], [False, False, True]]))
    return {"param": only(param, "type", "values", "requires_grad", "is_leaf")}


@checks("freeze_entries")
def test_freeze_entries_remove(code, given):
    """After handle.remove(), the gradient is normal again."""
    param = nn.Parameter(given.normal(4))
    weights = given.uniform(4, low=1, high=2)
    handle = code.freeze_entries(param, given.tensor([True, False, True, False]))
    handle.remove()
    (param * weights).sum().backward()
    return {"param.grad": only(param.grad, "values")}


@checks("freeze_entries")
def test_freeze_entries_refuses_masks(code, given):
    """A mask of a different shape raises a ValueError."""
    param = nn.Parameter(given.normal(2, 3))
    return {"mask of shape (3, 2)": raises(lambda: code.freeze_entries(param, given.bools(3, 2)))}


@checks("unfreeze", gate=True)
def test_unfreeze_trains(code, given):
    """After one optimizer step, the thawed parameters have moved, and the others are still frozen."""
    model = given.module(body_and_head, name="model")
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    code.unfreeze(model, optimizer, "body.2", 0.05)
    step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
    return {"requires_grad": flags(model), "parameters": only(dict(model.named_parameters()), "values")}


@checks("unfreeze")
def test_unfreeze_adds_a_group(code, given):
    """The optimizer gets one new group with the new learning rate; its other groups stay as they are."""
    model = given.module(body_and_head, name="model")
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    code.unfreeze(model, optimizer, "body.2", given.choice([0.05, 0.02]))
    return {"groups": groups(model, optimizer)}


@checks("unfreeze")
def test_unfreeze_returns_a_number(code, given):
    """The function returns how many parameters are new to the optimizer."""
    model = given.module(body_and_head, name="model")
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    return {"body": code.unfreeze(model, optimizer, "body", 0.05), "head": code.unfreeze(model, optimizer, "head", 0.05)}


@checks("unfreeze")
def test_unfreeze_refuses_unknown_prefix(code, given):
    """A prefix that matches nothing raises a ValueError."""
    model = given.module(body_and_head, name="model")
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    return {"'nope'": raises(lambda: code.unfreeze(model, optimizer, "nope", 0.05))}
