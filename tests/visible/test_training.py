"""Checks for topic `training` that students can run themselves."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder import at_least, at_most, checks, only, raises, secret


def regressor():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def classifier():
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double().eval()


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def pairs(given, size):
    return given.normal(size, 3, dtype=torch.float64), given.normal(size, 2, dtype=torch.float64)


def numbers(module):
    """Copies of the parameters' values, by name."""
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def scripted(given, model, losses):
    """Training that adds a drawn number to every number in the model, validation with the given losses, and the calls."""
    calls, step = [], given.number(1, 2)
    script = iter([*losses, *[math.inf] * 20])

    def train_epoch():
        calls.append("train_epoch")
        with torch.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                tensor.add_(step if tensor.is_floating_point() else 1)

    def val_loss():
        calls.append("val_loss")
        return next(script)

    return train_epoch, val_loss, calls


@checks("predicted_weight", gate=True, draws=1)
def test_predicted_weight(code, given):
    """The predicted number is the weight after two steps."""
    return {"predicted_weight": secret(round(float(code.predicted_weight), 3))}


@checks("predicted_steps", gate=True, draws=1)
def test_predicted_steps(code, given):
    """The predicted number is the number of optimizer steps."""
    return {"predicted_steps": secret(round(float(code.predicted_steps), 3))}


@checks("predicted_best", gate=True, draws=1)
def test_predicted_best(code, given):
    """The predicted number is the one in the saved dict."""
    return {"predicted_best": secret(round(float(code.predicted_best), 3))}


@checks("train_step", gate=True)
def test_train_step_updates(code, given):
    """After each of three steps, the parameters match a hand-written loop."""
    model = given.module(regressor, name="model")
    optimizer = sgd(model)
    results = {}
    for number in (1, 2, 3):
        code.train_step(model, optimizer, F.mse_loss, *pairs(given, 6))
        results[f"after step {number}"] = numbers(model)
    return only(results, "values")


@checks("train_step")
def test_train_step_ignores_stale_gradients(code, given):
    """Whatever was in .grad before the step does not matter."""
    model = given.module(regressor, name="model")
    for p in model.parameters():
        p.grad = torch.full_like(p, 5.0)
    code.train_step(model, sgd(model), F.mse_loss, *pairs(given, 6))
    return only({"after the step": numbers(model)}, "values")


@checks("train_step")
def test_train_step_leaves_train_mode(code, given):
    """A model that was in eval mode is in train mode afterwards, with all its submodules."""
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.Dropout(), nn.Tanh())).double().eval())
    code.train_step(model, sgd(model), F.mse_loss, *pairs(given, 4))
    return {f"{name or 'model'}.training": module.training for name, module in model.named_modules()}


@checks("train_step")
def test_train_step_returns_the_loss(code, given):
    """The function returns the loss before the update, as a Python float."""
    model = given.module(regressor, name="model")
    return {"returned": code.train_step(model, sgd(model), F.mse_loss, *pairs(given, 6))}


@checks("minibatches", gate=True)
def test_minibatches_every_sample_once(code, given):
    """Every sample occurs exactly once, and the last batch holds the rest."""
    X, y = given.normal(10, 3, name="X"), given.integers(10, high=100, name="y")
    batches = list(code.minibatches(X, y, 4, given.generator()))
    return {
        "sizes": [(len(xb), len(yb)) for xb, yb in batches],
        "sorted samples": only(torch.cat([xb for xb, _ in batches])[:, 0].sort().values, "shape", "values"),
        "sorted labels": only(torch.cat([yb for _, yb in batches]).sort().values, "shape", "values"),
    }


@checks("minibatches", gate=True)
def test_minibatches_keep_pairs_together(code, given):
    """Each sample comes with its own label."""
    X = given.permutation(30, dtype=torch.float64, name="X")
    y = given.watch(10 * X, "y")
    batches = list(code.minibatches(X, y, 8, given.generator()))
    return {"samples": len(batches), "label - 10 * sample": [only(yb - 10 * xb, "values") for xb, yb in batches]}


@checks("minibatches")
def test_minibatches_are_in_random_order(code, given):
    """The order is random, and different in the next pass with the same generator."""
    X = given.watch(torch.arange(64, device=given.device), "X")
    generator = given.generator()
    passes = [torch.cat([xb for xb, _ in code.minibatches(X, X.clone(), 8, generator)]) for _ in range(2)]
    # As many of 64 stay in their places by chance less than once in 10**13 times.
    return {
        "first pass, samples in their original places": at_most(int((passes[0] == X).sum()), 15),
        "second pass, samples in the same places as in the first": at_most(int((passes[0] == passes[1]).sum()), 15),
    }


@checks("minibatches")
def test_minibatches_refuses_batches_without_samples(code, given):
    """A batch size of 0 raises a ValueError."""
    X, y = given.normal(5, 2), given.integers(5)
    return {"batch_size 0": raises(lambda: list(code.minibatches(X, y, 0, given.generator())))}


@checks("fit", gate=True)
def test_fit_updates_with_full_batches(code, given):
    """With a single batch per epoch, the parameters after three epochs match a hand-written loop."""
    model = given.module(classifier, name="model")
    X, y = given.normal(9, 3, dtype=torch.float64, name="X"), given.integers(9, high=3, name="y")
    code.fit(model, X, y, epochs=3, batch_size=9, lr=0.2, seed=given.integer(0, 1000))
    return only({"afterwards": numbers(model)}, "values")


@checks("fit")
def test_fit_counts_of_steps(code, given):
    """There is one optimizer step per batch, including the smaller last one."""
    model = given.module(classifier, name="model")
    X, y = given.normal(10, 3, dtype=torch.float64, name="X"), given.integers(10, high=3, name="y")
    with given.counted_steps() as steps:
        code.fit(model, X, y, epochs=3, batch_size=4, lr=0.1, seed=given.integer(0, 1000))
    return {"steps": steps.count}


@checks("fit")
def test_fit_epoch_loss(code, given):
    """With lr=0 and batches of equal size, each entry is the cross-entropy of all the data."""
    model = given.module(classifier, name="model")
    X, y = given.normal(12, 3, dtype=torch.float64, name="X"), given.integers(12, high=3, name="y")
    history = code.fit(model, X, y, epochs=2, batch_size=4, lr=0.0, seed=given.integer(0, 1000))
    return only({"history": history}, "values")


@checks("fit")
def test_fit_epoch_loss_with_a_smaller_last_batch(code, given):
    """With lr=0, each entry is the cross-entropy of all the data, even if the last batch is smaller."""
    model = given.module(classifier, name="model")
    X, y = given.normal(10, 3, dtype=torch.float64, name="X"), given.integers(10, high=3, name="y")
    history = code.fit(model, X, y, epochs=2, batch_size=4, lr=0.0, seed=given.integer(0, 1000))
    return only({"history": history}, "values")


@checks("fit", draws=1)
def test_fit_learns_two_moons(code, given):
    """After 40 epochs, the model classifies 97 % of 400 points on two interleaved half-moons correctly."""
    angle, y = given.uniform(400, high=math.pi), given.integers(400, high=2, name="y")
    side = 1 - 2 * y
    points = torch.stack([side * angle.cos() + y, side * angle.sin() + 0.5 * y], dim=1)
    X = given.watch(points + given.normal(400, 2, std=0.1), "X")
    model = given.module(lambda: nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2)).eval(), name="model")
    history = code.fit(model, X, y, epochs=40, batch_size=150, lr=0.3, seed=given.integer(0, 1000))
    share = (model(X).argmax(dim=1) == y).double().mean().item()
    return {
        "share of points classified correctly": at_least(share, 0.97),
        "last loss / first loss": at_most(history[-1] / history[0], 0.5),
    }


@checks("fit_early_stopping", gate=True)
def test_fit_early_stopping_restores_the_best(code, given):
    """With the best epoch in the middle, the function returns its number and loss, and restores its parameters."""
    model = given.module(regressor, name="model")
    best = given.number(0.1, 0.4)
    train_epoch, val_loss, _ = scripted(given, model, [0.9, 0.5, best, 0.6, 0.7, 0.8])
    epoch, loss = code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=6, patience=10)
    return only({"best epoch": epoch, "best loss": loss, "parameters": numbers(model)}, "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_stops(code, given):
    """Training stops after `patience` epochs in a row without improvement; both functions are called once per epoch."""
    results = {}
    for patience in (2, 3):
        model = given.module(regressor, name=f"model, patience {patience}")
        train_epoch, val_loss, calls = scripted(given, model, [0.9, 0.8, 0.7, 0.71, 0.72, 0.73, 0.74, 0.1])
        code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=8, patience=patience)
        results[f"calls, patience {patience}"] = calls
    return results


@checks("fit_early_stopping")
def test_fit_early_stopping_stops_at_max_epochs(code, given):
    """There are never more than max_epochs epochs."""
    model = given.module(regressor, name="model")
    train_epoch, val_loss, calls = scripted(given, model, [0.9 - 0.01 * epoch for epoch in range(20)])
    code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=5, patience=2)
    return {"calls": calls}
