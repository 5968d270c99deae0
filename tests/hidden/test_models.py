"""Checks of topic `models` that only grading runs: edge cases of the specification."""

import torch
from torch import nn

from autograder import checks, only


def two_layer_net(code, given, d_in, h, d_out):
    """The student's network, in float64 and with drawn weights."""
    model = given.module(lambda: code.TwoLayerNet(d_in, h, d_out), name=f"model {d_in}, {h}, {d_out}").double()
    with torch.no_grad():
        for layer, rows, columns in ((model.linear1, h, d_in), (model.linear2, d_out, h)):
            layer.weight.copy_(given.normal(rows, columns, dtype=torch.float64))
            layer.bias.copy_(given.normal(rows, dtype=torch.float64))
    return given.watch(model, f"model {d_in}, {h}, {d_out}")


def negate_scores(given, model, name):
    """Flip the signs of the scores, so that some of them are negative in every draw."""
    with torch.no_grad():
        for parameter in model.linear2.parameters():
            parameter.neg_()
    return given.watch(model, name)


def rows_of(found):
    """The rows as plain lists, whatever kinds of sequence they are."""
    return [[name, kind, list(shape), entries] for name, kind, shape, entries in found]


@checks("TwoLayerNet", gate=True)
def test_two_layer_net_of_any_shape(code, given):
    """The scores are right for x of any shape and layout, for empty batches, and for a width of 1."""
    model, small = two_layer_net(code, given, 5, 7, 3), two_layer_net(code, given, 1, 1, 1)
    inputs = {
        f"x of shape {shape}": given.normal(shape, dtype=torch.float64)
        for shape in ((1, 5), (0, 5), (5,), (2, 4, 5), (2, 3, 2, 5), (5, 5))
    }
    inputs |= {
        "transposed": given.transposed(given.normal(6, 5, dtype=torch.float64)),
        "not contiguous": given.non_contiguous(given.normal(6, 2, 5, dtype=torch.float64)),
        "with a graph": given.non_leaf(given.normal(6, 5, dtype=torch.float64)),
    }
    results = {name: model(x) for name, x in inputs.items()}
    negate_scores(given, model, "model 5, 7, 3")
    results |= {f"{name}, linear2 negated": model(x) for name, x in inputs.items()}
    results["d_in, h and d_out 1"] = small(given.normal(16, 1, dtype=torch.float64))
    results["large numbers"] = model(given.normal(4, 5, std=1e6, dtype=torch.float64)) / 1e6
    broken = given.normal(3, 5, dtype=torch.float64)
    broken[given.integer(0, 3), 2] = float("nan")
    results["nan in x"] = model(given.watch(broken, "x with nan"))
    with torch.no_grad():
        model.linear1.bias.zero_()
        model.linear2.bias.zero_()
    given.watch(model, "model without biases")
    results["tiny numbers"] = model(given.normal(4, 5, std=1e-9, dtype=torch.float64)) * 1e9
    single = given.module(lambda: code.TwoLayerNet(5, 7, 3), name="model in float32")
    return {"scores": only(results, "shape", "values"), "dtype in float32": only(single(given.normal(4, 5)), "dtype")}


@checks("TwoLayerNet", device="second")
def test_two_layer_net_moves(code, given):
    """A network moved to another device works there, and a gradient reaches x through both layers."""
    model = two_layer_net(code, given, 5, 7, 3)
    x = given.normal(6, 5, dtype=torch.float64, requires_grad=True, name="x")
    scores = (model(x) * given.normal(6, 3, dtype=torch.float64)).sum()
    slope = torch.autograd.grad(scores, x, allow_unused=True)[0] if scores.requires_grad else None
    model.eval()
    scores = model(x).sum()
    evaluated = torch.autograd.grad(scores, x, allow_unused=True)[0] if scores.requires_grad else None
    with given.seeded():
        first, second = code.TwoLayerNet(5, 7, 3), code.TwoLayerNet(5, 7, 3)
    moved = two_layer_net(code, given, 5, 7, 3).to(given.second_device)
    y = given.normal(6, 5, dtype=torch.float64).to(given.second_device)
    return {
        "gradient of x": only([slope, evaluated], "values"),
        "on another device": only(moved(y), "device", "values"),
        "two networks start with equal weights": torch.equal(first.linear1.weight, second.linear1.weight),
    }


class Scale(nn.Module):
    """A leaf module with its own parameters, one of them 0-dim, and buffers."""

    def __init__(self, size, note=lambda module, x: None):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))
        self.shift = nn.Parameter(torch.zeros(()))
        self.register_buffer("seen", torch.zeros(size, 2))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64), persistent=False)
        self.register_buffer("absent", None)
        self.register_parameter("missing", None)
        self.note = note

    def forward(self, x):
        self.note(self, x)
        return x * self.gain + self.shift


class Token(nn.Sequential):
    """A container with a parameter and a buffer of its own, beside its layers."""

    def __init__(self, size, *layers):
        super().__init__(*layers)
        self.token = nn.Parameter(torch.zeros(size, 3))
        self.register_buffer("position", torch.zeros(size))


@checks("count_parameters", gate=True)
def test_count_parameters_of_many_kinds(code, given):
    """The counts are right for many kinds of layers at any depth, for none at all, and for a 0-dim parameter."""
    sizes = [given.integer(2, 7) for _ in range(3)]
    models = {
        "convolution": given.module(lambda: nn.Conv2d(sizes[0], sizes[1], kernel_size=(2, 3))),
        "no bias": given.module(lambda: nn.Linear(sizes[0], sizes[1], bias=False)),
        "nested": given.module(
            lambda: nn.Sequential(
                nn.Linear(2, sizes[0]), nn.ModuleDict({"a": nn.Sequential(nn.Embedding(sizes[1], sizes[2]), nn.GRU(2, 3))})
            )
        ),
        "parameters in a list": given.module(
            lambda: nn.ParameterList([torch.zeros(size, 2, 3) for size in sizes] + [torch.zeros(0, 4)])
        ),
        "no parameters": given.module(lambda: nn.Sequential(nn.ReLU(), nn.Flatten())),
        "no modules": given.module(nn.Sequential),
        "0-dim": given.module(lambda: Scale(sizes[2])),
        "two parts of one memory": nn.ParameterList(given.normal(2 + sizes[0]).split([2, sizes[0]])),
        "a parameter and a buffer beside a layer": given.module(lambda: Token(sizes[0], nn.Linear(2, sizes[1]))),
    }
    return only({name: code.count_parameters(model) for name, model in models.items()}, "values")


@checks("count_parameters")
def test_count_parameters_of_frozen_ones_and_buffers(code, given):
    """Parameters may be frozen one by one, whatever the modes and .grad; all buffers count, saved in state_dict or not."""
    size = given.integer(3, 9)
    partly = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Linear(4, size), Scale(size))))
    given.with_grad(partly)
    for _ in range(3):
        partly.get_parameter(given.choice([name for name, _ in partly.named_parameters()])).requires_grad_(False)
    partly[1].train(given.choice([True, False]))
    given.watch(partly, "partly frozen")
    wholly = given.module(lambda: nn.Sequential(nn.Linear(3, size), nn.BatchNorm1d(size)).requires_grad_(False).eval())
    trained = given.with_grad(given.module(lambda: nn.Linear(3, size)))
    buffers = given.module(lambda: nn.Sequential(Scale(size), nn.Sequential(nn.BatchNorm2d(5, affine=False), Scale(2))))
    models = {"partly frozen": partly, "wholly frozen": wholly, "with gradients": trained, "with buffers": buffers}
    models["in half precision"] = given.module(lambda: nn.Sequential(nn.Linear(3, size).half(), nn.Linear(2, 2).double()))
    changing = given.module(lambda: nn.Linear(3, size))
    code.count_parameters(changing)
    changing.bias.requires_grad_(False)
    models["frozen since the last call"] = given.watch(changing, "model that was frozen later")
    return only({name: code.count_parameters(model) for name, model in models.items()}, "values")


class Branches(nn.Module):
    """Returns a tuple; runs its parts in a loop, with a keyword, and not all of them."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(2, 2)
        self.left = nn.Linear(3, 4)
        self.right = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Tanh())
        self.loop = nn.ModuleList([nn.Linear(3, 3), nn.Sigmoid()])

    def forward(self, x):
        for layer in reversed(self.loop):
            x = layer(x)
        return self.right(x), self.left(input=x)


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 1)
        self.branches = Branches()

    def forward(self, x):
        return {"scores": self.last(torch.cat(self.branches(x), dim=-1))}


class Shared(nn.Module):
    """One layer under two names, and a weight that two layers share."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Embedding(7, 3), nn.Linear(3, 3), nn.Linear(3, 7, bias=False)])
        self.again = self.parts[1]
        self.parts[2].weight = self.parts[0].weight

    def forward(self, x):
        return self.parts[2](self.again(self.parts[1](self.parts[0](x))))


def traces(model):
    """How many hooks the modules and parameters hold, how many are for all modules, and how many methods are replaced."""
    registers = [part for module in model.modules() for key, part in vars(module).items() if key.endswith("_hooks")]
    for p in model.parameters():
        registers += [p._backward_hooks, p._post_accumulate_grad_hooks]
    shared = vars(nn.modules.module)
    everywhere = [shared[key] for key in shared if key.startswith("_global_") and key.endswith("_hooks")]
    replaced = [
        key
        for module in model.modules()
        for key in ("forward", "_call_impl")
        if key in vars(module) and vars(module)[key] != getattr(type(module), key).__get__(module)
    ]
    return {
        "hooks": sum(len(register) for register in registers if register),
        "global hooks": sum(len(register) for register in everywhere),
        "replaced methods": len(replaced),
    }


class Broken(LookupError):
    """What a forward pass may raise."""


def failing(given):
    """A model in mixed modes whose last part raises."""

    def fail(module, x):
        raise Broken("this module does not work")

    model = given.module(lambda: nn.Sequential(nn.Linear(4, 6), nn.Sequential(nn.Dropout(), nn.ReLU()), Scale(6, fail)))
    return given.watch(in_drawn_modes(given, model), "failing model")


def run_into_an_error(code, model, x):
    try:
        code.summarize(model, x)
    except Broken:
        return "ended with the model's own error"
    return "ended without an error"


def in_drawn_modes(given, model):
    """The model with each module in a drawn mode, one in training mode and one in eval mode at least."""
    parts = list(model.modules())
    order = given.permutation(len(parts)).tolist()
    for place, index in enumerate(order):
        parts[index].training = place == 0 or (place > 1 and given.choice([True, False]))
    return model


class Mean(nn.Module):
    """A leaf module whose output is 0-dim."""

    def forward(self, x):
        return x.mean()


@checks("summarize", gate=True, weight=0.5)
def test_summarize_of_any_model(code, given):
    """The rows are right for convolutions, frozen and custom layers, containers, shared modules, and in either mode."""
    images = given.module(
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 3, kernel_size=3), nn.BatchNorm2d(3), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(12, 5), Scale(5), nn.Identity(), nn.Sequential()),
        )
    )
    images[0].requires_grad_(False)
    images[5].gain.requires_grad_(False)
    given.watch(images, "frozen layers")
    width = given.integer(2, 9)
    small = {
        mode: given.module(lambda: nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Dropout()))
        for mode in ("training", "eval")
    }
    small["eval"].eval()
    given.watch(small["eval"], "model in eval mode")
    outer = given.module(Outer)
    x, other = given.normal(given.integer(2, 7), 3), given.normal(2, given.integer(2, 7), 3)
    results = {
        "images": code.summarize(images, given.normal(given.integer(2, 5), 2, 6, 6)),
        "containers": code.summarize(outer, x),
        "containers, once more": code.summarize(outer, x),
        "containers, another x": code.summarize(outer, other),
        "shared modules": code.summarize(given.module(Shared), given.integers(given.integer(2, 5), 4, high=7)),
        "a single layer": code.summarize(given.module(lambda: nn.Linear(3, 2)), x),
        "no samples": code.summarize(given.module(lambda: nn.Sequential(nn.Linear(3, 2), nn.ReLU())), given.normal(0, 3)),
        "a single number, in float64": code.summarize(
            given.module(lambda: nn.Sequential(nn.Linear(3, 2), Mean()).double()), given.normal(4, 3, dtype=torch.float64)
        ),
    }
    results |= {
        f"a single sample in {mode} mode": code.summarize(model, given.normal(1, 4)) for mode, model in small.items()
    }
    return only({name: rows_of(rows) for name, rows in results.items()}, "values")


@checks("summarize", weight=0.5)
def test_summarize_leaves_no_trace(code, given):
    """Also after an error, nothing is left anywhere; other hooks stay, and so do modes, numbers and random state."""
    found = {}
    broken, sound = failing(given), given.module(Outer)
    x = given.normal(3, 4, name="x")
    found["error"] = {"the call": run_into_an_error(code, broken, x), "left": traces(broken), "model": only(broken, "type")}
    found["gradients on after an error"] = torch.is_grad_enabled()
    calls = []
    in_drawn_modes(given, sound).register_forward_hook(lambda module, args, output: calls.append("a hook that was there"))
    given.watch(sound, "model with a hook")
    code.summarize(sound, given.normal(4, 3))
    sound(given.normal(4, 3))
    found["no error"] = {"left": traces(sound), "model": only(sound, "type"), "calls of a hook": list(calls)}
    model = given.module(
        lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 2)), name="model"
    )
    given.with_grad(model)
    model[3].bias.grad = None
    model[3].requires_grad_(False)
    given.watch(model, "model")
    before = torch.get_rng_state()
    code.summarize(model, given.normal(5, 4))
    after = torch.get_rng_state()
    torch.set_rng_state(before)
    found["numbers"] = only(model, "type", "values", "requires_grad", "gradient")
    found["bytes of the global random state that changed"] = int((before != after).sum())
    return found
