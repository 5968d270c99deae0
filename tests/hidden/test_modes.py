"""Checks of topic `modes` that only grading runs: edge cases of the specification."""

import itertools
from contextlib import suppress

import torch
import torch.nn.functional as F
from torch import nn

from autograder import checks, close, only

ROOT = 1e-6
"""How far from 0 a standard deviation of equal float64 numbers may be: the root of a difference of squares is right, too."""


class Recording(nn.Module):
    """A model that tells `note` what it is called with, in which modes, whether gradients are recorded, and its output."""

    def __init__(self, inner, note):
        super().__init__()
        self.inner = inner
        self.note = note

    def forward(self, x):
        flags = {f"{name or 'model'}.training": module.training for name, module in self.named_modules()}
        before, recording = x.detach().clone(), torch.is_grad_enabled()
        output = self.inner(x)
        self.note((before, flags, recording, output.detach().clone()))
        return output


class Broken(Exception):
    """What a model may raise."""


class Breaking(nn.Module):
    """A model that breaks down when it has been called a few times."""

    def __init__(self, inner, calls):
        super().__init__()
        self.inner = inner
        self.calls = calls

    def forward(self, x):
        self.calls -= 1
        if self.calls < 0:
            raise Broken
        return self.inner(x)


class Functional(nn.Module):
    """Dropout by a function call, which follows the module's own mode."""

    def forward(self, x):
        return F.dropout(x, 0.5, training=self.training)


class Answering(nn.Module):
    """A model whose passes give the drawn `answers` one after the other while its dropout is active, else always the first.

    A copy of the model goes on where the model is: all copies count the same passes.
    """

    def __init__(self, answers, kind):
        super().__init__()
        self.dropout = nn.Sequential(nn.Identity(), kind(0.5))
        passes = itertools.count()
        self.count = lambda: next(passes)
        self.answers = answers

    def forward(self, x):
        number = self.count() if self.dropout[1].training else 0
        return self.answers[number % len(self.answers)] + x.sum() * 0


class DropoutNoise(nn.Module):
    """Its name begins like that of a dropout layer; it is none."""

    def forward(self, x):
        return x + torch.randn_like(x) if self.training else x


class Dropout(DropoutNoise):
    """Not even with this name."""


class Averaged(nn.Module):
    """Parameters and buffers of every kind: tied, whole numbers, nested, None, and a buffer that is not saved."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3, bias=False), nn.BatchNorm1d(3), nn.Linear(3, 3))
        self.inner[2].weight = self.inner[0].weight
        self.forgetful = nn.BatchNorm1d(2, track_running_stats=False)
        self.scale = nn.Parameter(torch.randn(()))
        self.register_buffer("table", torch.randn(4), persistent=False)
        self.register_buffer("count", torch.randint(100, (2,)))
        self.register_buffer("seen", torch.rand(5) < 0.5)
        self.register_buffer("nothing", None)
        self.double()


def classifier():
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4)).double()


def restless():
    """A classifier that gives other outputs in train mode, with a normalisation that has seen something already."""
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 4))).double()
    with torch.no_grad():
        model[1].running_mean.add_(0.5)
        model[1].running_var.mul_(2)
    return model


def labelled(given, size, name=""):
    return given.normal(size, 3, dtype=torch.float64, name=f"X{name}"), given.integers(size, high=4, name=f"y{name}")


def modes(model):
    return {f"{name or 'model'}.training": module.training for name, module in model.named_modules()}


def mixed(given, model, name):
    """The model with a drawn mode for each of its parts, at least one of each kind among the inner ones."""
    parts = list(model.modules())
    flags = given.permutation(len(parts) - 1) % 2 == 0
    for part, flag in zip(parts, [bool(given.integer(0, 2)), *flags.tolist()], strict=True):
        part.training = flag
    return given.watch(model, name)


@checks("evaluate", gate=True)
def test_evaluate_for_any_batch_size(code, given):
    """Loss and accuracy are right for any batch size, and for images, a single sample, or very large logits."""
    model = given.module(restless, name="model")
    X, y = labelled(given, 10)
    results = {}
    for size in (1, 3, given.integer(4, 10), 10, 100):
        results[f"batch_size {size}"] = tuple(code.evaluate(model, X, y, size))
    results["one sample"] = tuple(code.evaluate(model, *labelled(given, 1, ", one sample"), 4))
    vision = given.module(lambda: nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(12, 5)).double(), name="vision")
    images, labels = given.normal(7, 2, 3, 3, dtype=torch.float64), given.integers(7, high=5)
    results["images"] = tuple(code.evaluate(vision, images, labels, 3))
    large = given.normal(6, 3, dtype=torch.float64, std=1e5, name="X, large")
    linear = given.module(lambda: nn.Linear(3, 4).double(), name="linear model")
    results["large logits"] = tuple(code.evaluate(linear, large, given.integers(6, high=4), 4))
    broken = given.tensor([[float("nan")] * 3, [0.1, 0.2, 0.3]], dtype=torch.float64, name="X with nan")
    results["nan"] = str(float(code.evaluate(linear, broken, given.integers(2, high=4), 1)[0]))
    single = given.module(lambda: nn.Linear(3, 1).double(), name="model with one class")
    kinds = code.evaluate(single, given.normal(4, 3, dtype=torch.float64), torch.zeros(4, device=given.device).long(), 3)
    sizes = []
    watched = given.module(lambda: Recording(nn.Linear(3, 4).double(), lambda noted: sizes.append(len(noted[0]))))
    for count, size in ((5000, given.integer(4000, 5000)), (given.integer(70, 4000), 5000)):
        code.evaluate(watched, *labelled(given, count, f", {count} samples"), size)
    return {"results": only(results, "values"), "sizes of large batches": sizes, "all right": [*map(_kind, kinds)]}


def _kind(number):
    """float for every kind of Python float, or the name of another type."""
    return "float" if isinstance(number, float) else type(number).__name__


@checks("evaluate", weight=0.5)
def test_evaluate_in_mixed_modes(code, given):
    """Batches come in order, all in eval mode and none recorded; mixed modes are restored, even after a late exception."""
    results = {}
    for name in ("train", "mixed"):
        seen = []
        model = given.module(lambda note=seen.append: Recording(restless(), note))
        if name == "mixed":
            mixed(given, model, "model, mixed")
        given.watch(model, f"model, {name}")
        with torch.set_grad_enabled(name == "train"):
            code.evaluate(model, *labelled(given, 10, f", {name}"), given.integer(3, 5))
            results[f"recording is on afterwards, {name}"] = torch.is_grad_enabled()
        results[f"in the pass, {name}"] = {
            "batches": only([batch for batch, _, _, _ in seen], "shape", "values"),
            "modes": [flags for _, flags, _, _ in seen],
            "gradients recorded": [recording for _, _, recording, _ in seen],
        }
        results[f"modes, {name}"] = modes(model)
    model = mixed(given, given.module(lambda: Breaking(restless(), 1)), "model that breaks down in its second call")
    X, y = labelled(given, 8, ", breaks down")
    with suppress(Broken):
        code.evaluate(model, X, y, 4)
    results["after an exception in the second call"] = torch.is_grad_enabled(), modes(model)
    return results


@checks("mc_dropout")
def test_mc_dropout_during_the_passes(code, given):
    """In each of the n passes over x, exactly the dropout layers are active; the results have its dtype and no graph."""
    results = {}
    kinds = {
        "nn.Dropout": lambda: nn.Dropout(0.5),
        "nn.Dropout1d": lambda: nn.Dropout1d(0.5),
        "nn.Dropout2d": lambda: nn.Dropout2d(0.5),
        "nn.Dropout3d": lambda: nn.Dropout3d(0.5),
        "nn.Dropout in place": lambda: nn.Dropout(0.5, inplace=True),
        "nn.AlphaDropout": nn.AlphaDropout,
        "nn.FeatureAlphaDropout": nn.FeatureAlphaDropout,
        "BatchNorm": lambda: nn.BatchNorm1d(1),
        "another module": DropoutNoise,
        "a module named Dropout": Dropout,
        "dropout by a function call": Functional,
    }
    for name in ("train", "eval", "mixed"):
        seen, hooked, n = [], [], given.integer(2, 5)
        order = [list(kinds)[k] for k in given.permutation(len(kinds)).tolist()]
        model = given.module(
            lambda note=seen.append, order=order: Recording(
                nn.Sequential(nn.Linear(3, 1), *(nn.Sequential(kinds[kind]()) for kind in order), nn.Linear(1, 2)), note
            )
        )
        model.train(name == "train")
        model.register_forward_hook(lambda *_, hooked=hooked: hooked.append("called"))
        given.watch(model, f"model, {name}")
        if name == "mixed":
            mixed(given, model, "model, mixed")
        x = given.normal(4, 3, requires_grad=name == "eval", name=f"x, {name}")
        with given.default_dtype(torch.float64):
            mean, std = code.mc_dropout(model, x, n)
        results[f"was {name}"] = {
            "layers": order,
            "modes": [flags for _, flags, _, _ in seen],
            "inputs": [only(x, "shape", "values") for x, _, _, _ in seen],
            "hooks of the model": hooked,
            "results": only({"mean": mean, "std": std}, "shape", "dtype", "requires_grad"),
            "modes afterwards": modes(model),
        }
    answers = [given.normal(2, dtype=torch.float64) for _ in range(130)]
    answers[2][given.integer(0, 2)] = float("nan")
    for n in (1, 2, 130):
        mean, std = code.mc_dropout(
            given.module(lambda: Answering(answers, nn.Dropout)), given.normal(4, dtype=torch.float64), n
        )
        results[f"n = {n}"] = only({"mean": mean, "std": close(std, rtol=ROOT)}, "shape", "values")
    return results


@checks("ema_update_", gate=True)
def test_ema_update_of_every_kind(code, given):
    """Each update averages every parameter once, tied and frozen ones too, and copies every buffer, saved or not."""
    ema, model = (given.module(Averaged, name=name) for name in ("ema", "model"))
    results = {}
    for number, decay in enumerate((given.number(0.5, 0.9), 0, 1.0, given.number(0.5, 0.9)), 1):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(given.normal(*p.shape, dtype=torch.float64))
            model.seen.logical_not_()
            model.count.add_(given.integer(200, 300))
            model.table.add_(given.number(1, 2))
            model.inner[1].num_batches_tracked.add_(given.integer(1, 9))
        for part in (ema, model):
            for p in part.parameters():
                p.requires_grad_(bool(given.integer(0, 2)))
        list(ema.parameters())[number % 4].requires_grad_(False)
        list(model.parameters())[(number + 1) % 4].requires_grad_(False)
        given.watch(model, "model")
        given.watch(ema, "ema")
        code.ema_update_(ema, model, decay)
        results[f"after update {number}"] = {
            "parameters": only({name: p.detach().clone() for name, p in ema.named_parameters()}, "dtype", "values"),
            "buffers": only({name: buffer.clone() for name, buffer in ema.named_buffers()}, "dtype", "values"),
        }
    with torch.no_grad():
        model.inner[0].weight[0, 1] = ema.inner[2].bias[1] = model.table[2] = float("nan")
        model.count.fill_(2**60 + given.integer(1, 100))
        ema.scale.copy_(model.scale * (1 + 1e-7))
    given.watch(model, "model with nan")
    code.ema_update_(ema, model, given.number(0.5, 0.9))
    results["nan and large whole numbers"] = only([*ema.parameters(), *ema.buffers()], "values")
    return results


@checks("ema_update_")
def test_ema_update_leaves_the_rest_alone(code, given):
    """Both models keep their objects, flags, gradients and modes and share nothing; earlier losses can be backpropagated."""
    results = {}
    for name, decay in (("trainable", given.number(0.1, 0.9)), ("frozen", 0.0), ("partly frozen", given.number(0.1, 0.9))):
        ema, model = (given.with_grad(given.module(classifier)) for _ in range(2))
        for index in {"trainable": (), "frozen": (0, 2), "partly frozen": (given.choice((0, 2)),)}[name]:
            ema[index].requires_grad_(False)
        model[given.choice((0, 2))].bias.requires_grad_(False)
        ema[given.integer(0, 3)].eval()
        given.watch(ema, f"ema, {name}")
        given.watch(model, f"model, {name}")
        objects = {"ema": dict(ema.named_parameters()), "model": dict(model.named_parameters())}
        loss = model(given.normal(5, 3, dtype=torch.float64)).square().mean()
        code.ema_update_(ema, model, decay)
        trained = [p for p in model.parameters() if p.requires_grad]
        results[f"gradients of a loss from before, {name}"] = only(list(torch.autograd.grad(loss, trained)), "values")
        for which, net in (("ema", ema), ("model", model)):
            now = dict(net.named_parameters())
            results[f"{which}, {name}"] = {
                "parameters": only(now, "type", "requires_grad", "is_leaf", "grad_fn", "gradient"),
                "the same objects": {key: now.get(key) is p for key, p in objects[which].items()},
                "modes": modes(net),
            }
    ema, model = (given.module(Averaged) for _ in range(2))
    code.ema_update_(ema, model, 0.0)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.fill_(0 if tensor.dtype is torch.bool else 77)
    given.watch(model, "model that is changed afterwards")
    tensors = {name: tensor.detach() for name, tensor in (*ema.named_parameters(), *ema.named_buffers())}
    results["ema when the model has changed"] = only(tensors, "values")
    return results
