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
    """Raises."""

    def forward(self, x):
        raise ZeroDivisionError("this layer is broken")


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
    """A model with layers that are used, not used, detached, frozen, and multiplied by 0."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.unused = nn.Linear(3, 4)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.body = nn.Linear(3, 4)
        self.side = nn.Linear(4, 4)
        self.gate = nn.Linear(4, 4)
        self.double()

    def forward(self, x):
        hidden = self.frozen(torch.tanh(self.body(x)))
        return self.head(hidden + self.side(hidden).detach() + 0 * self.gate(hidden))


class Halves(nn.Module):
    """Uses the weight of one layer and the bias of another one; both layers share a third one's parameter."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(3, 4)
        self.scale = nn.Parameter(torch.rand(()))
        self.shift = nn.Parameter(torch.rand(4))
        self.same_shift = self.shift

    def forward(self, x):
        return self.scale * (x @ self.left.weight.T) + self.right.bias


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))


def hooks(model):
    """How many hooks there are, in each module and for all modules; the latter are removed."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    found = {name: sum(len(getattr(module, kind)) for kind in kinds) for name, module in model.named_modules()}
    for_all = torch.nn.modules.module._global_forward_hooks, torch.nn.modules.module._global_forward_pre_hooks
    found["all modules"] = sum(len(registry) for registry in for_all)
    for registry in for_all:
        registry.clear()
    return found


@checks("nonfinite_grads", gate=True)
def test_nonfinite_grads_infinite(code, given):
    """Both infinities count, too, alone and together."""
    model = given.with_grad(given.module(network, name="model"))
    model[0].bias.grad[given.integer(0, 4)] = math.inf
    model[2].weight.grad[given.integer(0, 4), given.integer(0, 4)] = -math.inf
    model[4].weight.grad[0, 1:3] = torch.tensor([math.inf, -math.inf])
    return {"names": code.nonfinite_grads(model)}


@checks("nonfinite_grads")
def test_nonfinite_grads_order(code, given):
    """The names are in the order of named_parameters(), each only once, even if layers are shared."""
    model = given.module(lambda: nn.ModuleDict({"z": nn.Linear(3, 4), "m": nn.Linear(4, 4), "a": nn.Linear(4, 4)}))
    model["k"] = model["m"]
    given.with_grad(given.watch(model, "model"))
    for layer in model.values():
        layer.bias.grad[given.integer(0, 4)] = math.nan
    model["a"].weight.grad[0, 0] = model["z"].weight.grad[2, 1] = math.inf
    return {"names": code.nonfinite_grads(model)}


@checks("nonfinite_grads")
def test_nonfinite_grads_looks_at_gradients(code, given):
    """Only gradients count: a bad value alone is not named, a bad gradient is, whatever the value."""
    model = given.with_grad(given.module(network, name="model"))
    with torch.no_grad():
        model[0].weight[1, 1], model[2].bias[0], model[4].weight[0, 0] = math.nan, math.inf, math.nan
    given.watch(model, "model")
    model[4].weight.grad = None
    model[4].bias.grad[0] = math.nan
    return {"names": code.nonfinite_grads(model)}


@checks("nonfinite_grads")
def test_nonfinite_grads_large_numbers(code, given):
    """Numbers whose sum or square overflows are still finite."""
    model = given.with_grad(given.module(network, name="model"))
    model[0].weight.grad.fill_(3e38)
    model[2].weight.grad[0] = torch.tensor([1e30, -1e30, 0.0, 0.0])
    model[4].weight.grad[1] = math.nan
    return {"names": code.nonfinite_grads(model)}


@checks("nonfinite_grads")
def test_nonfinite_grads_of_any_parameter(code, given):
    """Frozen parameters with a gradient count, too; it works for 0-d and empty parameters and for other dtypes."""
    model = given.module(
        lambda: nn.ParameterDict(
            {
                "frozen": nn.Parameter(torch.rand(3)),
                "number": nn.Parameter(torch.rand(())),
                "empty": nn.Parameter(torch.rand(0, 3)),
                "float16": nn.Parameter(torch.rand(2, 2, dtype=torch.float16)),
                "float64": nn.Parameter(torch.rand(2, 3, 4, dtype=torch.float64)),
            }
        ),
        name="model",
    )
    given.with_grad(model)
    model["frozen"].requires_grad_(False)
    given.watch(model, "model")
    model["frozen"].grad[1] = model["number"].grad[()] = model["float16"].grad[0, 1] = math.nan
    model["float64"].grad[1, 2, 3] = -math.inf
    return {"names": code.nonfinite_grads(model)}


@checks("nonfinite_grads")
def test_nonfinite_grads_changes_nothing(code, given):
    """The gradients do not change, bad numbers included, and None stays None."""
    model = given.with_grad(given.module(network, name="model"))
    model[0].weight.grad[1] = math.nan
    model[2].bias.grad[2] = math.inf
    model[4].weight.grad = None
    code.nonfinite_grads(model)
    return only({f"{name} afterwards": p for name, p in model.named_parameters()}, "gradient")


@checks("disconnected")
def test_disconnected_zero_gradient(code, given):
    """A parameter whose gradient is zero is connected, whether it is multiplied by 0 or its ReLU outputs only zeros."""
    model = given.module(lambda: nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 1)]), name="model")
    hidden = torch.relu(model[0](given.normal(5, 3)) - 1000)
    return {
        "behind a ReLU": code.disconnected(model, hidden.sum()),
        "multiplied by 0": code.disconnected(model, (model[2](model[1](hidden)) * 0).mean()),
    }


@checks("disconnected", gate=True)
def test_disconnected_single_parameters(code, given):
    """Each parameter is judged on its own: a weight can be connected and its bias not; a shared one is named once."""
    model = given.module(Halves, name="model")
    x = given.normal(5, 3)
    return {
        "some of each layer": code.disconnected(model, model(x).square().sum()),
        "one number": code.disconnected(model, model.scale * 2),
        "one weight": code.disconnected(model, model.right.weight.sum()),
    }


@checks("disconnected")
def test_disconnected_with_gradients_already(code, given):
    """Gradients from an earlier step do not matter and do not change."""
    model = given.with_grad(given.module(Branches, name="model"))
    model.head.weight.grad = None
    names = code.disconnected(model, model(given.normal(5, 3, dtype=torch.float64)).square().mean())
    return {"names": names, "afterwards": only(dict(model.named_parameters()), "gradient")}


@checks("disconnected")
def test_disconnected_leaves_other_gradients_alone(code, given):
    """No .grad changes outside the model either: not the data's, and not that of another model in the graph."""
    model, other = given.module(Branches, name="model"), given.module(lambda: nn.Linear(2, 1).double(), name="other model")
    x = given.normal(5, 3, dtype=torch.float64, requires_grad=True)
    used = given.with_grad(given.normal(5, 3, dtype=torch.float64))
    names = code.disconnected(model, other(model(x * used)).mean())
    tensors = {"x": x, "x with .grad": used, "weight of another model": other.weight}
    return {"names": names, "afterwards": only(tensors, "gradient")}


@checks("disconnected")
def test_disconnected_twice(code, given):
    """A second call gives the same answer, and afterwards backward still gives the right gradients."""
    model = given.module(Branches, name="model")
    loss = model(given.normal(5, 3, dtype=torch.float64)).square().mean()
    names = [code.disconnected(model, loss), code.disconnected(model, loss)]
    loss.backward()
    return {"names": names, "gradients": only({name: p.grad for name, p in model.named_parameters()}, "values")}


@checks("disconnected")
def test_disconnected_without_graph(code, given):
    """A loss computed under no_grad, a detached one, or a plain number has no graph: all trainable names are returned."""
    model = given.module(Branches, name="model")
    loss = model(given.normal(5, 3, dtype=torch.float64)).square().mean()
    with torch.no_grad():
        unrecorded = model(given.normal(5, 3, dtype=torch.float64)).mean()
    return {
        "computed under no_grad": code.disconnected(model, unrecorded),
        "detached": code.disconnected(model, loss.detach()),
        "a plain number": code.disconnected(model, torch.tensor(1.5)),
    }


@checks("disconnected")
def test_disconnected_of_another_graph(code, given):
    """If the loss has a graph that does not contain the model, all trainable names are returned."""
    model, other = given.module(Branches, name="model"), given.module(network, name="other model")
    return {"names": code.disconnected(model, other(given.normal(5, 3)).mean())}


@checks("disconnected")
def test_disconnected_without_trainable_parameters(code, given):
    """For a model that is completely frozen or has no parameters, the list is empty."""
    frozen = given.module(lambda: network().requires_grad_(False), name="frozen model")
    empty = given.module(nn.Tanh, name="model without parameters")
    x = given.normal(4, 3)
    return {
        "frozen": code.disconnected(frozen, frozen(x).mean()),
        "no parameters": code.disconnected(empty, empty(x).mean()),
    }


@checks("first_nonfinite", gate=True)
def test_first_nonfinite_in_call_order(code, given):
    """The order of the calls counts, not that of registration; a module that is never called is not named."""
    model = given.module(Backwards, name="model")
    return {"name": code.first_nonfinite(model, given.normal(4, 3))}


@checks("first_nonfinite")
def test_first_nonfinite_infinite(code, given):
    """Both infinities count, even if a nan appears later or a later layer repairs them."""
    results = {}
    for value in (math.inf, -math.inf):
        layers = {"a": nn.Tanh(), "b": Poison(value), "c": Repair(), "d": Poison(), "e": nn.Tanh()}
        model = given.module(lambda layers=layers: nn.ModuleDict({"blk": nn.Sequential(*layers.values())})["blk"])
        results[f"{value}"] = code.first_nonfinite(model, given.normal(4, 3))
    return results


@checks("first_nonfinite")
def test_first_nonfinite_large_numbers(code, given):
    """Numbers whose sum or square overflows are still finite; bad numbers count in every floating dtype."""
    found = {}
    for dtype, large in ((torch.float32, 3e38), (torch.float64, 1e308), (torch.float16, 6e4), (torch.bfloat16, 3e38)):
        layers = [Poison(large), nn.Identity(), Poison(math.nan), nn.Identity()]
        model = given.module(lambda layers=layers: nn.Sequential(*layers))
        found[str(dtype)] = code.first_nonfinite(model, given.full(4, 3, value=large, dtype=dtype))
    return found


@checks("first_nonfinite")
def test_first_nonfinite_in_the_input(code, given):
    """If the input is bad, the first layer that passes it on is named; if the first layer repairs it, the result is None."""
    x = given.normal(4, 3)
    x[2, 1] = math.nan
    given.watch(x, "x")
    return {
        "handed on": code.first_nonfinite(given.module(lambda: nn.Sequential(nn.Tanh(), nn.Linear(3, 2))), x),
        "repaired": code.first_nonfinite(given.module(lambda: nn.Sequential(Repair(), nn.Linear(3, 2))), x),
        "whole numbers": code.first_nonfinite(given.module(lambda: nn.Sequential(Argmax(), nn.Embedding(3, 2))), x),
    }


@checks("first_nonfinite")
def test_first_nonfinite_of_containers(code, given):
    """Containers are not named: if one makes the bad number itself, the next leaf with such an output is named, or none."""
    outer = given.module(lambda: nn.Sequential(nn.Linear(3, 3), Functional(nn.Sequential(Repair(), nn.ReLU()))))
    inner = given.module(lambda: nn.Sequential(nn.Linear(3, 3), Functional(nn.Sequential(nn.Tanh(), nn.ReLU(), Poison()))))
    last = given.module(lambda: nn.Sequential(nn.Linear(3, 3), Functional(nn.ReLU())))
    end = given.module(lambda: nn.Sequential(nn.Linear(3, 3), Divided(nn.Tanh(), nn.Linear(3, 3)), Repair()))
    models = {"repaired at once": outer, "hidden by Tanh": inner, "handed on": last, "repaired behind it": end}
    x = given.normal(4, 3)
    return {name: code.first_nonfinite(model, x) for name, model in models.items()}


@checks("first_nonfinite")
def test_first_nonfinite_whole_numbers(code, given):
    """Layers may return integers, and the model may take integers as its input."""
    numbers = given.module(lambda: nn.Sequential(nn.Linear(3, 5), Argmax(), nn.Embedding(5, 2), Poison(), nn.Tanh()))
    words = given.module(lambda: nn.Sequential(nn.Embedding(9, 3), nn.Linear(3, 2)))
    with torch.no_grad():
        words[0].weight[8] = math.nan
    given.watch(words, "module 2")
    return {
        "argmax inside": code.first_nonfinite(numbers, given.normal(4, 3)),
        "a row of nan that is looked up": code.first_nonfinite(words, given.tensor([[1, 8], [0, 2]])),
        "a row of nan that is not": code.first_nonfinite(words, given.integers(2, 2, high=8)),
    }


@checks("first_nonfinite")
def test_first_nonfinite_changed_later(code, given):
    """An output counts as it was when it was returned, even if the next layer changes it in place."""
    model = given.module(
        lambda: nn.Sequential(nn.Linear(3, 4), Poison(-math.inf), nn.Hardtanh(inplace=True), nn.Linear(4, 2)), name="model"
    )
    return {"name": code.first_nonfinite(model, given.normal(4, 3))}


@checks("first_nonfinite")
def test_first_nonfinite_mode(code, given):
    """The model and each of its modules run in the mode they are in."""
    found = {}
    x = given.normal(4, 3)
    for mode in ("train", "eval"):
        layers = [nn.Tanh(), Poison(mode=True), Repair(), Poison(mode=False), nn.Tanh()]
        model = given.module(lambda layers=layers: nn.Sequential(*layers))
        model.train(mode == "train")
        given.watch(model, f"model in {mode} mode")
        found[f"{mode} mode"] = code.first_nonfinite(model, x)
        model[1].train(mode == "eval")
        model[3].train(mode == "eval")
        given.watch(model, f"model in {mode} mode")
        found[f"{mode} mode, two layers in the other one"] = code.first_nonfinite(model, x)
    return found


@checks("first_nonfinite")
def test_first_nonfinite_of_broken_statistics(code, given):
    """A BatchNorm's broken statistics matter only in eval mode: in train mode it does not use them."""
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh()), name="model")
    model[1].running_mean[given.integer(0, 4)] = math.nan
    x = given.normal(6, 3)
    found = {}
    for mode in (True, False):
        given.watch(model.train(mode), "model")
        found["train mode" if mode else "eval mode"] = code.first_nonfinite(model, x)
    return found


@checks("first_nonfinite")
def test_first_nonfinite_of_a_single_layer(code, given):
    """A model without children is itself a leaf module; its name is the empty string."""
    x = given.normal(4, 3)
    return {"bad": code.first_nonfinite(Poison(math.inf), x), "good": code.first_nonfinite(Repair(), x)}


@checks("first_nonfinite")
def test_first_nonfinite_runs_once(code, given):
    """The model runs once, in its own mode, and no gradients are recorded."""
    notes = Notes()
    model = given.module(
        lambda: nn.Sequential(Noted(notes), nn.Linear(3, 3), nn.Sequential(Noted(notes), nn.Tanh())), name="model"
    )
    model[2].eval()
    given.watch(model, "model")
    name = code.first_nonfinite(model, given.normal(4, 3))
    return {"name": name, "calls": list(notes)}


@checks("first_nonfinite")
def test_first_nonfinite_removes_hooks(code, given):
    """No hooks are left behind, whether something is found or not."""
    good, bad = (
        given.module(network),
        given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(Poison(), nn.Tanh()))),
    )
    x = given.normal(4, 3)
    names = [code.first_nonfinite(good, x), code.first_nonfinite(bad, x)]
    return {"names": names, "hooks, nothing found": hooks(good), "hooks, something found": hooks(bad)}


@checks("first_nonfinite")
def test_first_nonfinite_removes_hooks_if_forward_raises(code, given):
    """No hooks are left behind, even if the model raises an exception."""
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), Broken()), nn.Tanh()))
    find, x = code.first_nonfinite, given.normal(4, 3)
    try:
        find(model, x)
    except NotImplementedError:
        raise
    except Exception:
        pass
    return {"hooks": hooks(model)}


@checks("first_nonfinite")
def test_first_nonfinite_keeps_buffers(code, given):
    """Buffers are what they were: BatchNorm's statistics in train mode and others, however forward changes them."""
    model = given.module(lambda: nn.Sequential(nn.BatchNorm1d(3), Counter(), nn.Tanh(), Counter(), Poison()), name="model")
    for buffer in model.buffers():
        buffer.copy_(given.normal(buffer.shape) * 10)
    given.watch(model, "model")
    name = code.first_nonfinite(model, given.normal(4, 3))
    return {"name": name, "buffers": only(dict(model.named_buffers()), "dtype", "values")}


@checks("first_nonfinite")
def test_first_nonfinite_keeps_modes_and_parameters(code, given):
    """Modes, parameters, their flags and their gradients are what they were."""
    model = given.with_grad(given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(Poison(), nn.Linear(4, 2)))))
    model[1].eval()
    model[0].bias.requires_grad_(False)
    given.watch(model, "model")
    before = list(model.parameters())
    code.first_nonfinite(model, given.normal(4, 3))
    return {
        "modes": {name: module.training for name, module in model.named_modules()},
        "parameters": only(dict(model.named_parameters()), "requires_grad", "values", "gradient"),
        "the same objects": [left is right for left, right in zip(before, model.parameters(), strict=False)],
    }
