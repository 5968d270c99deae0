"""Checks of topic `freezing` that only grading runs: edge cases of the specification."""

import copy

import torch
from torch import nn

from autograder import checks, only, raises


class Net(nn.Module):
    """Names that start alike, end alike and contain one another; parameters of its own, and buffers."""

    def __init__(self, number):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(3))
        self.add_module(f"layer{number}", nn.Linear(3, 4))
        self.body = nn.ModuleDict(
            {f"layer{number}": nn.Linear(4, 4), "deep": nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))}
        )
        self.act = nn.ReLU()
        self.add_module(f"layer{number}0", nn.Linear(4, 2))
        self.scale_2 = nn.Parameter(torch.rand(2))


def net(given):
    """A network with a drawn number in its names, and that number."""
    number = given.integer(1, 90)
    return given.module(lambda: Net(number)), number


def some_frozen(given, model):
    """The model with drawn parameters frozen, one at least and not all."""
    parameters = list(model.parameters())
    chosen = given.permutation(len(parameters)).tolist()[: given.integer(1, len(parameters))]
    for index in chosen:
        parameters[index].requires_grad_(False)
    return model


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


def tripled(module, args, output):
    """A forward hook: only a call of the module itself, not of forward, runs it."""
    return 3 * output


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


def backbone_with_a_hook():
    base = Backbone()
    base.register_forward_hook(tripled)
    return base


BACKBONES = {
    "with a hook": backbone_with_a_hook,
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


def mask_of(given, *shape):
    """A drawn mask, True for one entry at least and False for another."""
    count = torch.Size(shape).numel()
    ranks, least = given.permutation(count), given.integer(1, count)
    return given.tensor((ranks < least).reshape(shape))


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
    """Prefixes name modules, nested modules and parameters from the start to a dot; all others keep their flags."""
    results = {}
    for number, wanted in enumerate(
        (
            ["body.deep"],
            ["scale"],
            ["layer{}0", "body.layer{}.bias"],
            ("body.deep.1.weight",),
            ["body", "scale_2"],
            ["layer{}"],
        )
    ):
        model, digits = net(given)
        if wanted != ["scale"]:  # which is not frozen yet
            some_frozen(given, model)
        given.watch(model, f"model {number}")
        code.freeze(model, type(wanted)(prefix.format(digits) for prefix in wanted))
        results[f"requires_grad after {', '.join(wanted)}"] = flags(model)
    return results


@checks("freeze", weight=0.5)
def test_freeze_of_shared_weights(code, given):
    """A shared weight counts once, under its first name; modes of nested modules and gradients stay, later ones, too."""
    model, _ = net(given)
    given.with_grad(model)
    model.body.deep[1].train(given.choice([True, False]))
    given.watch(some_frozen(given, model), "model")
    prefixes = given.watch(["scale", "body"], "prefixes")
    returned = code.freeze(model, prefixes)
    tied, other = given.module(Tied), given.module(Tied)
    thawed = given.module(body_and_head)
    code.freeze(thawed, ["body", "head.bias"])
    given.watch(thawed.requires_grad_(True), "a model that is thawed again")
    loss = thawed(given.normal(5, 3, dtype=torch.float64)).square().sum()
    return {
        "returned": returned,
        "model": only(model, "type", "values", "gradient"),
        "a shared weight": code.freeze(tied, ["emb", "decoder"]),
        "its flags": flags(tied),
        "its second name": raises(lambda: code.freeze(other, ["decoder.weight"])),
        "flags after its second name": flags(other),
        "gradients once thawed again": list(torch.autograd.grad(loss, list(thawed.parameters()))),
    }


@checks("head_only_forward", gate=True)
def test_head_only_forward_values_in_any_mode(code, given):
    """The value is right whatever modes backbone and head are in, even for a batch of one."""
    results = {}
    for name, make in BACKBONES.items():
        base, net = given.module(make), given.module(head)
        results[name] = code.head_only_forward(base, net, images(given))
        results[f"{name}, batch of one"] = code.head_only_forward(base, net, images(given, 1))
    for name in ("training", "eval", "mixed"):
        net = given.module(lambda: nn.Sequential(nn.Linear(3, 2), Doubling(), nn.BatchNorm1d(2)).double())
        net.train(name == "training")
        net[2].train(name != "eval")
        net.register_forward_hook(tripled)
        given.watch(net, f"head, {name}")
        results[f"head in {name} mode"] = code.head_only_forward(given.module(Backbone), net, images(given))
    shared = Doubling()
    base, net = (
        given.module(lambda: nn.Sequential(nn.Linear(3, 4), shared)),
        given.module(lambda: nn.Sequential(nn.Linear(4, 2), shared)),
    )
    broken = images(given)
    broken[given.integer(0, 4), 1, 1, 1] = float("nan")
    given.watch(broken, "x with nan")
    results["nan in x"] = code.head_only_forward(given.module(Backbone), given.module(head), broken)
    results["a part that both share"] = code.head_only_forward(base, net, given.normal(5, 3))
    return only(results, "shape", "values")


@checks("head_only_forward")
def test_head_only_forward_after_backward(code, given):
    """backward() fills only the .grad of the head's trainable parameters; modes, flags and grad mode stay as they were."""
    base = given.with_grad(given.module(BACKBONES[given.choice(list(BACKBONES))]))
    some_frozen(given, base)
    net = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double())
    net[0].bias.requires_grad_(False)
    net.train(given.choice([True, False]))
    for name, module in (("backbone", base), ("head", net)):
        given.watch(module, name)
    x = images(given, requires_grad=True)
    code.head_only_forward(base, net, x).square().sum().backward()
    found = {"backbone": only(base, "type", "requires_grad", "gradient", "values")}
    found |= {"head": only(net, "type", "requires_grad", "gradient"), "x": only(x, "requires_grad", "gradient")}
    frozen, last = given.module(Backbone), given.module(head)
    given.watch(frozen.requires_grad_(False), "frozen backbone")
    code.head_only_forward(frozen, last, images(given)).square().sum().backward()
    found["head of a frozen backbone"] = only(last, "type", "gradient")
    with torch.set_grad_enabled(given.choice([True, False])):
        code.head_only_forward(base, net, images(given))
        found["gradients recorded, as drawn"] = torch.is_grad_enabled()
    with torch.no_grad():
        code.head_only_forward(base, net, images(given))
        found["gradients recorded, off before"] = torch.is_grad_enabled()
    return found


@checks("freeze_entries", gate=True)
def test_freeze_entries_of_any_shape(code, given):
    """It works for any shape and mask, for nan and inf, and after every backward(); frozen entries stay put in training."""
    cases = {
        "0-dim, frozen": (given.normal(()), given.tensor(True)),
        "0-dim, free": (given.normal(()), given.tensor(False)),
        "all True": (given.normal(2, 3), given.full(2, 3, value=True, dtype=torch.bool)),
        "all False": (given.normal(2, 3), given.full(2, 3, value=False, dtype=torch.bool)),
        "3-dim, float64": (given.normal(2, 3, 2, dtype=torch.float64), given.bools(2, 3, 2)),
        "float16": (given.normal(2, 3, dtype=torch.float16), mask_of(given, 2, 3)),
        "transposed mask": (given.normal(3, 4), given.transposed(given.bools(3, 4))),
        "transposed parameter": (given.transposed(given.normal(3, 4)), given.bools(3, 4)),
        "empty": (given.normal(0, 3), given.bools(0, 3)),
    }
    results = {}
    for name, (values, mask) in cases.items():
        param = nn.Parameter(values)
        handle = code.freeze_entries(param, mask)
        (param.sin().sum() * 3).backward()
        results[name] = param.grad
        handle.remove()
        results[f"{name}, undone"] = torch.autograd.grad(param.sin().sum(), param)[0]
    param = nn.Parameter(given.normal(8))
    nan, inf = float("nan"), float("inf")
    order = given.permutation(8)
    code.freeze_entries(param, given.tensor(torch.tensor([True, True, True, False, False, True, False, False])[order.cpu()]))
    (param * given.tensor([nan, inf, -inf, nan, inf, 2.0, 3.0, -inf])[order]).sum().backward()
    results["nan and inf"] = param.grad
    param = nn.Parameter(given.normal(6))
    code.freeze_entries(param, mask_of(given, 6))
    (param * given.normal(6, std=1e-9)).sum().backward()
    results["tiny, times 1e9"] = param.grad * 1e9
    param = nn.Parameter(given.normal(5))
    code.freeze_entries(param, mask_of(given, 5))
    for time in ("first", "second", "third"):
        (param * given.uniform(5, low=1, high=2)).sum().backward()
        results[f"{time} time"] = param.grad.clone()
        if time == "second":
            param.grad = None
    layer = given.module(lambda: nn.Linear(3, 2))
    frozen = mask_of(given, 2, 3)
    code.freeze_entries(layer.weight, frozen)
    before = layer.weight.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(2):
        step(layer, optimizer, given.normal(5, 3))
    given.watch(layer, "layer")
    results |= {"training: weight": layer.weight, "training: change of frozen entries": (layer.weight - before)[frozen]}
    return only(results, "shape", "dtype", "values")


@checks("freeze_entries", weight=0.5)
def test_freeze_entries_keeps_to_its_parameter(code, given):
    """Changing the mask later has no effect, other tensors get their normal gradients, and two masks do not mix."""
    param = nn.Parameter(given.normal(3, 2))
    mask = mask_of(given, 3, 2).clone()
    code.freeze_entries(param, mask)
    results = {}
    for change in ("once", "twice"):
        mask.logical_not_().fill_(mask[0, 0])
        param.grad = None
        (param * given.uniform(3, 2, low=1, high=2)).sum().backward()
        results[f"mask changed {change}"] = param.grad
    param, other = nn.Parameter(given.normal(4)), nn.Parameter(given.normal(4))
    code.freeze_entries(param, mask_of(given, 4))
    incoming = given.uniform(4, low=1, high=2, name="incoming gradient")
    doubled = 2 * other  # made before, so its gradient is worked out after that of the sum
    (param + doubled).backward(incoming)
    results |= {"other summand": other.grad, "incoming gradient": incoming}
    left, right = nn.Parameter(given.normal(4)), nn.Parameter(given.normal(4))
    (((left + param) + right) * given.uniform(4, low=1, high=2)).sum().backward()
    results |= {"left": left.grad, "right": right.grad}
    other.grad = None
    ((param + other) * given.uniform(4, low=1, high=2)).sum().backward()
    results["the other one alone"] = other.grad
    param = nn.Parameter(given.normal(6))
    order = given.permutation(6)
    handles = [code.freeze_entries(param, mask) for mask in (order < 3, order.remainder(3) > 0)]
    for name in ("both", "the second only", "none"):
        param.grad = None
        (param * given.uniform(6, low=1, high=2)).sum().backward()
        results[f"two masks, {name}"] = param.grad
        if handles:
            handles.pop(0).remove()
    return only(results, "values")


def optimizers_kept(code, given):
    """What becomes of optimizers with options and a state (momentum, Adam's averages), and of the model's parameters."""
    results = {}
    training = given.choice([True, False])
    for name, make in {
        "SGD": lambda parameters: torch.optim.SGD(parameters, lr=given.number(0.05, 0.1), momentum=0.9, weight_decay=0.01),
        "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
    }.items():
        model = given.with_grad(given.module(body_and_head))
        model.train(training is (name == "SGD"))
        given.watch(model, f"model, {name}")
        optimizer = trained(given, make, model)
        optimizer.param_groups[0]["lr"] = given.number(0.02, 0.04)
        optimizer.param_groups[0]["label"] = given.integer(0, 99)
        given.watch(model, f"model, {name}")
        code.unfreeze(model, optimizer, "body", 0.05)
        described = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
        results[name] = {
            "options of the old group": described[0],
            "learning rates": [group["lr"] for group in described],
            "state": copy.deepcopy(dict(optimizer.state_dict()["state"])),
            "model": only(model, "type", "values"),
        }
        step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
        results[name]["parameters one step later"] = {name: p.detach().clone() for name, p in model.named_parameters()}
        given.watch(model, f"model, {name}")
    return {name: only(found, "values") for name, found in results.items()}


@checks("unfreeze", gate=True)
def test_unfreeze_at_every_depth(code, given):
    """Modules, nested modules and single parameters are thawed by name, up to a dot, and Adam trains them."""
    results = {}
    for prefix in ("body", "body.0", "body.2.weight"):
        model = given.module(body_and_head)
        optimizer = torch.optim.Adam(model.head.parameters(), lr=0.01)
        code.unfreeze(model, optimizer, prefix, given.number(0.2, 0.5))
        step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
        results[f"requires_grad after {prefix}"] = flags(model)
        results[f"parameters after {prefix}"] = only(dict(model.named_parameters()), "values")
    model, number = net(given)
    model.requires_grad_(False)
    given.watch(model, "model")
    optimizer = torch.optim.SGD([model.scale_2], lr=0.1)
    count = [code.unfreeze(model, optimizer, name, given.number(0.01, 0.09)) for name in (f"layer{number}", "scale")]
    results |= {"returned": count, "requires_grad": flags(model), "groups": groups(model, optimizer)}
    held, new = given.normal(5, dtype=torch.float64).split([2, 3])
    parts = {"held": held, "new": new, "held and empty": torch.empty(0, 3), "new and empty": torch.empty(0, 2)}
    model = nn.ModuleDict({"body": nn.ParameterDict({name: nn.Parameter(part) for name, part in parts.items()})})
    optimizer = torch.optim.SGD([p for name, p in model["body"].items() if "held" in name], lr=0.1)
    returned = code.unfreeze(model, optimizer, "body", given.number(0.01, 0.09))
    results["beside held ones in one memory"] = {"returned": returned, "groups": groups(model, optimizer)}
    return results


@checks("unfreeze", weight=0.5)
def test_unfreeze_with_any_optimizer(code, given):
    """Options and state of SGD and Adam stay, and a weight that two layers share is added once, or not at all if held."""
    results = optimizers_kept(code, given)
    for name in ("shared and new", "shared and held"):
        model = given.module(body_with_a_shared_weight)
        model.body[0].weight.grad = given.normal(4, 4, dtype=torch.float64, name="an old gradient")
        parameters = [*model.head.parameters(), *([model.body[0].weight] if name == "shared and held" else [])]
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        counts = [code.unfreeze(model, optimizer, "body", given.number(0.01, 0.09))]
        results[name] = {"returned": counts, "requires_grad": flags(model), "groups": groups(model, optimizer)}
        results[name] |= {
            "gradients": only([p.grad for p in model.parameters()], "values"),
            "default": optimizer.defaults["lr"],
        }
    model = given.module(body_and_head)
    optimizer = trained(given, lambda parameters: torch.optim.Adam(parameters, lr=0.01), model)
    given.watch(model, "a trained model")
    returned = code.unfreeze(model, optimizer, "head", given.number(0.01, 0.09))
    results["held and trained"] = {"returned": returned, "state": copy.deepcopy(dict(optimizer.state_dict()["state"]))}
    model = given.module(body_and_head)
    model.body[2] = copy.deepcopy(given.module(lambda: nn.Linear(4, 4).double()))
    twin = copy.deepcopy(model.body[2]).requires_grad_(False)
    model.body.add_module("3", twin)
    given.watch(model, "model with two equal layers")
    optimizer = torch.optim.SGD(model.body[2].parameters(), lr=0.1)
    returned = code.unfreeze(model, optimizer, "body.3", given.number(0.01, 0.09))
    results["equal to held ones"] = {"returned": returned, "groups": groups(model, optimizer)}
    return results
