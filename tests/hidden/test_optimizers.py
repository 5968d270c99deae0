"""Checks for topic `optimizers` that only grading runs: edge cases of the specification."""

import torch
from torch import nn

from autograder import checks, close, only


def parameters_of(given, *shapes, dtype=torch.float64):
    """Parameters with drawn values."""
    return [nn.Parameter(given.normal(shape, dtype=dtype, name=f"p{place}")) for place, shape in enumerate(shapes)]


def values_of(parameters):
    """Copies of what the parameters hold now."""
    return only([p.detach().clone() for p in parameters], "values", "dtype")


def with_new_gradients(given, parameters):
    for p in parameters:
        p.grad = given.normal(p.shape, dtype=p.dtype, name="gradient")


def steps_of(given, optimizer, parameters, count=3):
    """The parameters' values after each of some steps with drawn gradients."""
    found = {}
    for step in range(1, count + 1):
        with_new_gradients(given, parameters)
        optimizer.step()
        found[f"after step {step}"] = values_of(parameters)
    return found


@checks("SGD")
def test_sgd_of_any_iterable(code, given):
    """params may be any iterable, the parameters stay the same objects, and optimizers do not affect each other."""
    found, optimizers = {}, {}
    for name in ("generator", "model.parameters()", "tuple", "values of a dict", "iterator"):
        model = nn.ParameterList(parameters_of(given, (3,), (given.integer(2, 4), 2)))
        parameters = list(model)
        iterable = {
            "generator": (p for p in parameters),
            "model.parameters()": model.parameters(),
            "tuple": tuple(parameters),
            "values of a dict": dict(enumerate(parameters)).values(),
            "iterator": iter(parameters),
        }[name]
        optimizers[name] = code.SGD(iterable, lr=given.number(0.05, 0.5), momentum=given.number(0.5, 0.9)), parameters
    for turn in (1, 2, 3):
        for name, (optimizer, parameters) in optimizers.items():
            optimizer.zero_grad()
            found[f"{name}, .grad in turn {turn}"] = only([p.grad for p in parameters], "values")
            found[f"{name}, turn {turn}"] = steps_of(given, optimizer, parameters, 1)
    parameters = optimizers["tuple"][1]
    found["a new optimizer"] = steps_of(given, code.SGD(parameters, lr=0.1, momentum=0.9), parameters, 1)
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), name="model")
    model[1].bias.requires_grad_(False)
    given.watch(model, "model")
    before, x = dict(model.named_parameters()), given.normal(5, 3, name="x")
    optimizer = code.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    after = dict(model.named_parameters())
    (expanded,) = parameters_of(given, (4, 3))
    optimizer = code.SGD([expanded], lr=given.number(0.05, 0.5), momentum=given.number(0.5, 0.9))
    for step in (1, 2, 3):
        expanded.grad = given.expanded(given.normal(3, dtype=torch.float64), 4, 3)
        optimizer.step()
        found[f"expanded gradient, step {step}"] = values_of([expanded])
    for name, momentum in (("momentum 1", 1.0), ("nan in a gradient", 0.9)):
        (p,) = parameters_of(given, (4,))
        optimizer = code.SGD([p], lr=given.number(0.05, 0.5), momentum=momentum)
        for step in (1, 2):
            p.grad = given.normal(4, dtype=torch.float64)
            p.grad[0], p.grad[1] = float("nan") if momentum < 1 else 1.0, given.number(1e9, 2e9)
            kept = p.grad
            optimizer.step()
            optimizer.zero_grad()
            found[f"{name}, step {step}"] = only([p, kept, p.grad], "values")
    parameters = parameters_of(given, (0, 2), (3,), (0, 4))
    optimizer, other = (code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=given.number(0.5, 0.9)) for _ in range(2))
    for turn in (1, 2, 3):
        found[f"empty parameters, turn {turn}"] = steps_of(given, optimizer, parameters, 1)
        found[f"another optimizer of the same parameters, turn {turn}"] = steps_of(given, other, parameters, 1)
        for p in parameters:
            p.data = p.data.clone()  # as model.to() does
    (p,) = parameters_of(given, (4,))
    p.detach().zero_()
    p.grad = given.normal(4, std=1e-9, dtype=torch.float64)
    code.SGD([p], lr=given.number(0.05, 0.5)).step()
    found["a tiny gradient, times 1e9"] = only(p.detach() * 1e9, "values")
    return {
        **found,
        "the same objects": {name: after.get(name) is p for name, p in before.items()},
        "parameters": only(before, "type", "shape", "dtype", "requires_grad", "is_leaf", "values"),
        "model(x)": only(model(x), "values"),
    }


def names_in(model, group):
    """The parameters of a group by their names in the model, in their order."""
    names = {id(p): name for name, p in model.named_parameters()}
    return [names.get(id(p), "not a parameter of the model") for p in group["params"]]


def members(code, model, head):
    """The names of the parameters in both groups."""
    first, second = code.param_groups(model, head, 0.01, 0.1)
    return {"first group": names_in(model, first), "second group": names_in(model, second)}


def linear(given):
    return nn.Linear(given.integer(1, 4), given.integer(1, 4))


@checks("param_groups", gate=True)
def test_param_groups_by_name(code, given):
    """A name belongs to the head if it starts with the head's whole name and a dot, however deep the head is."""
    parts = {
        "body": nn.ModuleDict({"head": linear(given), "other": linear(given)}),
        "head2": linear(given),
        "head": nn.Sequential(linear(given), nn.Sequential(linear(given))),
        "header": linear(given),
        "my_head": linear(given),
    }
    order = [list(parts)[place] for place in given.permutation(5)]
    model = nn.ModuleDict({name: parts[name] for name in order})
    model.register_parameter("head_scale", nn.Parameter(given.normal(2)))
    found = {"head": members(code, given.watch(model.to(given.device), "model"), "head")}
    alike = nn.ModuleDict({name: nn.Linear(3, 2) for name in ("body", "head", "other")})
    for module in alike.values():  # equal numbers do not make one parameter of several
        nn.init.zeros_(module.bias)
        nn.init.ones_(module.weight)
    found["equal numbers"] = members(code, given.watch(alike.to(given.device), "model of equal numbers"), "head")
    deep = {"stem": linear(given), "blocks_1": linear(given), "blocks": nn.Sequential()}
    deep = given.module(lambda: nn.ModuleDict(deep), name="deep model")
    deep["blocks"].extend([nn.Linear(2, 2, device=given.device) for _ in range(given.integer(12, 15))])
    given.watch(deep, "deep model")
    return {**found, "blocks.1": members(code, deep, "blocks.1"), "blocks": members(code, deep, "blocks")}


def trained_optimizer(given, kind, **options):
    """An optimizer with three groups that has taken two steps, and its parameters."""
    parameters = parameters_of(given, (3, 2), (4,), (2,), (5,))
    low, middle, high = given.number(0.01, 0.04), given.number(0.08, 0.12), given.number(0.2, 0.4)
    groups = [
        {"params": [parameters[0]], "lr": low},
        {"params": parameters[1:3]},
        {"params": [parameters[3]], "lr": high, "weight_decay": 0.2},
    ]
    optimizer = kind(groups, lr=middle, **options)
    for _ in range(2):
        with_new_gradients(given, parameters)
        optimizer.step()
    return optimizer, parameters


def rates(optimizer):
    return only(close([group["lr"] for group in optimizer.param_groups], rtol=1e-12, atol=0.0), "values")


def state_of(optimizer, parameters):
    return [dict(optimizer.state.get(p, {})) for p in parameters]


KINDS = {
    "SGD": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "Adam": (torch.optim.Adam, {"betas": (0.8, 0.95)}),
    "AdamW": (torch.optim.AdamW, {"weight_decay": 0.1, "amsgrad": True}),
}


@checks("scale_lr", gate=True)
def test_scale_lr_of_other_optimizers(code, given):
    """Optimizers of several kinds are scaled, new ones and those with added groups, by any factor from 0 up."""
    found = {}
    for name, (kind, options) in KINDS.items():
        optimizer, _ = trained_optimizer(given, kind, **options)
        result = code.scale_lr(optimizer, given.number(0.1, 0.7))
        found |= {f"{name}, learning rates": rates(optimizer), f"{name}, result": only(result, "values")}
    for case, factor in (("factor 1", 1.0), ("a large factor", given.number(2.0, 9.0)), ("factor 0", 0.0)):
        optimizer, _ = trained_optimizer(given, torch.optim.SGD)
        optimizer.param_groups[1]["lr"] = 0.0
        optimizer.add_param_group({"params": parameters_of(given, (2,)), "lr": given.number(0.5, 0.9)})
        result = code.scale_lr(optimizer, factor)
        found |= {f"{case}, learning rates": rates(optimizer), f"{case}, result": only(result, "values")}
    optimizer = torch.optim.SGD(
        [{"params": [], "lr": given.number(0.1, 0.9)}, {"params": parameters_of(given, (3,))}], lr=0.1
    )
    found["an empty group, result"] = code.scale_lr(optimizer, given.number(0.1, 0.7))
    found["an empty group, learning rates"] = rates(optimizer)
    parameters = parameters_of(given, (3,))
    optimizer = torch.optim.Adam(parameters, lr=given.number(0.1, 0.9))
    found |= {"a new optimizer, result": code.scale_lr(optimizer, 0.5), "a new optimizer, learning rates": rates(optimizer)}
    return {**found, "a new optimizer, parameters after a step": steps_of(given, optimizer, parameters, 1)}


@checks("scale_lr")
def test_scale_lr_keeps_other_options(code, given):
    """All other options, the groups' parameters and the state stay; neither parameters nor gradients are touched."""
    found = {}
    for name, (kind, options) in KINDS.items():
        optimizer, parameters = trained_optimizer(given, kind, **options)
        for group in optimizer.param_groups:
            group["initial_lr"], group["max_lr"], group["name"] = given.number(0.5, 0.9), 0.6, "a name"
        places = {id(p): place for place, p in enumerate(parameters)}
        code.scale_lr(optimizer, given.number(0.1, 0.7))
        groups = optimizer.param_groups
        kept = [{key: value for key, value in group.items() if key not in ("params", "lr")} for group in groups]
        found[f"{name}, options"] = only(kept, "values")
        found[f"{name}, defaults"] = only(dict(optimizer.defaults), "values")
        found[f"{name}, parameters"] = [[places.get(id(p), -1) for p in group["params"]] for group in groups]
        found[f"{name}, values"] = values_of(parameters)
        found[f"{name}, gradients"] = only([p.grad for p in parameters], "values")
        found[f"{name}, state"] = only(state_of(optimizer, parameters), "values")
    return found


@checks("warmup_then_decay", gate=True)
def test_warmup_then_decay_of_other_optimizers(code, given):
    """Optimizers of several kinds take their steps with the planned rates, from the first step to those after the end."""
    found = {}
    for name, (kind, options) in KINDS.items():
        parameters = parameters_of(given, (3, 2), (4,))
        groups = [{"params": [p], "lr": given.number(0.01, 0.9)} for p in parameters]
        optimizer, warmup = kind(groups, lr=0.5, **options), given.integer(2, 40)
        scheduler = code.warmup_then_decay(optimizer, warmup, warmup + given.integer(1, 40))
        planned = []
        for step in range(90):
            planned.append([group["lr"] for group in optimizer.param_groups])
            with_new_gradients(given, parameters)
            optimizer.step()
            scheduler.step()
            if step in (0, 5):
                found[f"{name}, parameters after step {step + 1}"] = values_of(parameters)
        found[f"{name}, rates"] = only(close(torch.tensor(planned, dtype=torch.float64), rtol=1e-9), "values")
    groups = [{"params": [p], "lr": rate} for p, rate in zip(parameters_of(given, (3,), (2,)), (0.0, 0.3), strict=True)]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = code.warmup_then_decay(optimizer, 0, 1)
    found["one step, one group at rest"] = [rates(optimizer)]
    optimizer.step()
    scheduler.step()
    found["one step, one group at rest"].append(rates(optimizer))
    return found
