"""Checks of topic `freezing` that students can run themselves."""

import torch
from torch import nn

from autograder import checks, only, raises, secret


class Net(nn.Module):
    """A network with names that start alike, as layer3 and layer30."""

    def __init__(self, number):
        super().__init__()
        self.add_module(f"layer{number}", nn.Linear(3, 4))
        self.body = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 4, bias=False))
        self.add_module(f"layer{number}0", nn.Linear(4, 2))


class Doubling(nn.Module):
    """Doubles its input in training mode: it shows its mode without random numbers."""

    def forward(self, x):
        return 2 * x if self.training else x


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


def gradients(result, things):
    """The gradients of a tensor's sum with respect to tensors, by name; None where none arrives."""
    if not result.requires_grad:
        return dict.fromkeys(things)
    found = torch.autograd.grad(result.sum(), list(things.values()), allow_unused=True, retain_graph=True)
    return dict(zip(things, found, strict=True))


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
    number = given.integer(1, 90)
    model = given.module(lambda: Net(number), name="model")
    code.freeze(model, [given.choice(["body", f"layer{number}0"])])
    return {"requires_grad": flags(model)}


@checks("freeze")
def test_freeze_returns_names(code, given):
    """The function returns the names of the parameters: each once, in the model's order, and only those that are meant."""
    number = given.integer(1, 90)
    name = f"layer{number}"
    results = {
        f"['body', '{name}.weight']": code.freeze(given.module(lambda: Net(number)), ["body", f"{name}.weight"]),
        f"['{name}']": code.freeze(given.module(lambda: Net(number)), [name]),
        "overlapping": code.freeze(given.module(lambda: Net(number)), [f"{name}0.bias", "body.3", name, "body", name]),
        "none": code.freeze(given.module(lambda: Net(number)), []),
    }
    model = given.module(lambda: Net(number))
    model.body.requires_grad_(False)
    given.watch(model, "model")
    results |= {"first time": code.freeze(model, [f"{name}0"]), "second time": code.freeze(model, [f"{name}0"])}
    return results


@checks("freeze")
def test_freeze_leaves_the_rest_alone(code, given):
    """All other parameters keep their flags; values, gradients, modes and the objects themselves are as before."""
    number = given.integer(1, 90)
    model = given.with_grad(given.module(lambda: Net(number)))
    model.get_parameter(f"layer{number}.bias").requires_grad_(False)
    model.get_parameter(f"layer{number}0.weight").requires_grad_(False)
    model.body[1].train(given.choice([True, False]))
    given.watch(model, "model")
    optimizer = torch.optim.SGD(model.body.parameters(), lr=given.number(0.1, 0.5))
    code.freeze(model, ["body"])
    found = {"gradients": {name: parameter.grad for name, parameter in model.named_parameters()}, "model": model}
    for parameter in model.body.parameters():
        parameter.grad = torch.full_like(parameter, 2.0)
    before = [parameter.detach().clone() for parameter in model.body.parameters()]
    optimizer.step()
    after = [parameter.detach() - old for parameter, old in zip(model.body.parameters(), before, strict=True)]
    given.watch(model, "model")
    return only({**found, "moved by an optimizer made before": after}, "type", "requires_grad", "values")


@checks("freeze", weight=0.5)
def test_freeze_refuses_unknown_prefix(code, given):
    """A prefix that matches no parameter raises a ValueError, and then nothing is frozen."""
    number = given.integer(1, 90)
    unknown = [
        "nope",
        "laye",
        f"layer{number}.",
        f"layer{number}.weigh",
        "weight",
        "body.2",
        "body.1.running_mean",
        "",
        " body",
        "Body",
    ]
    results = {}
    for prefix in unknown:
        for prefixes in ([f"layer{number}", prefix], [prefix, "body"]):
            model = given.module(lambda: Net(number))
            results[f"{prefixes}"] = raises(lambda model=model, prefixes=prefixes: code.freeze(model, prefixes))
            results[f"{prefixes}: parameters"] = only(dict(model.named_parameters()), "requires_grad")
    return results


@checks("head_only_forward", gate=True)
def test_head_only_forward_values(code, given):
    """The result is head(backbone(x)), with the backbone in eval mode."""
    result = code.head_only_forward(given.module(backbone), given.module(head), given.normal(5, 3, dtype=torch.float64))
    return {"result": only(result, "shape", "values")}


@checks("head_only_forward", weight=0.5)
def test_head_only_forward_in_their_modes(code, given):
    """Each part of the backbone runs in eval mode, whatever it is made of, and the head in the mode that it is in."""
    results = {}
    for name in ("training", "eval"):
        base = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(Doubling(), nn.Tanh())).double())
        net = given.module(lambda: nn.Sequential(nn.Linear(4, 2), Doubling(), nn.BatchNorm1d(2)).double())
        given.watch(net.train(name == "training"), f"head in {name} mode")
        results[f"head in {name} mode"] = code.head_only_forward(base, net, given.normal(5, 3, dtype=torch.float64))
    return only(results, "values")


@checks("head_only_forward")
def test_head_only_forward_trains_the_head_only(code, given):
    """Gradients reach the head's parameters, and neither the backbone's parameters nor x."""
    results = {}
    for name in ("x", "x that requires grad", "x that is not a leaf"):
        base, net = given.module(backbone), given.module(head)
        x = given.normal(5, 3, dtype=torch.float64, requires_grad=name == "x that requires grad")
        x = given.non_leaf(x) if name == "x that is not a leaf" else x
        result = code.head_only_forward(base, net, x)
        results[name] = {
            "result": only(result, "requires_grad"),
            "head": gradients(result, dict(net.named_parameters())),
            "backbone": gradients(result, dict(base.named_parameters())),
            "gradient of x": gradients(result, {"x": x}) if x.requires_grad else None,
        }
    return only(results, "values")


@checks("head_only_forward")
def test_head_only_forward_leaves_the_backbone_alone(code, given):
    """Afterwards each of the backbone's modules is in the mode it was in, and no flag and no statistic has changed."""
    base, other = given.module(backbone), given.module(backbone)
    for part in (base[0], base[1], base[3], other):
        part.train(given.choice([True, False]))
    base[0].weight.requires_grad_(given.choice([True, False]))
    afterwards = {"mixed modes": given.watch(base, "backbone"), "one mode": given.watch(other, "other backbone")}
    for module in afterwards.values():
        code.head_only_forward(module, given.module(head), given.normal(5, 3, dtype=torch.float64))
    return only(afterwards, "type", "values", "requires_grad")


@checks("freeze_entries", gate=True)
def test_freeze_entries_gradient(code, given):
    """After backward(), .grad is 0 where the mask is True, and the normal gradient elsewhere."""
    param = nn.Parameter(given.normal(2, 3))
    code.freeze_entries(param, mask_of(given, 2, 3))
    (param * given.uniform(2, 3, low=1, high=2)).square().sum().backward()
    return {"param.grad": only(param.grad, "values")}


@checks("freeze_entries")
def test_freeze_entries_can_be_undone(code, given):
    """param keeps its values and requires_grad; each handle undoes its own call, and then gradients are normal again."""
    param = nn.Parameter(given.normal(2, 3))
    handle = code.freeze_entries(param, mask_of(given, 2, 3))
    before = {"values": param.detach().clone(), "requires_grad": param.requires_grad, "is a leaf": param.is_leaf}
    handle.remove()
    (param * given.uniform(2, 3, low=1, high=2)).sum().backward()
    results = {"param": only(before, "values"), "param afterwards": only(param, "type", "values", "gradient")}
    twice, order = nn.Parameter(given.normal(6)), given.permutation(6)
    handles = [code.freeze_entries(twice, mask) for mask in (order < 2, order >= 4)]
    for name in ("two calls", "the first of two calls undone"):
        twice.grad = None
        (twice * given.uniform(6, low=1, high=2)).sum().backward()
        results[name] = only(twice.grad, "values")
        handles[0].remove()
    return results


@checks("freeze_entries")
def test_freeze_entries_every_time(code, given):
    """So it is after every backward(), and where nan, inf or a tiny number arrives."""
    nan, inf = float("nan"), float("inf")
    param, order = nn.Parameter(given.normal(6)), given.permutation(6)
    code.freeze_entries(param, given.tensor(torch.tensor([True, True, False, False, True, False])[order.cpu()]))
    (param * given.tensor([nan, inf, nan, -inf, 2.0, 3.0])[order]).sum().backward()
    results = {"nan and inf": param.grad}
    param = nn.Parameter(given.normal(6))
    code.freeze_entries(param, mask_of(given, 6))
    (param * given.normal(6, std=1e-9)).sum().backward()
    results["tiny numbers, times 1e9"] = param.grad * 1e9
    param = nn.Parameter(given.normal(5))
    code.freeze_entries(param, mask_of(given, 5))
    for time in ("first", "second", "third"):
        (param * given.uniform(5, low=1, high=2)).sum().backward()
        results[f"{time} backward"] = param.grad.clone()
    return only(results, "values")


@checks("freeze_entries")
def test_freeze_entries_touches_nothing_else(code, given):
    """Other tensors get their normal gradients, and changing the mask later has no effect."""
    param = nn.Parameter(given.normal(2, 3))
    mask = mask_of(given, 2, 3).clone()
    code.freeze_entries(param, mask)
    mask.logical_not_()
    (param * given.uniform(2, 3, low=1, high=2)).sum().backward()
    results = {"mask changed later": param.grad}
    param, other = nn.Parameter(given.normal(4)), nn.Parameter(given.normal(4))
    code.freeze_entries(param, mask_of(given, 4))
    doubled = 2 * other  # made before, so its gradient is worked out after that of the sum
    ((param + doubled) * given.uniform(4, low=1, high=2)).sum().backward()
    results |= {"param": param.grad, "another parameter": other.grad}
    return only(results, "values")


@checks("freeze_entries", weight=0.5)
def test_freeze_entries_refuses_masks(code, given):
    """A mask that is not bool or has another shape, even one that could be broadcast, raises a ValueError."""
    n = given.integer(3, 40)
    param = nn.Parameter(given.normal(2, n))
    masks = {
        f"shape ({n}, 2)": given.bools(n, 2),
        f"shape (1, {n})": given.bools(1, n),
        f"shape ({n},)": given.bools(n),
        "shape ()": given.tensor(True),
        f"shape (2, {n}, 1)": given.bools(2, n, 1),
        f"shape ({2 * n},)": given.bools(2 * n),
        "int64": given.integers(2, n, high=2),
        "uint8": given.integers(2, n, high=2, dtype=torch.uint8),
        "float32": given.full(2, n, value=1.0),
    }
    return {name: raises(lambda mask=mask: code.freeze_entries(param, mask)) for name, mask in masks.items()}


@checks("unfreeze", gate=True)
def test_unfreeze_trains(code, given):
    """After one optimizer step, the thawed parameters have moved, and the others are still frozen."""
    model = given.module(body_and_head, name="model")
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    code.unfreeze(model, optimizer, given.choice(["body.0", "body.2"]), 0.05)
    step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
    return {"requires_grad": flags(model), "parameters": only(dict(model.named_parameters()), "values")}


@checks("unfreeze")
def test_unfreeze_adds_a_group(code, given):
    """The new parameters form one new group with the new learning rate, and the function returns how many there are."""
    results = {}
    for prefix in ("body", given.choice(["body.0", "body.2", "body.0.weight"])):
        model = given.module(body_and_head)
        optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
        returned = code.unfreeze(model, optimizer, prefix, given.number(0.01, 0.09))
        results[prefix] = {"returned": returned, "groups": groups(model, optimizer)}
    model = given.module(body_and_head)
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
    zero = code.unfreeze(model, optimizer, "body.2", 0.0)
    results["learning rate 0"] = {"returned": zero, "groups": groups(model, optimizer)}
    return results


@checks("unfreeze")
def test_unfreeze_held_parameters(code, given):
    """What the optimizer already holds is thawed but not added again; without anything to add there is no new group."""
    results = {}

    def attempt(model, optimizer, prefix):
        try:
            return code.unfreeze(model, optimizer, prefix, given.number(0.01, 0.09))
        except ValueError:
            return "a ValueError"

    def thaw(name, model, optimizer, *prefixes):
        given.watch(model, name)
        counts = [attempt(model, optimizer, prefix) for prefix in prefixes]
        results[name] = {"returned": counts, "requires_grad": flags(model), "groups": groups(model, optimizer)}

    model = given.module(body_and_head)
    thaw("all held", model, given.watch(torch.optim.SGD(model.parameters(), lr=0.1), "optimizer"), "body")
    model = given.module(body_and_head)
    model.body[2].weight.requires_grad_(True)
    held = [model.head.weight, *(p for p in model.body.parameters() if p is not model.body[2].weight)]
    del held[given.integer(1, 4)]
    thaw("partly held", model, torch.optim.SGD([{"params": held[:1]}, {"params": held[1:]}], lr=0.1), "body")
    model = given.module(body_and_head)
    thaw("one after the other", model, torch.optim.SGD(model.head.parameters(), lr=0.1), "body.2", "body.2", "body")
    return results


@checks("unfreeze", weight=0.5)
def test_unfreeze_keeps_the_optimizer(code, given):
    """The old group keeps its options, and the optimizer its state; values, gradients and modes of the model stay."""
    model = given.with_grad(given.module(body_and_head))
    model.eval()
    model.body.train(given.choice([True, False]))
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1, momentum=given.number(0.5, 0.9))
    step(model, optimizer, given.normal(5, 3, dtype=torch.float64))
    given.watch(model, "model")
    code.unfreeze(model, optimizer, "body", 0.05)
    found = {"old group": {key: value for key, value in optimizer.param_groups[0].items() if key != "params"}}
    found["momentum buffers"] = [state["momentum_buffer"].clone() for state in optimizer.state.values()]
    found["model"] = only(model, "type", "values", "gradient")
    return only(found, "values")


@checks("unfreeze", weight=0.5)
def test_unfreeze_refuses_unknown_prefix(code, given):
    """A prefix that matches no parameter raises a ValueError, and then nothing is thawed."""
    model = given.module(body_and_head, name="model")
    model.body[2].weight.requires_grad_(given.choice([True, False]))
    given.watch(model, "model")
    optimizer = given.watch(torch.optim.SGD(model.head.parameters(), lr=0.1), "optimizer")
    unknown = ("nope", "bod", "body.", "0", "", "body.1", "body.2.weigh", f"body.{given.integer(3, 90)}")
    results = {
        repr(prefix): raises(lambda prefix=prefix: code.unfreeze(model, optimizer, prefix, 0.05)) for prefix in unknown
    }
    return {**results, "parameters": only(dict(model.named_parameters()), "requires_grad")}
