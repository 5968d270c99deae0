"""Checks for topic `training` that only grading runs: edge cases of the specification.

Wherever the order of the samples is free, the check records the order that the code chose, and a hand-written loop goes
through it again; what is returned then are differences, which are 0.
"""

import copy
import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder import at_least, at_most, checks, distributed_as, only, raises

try:  # here, since a first import inside a check would draw random numbers there
    from sklearn.datasets import load_digits
except ImportError:
    load_digits = None


@functools.cache
def digits():
    """The images and labels of scikit-learn's digits in a fixed random order, read once for all draws."""
    images, labels = (torch.tensor(array) for array in load_digits(return_X_y=True))
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order].float() / 16, labels[order]


def regressor():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def classifier():
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double().eval()


class Recording(nn.Module):
    """A model that tells `note` what it is called with, in which mode, and with which parameters."""

    def __init__(self, inner, note):
        super().__init__()
        self.inner = inner
        self.note = note

    def forward(self, x):
        values = [p.detach().clone() for p in self.inner.parameters()]
        self.note((x.detach().clone(), [module.training for module in self.modules()], values))
        return self.inner(x)


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def pairs(given, size):
    return given.normal(size, 3, dtype=torch.float64), given.normal(size, 2, dtype=torch.float64)


def labelled(given, size):
    """A data set for `classifier`, watched as X and y."""
    return given.normal(size, 3, dtype=torch.float64, name="X"), given.integers(size, high=3, name="y")


def equal_samples(given, size, name=""):
    """A data set whose samples are all equal: the order of an epoch makes no difference."""
    X = given.watch(given.normal(3, dtype=torch.float64).repeat(size, 1), f"X{name}")
    return X, given.full(size, value=given.integer(0, 3), dtype=torch.int64, name=f"y{name}")


def numbers(module):
    """Copies of the parameters' values, by name."""
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def places(X, batch):
    """The positions in X of the samples of a batch."""
    return torch.cdist(batch, X).argmin(dim=1)


def scripted(given, model, losses):
    """Training that adds a drawn number to every number in the model, validation with the given losses, and the calls."""
    calls, step = [], given.number(1, 2)
    script = iter([*losses, *[math.inf] * 20])

    def train_epoch():
        calls.append("train_epoch" if torch.is_grad_enabled() else "train_epoch without gradients")
        with torch.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                tensor.add_(step if tensor.is_floating_point() else 1)

    def val_loss():
        calls.append("val_loss")
        return next(script)

    return train_epoch, val_loss, calls


def stopped(code, given, losses, patience, name="model"):
    """What early stopping returns, which calls it makes, and what it leaves in the model."""
    model = given.module(regressor, name=name)
    train_epoch, val_loss, calls = scripted(given, model, losses)
    epoch, loss = code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=len(losses), patience=patience)
    return {"best epoch": epoch, "best loss": loss, "calls": calls, "parameters": numbers(model)}


@checks("train_step", gate=True)
def test_train_step_of_other_optimizers(code, given):
    """The steps are right with Adam, with several groups, and with an optimizer that holds only part of the model."""
    results = {}
    for name, make in (
        ("Adam", lambda model: torch.optim.Adam(model.parameters(), lr=0.05)),
        ("last layer only", lambda model: torch.optim.SGD(model[2].parameters(), lr=0.3)),
        ("two groups", lambda model: torch.optim.SGD([{"params": [p], "lr": 0.1 + p.dim()} for p in model.parameters()])),
    ):
        model = given.module(regressor, name=f"model, {name}")
        optimizer = make(model)
        for number in (1, 2, 3):
            code.train_step(model, optimizer, F.mse_loss, *pairs(given, 5))
            results[f"{name}, after step {number}"] = numbers(model)
    return only(results, "values")


@checks("train_step")
def test_train_step_of_a_single_sample(code, given):
    """A batch may consist of a single sample."""
    model = given.module(classifier, name="model")
    loss = code.train_step(model, sgd(model), F.cross_entropy, *labelled(given, 1))
    return only({"after the step": numbers(model), "returned": loss}, "values")


@checks("train_step")
def test_train_step_ignores_gradients_of_the_steps_before(code, given):
    """Each of three steps follows the gradient of its own loss, whatever was in .grad before."""
    model = given.module(regressor, name="model")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    results = {}
    for number in (1, 2, 3):
        for p in model.parameters():
            p.grad = torch.full_like(p, float(number))
        code.train_step(model, optimizer, F.mse_loss, *pairs(given, 5))
        results[f"after step {number}"] = numbers(model)
    return only(results, "values")


@checks("train_step")
def test_train_step_takes_one_step(code, given):
    """Each call takes exactly one step with the optimizer it is given."""
    model = given.module(regressor, name="model")
    optimizer = sgd(model)
    with given.counted_steps() as steps:
        for _ in range(3):
            code.train_step(model, optimizer, F.mse_loss, *pairs(given, 5))
    return {"steps": steps.count, "steps of the given optimizer": sum(one is optimizer for one in steps.optimizers)}


@checks("train_step")
def test_train_step_calls_once(code, given):
    """The model and the loss function are called once each, the latter with outputs and targets in the right order."""
    seen = []
    model = given.module(lambda: Recording(regressor(), seen.append), name="model")
    xb, yb = pairs(given, 5)
    loss_fn = given.spy(lambda output, target: (output - 2 * target).square().mean())
    loss = code.train_step(model, sgd(model), loss_fn, xb, yb)
    return only(
        {
            "the model's batches": [batch for batch, _, _ in seen],
            "targets of the loss function": [call.args[-1] for call in loss_fn.calls],
            "returned": loss,
        },
        "shape",
        "values",
    )


@checks("train_step")
def test_train_step_trains_in_train_mode(code, given):
    """The model is called in train mode with all its submodules, even if all or some of them were in eval mode."""
    results = {}
    for name in ("eval mode", "mixed"):
        seen = []
        model = given.module(lambda note=seen.append: Recording(nn.Sequential(nn.Dropout(), regressor()), note).eval())
        model.training = name == "mixed"
        given.watch(model, f"model, {name}")
        code.train_step(model, sgd(model), F.mse_loss, *pairs(given, 5))
        results[f"{name}, during the call"] = [flags for _, flags, _ in seen]
        results[f"{name}, afterwards"] = [module.training for module in model.modules()]
    return results


@checks("train_step")
def test_train_step_returns_a_float(code, given):
    """The function returns a Python float."""
    model = given.module(lambda: nn.Linear(3, 2), name="model")
    loss = code.train_step(model, sgd(model), nn.MSELoss(), given.normal(4, 3), given.normal(4, 2))
    return {"returned": only(loss, "type")}


@checks("minibatches", gate=True)
def test_minibatches_of_any_size(code, given):
    """The batches have the right sizes and hold every sample once, for any number of samples and any batch size."""
    results = {}
    for count, size in ((12, 4), (9, 4), (9, 9), (5, 100), (6, 1), (1, 3), (1, 1), (50, 8), (0, 4)):
        X = given.watch(torch.arange(count, device=given.device), f"X, {count} samples, batch_size {size}")
        batches = list(code.minibatches(X, X.clone(), size, given.generator()))
        seen = sorted(number for xb, _ in batches for number in xb.tolist())
        results[f"{count} samples, batch_size {size}"] = {"sizes": [len(xb) for xb, _ in batches], "samples": seen}
    return results


@checks("minibatches")
def test_minibatches_of_any_data(code, given):
    """Samples may be numbers, rows or images, of any dtype; they keep their shape, dtype and label."""
    ids = given.permutation(11)
    shapes = {"numbers": (11,), "rows": (11, 1), "images": (11, 1, 1, 1)}
    results = {}
    for name, shape in shapes.items():
        X = given.watch(ids.reshape(shape).expand(11, *[2] * (len(shape) - 1)).double(), name)
        y = given.watch((10 * ids).reshape(shape).to(torch.int32), f"labels, {name}")
        batches = list(code.minibatches(X, y, 4, given.generator()))
        results[name] = {
            "shapes": [(tuple(xb.shape), tuple(yb.shape)) for xb, yb in batches],
            "dtypes": [(xb.dtype, yb.dtype) for xb, yb in batches],
            "label - 10 * sample": [only(yb.reshape(-1) - 10 * xb.flatten(1)[:, 0], "values") for xb, yb in batches]
            if len(shape) > 1
            else [only(yb - 10 * xb, "values") for xb, yb in batches],
        }
    return results


@checks("minibatches", draws=1)
def test_minibatches_are_uniform(code, given):
    """Every order is equally likely: samples can end up anywhere, and neighbours do not stay together."""
    count = 8192
    X = given.watch(torch.arange(count, device=given.device), "X")
    order = torch.cat([xb for xb, _ in code.minibatches(X, X.clone(), 64, given.generator())])
    moved = ((order - X) % count + given.uniform(count, dtype=torch.float64)) / count
    # About one pair of neighbours stays together by chance, and 40 less than once in 10**47 times.
    together = int((order[1:] - order[:-1] == 1).sum())
    return {
        "how far the samples moved": only(distributed_as(moved, "uniform", a=0, b=1), "values"),
        "neighbours that stay together": at_most(together, 40),
    }


@checks("minibatches")
def test_minibatches_draw_from_the_generator(code, given):
    """Equal seeds give equal orders, whatever the global random state; another seed or the next pass gives another order."""
    X, seed = given.watch(torch.arange(60, device=given.device), "X"), given.integer(0, 2**31)

    def order(generator):
        with given.seeded():
            return torch.cat([xb for xb, _ in code.minibatches(X, X.clone(), 7, generator)])

    generator = torch.Generator().manual_seed(seed)
    first, following = order(generator), order(generator)
    again, other = (order(torch.Generator().manual_seed(number)) for number in (seed, seed + 1))
    return {
        "difference, same seed": only(first - again, "values"),
        "equal places, next pass": at_most(int((first == following).sum()), 15),
        "equal places, another seed": at_most(int((first == other).sum()), 15),
    }


@checks("minibatches")
def test_minibatches_refuses(code, given):
    """Different lengths of X and y, and batch sizes below 1, raise a ValueError."""
    X, y, short, empty = given.normal(5, 2), given.integers(5), given.integers(4), given.integers(0)
    return {
        "5 samples, 4 labels": raises(lambda: list(code.minibatches(X, short, 2, given.generator()))),
        "4 samples, 5 labels": raises(lambda: list(code.minibatches(X[:4], y, 2, given.generator()))),
        "batch_size -1": raises(lambda: list(code.minibatches(X, y, -1, given.generator()))),
        "batch_size 0, no samples": raises(lambda: list(code.minibatches(empty, empty, 0, given.generator()))),
    }


@checks("fit", gate=True)
def test_fit_updates_with_equal_samples(code, given):
    """Parameters and losses match a hand-written loop, for data whose order makes no difference."""
    results = {}
    for count, size in ((10, 4), (3, 1), (5, 100), (1, 2)):
        name = f"{count} samples, batch_size {size}"
        model = given.module(classifier, name=f"model, {name}")
        X, y = equal_samples(given, count, f", {name}")
        history = code.fit(model, X, y, epochs=3, batch_size=size, lr=0.1, seed=given.integer(0, 1000))
        results[name] = {"history": history, "parameters": numbers(model)}
    return only(results, "values")


@checks("fit")
def test_fit_sequence_of_updates(code, given):
    """At each batch, the parameters match a hand-written loop, and so do the losses of the epochs."""
    seen, lr = [], 0.1
    model = given.module(lambda: Recording(classifier(), seen.append).eval(), name="model")
    twin = copy.deepcopy(model.inner)
    X, y = labelled(given, 10)
    history = code.fit(model, X, y, epochs=3, batch_size=4, lr=lr, seed=given.integer(0, 1000))
    wanted, totals = list(twin.parameters()), [0.0] * 3
    speeds = [torch.zeros_like(p) for p in wanted]
    differences = []
    for number, (batch, _, values) in enumerate(seen):
        differences.append([value - p.detach() for value, p in zip(values, wanted, strict=True)])
        loss = F.cross_entropy(twin(batch), y[places(X, batch)])
        totals[min(number // 3, 2)] += len(batch) * loss.item()
        with torch.no_grad():
            for p, speed, slope in zip(wanted, speeds, torch.autograd.grad(loss, wanted), strict=True):
                p -= lr * speed.mul_(0.9).add_(slope)
    return only(
        {
            "differences of the parameters, batch by batch": differences,
            "difference afterwards": [own - p for own, p in zip(numbers(model).values(), wanted, strict=True)],
            "differences of the epochs' losses": [loss - total / 10 for loss, total in zip(history, totals, strict=True)],
        },
        "values",
    )


@checks("fit")
def test_fit_counts(code, given):
    """Each epoch passes every batch through the model once, with one step per batch, all by one optimizer."""
    seen = []
    model = given.module(lambda: Recording(classifier(), seen.append).eval(), name="model")
    X, y = labelled(given, 10)
    with given.counted_steps() as steps:
        code.fit(model, X, y, epochs=3, batch_size=4, lr=0.1, seed=given.integer(0, 1000))
    return {
        "sizes of the batches": [len(batch) for batch, _, _ in seen],
        "steps": steps.count,
        "optimizers": steps.distinct,
    }


@checks("fit")
def test_fit_shuffles_anew(code, given):
    """Each epoch goes through all samples, in a new order and with new batches."""
    seen, epochs = [], 4
    model = given.module(lambda: Recording(classifier(), seen.append).eval(), name="model")
    X, y = labelled(given, 30)
    code.fit(model, X, y, epochs=epochs, batch_size=8, lr=0.01, seed=given.integer(0, 1000))
    order = places(X, torch.cat([batch for batch, _, _ in seen])).tolist()
    passes = [order[start : start + 30] for start in range(0, len(order), 30)]
    splits = {frozenset(frozenset(one[start : start + 8]) for start in range(0, 30, 8)) for one in passes}
    return {
        "samples of each epoch": [sorted(one) for one in passes],
        "different orders": len({tuple(one) for one in [*passes, range(30)]}),
        "different batches": len(splits),
    }


@checks("fit")
def test_fit_uses_one_generator(code, given):
    """All epochs use one generator: the second epoch's order is not the first order of another seed."""
    seed, orders = given.integer(0, 1000), []
    X, y = labelled(given, 30)
    for epochs, number in ((2, seed), (1, seed + 1)):
        seen = []
        model = given.module(lambda note=seen.append: Recording(classifier(), note).eval(), name=f"model {number}")
        code.fit(model, X, y, epochs=epochs, batch_size=30, lr=0.01, seed=number)
        orders.append(places(X, seen[-1][0]))
    # More than 20 of 30 samples stand in equal places by chance less than once in 10**18 times.
    return {"equal places, second epoch and next seed": at_most(int((orders[0] == orders[1]).sum()), 20)}


@checks("fit")
def test_fit_is_deterministic(code, given):
    """The same model and seed give the same result, whatever the global random state; another seed gives another result."""
    first = given.module(classifier, name="first model")
    again, other = (given.watch(copy.deepcopy(first), name) for name in ("second model", "third model"))
    X, y = labelled(given, 20)
    seed = given.integer(0, 1000)
    histories = []
    for model, number in ((first, seed), (again, seed), (other, seed + 1)):
        with given.seeded():
            histories.append(code.fit(model, X, y, epochs=3, batch_size=6, lr=0.1, seed=number))
    left, right = (list(numbers(model).values()) for model in (first, again))
    equal = sum(int((one == another).sum()) for one, another in zip(left, numbers(other).values(), strict=True))
    return {
        "differences of the parameters": only([one - another for one, another in zip(left, right, strict=True)], "values"),
        "differences of the losses": only(
            [one - another for one, another in zip(histories[0], histories[1], strict=True)], "values"
        ),
        "equal parameters, another seed": at_most(equal, 3),
    }


@checks("fit")
def test_fit_trains_in_train_mode(code, given):
    """The model is in train mode at each batch, with all its submodules, even if it was in eval mode before."""
    seen = []
    model = given.module(lambda: Recording(classifier(), seen.append).eval(), name="model")
    X, y = labelled(given, 7)
    code.fit(model, X, y, epochs=2, batch_size=4, lr=0.1, seed=given.integer(0, 1000))
    return {"modes of the submodules at each batch": [flags for _, flags, _ in seen]}


@checks("fit")
def test_fit_returns_floats(code, given):
    """The function returns a list with one Python float per epoch."""
    model = given.module(classifier, name="model")
    X, y = labelled(given, 7)
    history = code.fit(model, X, y, epochs=4, batch_size=3, lr=0.1, seed=given.integer(0, 1000))
    return {"history": only(history, "type")}


@checks("fit", draws=1)
def test_fit_learns_digits(code, given):
    """After 15 epochs, the model recognises 93 % of 397 handwritten digits that it has not seen."""
    if load_digits is None:
        return {"scikit-learn": "is missing"}
    # One split for all: which digits are in the test set matters more than how the model starts.
    images, labels = (tensor.to(given.device, copy=True) for tensor in digits())
    model = given.module(lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).eval(), name="model")
    X, y = given.watch(images[:1400], "X"), given.watch(labels[:1400], "y")
    code.fit(model, X, y, epochs=15, batch_size=128, lr=0.4, seed=given.integer(0, 1000))
    share = (model(images[1400:]).argmax(dim=1) == labels[1400:]).double().mean().item()
    return {"share of digits recognised": at_least(share, 0.93)}


@checks("fit_early_stopping", gate=True)
def test_fit_early_stopping_wherever_the_best_is(code, given):
    """The best epoch may be the first, the last or the only one, or come after a run of bad ones."""
    low = given.number(0.1, 0.3)
    scripts = {
        "first": [low, 0.5, 0.4, 0.6],
        "last": [0.9, 0.8, 0.85, low],
        "only": [low],
        "second best afterwards": [0.9, low, 0.95, 0.5, 0.4],
        "large": [4e9, 2e9, 3e9],
        "close together, and negative": [low, low - 1e-7, -low, -low - 1e-7, 0.5],
    }
    return only({name: stopped(code, given, losses, 4, f"model, {name}") for name, losses in scripts.items()}, "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_restores_buffers(code, given):
    """Buffers are restored as well, such as running statistics and the number of batches."""
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double(), name="model")
    train_epoch, val_loss, _ = scripted(given, model, [0.9, 0.5, 0.6, 0.7, 0.8])
    code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=5, patience=10)
    return only({"buffers": dict(model.named_buffers())}, "dtype", "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_of_new_tensors(code, given):
    """The best parameters are restored even if training puts a new tensor into each parameter's .data."""
    model = given.module(regressor, name="model")
    script = iter([0.9, 0.5, 0.6, 0.7, 0.8])

    def train_epoch():
        for p in model.parameters():
            p.data = p.data + 1

    code.fit_early_stopping(model, train_epoch, lambda: next(script), max_epochs=5, patience=10)
    return only({"parameters": numbers(model)}, "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_counts_again(code, given):
    """An improvement restarts the count, and the comparison is with the best epoch, not the previous one."""
    scripts = {
        "patience 1": ([0.9, 0.8, 0.85, 0.1], 1),
        "patience 2": ([0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.76, 0.1], 2),
        "patience 3, falling again": ([0.5, 0.9, 0.8, 0.7, 0.6, 0.1], 3),
        "patience 5": ([0.5, 0.6, 0.6, 0.6, 0.4, 0.6, 0.6], 5),
    }
    runs = {name: stopped(code, given, *script, f"model, {name}") for name, script in scripts.items()}
    return {name: run["calls"] for name, run in runs.items()}


@checks("fit_early_stopping")
def test_fit_early_stopping_on_a_plateau(code, given):
    """An equal loss is not an improvement."""
    level = given.number(0.2, 0.5)
    return only(stopped(code, given, [0.9, level, level, level, level, 0.1], 3), "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_with_nan(code, given):
    """A loss that is nan is not an improvement, and does not prevent a later one."""
    scripts = {
        "in between": ([0.9, math.nan, 0.5, math.nan, 0.7], 3),
        "first": ([math.nan, 0.8, 0.9, 0.95, 0.1], 2),
        "too often": ([0.9, 0.5, math.nan, math.nan, 0.1], 2),
    }
    return only({name: stopped(code, given, *script, f"model, {name}") for name, script in scripts.items()}, "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_without_improvement(code, given):
    """If no epoch improves on infinity, the function returns (-1, inf) and leaves the model as training left it."""
    scripts = {
        "nan": ([math.nan] * 5, 2),
        "inf": ([math.inf] * 5, 3),
        "until the end": ([math.nan, math.inf, math.nan], 10),
    }
    return only({name: stopped(code, given, *script, f"model, {name}") for name, script in scripts.items()}, "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_keeps_parameter_objects(code, given):
    """The parameters are the same objects as before, so an optimizer can continue with them."""
    model = given.module(regressor, name="model")
    before = dict(model.named_parameters())
    train_epoch, val_loss, _ = scripted(given, model, [0.9, 0.5, 0.6])
    code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=3, patience=3)
    after = dict(model.named_parameters())
    return {"the same objects": {name: after.get(name) is p for name, p in before.items()}}


@checks("fit_early_stopping")
def test_fit_early_stopping_returns_numbers(code, given):
    """The function returns an int and a float."""
    model = given.module(regressor, name="model")
    train_epoch, val_loss, _ = scripted(given, model, [0.9, 0.5, 0.6])
    epoch, loss = code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=3, patience=3)
    return only({"best epoch": epoch, "best loss": loss}, "type")
