"""Checks of topic `modes` that students can run themselves."""

import torch
from torch import nn

from autograder import at_least, checks, close, only, raises, secret

ROOT = 1e-6
"""How far from 0 a standard deviation of equal float64 numbers may be: the root of a difference of squares is right, too."""


class Recording(nn.Module):
    """A model that hands its outputs to `note`."""

    def __init__(self, inner, note):
        super().__init__()
        self.inner = inner
        self.note = note

    def forward(self, x):
        output = self.inner(x)
        self.note(output.detach().clone())
        return output


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
    model = given.module(classifier, name="model")
    loss, accuracy = code.evaluate(model, *labelled(given, 12), 4)
    return only({"loss": loss, "accuracy": accuracy}, "values")


@checks("evaluate")
def test_evaluate_with_a_smaller_last_batch(code, given):
    """Every sample counts equally, even when the last batch is smaller."""
    model = given.module(classifier, name="model")
    loss, accuracy = code.evaluate(model, *labelled(given, 10), 4)
    return only({"loss": loss, "accuracy": accuracy}, "values")


@checks("evaluate")
def test_evaluate_in_eval_mode(code, given):
    """The numbers are those of the model in eval mode, even if it was in train mode before the call."""
    model = given.module(restless, name="model")
    loss, accuracy = code.evaluate(model, *labelled(given, 24), 6)
    return only({"loss": loss, "accuracy": accuracy}, "values")


@checks("evaluate")
def test_evaluate_restores_train_mode(code, given):
    """Afterwards a model that was in train mode is back in train mode, with all its parts; one in eval mode stays there."""
    results = {}
    for name in ("train", "eval"):
        model = given.module(lambda name=name: restless().train(name == "train"), name=f"model in {name} mode")
        code.evaluate(model, *labelled(given, 8), 4)
        results[f"was in {name} mode"] = modes(model)
    return results


@checks("mc_dropout", gate=True)
def test_mc_dropout_values(code, given):
    """The mean and standard deviation are taken over the outputs of n different passes."""
    outputs = []
    model = given.module(
        lambda: Recording(nn.Sequential(nn.Linear(3, 50), nn.Dropout(0.5), nn.Linear(50, 2)).double(), outputs.append)
    )
    x = given.normal(5, 3, dtype=torch.float64, name="x")
    mean, std = code.mc_dropout(model, x, 20)
    stack = torch.stack(outputs)
    return {
        "passes": len(outputs),
        "mean - mean of the outputs": only(mean - stack.mean(dim=0), "shape", "values"),
        "std - std of the outputs": only(close(std - stack.std(dim=0, correction=0), rtol=ROOT), "shape", "values"),
        "smallest std": at_least(std.min().item(), 1e-6),
    }


@checks("mc_dropout")
def test_mc_dropout_leaves_batch_norm_asleep(code, given):
    """Without dropout layers, the mean is the output in eval mode and the standard deviation is 0."""
    model = given.module(
        lambda: nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2)).double(), name="model"
    )
    x = given.normal(5, 3, dtype=torch.float64, name="x")
    mean, std = code.mc_dropout(model, x, 4)
    found = {"mean": mean, "std": close(std, rtol=ROOT), "buffers": dict(model.named_buffers())}
    return only(found, "shape", "values")


@checks("mc_dropout")
def test_mc_dropout_restores_modes(code, given):
    """Afterwards a model that was in train mode is back in train mode, with all its parts; one in eval mode stays there."""
    results = {}
    for name in ("train", "eval"):
        model = given.module(lambda name=name: restless().train(name == "train"), name=f"model in {name} mode")
        code.mc_dropout(model, given.normal(4, 3, dtype=torch.float64), 3)
        results[f"was in {name} mode"] = modes(model)
    return results


@checks("ema_update_", gate=True)
def test_ema_update_values(code, given):
    """Every parameter becomes decay * its value + (1 - decay) * the model's value."""
    ema, model = (given.module(classifier, name=name) for name in ("ema", "model"))
    code.ema_update_(ema, model, given.number(0.7, 0.95))
    return only({f"ema.{name}": p.detach() for name, p in ema.named_parameters()}, "values")


@checks("ema_update_")
def test_ema_update_copies_buffers(code, given):
    """Every buffer becomes a copy of the model's."""
    ema, model = (given.module(restless, name=name) for name in ("ema", "model"))
    with given.seeded():
        model(given.normal(6, 3, dtype=torch.float64))
    given.watch(model, "model")
    code.ema_update_(ema, model, 0.9)
    return only({f"ema.{name}": buffer for name, buffer in ema.named_buffers()}, "dtype", "values")


@checks("ema_update_")
def test_ema_update_of_trainable_parameters(code, given):
    """Parameters of ema that require grad are changed in place: they are still leaves that require grad."""
    ema, model = (given.module(classifier, name=name) for name in ("ema", "model"))
    code.ema_update_(ema, model, 0.9)
    return only(dict(ema.named_parameters()), "type", "requires_grad", "is_leaf")


@checks("ema_update_")
def test_ema_update_refuses(code, given):
    """A decay above 1 is refused with a ValueError."""
    ema, model = (given.module(classifier, name=name) for name in ("ema", "model"))
    return {"decay 1.1": raises(lambda: code.ema_update_(ema, model, 1.1))}
