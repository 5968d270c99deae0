"""Checks of topic `debugging` that only grading runs: edge cases of the specification."""

import math

import torch
from torch import nn

from autograder import checks, only


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
    """Whole numbers: what was nan before is none any more."""

    def forward(self, x):
        return x.argmax(dim=-1)


class Backwards(nn.Module):
    """A model whose layers are called in another order than they were registered in; one of them is never called."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(3, 3)
        with torch.no_grad():
            self.unused.weight.fill_(math.nan)
        self.third = nn.Sequential(nn.Tanh(), Poison())
        self.second = nn.ModuleDict({"a": nn.Tanh(), "b": Poison()})
        self.first = nn.Linear(3, 3)

    def forward(self, x):
        return self.third(self.second["b"](self.second["a"](self.first(x))))


class Functional(nn.Module):
    """A container in whose own forward an infinity is born, behind its layer and before the one that comes next."""

    def __init__(self, after):
        super().__init__()
        self.before = nn.Tanh()
        self.after = after

    def forward(self, x):
        return self.after(self.before(x) / 0)


class Divided(nn.Sequential):
    """A container that makes an infinity of what comes out of its layers."""

    def forward(self, x):
        return super().forward(x) / 0


class Counter(nn.Module):
    """Three buffers that change in forward: in place, by assignment, and one that is not in the state_dict."""

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


class Broken(nn.Module):
    """Raises an error of that kind."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        raise self.kind("this layer is broken")


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


class Branches(nn.Module):
    """A model with layers that are used, not used, detached, frozen, and multiplied by 0, under names that are given."""

    def __init__(self, names):
        super().__init__()
        self.names = dict(zip(("head", "unused", "frozen", "body", "side", "gate"), names, strict=True))
        for name in sorted(names):
            self.add_module(name, nn.Linear(3 if name in (self.names["unused"], self.names["body"]) else 4, 4))
        self.part("frozen").requires_grad_(False)
        self.double()

    def part(self, role):
        return getattr(self, self.names[role])

    def forward(self, x):
        hidden = self.part("frozen")(torch.tanh(self.part("body")(x)))
        return self.part("head")(hidden + self.part("side")(hidden).detach() + 0 * self.part("gate")(hidden))


def branches(given, name="model"):
    names = [f"layer{number}" for number in given.permutation(50).tolist()[:6]]
    return given.module(lambda: Branches(names), name=name)


class Halves(nn.Module):
    """Uses the weight of one layer and the bias of another one; both layers share a third one's parameter."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(3, 4)
        self.scale = nn.Parameter(torch.rand(()))
        self.shift = nn.Parameter(torch.rand(4))
        self.same_shift = self.shift
        self.empty = nn.Parameter(torch.rand(0, 3))

    def forward(self, x):
        return self.scale * (x @ self.left.weight.T) + self.right.bias


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))


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


@checks("nonfinite_grads", gate=True, weight=2)
def test_nonfinite_grads_of_any_parameter(code, given):
    """Infinities count, large finite numbers do not; for frozen, shared, 0-d and empty parameters and in every dtype."""
    model = given.with_grad(given.module(network, name="model"))
    model[0].bias.grad[given.integer(0, 4)] = math.inf
    model[2].weight.grad[given.integer(0, 4), given.integer(0, 4)] = -math.inf
    model[4].weight.grad[0, 1:3] = torch.tensor([math.inf, -math.inf])
    found = {"both infinities": code.nonfinite_grads(model)}
    names = [f"layer{number}" for number in given.permutation(50).tolist()[:4]]
    model = given.module(lambda: nn.ModuleDict({name: nn.Linear(3, 4) for name in names[:3]}))
    model[names[3]] = model[names[1]]
    given.with_grad(given.watch(model, "model with a shared layer"))
    for layer in model.values():
        layer.bias.grad[given.integer(0, 4)] = math.nan
    model[names[2]].weight.grad[0, 0] = model[names[0]].weight.grad[2, 1] = math.inf
    found["a shared layer"] = code.nonfinite_grads(model)
    model = given.with_grad(given.module(network, name="model with large gradients"))
    model[0].weight.grad.fill_(3e38)
    model[2].weight.grad[0] = torch.tensor([1e30, -1e30, 0.0, 0.0])
    model[given.choice((2, 4))].bias.grad[1] = math.nan
    found["large numbers"] = code.nonfinite_grads(model)
    kinds = {
        "frozen": torch.rand(3),
        "number": torch.rand(()),
        "empty": torch.rand(0, 3),
        "float16": torch.rand(2, 2, dtype=torch.float16),
        "large float16": torch.rand(3, dtype=torch.float16),
        "brain float": torch.rand(3, dtype=torch.bfloat16),
        "columns": torch.rand(3, 4),
        "float64": torch.rand(2, 3, 4, dtype=torch.float64),
        "large float64": torch.rand(2, dtype=torch.float64),
    }
    model = given.module(lambda: nn.ParameterDict({name: nn.Parameter(value) for name, value in kinds.items()}))
    given.with_grad(model)
    model["frozen"].requires_grad_(False)
    model["frozen"].grad[1] = model["number"].grad[()] = model["float16"].grad[0, 1] = math.nan
    model["float64"].grad[1, 2, 3] = -math.inf
    model["brain float"].grad[1] = math.inf
    model["columns"].grad = given.transposed(given.normal(3, 4, name="gradient stored by columns"))
    model["columns"].grad[2, 3] = math.nan
    model["large float16"].grad.fill_(6e4)
    model["large float64"].grad.fill_(1e300)
    given.watch(model, "parameters of every kind")
    found["every kind"] = code.nonfinite_grads(model)
    model = given.with_grad(given.module(lambda: nn.ModuleDict({"layer": Halves()})))
    model["layer"].shift.grad[given.integer(0, 4)] = math.nan
    found["a parameter beside layers"] = code.nonfinite_grads(model)
    return found


@checks("nonfinite_grads")
def test_nonfinite_grads_looks_at_gradients(code, given):
    """Only gradients count: a bad value alone is not named, a bad gradient is, whatever the value. Nothing changes."""
    model = given.with_grad(given.module(network, name="model"))
    with torch.no_grad():
        model[0].weight[1, 1], model[2].bias[0], model[4].weight[0, 0] = math.nan, math.inf, math.nan
    given.watch(model, "model")
    model[4].weight.grad = None
    for name in given.choice((("bias",), ("weight", "bias"))):
        getattr(model[given.choice((0, 2))], name).grad[given.integer(0, 4)] = given.choice((math.nan, math.inf))
    model[4].bias.grad[0] = math.nan
    names = code.nonfinite_grads(model)
    return {"names": names, "afterwards": only(dict(model.named_parameters()), "gradient")}


@checks("disconnected", gate=True, weight=2)
def test_disconnected_single_parameters(code, given):
    """Each parameter is judged on its own and named once; a zero gradient is connected, frozen parameters are left out."""
    model = given.module(Halves, name="model")
    x = given.normal(5, 3)
    found = {
        "some of each layer": code.disconnected(model, model(x).square().sum()),
        "one number": code.disconnected(model, model.scale * 2),
        "a parameter without elements": code.disconnected(model, model.empty.sum() + model.scale),
        "one weight": code.disconnected(model, model.right.weight.sum()),
    }
    model = branches(given, "branches")
    roles = {"zero": 0, "shut": 0, "used": 1, "nan": math.nan, "infinite": math.inf}
    hidden = torch.relu(model.part("body")(given.normal(5, 3, dtype=torch.float64)) - 1000)
    found["behind a ReLU"] = code.disconnected(model, hidden.sum())
    for role, factor in roles.items():
        part = model.part(given.choice(("head", "side", "gate")))
        found[f"multiplied by {factor}, {role}"] = code.disconnected(model, (part(hidden) * factor).mean())
    other = given.module(network, name="other model")
    found["all are connected"] = code.disconnected(other, other(given.normal(5, 3)).mean())
    found["a graph without the model"] = code.disconnected(model, other(given.normal(5, 3)).mean())
    frozen = given.module(lambda: network().requires_grad_(False), name="frozen model")
    empty = given.module(nn.Tanh, name="model without parameters")
    x = given.normal(4, 3)
    found["all is frozen"] = code.disconnected(frozen, frozen(x).mean())
    found["no parameters"] = code.disconnected(empty, empty(x).mean())
    parts = {"nan": given.normal(2), "empty": given.normal(0, 3), "other": given.normal(2), "also empty": given.normal(0, 2)}
    model = nn.ParameterDict({name: nn.Parameter(part) for name, part in parts.items()})
    loss = (model["nan"] * math.nan).sum() + model["empty"].sum()
    found["gradients of nan and empty ones"] = code.disconnected(model, loss)
    return found


@checks("disconnected")
def test_disconnected_leaves_gradients_alone(code, given):
    """No .grad changes, the model's or any other, and no hook is left; a second call and backward() still work."""
    model = given.with_grad(branches(given))
    model.part(given.choice(("head", "side"))).weight.grad = None
    other = given.module(lambda: nn.Linear(4, 1).double(), name="other model")
    x = given.normal(5, 3, dtype=torch.float64, requires_grad=True)
    used = given.with_grad(given.normal(5, 3, dtype=torch.float64))
    loss = other(model(x * used)).square().mean()
    names = [code.disconnected(model, loss), code.disconnected(model, loss)]
    left = {**hooks(model), "loss": len(loss._backward_hooks or ()), "loss keeps its gradient": loss.retains_grad}
    tensors = {"x": x, "x with .grad": used, "weight of another model": other.weight, **dict(model.named_parameters())}
    before = {name: None if tensor.grad is None else tensor.grad.clone() for name, tensor in tensors.items()}
    for tensor in tensors.values():
        tensor.grad = None
    loss.backward()
    after = {name: tensor.grad for name, tensor in tensors.items()}
    found = {"gradients": only(before, "values"), "gradients of backward": only(after, "values")}
    return {"names": names, "hooks": left, **found}


@checks("disconnected")
def test_disconnected_without_graph(code, given):
    """A loss computed under no_grad, a detached one, or a plain number has no graph: all trainable names are returned."""
    model = branches(given)
    loss = model(given.normal(5, 3, dtype=torch.float64)).square().mean()
    with torch.no_grad():
        unrecorded = model(given.normal(5, 3, dtype=torch.float64)).mean()
    return {
        "computed under no_grad": code.disconnected(model, unrecorded),
        "detached": code.disconnected(model, loss.detach()),
        "a plain number": code.disconnected(model, torch.tensor(1.5)),
    }


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


@checks("first_nonfinite", gate=True, weight=2)
def test_first_nonfinite_in_call_order(code, given):
    """The first bad output in call order counts: nan or infinity, in any floating dtype, of a leaf, not of a container."""
    find, x = code.first_nonfinite, given.normal(4, 3)
    found = {"another order than registered": find(given.module(Backwards), x)}
    found["a single bad layer"] = find(Poison(math.inf), x)
    found["a single good layer"] = find(Repair(), x)
    for value in (math.inf, -math.inf):
        layers = [nn.Tanh(), Poison(value), Repair(), Poison(), nn.Tanh()]
        found[f"{value}"] = find(given.module(lambda layers=layers: Named(given, Named(given, *layers))), x)
    for dtype, large in ((torch.float32, 3e38), (torch.float64, 1e308), (torch.float16, 6e4), (torch.bfloat16, 3e38)):
        layers = [Poison(large), nn.Identity(), Poison(math.nan), nn.Identity()]
        model = given.module(lambda layers=layers: Named(given, *layers))
        found[str(dtype)] = find(model, given.full(4, 3, value=large, dtype=dtype))
    bad = given.normal(4, 3)
    bad[2, 1] = math.nan
    given.watch(bad, "x with nan")
    found["bad input, passed on"] = find(given.module(lambda: Named(given, nn.Tanh(), nn.Linear(3, 2))), bad)
    for idle in (nn.Identity(), nn.Dropout(0.0), nn.Flatten(), nn.Sequential()):
        name = f"bad input, passed on by {type(idle).__name__}"
        found[name] = find(given.module(lambda idle=idle: Named(given, idle, nn.Linear(3, 2))), bad)
    found["bad input, repaired"] = find(given.module(lambda: Named(given, Repair(), nn.Linear(3, 2))), bad)
    found["bad input, integers"] = find(given.module(lambda: Named(given, Argmax(), nn.Embedding(3, 2))), bad)
    containers = {
        "repaired at once": Functional(nn.Sequential(Repair(), nn.ReLU())),
        "hidden by Tanh": Functional(nn.Sequential(nn.Tanh(), nn.ReLU(), Poison())),
        "passed on": Functional(nn.ReLU()),
        "repaired behind it": Divided(nn.Tanh(), nn.Linear(3, 3)),
    }
    for name, container in containers.items():
        found[f"a container, {name}"] = find(
            given.module(lambda it=container: Named(given, nn.Linear(3, 3), it, Repair())), x
        )
    numbers = given.module(lambda: Named(given, nn.Linear(3, 5), Argmax(), nn.Embedding(5, 2), Poison(), nn.Tanh()))
    words = given.module(lambda: Named(given, nn.Embedding(9, 3), nn.Linear(3, 2)))
    with torch.no_grad():
        next(words.children()).weight[8] = math.nan
    given.watch(words, "words")
    found["integers inside"] = find(numbers, x)
    found["a row of nan that is looked up"] = find(words, given.tensor([[1, 8], [0, 2]]))
    found["a row of nan that is not"] = find(words, given.integers(2, 2, high=8))
    in_place = given.module(
        lambda: Named(given, nn.Linear(3, 4), Poison(-math.inf), nn.Hardtanh(inplace=True), nn.Linear(4, 2))
    )
    found["changed in place later"] = find(in_place, x)
    return found


@checks("first_nonfinite")
def test_first_nonfinite_mode(code, given):
    """The model is called once, hooks of its own included; each part runs in its mode; no gradients are recorded."""
    found = {}
    x = given.normal(4, 3)
    for mode in ("train", "eval"):
        layers = [nn.Tanh(), Poison(mode=True), Repair(), Poison(mode=False), nn.Tanh()]
        model = given.module(lambda layers=layers: Named(given, *layers))
        model.train(mode == "train")
        given.watch(model, f"model in {mode} mode")
        found[f"{mode} mode"] = code.first_nonfinite(model, x)
        layers[1].train(mode == "eval")
        layers[3].train(mode == "eval")
        given.watch(model, f"model in {mode} mode")
        found[f"{mode} mode, two layers in the other one"] = code.first_nonfinite(model, x)
    norm = nn.BatchNorm1d(4)
    model = given.module(lambda: Named(given, nn.Linear(3, 4), norm, nn.Tanh()), name="model")
    norm.running_mean[given.integer(0, 4)] = math.nan
    for mode in (True, False):
        given.watch(model.train(mode), "model")
        found["broken statistics, train mode" if mode else "broken statistics, eval mode"] = code.first_nonfinite(model, x)
    notes = Notes()
    layers = [Noted(notes), nn.Linear(3, 3), nn.Sequential(Noted(notes), nn.Tanh()), Poison(), Noted(notes)]
    model = given.module(lambda: Named(given, *layers))
    layers[given.choice((0, 2, 4))].eval()
    given.watch(model, "noted model")
    found["name"] = code.first_nonfinite(model, x)
    found["calls"] = list(notes)[:2]
    found["a call too many"] = len(notes) > 3
    model = given.module(lambda: Named(given, nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)))
    model.register_forward_pre_hook(lambda module, arguments: (arguments[0] * math.inf,))
    found["a hook of the model's own"] = code.first_nonfinite(model, x)
    return found


@checks("first_nonfinite")
def test_first_nonfinite_leaves_no_trace(code, given):
    """Hooks are gone, even if the model raises; buffers, modes, parameters, flags and gradients are what they were."""
    find, x = code.first_nonfinite, given.normal(4, 3)
    good = given.module(lambda: Named(given, nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
    bad = given.module(lambda: Named(given, nn.Linear(3, 4), Named(given, Poison(), nn.Tanh())))
    next(iter(good.children())).register_forward_hook(lambda *_: None)
    found = {"finite": find(good, x), "hooks, nothing found": hooks(good)}
    found |= {"bad": find(bad, x), "hooks, something found": hooks(bad)}
    for kind in (ZeroDivisionError, LookupError):
        layers = Named(given, nn.Tanh(), Broken(kind))
        broken = given.module(lambda layers=layers: Named(given, nn.Linear(3, 4), layers, nn.Tanh()))
        raised = ""
        try:
            find(broken, x)
        except NotImplementedError:
            raise
        except Exception as error:
            raised = type(error).__name__
        found[kind.__name__] = {"raised": raised, "hooks": hooks(broken), "recording is on": torch.is_grad_enabled()}
    model = given.module(lambda: Named(given, nn.BatchNorm1d(3), Counter(), nn.Tanh(), Counter(), Poison()), name="model")
    for buffer in model.buffers():
        buffer.copy_(given.normal(buffer.shape) * 10)
    given.watch(model, "model")
    found |= {"name": find(model, x), "buffers": only(dict(model.named_buffers()), "dtype", "values")}
    model = given.with_grad(given.module(lambda: Named(given, nn.Linear(3, 4), Named(given, Poison(), nn.Linear(4, 2)))))
    list(model.modules())[given.integer(1, 5)].eval()
    list(model.parameters())[given.integer(0, 4)].requires_grad_(False)
    given.watch(model, "model with gradients")
    before = list(model.parameters())
    find(model, x)
    return {
        **found,
        "modes": {name: module.training for name, module in model.named_modules()},
        "parameters": only(dict(model.named_parameters()), "requires_grad", "values", "gradient"),
        "the same objects": [left is right for left, right in zip(before, model.parameters(), strict=False)],
    }
