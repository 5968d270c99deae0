"""Checks of topic `modes` that only grading runs: edge cases of the specification."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import at_least, at_most, checks, close, only, raises

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


class Breaking(nn.Module):
    """A model that breaks down when it has been called a few times."""

    def __init__(self, inner, calls):
        super().__init__()
        self.inner = inner
        self.calls = calls

    def forward(self, x):
        self.calls -= 1
        if self.calls < 0:
            raise KeyError("broken")
        return self.inner(x)


class Functional(nn.Module):
    """Dropout by a function call, which follows the module's own mode."""

    def forward(self, x):
        return F.dropout(x, 0.5, training=self.training)


class Averaged(nn.Module):
    """Parameters and buffers of every kind: tied, whole numbers, nested, and a buffer that is not in the state_dict."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3, bias=False), nn.BatchNorm1d(3), nn.Linear(3, 3))
        self.inner[2].weight = self.inner[0].weight
        self.scale = nn.Parameter(torch.randn(()))
        self.register_buffer("table", torch.randn(4), persistent=False)
        self.register_buffer("count", torch.randint(100, (2,)))
        self.register_buffer("seen", torch.rand(5) < 0.5)
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
    """Loss and accuracy do not depend on the batch size; they are right for images and for a single sample, too."""
    model = given.module(restless, name="model")
    X, y = labelled(given, 10)
    results = {}
    for size in (1, 3, 10, 100):
        results[f"batch_size {size}"] = tuple(code.evaluate(model, X, y, size))
    results["one sample"] = tuple(code.evaluate(model, *labelled(given, 1, ", one sample"), 4))
    vision = given.module(lambda: nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(12, 5)).double(), name="vision")
    images, labels = given.normal(7, 2, 3, 3, dtype=torch.float64), given.integers(7, high=5)
    results["images"] = tuple(code.evaluate(vision, images, labels, 3))
    return only(results, "values")


@checks("evaluate")
def test_evaluate_in_order(code, given):
    """The model gets batch_size samples at a time, in order, and whatever is left at the end."""
    seen = []
    model = given.module(lambda: Recording(classifier(), seen.append), name="model")
    code.evaluate(model, *labelled(given, 10), 4)
    return only({"batches": [batch for batch, _, _, _ in seen]}, "shape", "values")


@checks("evaluate")
def test_evaluate_during_the_pass(code, given):
    """During the pass the model and all its parts are in eval mode, and no gradients are recorded."""
    results = {}
    for name in ("train", "mixed"):
        seen = []
        model = given.module(lambda note=seen.append: Recording(restless(), note), name=f"model, {name}")
        if name == "mixed":
            mixed(given, model, "model, mixed")
        code.evaluate(model, *labelled(given, 6, f", {name}"), 3)
        results[f"was {name}"] = {
            "modes": [flags for _, flags, _, _ in seen],
            "gradients recorded": [recording for _, _, recording, _ in seen],
        }
    return results


@checks("evaluate")
def test_evaluate_restores_mixed_modes(code, given):
    """Afterwards each part is back in its own mode, even if some were in train mode and others in eval mode."""
    model = mixed(given, given.module(restless), "model")
    code.evaluate(model, *labelled(given, 8), 4)
    top = given.module(restless)
    top[2].eval()
    given.watch(top, "model with a part in eval mode")
    code.evaluate(top, *labelled(given, 8, ", second"), 4)
    return {"mixed": modes(model), "a part in eval mode": modes(top)}


@checks("evaluate")
def test_evaluate_of_a_model_that_breaks(code, given):
    """If the model raises an exception, it is passed on, and afterwards each part is back in its own mode."""
    results = {}
    for calls in (0, 1):
        model = mixed(given, given.module(lambda calls=calls: Breaking(restless(), calls)), f"model, {calls} calls")
        X, y = labelled(given, 8, f", {calls} calls")
        try:
            code.evaluate(model, X, y, 4)
            results[f"breaks in call {calls + 1}"] = "no exception"
        except KeyError:
            results[f"breaks in call {calls + 1}"] = "KeyError"
        results[f"modes after call {calls + 1}"] = modes(model)
    return results


@checks("evaluate")
def test_evaluate_leaves_the_model_alone(code, given):
    """Parameters, buffers and .grad are unchanged: None stays None, and numbers stay the same."""
    fresh = given.module(restless, name="model without gradients")
    used = given.with_grad(given.module(restless, name="model with gradients"))
    results = {}
    for name, model in (("fresh", fresh), ("used", used)):
        code.evaluate(model, *labelled(given, 9, f", {name}"), 4)
        results |= {f"{name}, {key}": p for key, p in (*model.named_parameters(), *model.named_buffers())}
    return only(results, "values", "requires_grad", "gradient")


@checks("evaluate")
def test_evaluate_leaves_recording_as_it_was(code, given):
    """Gradient recording is on afterwards if it was on before, and off if it was off."""
    model = given.module(classifier, name="model")
    X, y = labelled(given, 5)
    results = {}
    for name, before in (("on before", True), ("off before", False)):
        with torch.set_grad_enabled(before):
            code.evaluate(model, X, y, 2)
            results[name] = torch.is_grad_enabled()
    return results


@checks("evaluate")
def test_evaluate_returns_floats(code, given):
    """Two Python floats are returned."""
    model = given.module(lambda: nn.Linear(3, 2), name="model")
    loss, accuracy = code.evaluate(model, given.normal(5, 3), given.integers(5, high=2), 2)
    return only({"loss": loss, "accuracy": accuracy}, "type")


@checks("mc_dropout")
def test_mc_dropout_during_the_passes(code, given):
    """In each of the n passes over x, exactly the dropout layers are in train mode, whatever the modes were before."""
    results = {}
    for name in ("train", "eval", "mixed"):
        seen = []
        model = given.module(lambda note=seen.append: Recording(restless(), note), name=f"model, {name}")
        model.train(name == "train")
        given.watch(model, f"model, {name}")
        if name == "mixed":
            mixed(given, model, "model, mixed")
        code.mc_dropout(model, given.normal(4, 3, dtype=torch.float64, name=f"x, {name}"), 3)
        results[f"was {name}"] = {
            "modes": [flags for _, flags, _, _ in seen],
            "inputs": [only(x, "shape", "values") for x, _, _, _ in seen],
        }
    return results


@checks("mc_dropout", gate=True)
def test_mc_dropout_of_every_kind(code, given):
    """Dropout layers of every kind are active, at every depth, even if the model itself is one."""
    kinds = {
        "nn.Dropout": (lambda: nn.Dropout(0.5), (400,)),
        "nn.Dropout, nested": (lambda: nn.Sequential(nn.Sequential(nn.Identity(), nn.Dropout(0.5))), (20, 20)),
        "nn.Dropout1d": (lambda: nn.Sequential(nn.Dropout1d(0.5)), (20, 20, 2)),
        "nn.Dropout2d": (lambda: nn.Sequential(nn.Sequential(nn.Dropout2d(0.5))), (20, 20, 1, 2)),
        "nn.Dropout3d": (lambda: nn.Sequential(nn.Dropout3d(0.5)), (20, 20, 1, 1, 2)),
    }
    results = {}
    for name, (make, shape) in kinds.items():
        model = given.module(lambda make=make: make().eval(), name=f"model, {name}")
        mean, std = code.mc_dropout(model, given.full(shape, value=1.0, name=f"x, {name}"), 30)
        # Each entry is 0 or 2 at equal odds, 400 times independently: mean 1 and std 1, with errors of 0.01 and 0.002.
        results[name] = {
            "shapes": (tuple(mean.shape), tuple(std.shape)),
            "mean": [at_least(mean.mean().item(), 0.9), at_most(mean.mean().item(), 1.1)],
            "std": [at_least(std.mean().item(), 0.9), at_most(std.mean().item(), 1.01)],
        }
    return results


@checks("mc_dropout")
def test_mc_dropout_leaves_everything_else_asleep(code, given):
    """Only dropout layers are active: no dropout in a forward of the model's own, and no batch statistics."""
    model = given.module(
        lambda: nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), Functional(), nn.Linear(8, 2)).double(), name="model"
    )
    x = given.normal(6, 3, dtype=torch.float64, name="x")
    mean, std = code.mc_dropout(model, x, 5)
    found = {"mean": mean, "std": close(std, rtol=ROOT), "buffers": dict(model.named_buffers())}
    return only(found, "shape", "values")


@checks("mc_dropout")
def test_mc_dropout_with_one_pass(code, given):
    """With n = 1 the mean is the output of that one pass, and the standard deviation is 0."""
    seen = []
    model = given.module(lambda: Recording(restless(), seen.append), name="model")
    mean, std = code.mc_dropout(model, given.normal(5, 3, dtype=torch.float64, name="x"), 1)
    return {
        "passes": len(seen),
        "mean - output": only(mean - seen[0][3], "shape", "values"),
        "std": only(close(std, rtol=ROOT), "shape", "values"),
    }


@checks("mc_dropout")
def test_mc_dropout_restores_mixed_modes(code, given):
    """Afterwards each part is back in its own mode, even if some were in train mode and others in eval mode."""
    model = mixed(given, given.module(restless), "model")
    code.mc_dropout(model, given.normal(4, 3, dtype=torch.float64, name="x"), 2)
    top = given.module(restless)
    top[2].eval()
    given.watch(top, "model with a part in eval mode")
    code.mc_dropout(top, given.normal(4, 3, dtype=torch.float64, name="x, second"), 2)
    return {"mixed": modes(model), "a part in eval mode": modes(top)}


@checks("mc_dropout")
def test_mc_dropout_without_graph(code, given):
    """Mean and standard deviation have no graph, even if x requires grad, and have the output's dtype."""
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5)), name="model")
    double = given.module(restless, name="model in float64")
    results = {}
    for name, net, x in (
        ("float32", model, given.normal(5, 3, requires_grad=True, name="x")),
        ("float64", double, given.normal(5, 3, dtype=torch.float64, name="x in float64")),
    ):
        results[f"mean, {name}"], results[f"std, {name}"] = code.mc_dropout(net, x, 3)
    return only(results, "shape", "dtype", "requires_grad")


@checks("ema_update_", gate=True)
def test_ema_update_twice(code, given):
    """Two updates in a row, with the model's weights changing in between, apply the formula twice."""
    ema, model = (given.module(classifier, name=name) for name in ("ema", "model"))
    results = {}
    for number in (1, 2):
        code.ema_update_(ema, model, given.number(0.5, 0.9))
        results[f"after update {number}"] = {name: p.detach().clone() for name, p in ema.named_parameters()}
        with torch.no_grad():
            for p in model.parameters():
                p.add_(given.normal(*p.shape, dtype=torch.float64))
        given.watch(model, "model")
    return only(results, "values")


@checks("ema_update_")
def test_ema_update_at_the_ends(code, given):
    """With decay 0 the parameters become the model's, with decay 1 they stay; the buffers become the model's in both."""
    results = {}
    for decay in (0, 1, 0.0, 1.0):
        ema, model = (given.module(restless, name=f"{name}, decay {decay}") for name in ("ema", "model"))
        with given.seeded():
            model(given.normal(6, 3, dtype=torch.float64))
        given.watch(model, f"model, decay {decay}")
        code.ema_update_(ema, model, decay)
        results[f"decay {decay!r}"] = {
            name: tensor.detach() for name, tensor in (*ema.named_parameters(), *ema.named_buffers())
        }
    return only(results, "values")


@checks("ema_update_")
def test_ema_update_of_every_kind(code, given):
    """Tied and 0-d parameters are averaged once, and every buffer is copied: integers, bools, and unsaved ones."""
    ema, model = (given.module(Averaged, name=name) for name in ("ema", "model"))
    with torch.no_grad():
        model.seen.logical_not_()
        model.count.add_(given.integer(200, 300))
        model.inner[1].num_batches_tracked.add_(given.integer(1, 9))
    given.watch(model, "model")
    code.ema_update_(ema, model, 0.75)
    return {
        "parameters": only({name: p.detach() for name, p in ema.named_parameters()}, "dtype", "values"),
        "buffers": only(dict(ema.named_buffers()), "dtype", "values"),
    }


@checks("ema_update_")
def test_ema_update_of_frozen_parameters(code, given):
    """Frozen parameters are averaged like the others, whether they are frozen in ema, in the model, or in both."""
    ema, model = (given.module(classifier) for _ in range(2))
    ema[0].weight.requires_grad_(False)
    model[0].bias.requires_grad_(False)
    ema[2].requires_grad_(False)
    model[2].weight.requires_grad_(False)
    given.watch(ema, "ema")
    given.watch(model, "model")
    code.ema_update_(ema, model, 0.8)
    return only({f"ema.{name}": p.detach() for name, p in ema.named_parameters()}, "values")


@checks("ema_update_")
def test_ema_update_shares_nothing(code, given):
    """If the model changes afterwards, ema does not."""
    results = {}
    for decay in (0.0, 0.6):
        ema, model = (given.module(Averaged, name=f"{name}, decay {decay}") for name in ("ema", "model"))
        code.ema_update_(ema, model, decay)
        before = {name: tensor.detach().clone() for name, tensor in (*ema.named_parameters(), *ema.named_buffers())}
        with torch.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                tensor.fill_(0 if tensor.dtype is torch.bool else 77)
        given.watch(model, f"model, decay {decay}")
        after = {name: tensor.detach() for name, tensor in (*ema.named_parameters(), *ema.named_buffers())}
        changed = {name: int((before[name] != after[name]).sum()) for name in before}
        results[f"entries of ema that changed, decay {decay}"] = changed
    return results


@checks("ema_update_")
def test_ema_update_keeps_objects_and_flags(code, given):
    """Both models keep their parameter objects, flags and gradients, whether ema is frozen, trainable, or partly frozen."""
    results = {}
    for name, frozen in (("trainable", ()), ("frozen", (0, 2)), ("partly frozen", (2,))):
        ema, model = (given.with_grad(given.module(classifier)) for _ in range(2))
        for index in frozen:
            ema[index].requires_grad_(False)
        model[2].bias.requires_grad_(False)
        given.watch(ema, f"ema, {name}")
        given.watch(model, f"model, {name}")
        objects = {"ema": dict(ema.named_parameters()), "model": dict(model.named_parameters())}
        code.ema_update_(ema, model, 0.9)
        for which, net in (("ema", ema), ("model", model)):
            now = dict(net.named_parameters())
            results[f"{which}, {name}"] = {
                "parameters": only(now, "type", "requires_grad", "is_leaf", "grad_fn", "gradient"),
                "the same objects": {key: now.get(key) is p for key, p in objects[which].items()},
            }
    return results


@checks("ema_update_")
def test_ema_update_in_the_middle_of_a_step(code, given):
    """The model can still be trained: even a loss that was computed before the update has the right gradients."""
    ema, model = (given.module(classifier, name=name) for name in ("ema", "model"))
    loss = model(given.normal(5, 3, dtype=torch.float64)).square().mean()
    code.ema_update_(ema, model, 0.9)
    names = [name for name, _ in model.named_parameters()]
    slopes = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    values = {name: p.detach() for name, p in model.named_parameters()}
    return only({"gradients": dict(zip(names, slopes, strict=True)), "values": values}, "values")


@checks("ema_update_")
def test_ema_update_refuses_without_a_change(code, given):
    """A decay below 0 or above 1 is refused with a ValueError, and nothing changes."""
    ema, model = (given.module(Averaged, name=name) for name in ("ema", "model"))
    results = {}
    for decay in (-0.1, 1.1, 2, -1):
        results[f"decay {decay}"] = raises(lambda decay=decay: code.ema_update_(ema, model, decay))
    return results
