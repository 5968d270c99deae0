"""Checks for topic `optimizers` that students can run themselves."""

from contextlib import suppress

import torch
from torch import nn

from autograder import checks, only, raises, secret


def parameters_of(given, *shapes, dtype=torch.float32):
    """Parameters with drawn values."""
    return [nn.Parameter(given.normal(shape, dtype=dtype, name=f"p{place}")) for place, shape in enumerate(shapes)]


def values_of(parameters):
    """Copies of what the parameters hold now."""
    return [p.detach().clone() for p in parameters]


def with_new_gradients(given, parameters):
    for p in parameters:
        p.grad = given.normal(p.shape, dtype=p.dtype, name="gradient")


def names_in(model, group):
    """The parameters of a group by their names in the model, in their order."""
    names = {id(p): name for name, p in model.named_parameters()}
    return [names.get(id(p), "not a parameter of the model") for p in group["params"]]


def network(head):
    """A body of two layers, and a head, with drawn weights."""
    return nn.ModuleDict({"body": nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3)), head: nn.Linear(3, 2)})


def trained_optimizer(given, kind, **options):
    """An optimizer with two groups that has taken two steps, and its parameters."""
    slow, fast = parameters_of(given, (3, 2), (4,))
    optimizer = kind([{"params": [slow], "lr": given.number(0.01, 0.04)}, {"params": [fast], "lr": 0.5}], lr=0.1, **options)
    for _ in range(2):
        with_new_gradients(given, (slow, fast))
        optimizer.step()
    return optimizer, (slow, fast)


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


@checks("predicted_frozen", gate=True, draws=1)
def test_predicted_frozen(code, given):
    """The predicted number is the value of the frozen parameter after the step."""
    return {"predicted_frozen": secret(round(float(code.predicted_frozen), 4))}


@checks("predicted_momentum", gate=True, draws=1)
def test_predicted_momentum(code, given):
    """The predicted number is where w is after three steps."""
    return {"predicted_momentum": secret(round(float(code.predicted_momentum), 4))}


@checks("SGD", gate=True)
def test_sgd_values(code, given):
    """Without momentum, each step changes the parameters by -lr * grad."""
    parameters = parameters_of(given, (3, 4), (5,))
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5))
    found = {}
    for step in (1, 2, 3):
        with_new_gradients(given, parameters)
        optimizer.step()
        found[f"parameters after step {step}"] = only(values_of(parameters), "values")
    return found


@checks("SGD")
def test_sgd_momentum(code, given):
    """With momentum, each step changes the parameters by -lr * buf."""
    parameters = parameters_of(given, (3, 4), (5,))
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=0.9)
    found = {}
    for step in (1, 2, 3):
        with_new_gradients(given, parameters)
        optimizer.step()
        found[f"parameters after step {step}"] = only(values_of(parameters), "values")
    return found


@checks("SGD")
def test_sgd_skips_parameters_without_gradient(code, given):
    """A parameter whose .grad is None stays where it is, and the others move."""
    parameters = parameters_of(given, (3,), (2, 2), (4,))
    optimizer = code.SGD(parameters, lr=0.1)
    with_new_gradients(given, parameters)
    parameters[1].grad = None
    optimizer.step()
    return only({f"parameter {place}": p for place, p in enumerate(values_of(parameters), 1)}, "values")


@checks("SGD")
def test_sgd_zero_grad(code, given):
    """After zero_grad(), every .grad is None."""
    parameters = parameters_of(given, (3,), (2, 2))
    optimizer = code.SGD(parameters, lr=0.1)
    with_new_gradients(given, parameters)
    optimizer.step()
    optimizer.zero_grad()
    return {".grad of the parameters": only([p.grad for p in parameters], "values")}


@checks("SGD")
def test_sgd_goes_downhill(code, given):
    """On a quadratic, the loss falls from step to step."""
    (w,) = parameters_of(given, (6,))
    curvature = given.uniform(6, low=0.5, high=2.0)
    optimizer = code.SGD([w], lr=0.2)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = (curvature * w**2).sum() / 2
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": only(losses, "values")}


@checks("param_groups", gate=True)
def test_param_groups_members(code, given):
    """The first group holds the body's parameters and the second the head's, each in the model's order."""
    head = given.choice(["head", "top", "classifier"])
    model = given.module(lambda: network(head), name="model")
    body_group, head_group = code.param_groups(model, head, 0.01, 0.1)
    return {"first group": names_in(model, body_group), "second group": names_in(model, head_group)}


@checks("param_groups")
def test_param_groups_learning_rates(code, given):
    """The body gets base_lr, the head gets head_lr."""
    model = given.module(lambda: network("head"), name="model")
    base_lr, head_lr = given.number(0.01, 0.02), given.number(0.5, 0.9)
    first, second = code.param_groups(model, "head", base_lr, head_lr)
    return only({"lr of the first group": first["lr"], "lr of the second group": second["lr"]}, "values")


@checks("param_groups")
def test_param_groups_in_an_optimizer(code, given):
    """torch.optim.SGD accepts the groups; with base_lr 0, a step moves only the head."""
    model = given.module(lambda: network("head"), name="model")
    optimizer = torch.optim.SGD(code.param_groups(model, "head", 0.0, 0.1))
    with_new_gradients(given, model.parameters())
    optimizer.step()
    return {name: only(p.detach(), "values") for name, p in model.named_parameters()}


@checks("param_groups")
def test_param_groups_refuses_a_head_that_is_not_there(code, given):
    """A head that is not in the model raises a ValueError."""
    model = given.module(lambda: network("head"), name="model")
    return {"no such head": raises(lambda: code.param_groups(model, "classifier", 0.01, 0.1))}


@checks("scale_lr", gate=True)
def test_scale_lr_of_every_group(code, given):
    """The learning rate of every group is multiplied by the factor."""
    optimizer, _ = trained_optimizer(given, torch.optim.SGD)
    code.scale_lr(optimizer, given.number(0.1, 0.7))
    return {"learning rates": only(rates(optimizer), "values")}


@checks("scale_lr")
def test_scale_lr_result(code, given):
    """The function returns a list of the new learning rates, in group order."""
    optimizer, _ = trained_optimizer(given, torch.optim.SGD)
    return {"result": code.scale_lr(optimizer, given.number(0.1, 0.7))}


@checks("scale_lr")
def test_scale_lr_twice(code, given):
    """Two calls multiply the rates by both factors."""
    optimizer, _ = trained_optimizer(given, torch.optim.SGD)
    code.scale_lr(optimizer, given.number(0.1, 0.7))
    code.scale_lr(optimizer, given.number(1.5, 3.0))
    return {"learning rates": only(rates(optimizer), "values")}


@checks("scale_lr")
def test_scale_lr_refuses_a_negative_factor(code, given):
    """A negative factor raises a ValueError, and the learning rates stay as they were."""
    optimizer, _ = trained_optimizer(given, torch.optim.SGD)
    with suppress(ValueError):
        code.scale_lr(optimizer, -1.0)
    kept = only(rates(optimizer), "values")
    return {"learning rates": kept, "factor -1": raises(lambda: code.scale_lr(optimizer, -1.0))}
