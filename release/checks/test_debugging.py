"""Checks of topic `debugging` that students can run themselves."""

import math

import torch
from torch import nn

from autograder import checks, only, secret


class Poison(nn.Module):
    """Hands on its input, with one bad number in it: always, or only in one of the two modes."""

    def __init__(self, value=math.nan, mode=None):
        super().__init__()
        self.value = value
        self.mode = mode

    def forward(self, x):
        y = x.clone()
        if self.mode in (None, self.training):
            y.view(-1)[y.numel() // 2] = self.value
        return y


class Repair(nn.Module):
    """Replaces bad numbers."""

    def forward(self, x):
        return torch.nan_to_num(x, posinf=1.0, neginf=-1.0)


class Argmax(nn.Module):
    """Whole numbers."""

    def forward(self, x):
        return x.argmax(dim=-1)


class Broken(nn.Module):
    """Raises."""

    def forward(self, x):
        raise ZeroDivisionError("this layer is broken")


class Counter(nn.Module):
    """Buffers that change in forward: in place, by assignment, and one that is not in the state_dict."""

    def __init__(self):
        super().__init__()
        self.register_buffer("sum", torch.zeros(3))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self.register_buffer("last", torch.zeros(3), persistent=False)

    def forward(self, x):
        self.sum += x.detach().mean(dim=0)
        self.batches = self.batches + 1
        self.last.copy_(x.detach()[0])
        return x - self.sum


class Notes(list):
    """A list that stays the same one if a model that holds it is copied."""

    def __deepcopy__(self, memo):
        return self


class Noted(nn.Module):
    """Hands on its input, and notes in which state it is called."""

    def __init__(self, notes):
        super().__init__()
        self.notes = notes

    def forward(self, x):
        self.notes.append({"mode": self.training, "gradients are recorded": torch.is_grad_enabled()})
        return x * 1


class Named(nn.Sequential):
    """A sequence whose layers have drawn names."""

    def __init__(self, given, *layers):
        super().__init__()
        for number, layer in zip(given.permutation(50).tolist(), layers, strict=False):
            self.add_module(f"layer{number}", layer)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


class Reversed(Named):
    """The layer that was registered last is called first."""

    def forward(self, x):
        for layer in reversed(list(self.children())):
            x = layer(x)
        return x


class Divided(Named):
    """A container that makes an infinity of what comes out of its layers."""

    def forward(self, x):
        return super().forward(x) / 0


def hooks(model):
    """How many hooks each module and each parameter has, and all modules together; the latter are removed."""
    found = {}
    for name, module in model.named_modules():
        registers = [register for key, register in vars(module).items() if key.endswith("_hooks")]
        found[name] = sum(map(len, registers)) + ("forward" in vars(module))
    for name, parameter in model.named_parameters():
        found[name] = sum(len(hooks or ()) for hooks in (parameter._backward_hooks, parameter._post_accumulate_grad_hooks))
    shared = vars(torch.nn.modules.module)
    for_all = [shared[key] for key in shared if key.startswith("_global_") and key.endswith("_hooks")]
    found["all modules"] = sum(map(len, for_all))
    for registry in for_all:
        registry.clear()
    return found


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


@checks("nonfinite_grads")
def test_nonfinite_grads_kinds(code, given):
    """Infinities count, large finite numbers do not; frozen parameters count, and shared ones are named once."""
    infinite, large = named_network(given), given.with_grad(given.module(network))
    for sign, layer in zip((math.inf, -math.inf), infinite.values(), strict=False):
        layer.weight.grad[given.integer(0, 4), given.integer(0, 3)] = sign
    large[0].weight.grad.fill_(3e38)
    large[2].bias.grad[given.integer(0, 4)] = 1e30
    large[4].bias.grad[given.integer(0, 2)] = math.nan
    names = [f"layer{number}" for number in given.permutation(50).tolist()[:3]]
    shared = given.module(lambda: nn.ModuleDict({name: nn.Linear(3, 4) for name in names[:2]}))
    shared[names[2]] = shared[names[0]]
    given.with_grad(shared)
    for layer in shared.values():
        layer.bias.grad[given.integer(0, 4)] = math.nan
    given.watch(shared[names[0]].requires_grad_(False), "a shared, frozen layer")
    found = {"infinities": infinite, "large numbers": large, "a shared, frozen layer": shared}
    return {name: code.nonfinite_grads(net) for name, net in found.items()}


@checks("nonfinite_grads")
def test_nonfinite_grads_only_looks(code, given):
    """It goes by the gradients and not by the values, and it changes neither."""
    model = named_network(given)
    first, second, third, _ = model.values()
    with torch.no_grad():
        first.weight[1, 1] = second.bias[0] = third.weight[0, 0] = math.nan
    given.watch(model, "model")
    first.bias.grad = None
    third.bias.grad[given.integer(0, 4)] = given.choice((math.nan, math.inf))
    return {"names": code.nonfinite_grads(model), "afterwards": only(dict(model.named_parameters()), "gradient")}


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


@checks("disconnected")
def test_disconnected_leaves_gradients(code, given):
    """Every .grad that was there is still there, the model's and that of any other tensor, and no hook is left."""
    model = given.with_grad(branches(given))
    x, other = given.normal(5, 3, requires_grad=True, name="x"), given.with_grad(given.module(lambda: nn.Linear(4, 1)))
    names = code.disconnected(model, other(model(x)).square().mean())
    tensors = {"x": x, "weight of another model": other.weight, **dict(model.named_parameters())}
    before = {name: None if tensor.grad is None else tensor.grad.clone() for name, tensor in tensors.items()}
    return {"names": names, "gradients": only(before, "values"), "hooks": hooks(model)}


@checks("disconnected")
def test_disconnected_graphless(code, given):
    """If the loss has no graph, the names of all trainable parameters are returned."""
    model = branches(given)
    with torch.no_grad():
        loss = model(given.normal(5, 3)).mean()
    return {"computed under no_grad": code.disconnected(model, loss)}


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


@checks("first_nonfinite")
def test_first_nonfinite_order(code, given):
    """First means first in call order, whatever the order of registration, and whatever happens to the output later."""
    backwards = given.module(lambda: Reversed(given, nn.Tanh(), Poison(), nn.Tanh(), Poison(), nn.Linear(3, 3)))
    layers = (nn.Linear(3, 4), Poison(-math.inf), nn.Hardtanh(inplace=True), nn.Linear(4, 2))
    in_place = given.module(lambda: Named(given, *layers))
    x = given.normal(4, 3)
    return {"another order": code.first_nonfinite(backwards, x), "changed in place": code.first_nonfinite(in_place, x)}


@checks("first_nonfinite", draws=2)
def test_first_nonfinite_kinds(code, given):
    """Infinities count, too, in every floating dtype; large finite numbers and integers do not."""
    found, x = {}, given.normal(4, 3)
    for name, bad, dtype in (("inf", math.inf, torch.float32), ("-inf", -math.inf, torch.float64)):
        layers = (nn.Tanh(), Poison(bad), Repair(), Poison(), nn.Tanh())
        model = given.module(lambda layers=layers: Named(given, *layers))
        found[name] = code.first_nonfinite(model, x.to(dtype))
    large = given.module(lambda: Named(given, nn.Identity(), nn.Identity(), Poison(), nn.Identity()))
    found["large numbers"] = code.first_nonfinite(large, given.full(4, 3, value=3e38))
    integers = given.module(lambda: Named(given, nn.Linear(3, 5), Argmax(), nn.Embedding(5, 2), Poison()))
    found["integers"] = code.first_nonfinite(integers, x)
    return found


@checks("first_nonfinite", draws=2)
def test_first_nonfinite_leaves(code, given):
    """Only modules without children count: the model may be one itself, and one may have got its bad numbers as input."""
    x, bad = given.normal(4, 3), given.normal(4, 3)
    bad[2, 1] = math.nan
    given.watch(bad, "x with nan")
    passed_on = given.module(lambda: Named(given, nn.Identity(), nn.Linear(3, 2)))
    container = given.module(lambda: Named(given, Divided(given, nn.Linear(3, 3)), Repair(), nn.Tanh(), Poison()))
    return {
        "a leaf as the model": code.first_nonfinite(Poison(), x),
        "bad input": code.first_nonfinite(passed_on, bad),
        "a bad container": code.first_nonfinite(container, x),
    }


@checks("first_nonfinite", draws=2)
def test_first_nonfinite_as_it_is(code, given):
    """The model runs once, each part in the mode it is in, and no gradients are recorded."""
    notes, found, x = Notes(), {}, given.normal(4, 3)
    layers = [Noted(notes), nn.Linear(3, 3), Noted(notes), Poison(mode=True), Repair(), Poison(mode=False)]
    model = given.module(lambda: Named(given, *layers))
    for name, modes in (
        ("train mode", (True, True)),
        ("eval mode", (False, False)),
        ("train mode, one in eval", (True, False)),
    ):
        model.train(modes[0])
        layers[3].train(modes[1])
        given.watch(model, "model")
        notes.clear()
        found[name] = {"name": code.first_nonfinite(model, x), "calls": list(notes)}
    norm = nn.BatchNorm1d(4)
    model = given.module(lambda: Named(given, nn.Linear(3, 4), norm, nn.Tanh()))
    norm.running_mean[given.integer(0, 4)] = math.nan
    given.watch(model, "model with broken statistics")
    found["broken statistics, train mode"] = code.first_nonfinite(model, x)
    return found


@checks("first_nonfinite", draws=2)
def test_first_nonfinite_no_trace(code, given):
    """Your hooks are gone, even if the model raises; other hooks, modes, parameters and buffers are what they were."""
    x, found = given.normal(4, 3), {}
    good = given.module(lambda: Named(given, nn.Linear(3, 4), nn.Tanh()))
    next(iter(good.children())).register_forward_hook(lambda *_: None)
    code.first_nonfinite(good, x)
    found["hooks"] = hooks(good)
    broken = given.module(lambda: Named(given, nn.Linear(3, 4), Broken()))
    try:
        code.first_nonfinite(broken, x)
    except NotImplementedError:
        raise
    except Exception:
        pass
    found["hooks, the model raised"] = hooks(broken)
    model = given.module(lambda: Named(given, nn.BatchNorm1d(3), Counter(), nn.Tanh(), Poison(), nn.Linear(3, 2)))
    for buffer in model.buffers():
        buffer.copy_(given.normal(buffer.shape) * 10)
    list(model.children())[given.integer(1, 5)].eval()
    given.watch(model, "model")
    found["name"] = code.first_nonfinite(model, x)
    return {
        **found,
        "modes": {name: module.training for name, module in model.named_modules()},
        "buffers": only(dict(model.named_buffers()), "dtype", "values"),
        "parameters": only(dict(model.named_parameters()), "requires_grad", "values"),
    }
