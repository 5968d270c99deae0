"""Checks of topic `freezing` that only grading runs: edge cases of the specification."""

import copy

import torch
from torch import nn

from autograder import checks, only, raises


class Net(nn.Module):
    """Names that start alike, end alike and contain one another; parameters of its own, and buffers."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(3))
        self.layer1 = nn.Linear(3, 4)
        self.body = nn.ModuleDict({"layer1": nn.Linear(4, 4), "deep": nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))})
        self.act = nn.ReLU()
        self.layer10 = nn.Linear(4, 2)
        self.scale_2 = nn.Parameter(torch.rand(2))


class Tied(nn.Module):
    """A decoder that uses the weight of the embedding; that parameter is listed under one name only."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(5, 3, dtype=torch.float64)
        self.decoder = nn.Linear(3, 5, dtype=torch.float64)
        self.decoder.weight = self.emb.weight

    def forward(self, x):
        return self.decoder(x)


class Doubling(nn.Module):
    """Doubles its input in training mode: it shows its mode without random numbers."""

    def forward(self, x):
        return 2 * x if self.training else x


class Backbone(nn.Module):
    """Dropout as a function, which depends on the mode of the outermost module; dropout and statistics deeper inside."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 3, kernel_size=2)
        self.blocks = nn.ModuleList([nn.Sequential(nn.BatchNorm2d(3), nn.Dropout2d(0.5)), nn.Sequential(Doubling())])
        self.last = nn.BatchNorm1d(3)
        self.double()
        for norm in (self.blocks[0][0], self.last):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(2, 3)

    def forward(self, x):
        y = torch.tanh(self.first(x))
        for block in self.blocks:
            y = block(y)
        y = nn.functional.dropout(y.mean(dim=(2, 3)), 0.5, self.training)
        return self.last(y)


def backbone_in_mixed_modes():
    base = Backbone()
    base.blocks[0][0].eval()
    base.blocks[1].eval()
    base.blocks[1][0].train()
    return base


def outer_eval_inner_train():
    base = Backbone().eval()
    base.blocks[0].train()
    return base


BACKBONES = {
    "all in training mode": Backbone,
    "all in eval mode": lambda: Backbone().eval(),
    "in mixed modes": backbone_in_mixed_modes,
    "inner modules in training mode": outer_eval_inner_train,
}


def head():
    return nn.Linear(3, 2).double()


def images(given, count=4, **options):
    return given.normal(count, 2, 3, 3, dtype=torch.float64, **options)


def flags(model):
    return {name: parameter.requires_grad for name, parameter in model.named_parameters()}


def modes(model):
    return {name or "outermost module": module.training for name, module in model.named_modules()}


def gradient(result, x):
    """The gradient of a tensor's sum with respect to x; None where none arrives."""
    return torch.autograd.grad(result.sum(), x, allow_unused=True)[0] if result.requires_grad else None


def body_and_head():
    """A model with a frozen body."""
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4)))
    model.add_module("head", nn.Linear(4, 2))
    model.body.requires_grad_(False)
    return model.double()


def body_with_a_shared_weight():
    model = body_and_head()
    model.body[0] = nn.Linear(4, 4).double().requires_grad_(False)
    model.body[2].weight = model.body[0].weight
    return model


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


def trained(given, make, model):
    """An optimizer of the head that has taken two steps."""
    optimizer = make(model.head.parameters())
    for _ in range(2):
        step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
    return optimizer


@checks("freeze", gate=True)
def test_freeze_at_every_depth(code, given):
    """Prefixes may name modules, nested modules and single parameters, several at once."""
    results = {}
    for prefixes in (
        ["body.deep"],
        ["scale"],
        ["layer10", "body.layer1.bias"],
        ("body.deep.1.weight",),
        ["body", "scale_2"],
    ):
        model = given.module(Net)
        code.freeze(model, prefixes)
        results[f"requires_grad after {', '.join(prefixes)}"] = flags(model)
    return results


@checks("freeze")
def test_freeze_names_are_read_from_their_start(code, given):
    """A prefix matches from the start of a name: "layer1" matches neither body.layer1 nor layer10."""
    model = given.module(Net, name="model")
    returned = code.freeze(model, ["layer1"])
    return {"returned": returned, "requires_grad": flags(model)}


@checks("freeze")
def test_freeze_keeps_other_flags(code, given):
    """A parameter that was frozen before and is not named stays frozen."""
    model = given.module(Net)
    model.body.layer1.requires_grad_(False)
    model.scale.requires_grad_(False)
    given.watch(model, "model")
    code.freeze(model, ["body.deep", "layer10"])
    return {"requires_grad": flags(model)}


@checks("freeze")
def test_freeze_names_with_overlaps(code, given):
    """Each name is returned once, in the model's order, however the prefixes are ordered or overlap."""
    overlapping = ["layer10.bias", "body.deep", "body", "layer1", "body.deep.0.weight", "layer1"]
    return {
        "overlapping prefixes": code.freeze(given.module(Net), overlapping),
        "a tuple of prefixes": code.freeze(given.module(Net), ("scale_2", "scale")),
    }


@checks("freeze")
def test_freeze_names_of_frozen_ones(code, given):
    """The names include parameters that were already frozen; without prefixes there are none."""
    model = given.module(Net)
    model.layer1.weight.requires_grad_(False)
    given.watch(model, "model")
    return {
        "layer1": code.freeze(model, ["layer1"]),
        "layer1 once more": code.freeze(model, ["layer1"]),
        "no prefixes": code.freeze(model, []),
        "a shared weight": code.freeze(given.module(Tied), ["emb"]),
    }


@checks("freeze")
def test_freeze_refuses_what_is_no_name(code, given):
    """Buffers, parts of names and modules without parameters match no parameter: a ValueError, and nothing is frozen."""
    results = {}
    for prefix in ("body.deep.1.running_mean", "layer", "weight", "deep", "layer1.", "layer1.weigh", "act", ""):
        model = given.module(Net)
        results[f"{prefix!r}, exception"] = raises(lambda model=model, prefix=prefix: code.freeze(model, ["body", prefix]))
        results[f"{prefix!r}, parameters"] = only(dict(model.named_parameters()), "requires_grad")
    for prefixes in (["nope"], ["nope", "body"]):
        model = given.module(Net)
        results[f"{prefixes}, exception"] = raises(lambda model=model, prefixes=prefixes: code.freeze(model, prefixes))
        results[f"{prefixes}, parameters"] = only(dict(model.named_parameters()), "requires_grad")
    return results


@checks("freeze")
def test_freeze_leaves_the_rest_alone(code, given):
    """Values, gradients and modes are as before, and the parameters are the same objects."""
    model = given.with_grad(given.module(Net))
    model.body.deep[1].eval()
    given.watch(model, "model")
    before = dict(model.named_parameters())
    code.freeze(model, ["body", "scale"])
    after = dict(model.named_parameters())
    return {
        "parameters": only(after, "type", "values", "gradient"),
        "the same objects": [name for name in before if after.get(name) is before[name]],
        "training": modes(model),
    }


@checks("head_only_forward", gate=True)
def test_head_only_forward_values_in_any_mode(code, given):
    """The value is right whichever of the backbone's modules are in training mode, even for a batch of one."""
    results = {}
    for name, make in BACKBONES.items():
        base, net = given.module(make), given.module(head)
        results[name] = code.head_only_forward(base, net, images(given))
        results[f"{name}, batch of one"] = code.head_only_forward(base, net, images(given, 1))
    return only(results, "shape", "values")


@checks("head_only_forward")
def test_head_only_forward_restores_mixed_modes(code, given):
    """Each module of the backbone has the mode it had before, even if modes are mixed."""
    found = {}
    for name, make in BACKBONES.items():
        base = given.module(make)
        code.head_only_forward(base, given.module(head), images(given))
        found[name] = modes(base)
    return found


@checks("head_only_forward")
def test_head_only_forward_keeps_statistics(code, given):
    """The running statistics of the backbone do not change."""
    base = given.module(Backbone, name="backbone")
    code.head_only_forward(base, given.module(head), images(given))
    return only(dict(base.named_buffers()), "values")


@checks("head_only_forward")
def test_head_only_forward_uses_the_head_as_it_is(code, given):
    """The head runs in its own mode and keeps it: training, eval or mixed."""
    results, found = {}, {}
    for name in ("training", "eval", "mixed"):
        net = given.module(lambda: nn.Sequential(nn.Linear(3, 2), Doubling(), nn.BatchNorm1d(2)).double())
        net.train(name == "training")
        net[2].train(name != "eval")
        given.watch(net, f"head, {name}")
        results[name] = code.head_only_forward(given.module(Backbone), net, images(given))
        found[name] = modes(net)
    return {"result": only(results, "shape", "values"), "training flags": found}


@checks("head_only_forward")
def test_head_only_forward_after_backward(code, given):
    """backward() fills the .grad of the head's trainable parameters, and leaves the backbone's as it was."""
    base, net = given.module(Backbone), given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double())
    given.with_grad(base.last)
    net[0].bias.requires_grad_(False)
    for name, module in (("backbone", base), ("head", net)):
        given.watch(module, name)
    code.head_only_forward(base, net, images(given)).square().sum().backward()
    return only({"backbone": dict(base.named_parameters()), "head": dict(net.named_parameters())}, "gradient")


@checks("head_only_forward")
def test_head_only_forward_no_gradient_for_x(code, given):
    """No gradient reaches x, whether it is a leaf or not."""
    results = {}
    for name, x in {"leaf": images(given, requires_grad=True), "not a leaf": given.non_leaf(images(given))}.items():
        result = code.head_only_forward(given.module(Backbone), given.module(head), x)
        results[f"gradient of x, {name}"] = gradient(result, x)
        results[f"x afterwards, {name}"] = only(x, "requires_grad", "values")
    return results


@checks("head_only_forward")
def test_head_only_forward_keeps_flags(code, given):
    """The requires_grad flags are as before, in the backbone and in the head."""
    base, net = given.module(Backbone), given.module(head)
    base.first.weight.requires_grad_(False)
    net.bias.requires_grad_(False)
    for name, module in (("backbone", base), ("head", net)):
        given.watch(module, name)
    result = code.head_only_forward(base, net, images(given))
    return {"result": only(result, "requires_grad"), "backbone": flags(base), "head": flags(net)}


@checks("head_only_forward")
def test_head_only_forward_keeps_the_grad_mode(code, given):
    """The grad mode is what it was before the call, even if it was off."""
    base, last = given.module(Backbone), given.module(head)
    with torch.no_grad():
        code.head_only_forward(base, last, images(given))
        return {"gradients recorded": torch.is_grad_enabled()}


@checks("freeze_entries", gate=True)
def test_freeze_entries_of_any_shape(code, given):
    """It works for parameters of any shape and for any mask: all True, all False, transposed."""
    cases = {
        "0-dim, frozen": (given.normal(()), given.tensor(True)),
        "0-dim, free": (given.normal(()), given.tensor(False)),
        "all True": (given.normal(2, 3), given.full(2, 3, value=True, dtype=torch.bool)),
        "all False": (given.normal(2, 3), given.full(2, 3, value=False, dtype=torch.bool)),
        "3-dim, float64": (given.normal(2, 3, 2, dtype=torch.float64), given.bools(2, 3, 2)),
        "transposed mask": (given.normal(3, 4), given.transposed(given.bools(3, 4))),
        "transposed parameter": (given.transposed(given.normal(3, 4)), given.bools(3, 4)),
        "empty": (given.normal(0, 3), given.bools(0, 3)),
    }
    results = {}
    for name, (values, mask) in cases.items():
        param = nn.Parameter(values)
        code.freeze_entries(param, mask)
        (param.sin().sum() * 3).backward()
        results[name] = param.grad
    return only(results, "shape", "dtype", "values")


@checks("freeze_entries")
def test_freeze_entries_after_every_backward(code, given):
    """It works after every backward(), whether gradients add up or start from None again."""
    param = nn.Parameter(given.normal(5))
    code.freeze_entries(param, given.tensor([True, False, True, False, False]))
    results = {}
    for time in ("first", "second", "third"):
        (param * given.uniform(5, low=1, high=2)).sum().backward()
        results[time] = param.grad.clone()
        if time == "second":
            param.grad = None
    return only(results, "values")


@checks("freeze_entries")
def test_freeze_entries_blocks_what_is_not_finite(code, given):
    """Where the incoming gradient is nan or inf, a frozen entry gets 0, and a free one gets nan or inf."""
    param = nn.Parameter(given.normal(7))
    mask = given.tensor([True, True, True, False, False, True, False])
    code.freeze_entries(param, mask)
    nan, inf = float("nan"), float("inf")
    (param * given.tensor([nan, inf, -inf, nan, inf, 2.0, 3.0])).sum().backward()
    return {"param.grad": only(param.grad, "values")}


@checks("freeze_entries")
def test_freeze_entries_takes_a_snapshot(code, given):
    """Changing the mask later has no effect."""
    param = nn.Parameter(given.normal(2, 3))
    mask = torch.tensor([[True, False, True], [False, False, True]], device=given.device)
    code.freeze_entries(param, mask)
    mask.logical_not_()
    (param * given.uniform(2, 3, low=1, high=2)).sum().backward()
    return {"param.grad": only(param.grad, "values")}


@checks("freeze_entries")
def test_freeze_entries_in_training(code, given):
    """Two steps of SGD leave the frozen entries exactly as they are, and move the others."""
    layer = given.module(lambda: nn.Linear(3, 2))
    frozen = given.tensor([[True, False, True], [False, True, False]])
    code.freeze_entries(layer.weight, frozen)
    before = layer.weight.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(2):
        step(layer, optimizer, given.normal(5, 3))
    moved = layer.weight.detach() - before
    return only({"change of the frozen entries": moved[frozen], "weight": layer.weight}, "values")


@checks("freeze_entries")
def test_freeze_entries_keeps_to_its_parameter(code, given):
    """Other parameters get their normal gradients, even if they are added to this one."""
    param, left, right = (nn.Parameter(given.normal(4)) for _ in range(3))
    code.freeze_entries(param, given.tensor([True, False, True, False]))
    weights = given.uniform(4, low=1, high=2)
    (((left + param) + right) * weights).sum().backward()
    results = {"first": left.grad, "second": right.grad}
    other = nn.Parameter(given.normal(4))
    ((param + other) * weights).sum().backward()
    return only({**results, "third": other.grad}, "values")


@checks("freeze_entries")
def test_freeze_entries_twice(code, given):
    """Two masks freeze the entries of both; after one handle is removed, the other mask still works."""
    param = nn.Parameter(given.normal(4))
    handles = [
        code.freeze_entries(param, given.tensor([True, False, True, False])),
        code.freeze_entries(param, given.tensor([False, False, True, True])),
    ]
    results = {}
    for name in ("both", "the second only", "none"):
        param.grad = None
        (param * given.uniform(4, low=1, high=2)).sum().backward()
        results[name] = param.grad
        if handles:
            handles.pop(0).remove()
    return only(results, "values")


@checks("freeze_entries")
def test_freeze_entries_refuses_other_masks(code, given):
    """A mask that could be broadcast, or one of numbers, raises a ValueError."""
    param = nn.Parameter(given.normal(2, 3))
    masks = {
        "shape (1, 3)": given.bools(1, 3),
        "shape (3,)": given.bools(3),
        "shape ()": given.tensor(True),
        "shape (2, 3, 1)": given.bools(2, 3, 1),
        "shape (6,)": given.bools(6),
        "int64": given.integers(2, 3, high=2),
        "uint8": given.integers(2, 3, high=2, dtype=torch.uint8),
        "float32": given.full(2, 3, value=1.0),
    }
    return {name: raises(lambda mask=mask: code.freeze_entries(param, mask)) for name, mask in masks.items()}


@checks("unfreeze", gate=True)
def test_unfreeze_at_every_depth(code, given):
    """Modules, nested modules and single parameters are thawed by name, and Adam trains them."""
    results = {}
    for prefix in ("body", "body.0", "body.2.weight"):
        model = given.module(body_and_head)
        optimizer = torch.optim.Adam(model.head.parameters(), lr=0.01)
        code.unfreeze(model, optimizer, prefix, 0.5)
        step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
        results[f"requires_grad after {prefix}"] = flags(model)
        results[f"parameters after {prefix}"] = only(dict(model.named_parameters()), "values")
    return results


@checks("unfreeze")
def test_unfreeze_ends_at_a_dot(code, given):
    """A parameter stays frozen if its name merely starts with the same letters, or has them further on."""
    model = given.module(Net)
    model.requires_grad_(False)
    given.watch(model, "model")
    optimizer = torch.optim.SGD([model.scale_2], lr=0.1)
    count = code.unfreeze(model, optimizer, "layer1", 0.05)
    return {"returned": count, "requires_grad": flags(model), "groups": groups(model, optimizer)}


@checks("unfreeze")
def test_unfreeze_keeps_groups(code, given):
    """Existing groups keep their learning rates and parameters; the new group has its own rate, even if that is 0."""
    results = {}
    for lr in (0.0, given.choice([0.3, 0.4])):
        model = given.module(body_and_head)
        optimizer = torch.optim.SGD([{"params": [model.head.weight], "lr": 0.2}, {"params": [model.head.bias]}], lr=0.1)
        code.unfreeze(model, optimizer, "body", lr)
        results["learning rate 0" if lr == 0 else "another learning rate"] = groups(model, optimizer)
    return results


@checks("unfreeze")
def test_unfreeze_held_parameters(code, given):
    """What the optimizer already holds is thawed but not added again: it returns 0, and there is no new group."""
    model = given.module(body_and_head)
    model.head.requires_grad_(False)
    given.watch(model, "model")
    optimizer = given.watch(torch.optim.SGD(model.parameters(), lr=0.1), "optimizer")
    count = code.unfreeze(model, optimizer, "body", 0.05)
    return {"returned": count, "requires_grad": flags(model), "groups": groups(model, optimizer)}


@checks("unfreeze")
def test_unfreeze_half_held(code, given):
    """If the optimizer already holds some of the parameters, only the others are added, frozen or not."""
    model = given.module(body_and_head)
    model.body[2].weight.requires_grad_(True)
    given.watch(model, "model")
    optimizer = torch.optim.SGD([model.head.weight, model.body[0].weight, model.body[2].bias], lr=0.1)
    count = code.unfreeze(model, optimizer, "body", 0.05)
    return {"returned": count, "requires_grad": flags(model), "groups": groups(model, optimizer)}


@checks("unfreeze")
def test_unfreeze_twice(code, given):
    """A second call adds nothing, and a call for more adds only what is missing."""
    model = given.module(body_and_head)
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    counts = [
        code.unfreeze(model, optimizer, prefix, lr) for prefix, lr in (("body.2", 0.05), ("body.2", 0.5), ("body", 0.02))
    ]
    return {"returned": counts, "groups": groups(model, optimizer)}


@checks("unfreeze")
def test_unfreeze_shared_parameters(code, given):
    """A parameter shared by two layers is added once, and not at all if the optimizer already holds it."""
    results = {}
    for name in ("new", "held"):
        model = given.module(body_with_a_shared_weight)
        parameters = [*model.head.parameters(), *([model.body[0].weight] if name == "held" else [])]
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        results[f"{name}, returned"] = code.unfreeze(model, optimizer, "body", 0.05)
        results[f"{name}, groups"] = groups(model, optimizer)
    return results


@checks("unfreeze")
def test_unfreeze_keeps_the_state(code, given):
    """The optimizer keeps its state for its old parameters: momentum, and Adam's averages and counters."""
    results = {}
    for name, make in {
        "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
    }.items():
        model = given.module(body_and_head)
        optimizer = trained(given, make, model)
        code.unfreeze(model, optimizer, "body", 0.05)
        results[f"{name}, state"] = copy.deepcopy(dict(optimizer.state_dict()["state"]))
        step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
        results[f"{name}, parameters one step later"] = dict(model.named_parameters())
    return only(results, "values")


@checks("unfreeze")
def test_unfreeze_keeps_parameters(code, given):
    """The model's parameters are the same objects, with the values they had."""
    model = given.module(body_and_head).eval()
    given.with_grad(model.head)
    given.watch(model, "model")
    before = dict(model.named_parameters())
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    code.unfreeze(model, optimizer, "body.0", 0.05)
    after = dict(model.named_parameters())
    return {
        "parameters": only(after, "values"),
        "the same objects": [name for name in before if after.get(name) is before[name]],
    }


@checks("unfreeze")
def test_unfreeze_refuses_what_is_no_name(code, given):
    """A part of a name matches no parameter: a ValueError, and nothing is thawed."""
    model = given.module(body_and_head)
    given.watch(model, "model")
    optimizer = given.watch(torch.optim.SGD(model.head.parameters(), lr=0.1), "optimizer")
    results = {
        repr(prefix): raises(lambda prefix=prefix: code.unfreeze(model, optimizer, prefix, 0.05))
        for prefix in ("bod", "body.", "0", "", "body.1")
    }
    return {**results, "parameters": only(dict(model.named_parameters()), "requires_grad")}
