"""Checks of topic `models` that students can run themselves."""

import torch
from torch import nn

from autograder import checks, only, secret


def two_layer_net(code, given, d_in, h, d_out):
    """The student's network, in float64 and with drawn weights."""
    model = given.module(lambda: code.TwoLayerNet(d_in, h, d_out), name="model").double()
    with torch.no_grad():
        for layer, rows, columns in ((model.linear1, h, d_in), (model.linear2, d_out, h)):
            layer.weight.copy_(given.normal(rows, columns, dtype=torch.float64))
            layer.bias.copy_(given.normal(rows, dtype=torch.float64))
    return given.watch(model, "model")


def negate_scores(given, model, name):
    """Flip the signs of the scores, so that some of them are negative in every draw."""
    with torch.no_grad():
        for parameter in model.linear2.parameters():
            parameter.neg_()
    return given.watch(model, name)


def rows_of(found):
    """The rows as plain lists, whatever kinds of sequence they are."""
    return [[name, kind, list(shape), entries] for name, kind, shape, entries in found]


class Reversed(nn.Module):
    """Its parts run in a different order from the one they are made in, and one of them runs twice."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.head = nn.Linear(hidden, 2)
        self.act = nn.ReLU()
        self.body = nn.Linear(inputs, hidden)
        self.idle = nn.Identity()

    def forward(self, x):
        return self.idle(self.head(self.act(self.body(self.act(x)))))


def network(inputs, hidden):
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.Sequential(nn.BatchNorm1d(hidden), nn.Sequential(nn.ReLU(), nn.Dropout())),
        nn.Linear(hidden, 3),
    )


class Scale(nn.Module):
    """A leaf module with its own parameters, one of them 0-dim, and buffers."""

    def __init__(self, size):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))
        self.shift = nn.Parameter(torch.zeros(()))
        self.register_buffer("seen", torch.zeros(size, 2))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, x):
        return x * self.gain + self.shift


class Shared(nn.Module):
    """One layer under two names, and a weight that two layers share."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Embedding(7, 3), nn.Linear(3, 3), nn.Linear(3, 7, bias=False)])
        self.again = self.parts[1]
        self.parts[2].weight = self.parts[0].weight

    def forward(self, x):
        return self.parts[2](self.again(self.parts[1](self.parts[0](x))))


class Broken(RuntimeError):
    """What a forward pass may raise."""


class Failing(nn.Module):
    """A part that does not work."""

    def forward(self, x):
        raise Broken("this module does not work")


class Noting(nn.Module):
    """A module that tells how it runs: the mode, whether gradients are on, and what it gets."""

    def __init__(self, tell, *inside):
        super().__init__()
        self.tell = tell
        self.inside = nn.Sequential(*inside) if inside else None

    def forward(self, x):
        self.tell([self.training, torch.is_grad_enabled(), x.detach().clone()])
        return self.inside(x) if self.inside else x


def left_behind(model, rows, x):
    """What a model that was summarized shows later: the rows that another call adds, and its training flags."""
    count = len(rows)
    model(x)
    return {"rows added": rows[count:], "training": {name or "model": part.training for name, part in model.named_modules()}}


def hooks(model):
    """How many hooks the modules and parameters hold, and how many are for all modules."""
    registers = [part for module in model.modules() for key, part in vars(module).items() if key.endswith("_hooks")]
    for p in model.parameters():
        registers += [p._backward_hooks, p._post_accumulate_grad_hooks]
    shared = vars(nn.modules.module)
    registers += [shared[key] for key in shared if key.startswith("_global_") and key.endswith("_hooks")]
    return sum(len(register) for register in registers if register)


@checks("predicted_tensors", gate=True, draws=1)
def test_predicted_tensors(code, given):
    """The predicted number is how many tensors parameters() gives."""
    return {"predicted_tensors": secret(float(code.predicted_tensors))}


@checks("predicted_count", gate=True, draws=1)
def test_predicted_count(code, given):
    """The predicted number is how many trainable numbers the network has."""
    return {"predicted_count": secret(float(code.predicted_count))}


@checks("TwoLayerNet", gate=True)
def test_two_layer_net_values(code, given):
    """The scores are linear2(relu(linear1(x))), for a batch of 32."""
    model = two_layer_net(code, given, 5, 7, 3)
    x = given.normal(32, 5, dtype=torch.float64, name="x")
    results = {"model(x)": model(x)}
    results["model(x), linear2 negated"] = negate_scores(given, model, "model")(x)
    return only(results, "values")


@checks("TwoLayerNet", weight=0.5)
def test_two_layer_net_of_other_shapes(code, given):
    """x may have any number of dimensions before the last one; the scores have the same."""
    model = two_layer_net(code, given, 5, 7, 3)
    shapes = ((5,), (1, 5), (2, 4, 5))
    results = {f"x of shape {shape}": model(given.normal(shape, dtype=torch.float64)) for shape in shapes}
    return only(results, "shape", "values")


@checks("TwoLayerNet")
def test_two_layer_net_parameters(code, given):
    """The parameters, and the keys of state_dict(), are those of linear1 and linear2, with the right shapes."""
    sizes = [given.integer(2, 20) for _ in range(3)]
    model = given.module(lambda: code.TwoLayerNet(*sizes), name="model")
    return {
        "parameters": only(dict(sorted(model.named_parameters())), "type", "shape", "requires_grad"),
        "state_dict": only(dict(sorted(model.state_dict().items())), "type", "shape"),
        "nn.Linear": [isinstance(getattr(model, name, None), nn.Linear) for name in ("linear1", "linear2")],
    }


@checks("TwoLayerNet")
def test_two_layer_net_learns(code, given):
    """Two calls give the same scores in either mode, and one step of SGD moves all four parameters."""
    model = two_layer_net(code, given, 5, 7, 3)
    x, targets = given.normal(20, 5, dtype=torch.float64), given.normal(20, 3, dtype=torch.float64)
    first = model.train()(x)
    results = {"training mode": first, "eval mode": model.eval()(x), "once more": model(x)}
    given.watch(model, "model")
    ((first - targets) ** 2).mean().backward()
    torch.optim.SGD(model.parameters(), lr=0.5).step()
    moved = {name: parameter.detach().clone() for name, parameter in sorted(model.named_parameters())}
    given.watch(model, "model")
    return only({"scores": results, "parameters after a step": moved}, "values")


@checks("count_parameters", gate=True)
def test_count_parameters_values(code, given):
    """The counts are right for a model with a frozen layer."""
    sizes = [given.integer(2, 9) for _ in range(3)]
    model = given.module(lambda: nn.Sequential(nn.Linear(sizes[0], sizes[1]), nn.Linear(sizes[1], sizes[2])))
    model[1].requires_grad_(False)
    given.watch(model, "model")
    found = code.count_parameters(model)
    return only({key: found[key] for key in ("total", "trainable", "frozen", "buffers")}, "values")


@checks("count_parameters")
def test_count_parameters_of_buffers(code, given):
    """Buffers are counted separately, saved or not; a 0-dim tensor has 1 entry. The result is a dict of Python ints."""
    size = given.integer(3, 9)
    model = given.module(lambda: nn.Sequential(nn.Linear(2, size), nn.BatchNorm1d(size)), name="model")
    other = given.module(lambda: nn.Sequential(nn.Linear(2, size), Scale(size)), name="other model")
    return {"BatchNorm": code.count_parameters(model), "parameters and buffers of its own": code.count_parameters(other)}


@checks("count_parameters")
def test_count_parameters_of_shared_ones(code, given):
    """A parameter or module used in several places counts once, whether trainable or frozen."""
    words, width = given.integer(8, 12), given.integer(3, 7)
    tied = given.module(lambda: nn.Sequential(nn.Embedding(words, width), nn.Linear(width, words), nn.Linear(width, words)))
    tied[1].weight = tied[0].weight
    tied[2].weight = tied[0].weight
    given.watch(tied, "tied")
    frozen = given.module(lambda: nn.ModuleDict({"a": nn.Linear(width, 3), "b": nn.Linear(width, 3)}))
    frozen["b"].weight = frozen["a"].weight
    frozen["a"].requires_grad_(False)
    given.watch(frozen, "tied and frozen")
    layer = given.module(lambda: nn.Linear(width, width))
    twice = given.watch(nn.Sequential(layer, nn.ReLU(), nn.Sequential(layer, nn.Linear(width, 2))), "module used twice")
    alike = given.watch(nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)]).to(given.device), "equal, not shared")
    models = {"tied": tied, "tied and frozen": frozen, "module used twice": twice, "equal, not shared": alike}
    return only({name: code.count_parameters(model) for name, model in models.items()}, "values")


@checks("summarize", gate=True)
def test_summarize_rows(code, given):
    """There is a row for each call of a leaf module, with name, class, shape and number of entries."""
    inputs, hidden = given.integer(2, 7), given.integer(2, 9)
    model = given.module(lambda: network(inputs, hidden), name="model")
    x = given.normal(given.integer(2, 7), inputs, name="x")
    return {"rows": only(rows_of(code.summarize(model, x)), "values")}


@checks("summarize")
def test_summarize_in_the_order_of_calls(code, given):
    """The rows are a list of tuples in the order of the calls, and a module that is called twice has two."""
    inputs, hidden = given.integer(2, 7), given.integer(2, 9)
    model = given.module(lambda: Reversed(inputs, hidden), name="model")
    rows = code.summarize(model, given.normal(given.integer(2, 7), inputs, name="x"))
    return {"rows": [tuple(row) if isinstance(row, tuple) else row for row in rows] if isinstance(rows, list) else rows}


@checks("summarize")
def test_summarize_leaves_the_model_alone(code, given):
    """The model runs once on x, in eval mode without gradients; afterwards hooks are gone, modes and .grad as before."""
    notes, found, wanted = [], {}, given.choice([True, False])

    def tell(note):
        notes.append(note)

    for name, training in (("first model", wanted), ("second model", not wanted)):
        model = given.module(lambda: nn.Sequential(Noting(tell), Noting(tell, nn.Linear(4, 3), nn.ReLU())))
        given.with_grad(model).train(training)
        model[1].inside.train(given.choice([True, False]))
        given.watch(model, name)
        x = given.normal(4, 4, requires_grad=True)
        rows = code.summarize(model, x)
        found[name] = {"how it ran": list(notes), **left_behind(model, rows, x)}
        found[name]["gradients"] = {name: parameter.grad for name, parameter in model.named_parameters()}
        notes.clear()
    return only(found, "shape", "values")


@checks("summarize", weight=0.5)
def test_summarize_of_other_models(code, given):
    """The entries are those of all of a module's parameters; a shared module has its first name, a lone one is a leaf."""
    size = given.integer(2, 9)
    frozen = given.module(lambda: nn.Sequential(nn.Linear(4, size), Scale(size)))
    frozen[0].weight.requires_grad_(False)
    frozen[1].requires_grad_(False)
    given.watch(frozen, "frozen layers")
    lone = given.module(lambda: nn.Linear(4, size))
    results = {
        "frozen layers and parameters of its own": code.summarize(frozen, given.normal(3, 4)),
        "shared modules and weights": code.summarize(given.module(Shared), given.integers(given.integer(2, 5), 4, high=7)),
        "a single layer": code.summarize(lone, given.normal(3, 4)),
    }
    return only({name: rows_of(rows) for name, rows in results.items()}, "values")


@checks("summarize")
def test_summarize_after_an_error(code, given):
    """If the model raises, the caller gets that exception; modes and grad mode are as before, only your hooks are gone."""
    model = given.module(lambda: nn.Sequential(nn.Linear(4, 6), nn.Sequential(nn.Dropout(), nn.ReLU()), Failing()))
    model[1].eval()
    model[1][0].train()
    given.watch(model, "failing model")
    try:
        code.summarize(model, given.normal(3, 4))
        ended = "without an error"
    except Broken:
        ended = "with the model's own error"
    found = {"the call ended": ended, "hooks left": hooks(model), "model": only(model, "type")}
    found["gradients on after an error"] = torch.is_grad_enabled()
    width, calls = given.integer(2, 40), []
    sound = given.module(lambda: nn.Linear(4, width))
    sound.register_forward_hook(lambda module, args, output: calls.append("a hook that was there"))
    for before in (True, False):
        with torch.set_grad_enabled(before):
            found[f"rows, gradients {'on' if before else 'off'}"] = rows_of(code.summarize(sound, given.normal(3, 4)))
            found[f"gradients on afterwards, {'on' if before else 'off'} before"] = torch.is_grad_enabled()
    sound(given.normal(3, 4))
    return {**found, "calls of a hook that was there": len(calls)}
