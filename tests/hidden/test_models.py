"""Checks of topic `models` that only grading runs: edge cases of the specification."""

import torch
from torch import nn

from autograder import checks, only

KEYS = ("total", "trainable", "frozen", "buffers")


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


def counts(found):
    return {key: found[key] for key in KEYS}


def rows_of(found):
    """The rows as plain lists, whatever kinds of sequence they are."""
    return [[name, kind, list(shape), entries] for name, kind, shape, entries in found]


@checks("TwoLayerNet", gate=True)
def test_two_layer_net_of_any_shape(code, given):
    """The scores are right for x with any number of leading dimensions, for empty batches, and for a width of 1."""
    model, small = two_layer_net(code, given, 5, 7, 3), two_layer_net(code, given, 1, 1, 1)
    inputs = {
        f"x of shape {shape}": given.normal(shape, dtype=torch.float64)
        for shape in ((1, 5), (0, 5), (5,), (2, 4, 5), (2, 3, 2, 5), (5, 5))
    }
    results = {name: model(x) for name, x in inputs.items()}
    negate_scores(given, model, "model 5, 7, 3")
    results |= {f"{name}, linear2 negated": model(x) for name, x in inputs.items()}
    results["d_in, h and d_out 1"] = small(given.normal(16, 1, dtype=torch.float64))
    return only(results, "shape", "values")


@checks("TwoLayerNet")
def test_two_layer_net_of_any_layout(code, given):
    """x may be transposed, non-contiguous, or the result of an operation."""
    model = two_layer_net(code, given, 5, 7, 3)
    inputs = {
        "transposed": given.transposed(given.normal(6, 5, dtype=torch.float64)),
        "not contiguous": given.non_contiguous(given.normal(6, 2, 5, dtype=torch.float64)),
        "with a graph": given.non_leaf(given.normal(6, 5, dtype=torch.float64)),
    }
    return only({name: model(x) for name, x in inputs.items()}, "values")


@checks("TwoLayerNet")
def test_two_layer_net_in_both_modes(code, given):
    """The scores do not depend on the mode."""
    model = two_layer_net(code, given, 5, 7, 3)
    x = given.normal(20, 5, dtype=torch.float64, name="x")
    model.train()
    training = model(x)
    model.eval()
    evaluation = model(x)
    given.watch(model, "model 5, 7, 3")
    return only({"training mode": training, "eval mode": evaluation}, "values")


@checks("TwoLayerNet")
def test_two_layer_net_learns(code, given):
    """One step of SGD moves all four parameters, each by its gradient."""
    model = two_layer_net(code, given, 5, 7, 3)
    x, targets = given.normal(20, 5, dtype=torch.float64), given.normal(20, 3, dtype=torch.float64)
    ((model(x) - targets) ** 2).mean().backward()
    torch.optim.SGD(model.parameters(), lr=0.5).step()
    return only(dict(sorted(model.named_parameters())), "values")


@checks("TwoLayerNet")
def test_two_layer_net_state_dict(code, given):
    """The state_dict has a weight and a bias for each of linear1 and linear2, and nothing else."""
    sizes = [given.integer(2, 9) for _ in range(3)]
    model = given.module(lambda: code.TwoLayerNet(*sizes), name="model")
    return only(dict(sorted(model.state_dict().items())), "type", "shape")


@checks("TwoLayerNet")
def test_two_layer_net_layers(code, given):
    """linear1 and linear2 are of class nn.Linear, and the network is an nn.Module."""
    model = given.module(lambda: code.TwoLayerNet(5, 7, 3), name="model")
    return {
        "model is an nn.Module": isinstance(model, nn.Module),
        "linear1 is an nn.Linear": isinstance(model.linear1, nn.Linear),
        "linear2 is an nn.Linear": isinstance(model.linear2, nn.Linear),
        "both are among its modules": sum(part is model.linear1 or part is model.linear2 for part in model.children()),
    }


@checks("TwoLayerNet")
def test_two_layer_net_dtype(code, given):
    """The scores have the dtype of the parameters."""
    single = given.module(lambda: code.TwoLayerNet(5, 7, 3), name="model")
    double = given.module(lambda: code.TwoLayerNet(5, 7, 3).double(), name="model in float64")
    results = {"float32": single(given.normal(4, 5)), "float64": double(given.normal(4, 5, dtype=torch.float64))}
    return only(results, "dtype")


@checks("TwoLayerNet")
def test_two_layer_net_gradient_of_x(code, given):
    """A gradient reaches x, through both layers."""
    model = two_layer_net(code, given, 5, 7, 3)
    x = given.normal(6, 5, dtype=torch.float64, requires_grad=True, name="x")
    scores = (model(x) * given.normal(6, 3, dtype=torch.float64)).sum()
    slope = torch.autograd.grad(scores, x, allow_unused=True)[0] if scores.requires_grad else None
    return only({"gradient of x": slope}, "values")


@checks("TwoLayerNet", device="second")
def test_two_layer_net_on_another_device(code, given):
    """A network moved to another device works there."""
    model = two_layer_net(code, given, 5, 7, 3).to(given.second_device)
    x = given.normal(6, 5, dtype=torch.float64).to(given.second_device)
    return {"model(x)": only(model(x), "device", "values")}


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


@checks("count_parameters", gate=True)
def test_count_parameters_of_many_kinds(code, given):
    """The counts are right for many kinds of layers, at any depth of nesting."""
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
    }
    return only({name: counts(code.count_parameters(model)) for name, model in models.items()}, "values")


@checks("count_parameters", gate=True)
def test_count_parameters_of_nothing(code, given):
    """A model without parameters gets counts of 0, and a 0-dim parameter has one entry."""
    models = {
        "no parameters": given.module(lambda: nn.Sequential(nn.ReLU(), nn.Flatten())),
        "no modules": given.module(nn.Sequential),
        "buffers only": given.module(lambda: nn.BatchNorm1d(given.integer(3, 9), affine=False)),
        "0-dim": given.module(lambda: Scale(given.integer(3, 9))),
    }
    return only({name: counts(code.count_parameters(model)) for name, model in models.items()}, "values")


@checks("count_parameters")
def test_count_parameters_of_frozen_ones(code, given):
    """Some or all parameters may be frozen; the model's mode and .grad do not matter."""
    partly = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 2), Scale(2))))
    partly[0].weight.requires_grad_(False)
    partly[1][1].shift.requires_grad_(False)
    partly.eval()
    given.watch(partly, "partly frozen")
    wholly = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).requires_grad_(False))
    trained = given.with_grad(given.module(lambda: nn.Linear(3, 4)))
    models = {"partly frozen": partly, "wholly frozen": wholly, "with gradients": trained}
    return only({name: counts(code.count_parameters(model)) for name, model in models.items()}, "values")


@checks("count_parameters")
def test_count_parameters_of_all_buffers(code, given):
    """All buffers count: 0-dim ones, nested ones, and those that the state_dict leaves out."""
    model = given.module(lambda: nn.Sequential(Scale(given.integer(3, 9)), nn.Sequential(nn.BatchNorm2d(5), Scale(2))))
    return only(counts(code.count_parameters(model)), "values")


@checks("count_parameters")
def test_count_parameters_of_shared_ones(code, given):
    """A parameter or module used in several places counts once, whether trainable or frozen."""
    shared = given.module(lambda: nn.Linear(4, 4))
    twice = given.watch(nn.Sequential(shared, nn.ReLU(), nn.Sequential(shared, nn.Linear(4, 2))), "module used twice")
    tied = given.module(
        lambda: nn.ModuleDict({"a": nn.Linear(5, 3, bias=False), "b": nn.Linear(5, 3), "c": nn.Linear(5, 3)})
    )
    tied["b"].weight = tied["a"].weight
    tied["c"].weight = tied["a"].weight
    tied["a"].weight.requires_grad_(False)
    given.watch(tied, "tied and frozen")
    alike = given.watch(nn.ModuleList([nn.BatchNorm1d(6), nn.LayerNorm(6)]).to(given.device), "equal values, not shared")
    models = {"module used twice": twice, "tied and frozen": tied, "equal values, not shared": alike}
    return only({name: counts(code.count_parameters(model)) for name, model in models.items()}, "values")


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


@checks("summarize", gate=True)
def test_summarize_of_images(code, given):
    """The rows are right for convolutions and custom layers, even if frozen; buffers do not count as parameters."""
    model = given.module(
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, kernel_size=3), nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 5), Scale(5)
        )
    )
    model[0].requires_grad_(False)
    model[5].gain.requires_grad_(False)
    given.watch(model, "model")
    x = given.normal(given.integer(2, 5), 2, 6, 6, name="x")
    return {"rows": only(rows_of(code.summarize(model, x)), "values")}


@checks("summarize")
def test_summarize_of_containers(code, given):
    """Containers have no rows, whatever they return, and modules that are not called have none either."""
    model = given.module(Outer, name="model")
    x = given.normal(given.integer(2, 5), 3, name="x")
    return {"rows": only(rows_of(code.summarize(model, x)), "values")}


@checks("summarize")
def test_summarize_of_shared_modules(code, given):
    """A shared module appears under its first name; a shared weight counts for each module that has it."""
    model = given.module(Shared, name="model")
    x = given.integers(given.integer(2, 5), 4, high=7, name="x")
    return {"rows": only(rows_of(code.summarize(model, x)), "values")}


@checks("summarize")
def test_summarize_of_a_single_layer(code, given):
    """A model that is itself a leaf module has one row, under its name in its own named_modules()."""
    model = given.module(lambda: nn.Linear(3, 2), name="model")
    return {"rows": only(rows_of(code.summarize(model, given.normal(4, 3, name="x"))), "values")}


@checks("summarize")
def test_summarize_in_either_mode(code, given):
    """The rows are the same in training and in eval mode, even for a single sample."""
    models = {}
    for name, training in (("training", True), ("eval", False)):
        models[name] = given.module(
            lambda training=training: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout()).train(training)
        )
    x = given.normal(1, 4, name="x")
    return only({name: rows_of(code.summarize(model, x)) for name, model in models.items()}, "values")


@checks("summarize")
def test_summarize_gives_tuples(code, given):
    """The result is a list of tuples, each with a string, a string, a tuple of ints and an int."""
    model = given.module(lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), Scale(6)), name="model")
    rows = code.summarize(model, given.normal(3, 4, name="x"))
    return {
        "the result is a list": isinstance(rows, list),
        "rows": [isinstance(row, tuple) and len(row) for row in rows],
        "names and classes are strings": [isinstance(row[0], str) and isinstance(row[1], str) for row in rows],
        "shapes are tuples of ints": [
            isinstance(row[2], tuple) and all(isinstance(size, int) for size in row[2]) for row in rows
        ],
        "numbers of entries are ints": [isinstance(row[3], int) for row in rows],
    }


class Block(nn.Module):
    """A module with a child; it notes how it runs."""

    def __init__(self, inner, note):
        super().__init__()
        self.inner = inner
        self.note = note

    def forward(self, x):
        self.note(self, x)
        return self.inner(x)


def noted(given, training):
    """A model that notes how its modules run: the mode, whether gradients are on, and what they get."""
    notes = []

    def note(module, x):
        notes.append((module.training, torch.is_grad_enabled(), x.detach().clone()))

    model = given.module(lambda: nn.Sequential(Scale(4, note), Block(Scale(4, note), note)).train(training))
    return model, notes


@checks("summarize")
def test_summarize_runs_in_eval_mode(code, given):
    """While the model runs, every module is in eval mode and gradients are off."""
    seen = {}
    for name, training in (("training", True), ("eval", False)):
        model, notes = noted(given, training)
        code.summarize(model, given.normal(3, 4))
        seen[f"model in {name} mode: training flags"] = [mode for mode, _, _ in notes]
        seen[f"model in {name} mode: gradients on"] = [grad for _, grad, _ in notes]
    return seen


@checks("summarize")
def test_summarize_runs_the_model_once(code, given):
    """The model runs once, on x."""
    model, notes = noted(given, True)
    x = given.normal(3, 4, name="x", requires_grad=True)
    code.summarize(model, x)
    return only({"what the modules were given": [x for _, _, x in notes]}, "shape", "values")


def modes(model):
    return {name or "model": module.training for name, module in model.named_modules()}


def traces(model):
    """How many hooks the model's modules hold, how many are global, and how many methods are replaced."""
    registers = [part for module in model.modules() for key, part in vars(module).items() if key.endswith("_hooks")]
    shared = vars(nn.modules.module)
    everywhere = [shared[key] for key in ("_global_forward_hooks", "_global_forward_pre_hooks")]
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


@checks("summarize")
def test_summarize_restores_mixed_modes(code, given):
    """If modules are in different modes, each is in its own mode again afterwards."""
    parts = given.module(lambda: nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Dropout(), nn.ReLU()), nn.BatchNorm1d(4)))
    frozen = given.module(lambda: nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Dropout(), nn.ReLU())).eval())
    parts[1].eval()
    parts[1][0].train()
    parts[2].eval()
    frozen[1][1].train()
    given.watch(parts, "partly in training mode")
    given.watch(frozen, "partly in eval mode")
    x = given.normal(3, 4, name="x")
    for model in (parts, frozen):
        code.summarize(model, x)
    return {"partly in training mode": modes(parts), "partly in eval mode": modes(frozen)}


@checks("summarize")
def test_summarize_changes_no_numbers(code, given):
    """Parameters, buffers, .grad and the global random state are as before, even for a model in training mode."""
    model = given.with_grad(
        given.module(lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 2)), name="model")
    )
    model[3].bias.grad = None
    model[3].requires_grad_(False)
    given.watch(model, "model")
    before = torch.get_rng_state()
    code.summarize(model, given.normal(5, 4, name="x"))
    after = torch.get_rng_state()
    torch.set_rng_state(before)
    return {
        "parameters": only(dict(model.named_parameters()), "values", "requires_grad", "gradient"),
        "buffers": only(dict(model.named_buffers()), "values"),
        "bytes of the global state that changed": int((before != after).sum()),
    }


@checks("summarize")
def test_summarize_leaves_nothing_behind(code, given):
    """No hook is left, neither on a module nor a global one, and no method is replaced."""
    model = given.module(Outer, name="model")
    x = given.normal(4, 3, name="x")
    rows = code.summarize(model, x)
    left, count = traces(model), len(rows)
    model(x)
    return left | {"rows that a later call adds": len(rows) - count}


@checks("summarize")
def test_summarize_leaves_the_grad_mode_alone(code, given):
    """Gradients are on afterwards if they were on before, and off if they were off."""
    model = given.module(Outer, name="model")
    x = given.normal(4, 3, name="x")
    found = {}
    for before in (True, False):
        with torch.set_grad_enabled(before):
            code.summarize(model, x)
            found[f"gradients on afterwards, {'on' if before else 'off'} before"] = torch.is_grad_enabled()
    return found


@checks("summarize")
def test_summarize_twice(code, given):
    """A second call gives the same rows as the first, and another x gives its own rows."""
    model = given.module(Outer, name="model")
    x, other = given.normal(4, 3), given.normal(2, 6, 3)
    results = {
        "first": rows_of(code.summarize(model, x)),
        "second": rows_of(code.summarize(model, x)),
        "another x": rows_of(code.summarize(model, other)),
    }
    return only(results, "values")


class Broken(RuntimeError):
    """What a forward pass may raise."""


def failing(given):
    """A model in mixed modes whose last part raises."""

    def fail(module, x):
        raise Broken("this module does not work")

    model = given.module(lambda: nn.Sequential(nn.Linear(4, 6), nn.Sequential(nn.Dropout(), nn.ReLU()), Scale(6, fail)))
    model[1].eval()
    return given.watch(model, "model")


def run_into_an_error(code, model, x):
    try:
        code.summarize(model, x)
    except Broken:
        return "ended with the model's own error"
    return "ended without an error"


@checks("summarize")
def test_summarize_passes_errors_on(code, given):
    """An exception raised in the forward pass reaches the caller."""
    return {"the call": run_into_an_error(code, failing(given), given.normal(3, 4, name="x"))}


@checks("summarize")
def test_summarize_removes_its_hooks_after_an_error(code, given):
    """No hook is left even if the forward pass raises."""
    model = failing(given)
    run_into_an_error(code, model, given.normal(3, 4, name="x"))
    return traces(model)


@checks("summarize")
def test_summarize_restores_the_modes_after_an_error(code, given):
    """Even if the forward pass raises, every training flag is as before, and gradients are on."""
    model = failing(given)
    run_into_an_error(code, model, given.normal(3, 4, name="x"))
    return {"modes": modes(model), "gradients on": torch.is_grad_enabled()}
