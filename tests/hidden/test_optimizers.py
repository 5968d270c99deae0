"""Checks for topic `optimizers` that only grading runs: edge cases of the specification."""

from contextlib import suppress

import torch
from torch import nn

from autograder import checks, only, raises


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


@checks("SGD", gate=True)
def test_sgd_of_any_shape(code, given):
    """Parameters of any shape, memory layout and dtype are moved, and keep their dtype."""
    shapes = ((), (1,), (0, 3), (2, 1, 3))
    parameters = parameters_of(given, *shapes) + parameters_of(given, (3,), (2, 2), dtype=torch.float32)
    parameters.append(nn.Parameter(given.transposed(given.normal(3, 2))))
    return steps_of(given, code.SGD(parameters, given.number(0.05, 0.5)), parameters, 2)


@checks("SGD")
def test_sgd_of_one_parameter(code, given):
    """Steps are right for any momentum and lr, over many steps."""
    found = {}
    for momentum in (0.5, 0.99, 0.0):
        parameters = parameters_of(given, (4,))
        optimizer = code.SGD(params=parameters, lr=given.number(0.5, 2.0), momentum=momentum)
        found[f"momentum {momentum}"] = steps_of(given, optimizer, parameters, 5)
    return found


@checks("SGD")
def test_sgd_velocities_are_separate(code, given):
    """Each parameter has its own velocity, even among parameters of the same shape."""
    parameters = parameters_of(given, (3,), (3,), (3,), (2, 2))
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=given.number(0.5, 0.9))
    return steps_of(given, optimizer, parameters)


@checks("SGD")
def test_sgd_optimizers_are_separate(code, given):
    """Optimizers do not affect each other: two at the same time, or a new one for parameters another one has moved."""
    left, right = parameters_of(given, (3,), (2,)), parameters_of(given, (3,), (2,))
    first, second = code.SGD(left, lr=0.1, momentum=0.9), code.SGD(right, lr=0.3, momentum=0.5)
    found = {"first": steps_of(given, first, left, 2), "second": steps_of(given, second, right, 2)}
    found["first again"] = steps_of(given, first, left, 1)
    return {**found, "a new one": steps_of(given, code.SGD(left, lr=0.1, momentum=0.9), left, 1)}


@checks("SGD")
def test_sgd_parameters_without_gradient_and_momentum(code, given):
    """With momentum, a parameter without a gradient rests, and its velocity is kept until there is a gradient again."""
    parameters = parameters_of(given, (3,), (2,), (4,))
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=0.8)
    found = {}
    for step, without in enumerate(((0,), (1, 2), (), (0, 1, 2), (2,), ()), 1):
        with_new_gradients(given, parameters)
        for place in without:
            parameters[place].grad = None
        optimizer.step()
        found[f"after step {step}"] = values_of(parameters)
    return found


@checks("SGD")
def test_sgd_zero_is_a_gradient(code, given):
    """With momentum, a parameter whose gradient is zero keeps moving."""
    parameters = parameters_of(given, (3,), (2,))
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=0.8)
    found = steps_of(given, optimizer, parameters, 1)
    for p in parameters:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    return {**found, "after a step with zeros": values_of(parameters)}


@checks("SGD")
def test_sgd_leaves_gradients_alone(code, given):
    """step() does not change .grad, with or without momentum, in the first step and in later ones."""
    found = {}
    for momentum in (0.0, 0.9):
        parameters = parameters_of(given, (3,), (2, 2))
        optimizer = code.SGD(parameters, lr=0.1, momentum=momentum)
        for step in (1, 2, 3):
            with_new_gradients(given, parameters)
            optimizer.step()
            gradients = [None if p.grad is None else p.grad.clone() for p in parameters]
            found[f"momentum {momentum}, .grad after step {step}"] = only(gradients, "values")
    return found


@checks("SGD")
def test_sgd_velocity_is_no_gradient(code, given):
    """Changing .grad after a step, even in place, has no effect on the velocity."""
    parameters = parameters_of(given, (3,), (2, 2))
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=0.9)
    with_new_gradients(given, parameters)
    found = {}
    for step in (1, 2, 3):
        optimizer.step()
        found[f"after step {step}"] = values_of(parameters)
        for p in parameters:
            if p.grad is not None:
                p.grad.mul_(-3).add_(1)
    return found


@checks("SGD")
def test_sgd_keeps_the_objects(code, given):
    """The parameters stay the model's own objects: leaves with the same flag, ready for the next backward()."""
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), name="model")
    model[1].bias.requires_grad_(False)
    given.watch(model, "model")
    before = dict(model.named_parameters())
    optimizer = code.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = given.normal(5, 3, name="x")
    for _ in range(2):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    after = dict(model.named_parameters())
    return {
        "the same objects": {name: after.get(name) is p for name, p in before.items()},
        "parameters": only(before, "type", "shape", "dtype", "requires_grad", "is_leaf", "values"),
        "model(x)": only(model(x), "values"),
    }


@checks("SGD")
def test_sgd_looks_at_gradients_only(code, given):
    """A parameter that has a gradient moves, even if it was frozen at some point; one that has none does not."""
    parameters = parameters_of(given, (3,), (2,), (4,), (5,))
    parameters[3].requires_grad_(False)
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=0.9)
    with_new_gradients(given, parameters)
    parameters[0].requires_grad_(False)
    parameters[1].requires_grad_(False)
    parameters[1].grad = None
    optimizer.step()
    first = values_of(parameters)
    parameters[3].requires_grad_(True)
    with_new_gradients(given, parameters)
    optimizer.step()
    flags = [p.requires_grad for p in parameters]
    return {"after a step": first, "after another one": values_of(parameters), "requires_grad": flags}


@checks("SGD")
def test_sgd_takes_any_iterable(code, given):
    """params may be a generator, model.parameters(), a tuple or the values of a dict: every step and zero_grad() work."""
    found = {}
    for name in ("generator", "model.parameters()", "tuple", "values of a dict", "iterator"):
        model = nn.ParameterList(parameters_of(given, (3,), (2, 2)))
        parameters = list(model)
        iterable = {
            "generator": (p for p in parameters),
            "model.parameters()": model.parameters(),
            "tuple": tuple(parameters),
            "values of a dict": dict(enumerate(parameters)).values(),
            "iterator": iter(parameters),
        }[name]
        optimizer = code.SGD(iterable, lr=0.1, momentum=0.9)
        found[name] = steps_of(given, optimizer, parameters)
        optimizer.zero_grad()
        found[f"{name}, .grad after zero_grad()"] = only([p.grad for p in parameters], "values")
    return found


@checks("SGD")
def test_sgd_zero_grad_in_full(code, given):
    """zero_grad() removes every gradient, even of frozen parameters, before the first step and after it."""
    parameters = parameters_of(given, (3,), (2,), (4,))
    optimizer = code.SGD(parameters, lr=0.1, momentum=0.9)
    found = {}
    for when in ("before the first step", "after it"):
        with_new_gradients(given, parameters)
        parameters[0].requires_grad_(False)
        parameters[2].grad = None
        optimizer.zero_grad()
        found[f".grad, {when}"] = only([p.grad for p in parameters], "values")
        found[f"parameters, {when}"] = values_of(parameters)
        with_new_gradients(given, parameters)
        optimizer.step()
    return found


@checks("SGD")
def test_sgd_zero_grad_keeps_velocities(code, given):
    """Calling zero_grad() between two steps does not change what the next step does."""
    parameters = parameters_of(given, (3,), (2, 2))
    optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=0.9)
    found = {}
    for step in (1, 2, 3):
        optimizer.zero_grad()
        found[f"step {step}"] = steps_of(given, optimizer, parameters, 1)
    return found


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
def test_param_groups_prefix_ends_at_a_dot(code, given):
    """Names that merely start with the same letters as the head, or contain it further inside, belong to the body."""
    parts = {
        "body": nn.ModuleDict({"head": linear(given), "other": linear(given)}),
        "head2": linear(given),
        "head": nn.Sequential(linear(given), linear(given)),
        "header": linear(given),
        "my_head": linear(given),
    }
    model = nn.ModuleDict(parts)
    model.register_parameter("head_scale", nn.Parameter(given.normal(2)))
    return members(code, given.watch(model.to(given.device), "model"), "head")


@checks("param_groups")
def test_param_groups_head_inside(code, given):
    """The head may be deeper in the model, with dots in its name, and 'blocks.1' is not 'blocks.10'."""
    model = given.module(lambda: nn.ModuleDict({"stem": linear(given), "blocks": nn.Sequential()}), name="model")
    model["blocks"].extend([nn.Linear(2, 2, device=given.device) for _ in range(12)])
    given.watch(model, "model")
    return {"blocks.1": members(code, model, "blocks.1"), "blocks": members(code, model, "blocks")}


@checks("param_groups")
def test_param_groups_order(code, given):
    """Each group keeps the model's order, wherever in the model the head is."""
    for_all = {"b": 3, "a": 2, "d": 1, "c": 4}
    found = {}
    for head in for_all:
        model = nn.ModuleDict({name: nn.Sequential(*[nn.Linear(2, 2) for _ in range(n)]) for name, n in for_all.items()})
        model.register_parameter("scale", nn.Parameter(given.normal(2)))
        found[f"head {head!r}"] = members(code, given.watch(model.to(given.device), "model"), head)
    return found


@checks("param_groups")
def test_param_groups_without_frozen_parameters(code, given):
    """Frozen parameters are in neither group, whether in the body or in the head, and they stay frozen."""
    parts = {name: nn.Sequential(linear(given), linear(given)) for name in ("stem", "body", "head")}
    model = nn.ModuleDict(parts).to(given.device)
    model["stem"].requires_grad_(False)
    model["body"][1].bias.requires_grad_(False)
    model["head"][0].weight.requires_grad_(False)
    given.watch(model, "model")
    flags = only(dict(model.named_parameters()), "requires_grad")
    return {**members(code, model, "head"), "requires_grad": flags}


@checks("param_groups")
def test_param_groups_of_shared_parameters(code, given):
    """A parameter shared by body and head is in only one group, the one given by its name in named_parameters()."""
    first = nn.ModuleDict({"body": nn.Linear(3, 3), "head": nn.Linear(3, 3)})
    first["head"].weight = first["body"].weight
    second = nn.ModuleDict({"head": nn.Linear(3, 3), "body": nn.Linear(3, 3), "more": nn.Linear(3, 3)})
    second["body"].weight = second["head"].weight
    second["more"] = second["body"]
    found = {}
    for name, model in (("shared, body first", first), ("shared, head first", second)):
        given.watch(model.to(given.device), name)
        found[name] = members(code, model, "head")
        optimizer = torch.optim.Adam(code.param_groups(model, "head", 0.01, 0.1))
        found[f"{name}: parameters in the optimizer"] = [len(group["params"]) for group in optimizer.param_groups]
    return found


@checks("param_groups")
def test_param_groups_without_a_body(code, given):
    """If only the head is trainable, the first group is there but empty."""
    alone = given.module(lambda: nn.ModuleDict({"head": linear(given)}), name="head alone")
    frozen = nn.ModuleDict({"body": linear(given), "head": linear(given)}).to(given.device)
    frozen["body"].requires_grad_(False)
    given.watch(frozen, "model with a frozen body")
    return {"head alone": members(code, alone, "head"), "frozen body": members(code, frozen, "head")}


@checks("param_groups")
def test_param_groups_holds_lists(code, given):
    """The values under 'params' are lists of the parameters themselves."""
    model = given.module(lambda: nn.ModuleDict({"body": linear(given), "head": linear(given)}), name="model")
    first, second = code.param_groups(model, "head", 0.01, 0.1)
    return only({"first['params']": first["params"], "second['params']": second["params"]}, "type", "shape", "aliasing")


@checks("param_groups")
def test_param_groups_rates_in_an_optimizer(code, given):
    """In an optimizer's step, each group uses its own rate, even if that is 0 or larger for the body."""
    found = {}
    for base_lr, head_lr in ((0.0, 0.5), (0.5, 0.0), (given.number(0.5, 1.0), given.number(0.1, 0.2))):
        model = given.module(lambda: nn.ModuleDict({"body": linear(given), "head": linear(given)}))
        optimizer = torch.optim.SGD(code.param_groups(model, "head", base_lr, head_lr), lr=9.0)
        with_new_gradients(given, model.parameters())
        optimizer.step()
        case = f"case {len(found) + 1}"
        found[case] = {name: only(p.detach(), "values") for name, p in model.named_parameters()}
    return found


@checks("param_groups")
def test_param_groups_refuses_an_empty_head(code, given):
    """A head without trainable parameters raises a ValueError: it is frozen, has none, or is not a module's name."""
    model = nn.ModuleDict({"body": linear(given), "head": linear(given), "relu": nn.ReLU(), "head2": linear(given)})
    model.register_parameter("scale", nn.Parameter(given.normal(2)))
    model["again"] = model["body"]
    model["head"].requires_grad_(False)
    given.watch(model.to(given.device), "model")
    heads = ("head", "relu", "scale", "again", "bod", "body.weight", "", "nothing")
    return {f"head {head!r}": raises(lambda head=head: code.param_groups(model, head, 0.01, 0.1)) for head in heads}


def trained_optimizer(given, kind, **options):
    """An optimizer with three groups that has taken two steps, and its parameters."""
    parameters = parameters_of(given, (3, 2), (4,), (2,), (5,))
    low, high = given.number(0.01, 0.04), given.number(0.2, 0.4)
    groups = [
        {"params": [parameters[0]], "lr": low},
        {"params": parameters[1:3]},
        {"params": [parameters[3]], "lr": high, "weight_decay": 0.2},
    ]
    optimizer = kind(groups, lr=0.1, **options)
    for _ in range(2):
        with_new_gradients(given, parameters)
        optimizer.step()
    return optimizer, parameters


def rates(optimizer):
    return only([group["lr"] for group in optimizer.param_groups], "values")


def state_of(optimizer, parameters):
    return [dict(optimizer.state.get(p, {})) for p in parameters]


KINDS = {
    "SGD": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "Adam": (torch.optim.Adam, {"betas": (0.8, 0.95)}),
    "AdamW": (torch.optim.AdamW, {"weight_decay": 0.1, "amsgrad": True}),
}


@checks("scale_lr", gate=True)
def test_scale_lr_of_other_optimizers(code, given):
    """Three groups keep their ratio, in several kinds of optimizer; the result lists the new rates in group order."""
    found = {}
    for name, (kind, options) in KINDS.items():
        optimizer, _ = trained_optimizer(given, kind, **options)
        result = code.scale_lr(optimizer, given.number(0.1, 0.7))
        found |= {f"{name}, learning rates": rates(optimizer), f"{name}, result": only(result, "values")}
    return found


@checks("scale_lr")
def test_scale_lr_any_factor(code, given):
    """The factor may be 0, 1 or larger than 1; groups may have rate 0 or have been added later."""
    found = {}
    for factor in (1.0, given.number(2.0, 9.0), 0.0):
        optimizer, _ = trained_optimizer(given, torch.optim.SGD)
        optimizer.param_groups[1]["lr"] = 0.0
        optimizer.add_param_group({"params": parameters_of(given, (2,)), "lr": 0.7})
        result = code.scale_lr(optimizer, factor)
        case = f"case {len(found) // 2 + 1}"
        found |= {f"{case}, learning rates": rates(optimizer), f"{case}, result": only(result, "values")}
    return found


@checks("scale_lr")
def test_scale_lr_of_a_new_optimizer(code, given):
    """An optimizer with a single group that has not taken a step yet is scaled too."""
    parameters = parameters_of(given, (3,))
    optimizer = torch.optim.Adam(parameters, lr=given.number(0.1, 0.9))
    result = code.scale_lr(optimizer, 0.5)
    found = {"learning rates": rates(optimizer), "result": result}
    with_new_gradients(given, parameters)
    optimizer.step()
    return {**found, "parameters after a step": values_of(parameters)}


@checks("scale_lr")
def test_scale_lr_calls_multiply(code, given):
    """Each call multiplies the current rates, even after the caller has changed one."""
    optimizer, _ = trained_optimizer(given, torch.optim.SGD, momentum=0.9)
    found = {}
    for call in (1, 2, 3):
        code.scale_lr(optimizer, given.number(0.3, 0.8))
        found[f"after call {call}"] = rates(optimizer)
        optimizer.param_groups[call - 1]["lr"] = given.number(1.0, 2.0)
    return found


@checks("scale_lr")
def test_scale_lr_keeps_the_state(code, given):
    """Everything the optimizer remembers about its parameters stays: velocities, Adam's moments and step counts."""
    found = {}
    for name, (kind, options) in KINDS.items():
        optimizer, parameters = trained_optimizer(given, kind, **options)
        code.scale_lr(optimizer, given.number(0.1, 0.7))
        found[name] = only(state_of(optimizer, parameters), "values")
    return found


@checks("scale_lr")
def test_scale_lr_keeps_other_options(code, given):
    """All other options and the groups' parameters stay; neither parameters nor gradients are touched."""
    found = {}
    for name, (kind, options) in KINDS.items():
        optimizer, parameters = trained_optimizer(given, kind, **options)
        for group in optimizer.param_groups:
            group["initial_lr"], group["name"] = 0.6, "a name"
        places = {id(p): place for place, p in enumerate(parameters)}
        code.scale_lr(optimizer, given.number(0.1, 0.7))
        groups = optimizer.param_groups
        kept = [{key: value for key, value in group.items() if key not in ("params", "lr")} for group in groups]
        found[f"{name}, options"] = only(kept, "values")
        found[f"{name}, defaults"] = only(dict(optimizer.defaults), "values")
        found[f"{name}, parameters"] = [[places.get(id(p), -1) for p in group["params"]] for group in groups]
        found[f"{name}, values"] = values_of(parameters)
    return found


@checks("scale_lr")
def test_scale_lr_next_step(code, given):
    """The optimizer's next steps use the new rates together with the old state."""
    found = {}
    for name, (kind, options) in KINDS.items():
        optimizer, parameters = trained_optimizer(given, kind, **options)
        code.scale_lr(optimizer, given.number(0.1, 0.7))
        found[name] = steps_of(given, optimizer, parameters, 2)
    return found


@checks("scale_lr")
def test_scale_lr_refuses_any_negative_factor(code, given):
    """Any negative factor raises a ValueError, even one just below 0; rates and state stay as they were."""
    found = {}
    for case, factor in (("small", -1e-6), ("large", -given.number(2.0, 9.0))):
        optimizer, parameters = trained_optimizer(given, torch.optim.SGD, momentum=0.9)
        with suppress(ValueError):
            code.scale_lr(optimizer, factor)
        found[f"{case} factor, learning rates"] = rates(optimizer)
        found[f"{case} factor, state"] = only(state_of(optimizer, parameters), "values")
        found[f"{case} factor"] = raises(lambda optimizer=optimizer, factor=factor: code.scale_lr(optimizer, factor))
    resting = torch.optim.SGD(parameters_of(given, (3,)), lr=0.0)
    return {**found, "rate 0": raises(lambda: code.scale_lr(resting, -2.0))}
