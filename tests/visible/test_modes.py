"""Checks of topic `modes` that students can run themselves."""

import itertools
from contextlib import suppress

import torch
from torch import nn

from autograder import average_between, checks, close, only, raises, secret

ROOT = 1e-6
"""How far from 0 a standard deviation of equal float64 numbers may be: the root of a difference of squares is right, too."""


class Answering(nn.Module):
    """A model whose passes give the drawn `answers` one after the other while its dropout is active, else always the first.

    A copy of the model goes on where the model is: all copies count the same passes.
    """

    def __init__(self, answers):
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        passes = itertools.count()
        self.count = lambda: next(passes)
        self.answers = answers

    def forward(self, x):
        number = self.count() if self.dropout.training else 0
        return self.answers[number % len(self.answers)] + x.sum() * 0


class Watched(nn.Module):
    """A model that tells `note` in which modes its parts are, and whether gradients are recorded."""

    def __init__(self, inner, note):
        super().__init__()
        self.inner = inner
        self.note = note

    def forward(self, x):
        self.note((torch.is_grad_enabled(), modes(self)))
        return self.inner(x)


class Breaking(nn.Module):
    """A model that breaks down."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        raise KeyError("broken")


def classifier():
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4)).double()


def restless():
    """A classifier that gives other outputs in train mode, with a normalisation that has seen something already."""
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 4))).double()
    with torch.no_grad():
        model[1].running_mean.add_(0.5)
        model[1].running_var.mul_(2)
    return model


def labelled(given, size):
    return given.normal(size, 3, dtype=torch.float64, name="X"), given.integers(size, high=4, name="y")


def modes(model):
    return {f"{name or 'model'}.training": module.training for name, module in model.named_modules()}


@checks("predicted_largest", gate=True, draws=1)
def test_predicted_largest(code, given):
    """The predicted number is the largest output."""
    return {"predicted_largest": secret(round(float(code.predicted_largest), 3))}


@checks("predicted_gradients", gate=True, draws=1)
def test_predicted_gradients(code, given):
    """The prediction says for each of the three layers whether it gets a gradient."""
    return {"predicted_gradients": secret([bool(one) for one in code.predicted_gradients])}


@checks("predicted_batches", gate=True, draws=1)
def test_predicted_batches(code, given):
    """The predicted number is how many batches the layer has counted."""
    return {"predicted_batches": secret(round(float(code.predicted_batches), 3))}


@checks("evaluate", gate=True)
def test_evaluate_values(code, given):
    """The mean cross-entropy and the accuracy are right, for batches of equal size."""
    model, size = given.module(classifier, name="model"), given.integer(3, 7)
    loss, accuracy = code.evaluate(model, *labelled(given, 4 * size), size)
    return only({"loss": loss, "accuracy": accuracy}, "values")


@checks("evaluate")
def test_evaluate_with_a_smaller_last_batch(code, given):
    """Every sample counts equally, even when the last batch is smaller, and both results are Python floats."""
    model, size = given.module(classifier, name="model"), given.integer(4, 7)
    loss, accuracy = code.evaluate(model, *labelled(given, 2 * size + 1), size)
    return only({"loss": loss, "accuracy": accuracy}, "type", "values")


@checks("evaluate")
def test_evaluate_in_eval_mode(code, given):
    """The model runs in eval mode without recording gradients; afterwards each part is back in the mode it was in."""
    results = {}
    for name in ("train", "eval"):
        recorded = []
        model = given.module(lambda note=recorded.append: Watched(restless(), note), name=f"model in {name} mode")
        model.train(name == "train")
        model.inner[given.integer(0, 3)].train(name == "eval")
        given.watch(model, f"model in {name} mode")
        loss, accuracy = code.evaluate(model, *labelled(given, 24), 6)
        results[f"was in {name} mode"] = {"loss": loss, "accuracy": accuracy, "afterwards": modes(model)}
        results[f"gradients recorded, {name} mode"] = [recording for recording, _ in recorded]
    return only(results, "values")


@checks("evaluate")
def test_evaluate_changes_nothing(code, given):
    """Parameters, buffers, flags and gradients are unchanged; an exception gets through, and the modes are as before."""
    model = given.module(restless, name="model")
    given.with_grad(model)
    model[0].bias.requires_grad_(False)
    model[2][1].bias.grad = None
    given.watch(model, "model")
    with torch.set_grad_enabled(recording := given.choice([True, False])):
        code.evaluate(model, *labelled(given, 10), given.integer(3, 5))
        still = torch.is_grad_enabled()
    broken = given.module(lambda: Breaking(restless()), name="model that raises a KeyError")
    broken.inner[given.integer(0, 3)].eval()
    given.watch(broken, "model that raises a KeyError")
    with suppress(KeyError):
        code.evaluate(broken, *labelled(given, 8), 4)
    after_exception = torch.is_grad_enabled(), modes(broken)
    return {
        "parameters": only(dict(model.named_parameters()), "values", "requires_grad", "gradient"),
        "buffers": only(dict(model.named_buffers()), "values"),
        f"recording is on afterwards, as before ({recording})": still,
        "recording and modes after an exception": after_exception,
        "the exception": raises(lambda: code.evaluate(broken, *labelled(given, 8), 4)),
    }


@checks("mc_dropout", gate=True)
def test_mc_dropout_values(code, given):
    """The mean and standard deviation are taken over the outputs of n different passes."""
    answers = [given.normal(5, 2, dtype=torch.float64, name=f"output of pass {k + 1}") for k in range(given.integer(6, 20))]
    model = given.module(lambda: Answering(answers), name="model")
    mean, std = code.mc_dropout(model, given.normal(5, 3, dtype=torch.float64, name="x"), len(answers))
    return only({"mean": mean, "std": close(std, rtol=ROOT)}, "shape", "values")


@checks("mc_dropout")
def test_mc_dropout_leaves_batch_norm_asleep(code, given):
    """Without dropout layers, the mean is the output in eval mode and the standard deviation is 0; buffers stay the same."""
    model = given.module(
        lambda: nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2)).double(), name="model"
    )
    x = given.normal(5, 3, dtype=torch.float64, name="x")
    mean, std = code.mc_dropout(model, x, 4)
    found = {"mean": mean, "std": close(std, rtol=ROOT), "buffers": dict(model.named_buffers())}
    return only(found, "shape", "values")


@checks("mc_dropout")
def test_mc_dropout_layers(code, given):
    """During each pass, dropout layers of all four kinds are active at any depth, and nothing else; passes differ."""
    seen, n = [], given.integer(2, 5)
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, lambda: nn.BatchNorm1d(1))
    order = [kinds[place] for place in given.permutation(len(kinds)).tolist()]
    model = given.module(
        lambda: Watched(
            nn.Sequential(nn.Linear(3, 1), *(nn.Sequential(nn.Sequential(kind())) for kind in order)), seen.append
        )
    )
    given.watch(model.train(given.choice([True, False])), "model")
    mean, std = code.mc_dropout(model, given.normal(4, 3, name="x"), n)
    # Each entry is 0 or 2 at equal odds, 400 times independently: mean 1 and std 1, with errors of 0.01 and 0.002.
    middle, spread = code.mc_dropout(given.module(lambda: nn.Dropout(0.5).eval()), given.full(400, value=1.0), 30)
    return {
        "modes in each pass": [flags for _, flags in seen],
        "results": only({"mean": mean, "std": std}, "shape", "dtype", "requires_grad"),
        "mean of nn.Dropout": only(average_between(middle, 0.9, 1.1), "values"),
        "std of nn.Dropout": only(average_between(spread, 0.9, 1.01), "values"),
    }


@checks("mc_dropout")
def test_mc_dropout_restores_modes(code, given):
    """Afterwards each part of the model is back in the mode it was in."""
    results = {}
    for name in ("train", "eval"):
        model = given.module(lambda name=name: restless().train(name == "train"))
        model[given.integer(0, 3)].train(name == "eval")
        given.watch(model, f"model in {name} mode")
        code.mc_dropout(model, given.normal(4, 3, dtype=torch.float64), 3)
        results[f"was in {name} mode, but for one part"] = modes(model)
    return results


@checks("ema_update_", gate=True)
def test_ema_update_values(code, given):
    """Every parameter becomes decay * its value + (1 - decay) * the model's value."""
    ema, model = (given.module(classifier, name=name) for name in ("ema", "model"))
    results = {}
    for decay in (given.number(0.7, 0.95), 1, 0):
        code.ema_update_(ema, model, decay)
        results[f"decay {decay:.3g}"] = {f"ema.{name}": p.detach().clone() for name, p in ema.named_parameters()}
    return only(results, "values")


@checks("ema_update_")
def test_ema_update_copies_buffers(code, given):
    """Every buffer becomes a copy of the model's, saved or not; what happens to the model later does not affect it."""
    ema, model = (given.module(restless, name=name) for name in ("ema", "model"))
    for part in (ema, model):
        part.register_buffer("grid", given.integers(3, high=1000), persistent=False)
    with given.seeded():
        for _ in range(given.integer(1, 9)):
            model(given.normal(6, 3, dtype=torch.float64))
    given.watch(model, "model")
    code.ema_update_(ema, model, 0.9)
    found = {f"ema.{name}": buffer.clone() for name, buffer in ema.named_buffers()}
    with torch.no_grad():
        for buffer in model.buffers():
            buffer.add_(77)
    given.watch(model, "model that goes on")
    later = {f"ema.{name}": buffer for name, buffer in ema.named_buffers()}
    return only({"buffers": found, "when the model has gone on": later}, "dtype", "values")


@checks("ema_update_")
def test_ema_update_keeps_objects_and_flags(code, given):
    """Frozen parameters are averaged too; both modules keep their objects, flags, gradients and modes."""
    ema, model = (given.with_grad(given.module(restless)) for _ in range(2))
    ema[given.choice([0, 2])].requires_grad_(False)
    model[given.choice([0, 2])].requires_grad_(False)
    ema[given.integer(0, 3)].eval()
    given.watch(ema, "ema")
    given.watch(model, "model")
    objects = dict(ema.named_parameters())
    code.ema_update_(ema, model, given.number(0.1, 0.9))
    now = dict(ema.named_parameters())
    return {
        "ema": only(now, "type", "requires_grad", "is_leaf", "grad_fn", "gradient", "values"),
        "the same objects": {name: now.get(name) is p for name, p in objects.items()},
        "model": only(dict(model.named_parameters()), "requires_grad", "gradient", "values"),
        "modes": {"ema": modes(ema), "model": modes(model)},
    }


@checks("ema_update_", weight=0.5)
def test_ema_update_refuses(code, given):
    """A decay above 1 or below 0 is refused with a ValueError, and nothing changes."""
    ema, model = (given.module(restless, name=name) for name in ("ema", "model"))
    high, low = given.number(1.01, 1.5), given.number(-0.5, -0.01)
    for decay in (high, low):
        with suppress(ValueError):
            code.ema_update_(ema, model, decay)
    afterwards = {name: tensor.detach().clone() for name, tensor in ema.state_dict().items()}
    return {
        "ema after refused calls": only(afterwards, "values"),
        "decay above 1": raises(lambda: code.ema_update_(ema, model, high)),
        "decay below 0": raises(lambda: code.ema_update_(ema, model, low)),
    }
