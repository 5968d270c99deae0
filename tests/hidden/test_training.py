"""Checks for topic `training` that only grading runs: edge cases of the specification.

Wherever the order of the samples is free, the check records the order that the code chose, and a hand-written loop goes
through it again; what is returned then are differences, shifted by a drawn number. Such a loop runs beside the code, so
equal samples, whose order changes nothing, show the plain numbers, too.
"""

import copy
import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder import alike, average_between, checks, distributed_as, mostly, only, says, unordered

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


def numbers(module):
    """Copies of the parameters' values, by name."""
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def places(X, batch):
    """The positions in X of the samples of a batch."""
    return torch.cdist(batch, X).argmin(dim=1)


def shifts(given, order, other, sentence, share=1):
    """How far each sample is in one order from its place in the other, as a share of all; uniform where both are random."""
    count = len(order)
    place = torch.empty_like(other)
    place[other] = torch.arange(count, device=other.device)
    moved = ((place[order] - torch.arange(count, device=order.device)) % count).double().cpu()
    shares = (moved + given.uniform(count, dtype=torch.float64).cpu()) / count
    return says(only(distributed_as(shares, "uniform", a=0, b=1, false_reject=1e-9 / share), "values"), sentence)


@checks("train_step", gate=True)
def test_train_step_of_every_kind(code, given):
    """The steps are right with any optimizer, for a single sample, and for a model with hooks and frozen parameters."""
    results = {}
    for name, make in (
        ("Adam", lambda model: torch.optim.Adam(model.parameters(), lr=0.05)),
        ("last layer only", lambda model: torch.optim.SGD(model[2].parameters(), lr=0.3)),
        ("two groups", lambda model: torch.optim.SGD([{"params": [p], "lr": 0.1 + p.dim()} for p in model.parameters()])),
        ("hooks", lambda model: torch.optim.SGD(model.parameters(), lr=0.3)),
        ("frozen parameters", lambda model: torch.optim.SGD(model.parameters(), lr=0.3)),
    ):
        model, factor = given.module(regressor, name=f"model, {name}"), given.number(2, 3)
        if name == "hooks":
            model.register_forward_pre_hook(lambda module, inputs, factor=factor: (inputs[0] * factor,))
            model.register_forward_hook(lambda module, inputs, output, factor=factor: output * factor)
        if name == "frozen parameters":
            given.choice([model[0].weight, model[2].weight, model[2].bias]).requires_grad_(False)
            given.watch(model, "model with a frozen parameter")
        optimizer, losses = make(model), []
        with given.counted_steps() as steps:
            for number in (1, 2, 3):
                losses.append(code.train_step(model, optimizer, F.mse_loss, *pairs(given, 5)))
                results[f"{name}, after step {number}"] = only(numbers(model), "values")
        results[f"{name}, losses"] = only(losses, "values")
        results[f"{name}, steps of the given optimizer"] = (steps.count, sum(one is optimizer for one in steps.optimizers))
    model = given.module(classifier, name="model")
    loss = code.train_step(model, sgd(model), F.cross_entropy, *labelled(given, 1))
    results["a single sample"] = only({"after the step": numbers(model), "returned": loss}, "values")
    model = given.module(lambda: nn.Linear(3, 1).double(), name="model with one output and large gradients")
    optimizer = torch.optim.SGD(model.parameters(), lr=given.number(1e-7, 2e-7))
    column, factor = given.normal(5, 1, dtype=torch.float64), given.number(1e6, 2e6)
    loss = code.train_step(
        model, optimizer, lambda out, y: factor * F.mse_loss(out, y), given.normal(5, 3, dtype=torch.float64), column
    )
    results["one output, large gradients"] = only({"after the step": numbers(model), "returned": loss}, "values")
    model = given.module(classifier, name="model for a loss of nan")
    with given.counted_steps() as steps:
        loss = code.train_step(model, sgd(model), lambda out, y: out.sum() * float("nan"), *labelled(given, 4))
    results["a loss of nan"] = {"returned": str(loss), "steps": steps.count}
    model = given.module(lambda: nn.Linear(3, 2), name="model in float32")
    results["float32"] = code.train_step(model, sgd(model), nn.MSELoss(), given.normal(4, 3), given.normal(4, 2))
    return results


@checks("minibatches", weight=0.5, draws=1)
def test_minibatches_of_three_samples(code, given):
    """Every order of a few samples is equally likely."""
    X, generator = given.watch(torch.arange(3, device=given.device), "X"), given.generator()
    orders = [torch.cat([xb for xb, _ in code.minibatches(X, X, 2, generator)]) for _ in range(1000)]
    orders = torch.stack(orders).double()
    # A mean's standard deviation is 0.026; 0.18 is seven of them.
    odd = {}
    for value in (torch.nan, torch.inf, 1e-30):
        X = given.full(5, 2, value=value)
        samples = torch.cat([xb for xb, _ in code.minibatches(X, X, 2, given.generator())])
        odd[f"samples of {value}"] = only(samples * 1e30, "values")
    in_order = (orders == torch.arange(3, device=orders.device)).all(dim=1)
    places = {f"average of sample {k + 1} of a pass": orders[:, k] for k in range(3)}
    return {
        **odd,
        **{name: average_between(place, 0.82, 1.18) for name, place in places.items()},
        "share of passes in the order of X": average_between(in_order.double(), 0.08, 0.25),
        "share of passes that rise": average_between((orders[:, 0] < orders[:, 2]).double(), 0.38, 0.62),
    }


@checks("seeded_loader", gate=True)
def test_seeded_loader_of_any_data(code, given):
    """Samples may be numbers or images, labels of any dtype; batches may hold one sample, or all of them."""
    results, count = {}, given.integer(5, 9)
    for name, shape, dtype in (
        ("numbers", (), torch.float64),
        ("images", (1, 2, 3), torch.float32),
        ("ids", (2,), torch.int64),
    ):
        X = given.normal(count, *shape, name=name).to(dtype)
        y = given.normal(count, 2, name=f"targets, {name}") if name == "numbers" else given.bools(count)
        given.watch(X, name)
        for size in (1, count, count + given.integer(1, 90)):
            for train in (True, False):
                batches = list(code.seeded_loader(X, y, size, given.integer(0, 1000), train))
                results[f"{name}, batches of {size}, train={train}"] = {
                    "shapes and dtypes": [(tuple(xb.shape), xb.dtype, tuple(yb.shape), yb.dtype) for xb, yb in batches],
                    "samples": only(unordered(torch.cat([xb for xb, _ in batches]).reshape(count, -1)), "values"),
                }
    for value in (torch.nan, torch.inf, 1e-30):
        X = given.full(5, 2, value=value)
        samples = torch.cat([xb for xb, _ in code.seeded_loader(X, X, 2, given.integer(0, 1000))])
        results[f"samples of {value}"] = only(samples * 1e30, "values")
    return results


def equal_samples(code, given):
    """What training shows of itself where all samples are the same, so that their order changes nothing."""
    seen, count = [], given.integer(9, 12)
    model = given.module(lambda: Recording(classifier(), seen.append).eval(), name="model for equal samples")
    X, y = given.normal(1, 3, dtype=torch.float64).repeat(count, 1), given.integers(1, high=3).repeat(count)
    losses = code.fit(model, X, y, epochs=2, batch_size=4, lr=given.number(0.05, 0.2), seed=given.integer(0, 1000))
    return {
        "equal samples, sizes of the batches": [len(batch) for batch, _, _ in seen],
        "equal samples, parameters before each batch": [values for _, _, values in seen],
        "equal samples, parameters afterwards": list(numbers(model.inner).values()),
        "equal samples, losses of the epochs": losses,
        **large_gradients(code, given),
    }


def large_gradients(code, given):
    """The same for a model with a frozen parameter, whose gradients are large: neither are clipped nor is it thawed."""
    model, count = given.module(lambda: nn.Linear(3, 3).double(), name="model for large samples"), given.integer(5, 9)
    model.bias.requires_grad_(False)
    given.watch(model, "model for large samples")
    X = 1000 * given.normal(1, 3, dtype=torch.float64).repeat(count, 1)
    code.fit(model, X, given.integers(1, high=3).repeat(count), epochs=1, batch_size=3, lr=given.number(1, 2), seed=1)
    broken = given.module(lambda: nn.Linear(3, 3).double(), name="model for samples of nan")
    X = given.full(count, 3, value=torch.nan, dtype=torch.float64)
    losses = code.fit(broken, X, given.integers(1, high=3).repeat(count), epochs=1, batch_size=3, lr=0.1, seed=1)
    found = {"samples of nan, parameters afterwards": numbers(broken), "samples of nan, losses": torch.tensor(losses)}
    return {"large samples, parameters afterwards": numbers(model), **found}


@checks("fit", gate=True, draws=1, seconds=20)
def test_fit_sequence_of_updates(code, given):
    """Batch by batch, all matches a hand-written loop; equal seeds repeat a run, others do not; digits are learned."""
    seen, lr, offset, count = [], given.number(0.05, 0.2), given.number(1, 2), given.integer(9, 12)
    model = given.module(lambda: Recording(classifier(), seen.append).eval(), name="model")
    start = copy.deepcopy(model.inner)
    twin, again = copy.deepcopy(start), given.watch(copy.deepcopy(start), "second model")
    X, y = labelled(given, count)
    seed, following = given.integer(0, 1000), []
    with given.seeded():
        history = code.fit(model, X, y, epochs=3, batch_size=4, lr=lr, seed=seed)
        following.append(torch.rand(2))
    with given.seeded():
        repeated = code.fit(again, X, y, epochs=3, batch_size=4, lr=lr, seed=seed)
        following.append(torch.rand(2))
    wanted, totals = list(twin.parameters()), [0.0] * 3
    speeds, differences = [torch.zeros_like(p) for p in wanted], []
    for number, (batch, _, values) in enumerate(seen):
        differences.append([value - p.detach() + offset for value, p in zip(values, wanted, strict=True)])
        loss = F.cross_entropy(twin(batch), y[places(X, batch)])
        totals[min(number // 3, 2)] += len(batch) * loss.item()
        with torch.no_grad():
            for p, speed, slope in zip(wanted, speeds, torch.autograd.grad(loss, wanted), strict=True):
                p -= lr * speed.mul_(0.9).add_(slope)
    own = list(numbers(model.inner).values())
    found = {
        "parameters, batch by batch": says(
            differences, "Before some batch, the parameters are not those of a loop by hand."
        ),
        "parameters afterwards": says(
            [one - p.detach() + offset for one, p in zip(own, wanted, strict=True)],
            "The parameters after the last batch are not those of a loop by hand.",
        ),
        "parameters of two runs": says(
            alike(own, list(numbers(again).values())), "A second run with the same seed gives other parameters."
        ),
        "losses of the epochs": says(
            [loss - total / count + offset for loss, total in zip(history, totals, strict=True)],
            "The history does not hold the average loss of the samples, epoch by epoch.",
        ),
        "losses of two runs": says(alike(history, repeated), "A second run with the same seed gives other losses."),
        **equal_samples(code, given),
        "the global generator's next numbers": following,
    }
    # One long epoch shows the order: it is another one with another seed, and the second epoch's is not that one either.
    orders, sizes, X, y = [], [], torch.arange(2048, device=given.device)[:, None].double(), given.integers(2048, high=2)
    others = (seed + 1, *(seed ^ 1 << bit for bit in (16, 24, 31)), *(seed + 10**place for place in (3, 6)))
    for number in (seed, *others):
        batches, epochs = [], 2 if number == seed else 1
        wide = given.module(lambda note=batches.append: Recording(nn.Linear(1, 2).double(), note), name=f"model {number}")
        code.fit(wide, X, y, epochs=epochs, batch_size=given.integer(1100, 2000), lr=0.0, seed=number)
        order = torch.cat([batch for batch, _, _ in batches])[:, 0].long()
        orders += [order[:2048], order[2048:]][:epochs]
        sizes += [len(batch) for batch, _, _ in batches]
    share = 3 + len(others)

    def compared(order, other, sentence):
        return shifts(given, order, other, sentence, share)

    results = {
        "order": compared(orders[0], X[:, 0].long(), "The samples of the first epoch are not in a random order."),
        "second epoch": compared(orders[1], orders[0], "The second epoch is not in a new random order."),
        "next seed": compared(orders[2], orders[1], "The second epoch is in the order of the next seed's first one."),
        **{
            f"a seed {abs(other - seed)} apart": compared(
                order, orders[0], "Another seed does not give another random order."
            )
            for other, order in zip(others, orders[2:], strict=True)
        },
        "sizes of large batches": sizes,
    }
    if load_digits is None:
        return {**only_values(found), **results, "scikit-learn": "is missing"}
    # One split for all: which digits are in the test set matters more than how the model starts.
    images, labels = (tensor.to(given.device, copy=True) for tensor in digits())
    model = given.module(lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).eval(), name="reader")
    code.fit(model, images[:1400], labels[:1400], epochs=15, batch_size=128, lr=0.4, seed=seed)
    answers = only(mostly(model(images[1400:]).argmax(dim=1), labels[1400:], 0.93), "values")
    return {**only_values(found), **results, "predicted classes of unseen digits": answers}


def only_values(found):
    return {name: only(thing, "values") for name, thing in found.items()}


@checks("fit_early_stopping", gate=True)
def test_fit_early_stopping_of_other_models(code, given):
    """The best state is restored even if training replaces tensors, if tensors are shared, or if nothing is trainable."""
    results, low = {}, given.number(0.1, 0.4)
    kinds = ("new tensors in .data", "new buffers", "shared parameters", "frozen parameters, eval mode", "nan and 2**60")
    for name in kinds:
        model = given.module(lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3)).double(), name=name)
        if name == "shared parameters":
            model[2].weight = model[0].weight
        if name == "frozen parameters, eval mode":
            model.requires_grad_(False).eval()
        if name == "nan and 2**60":
            model[1].num_batches_tracked.fill_(2**60)
            with torch.no_grad():
                model[0].weight[0, 1] = model[1].running_var[2] = math.nan
        given.watch(model, name)
        script, step = iter([0.9, low, 0.6, 0.7]), given.number(1, 2)

        def train_epoch(model=model, name=name, step=step):
            with torch.no_grad():
                for p in model.parameters():
                    if name == "new tensors in .data":
                        p.data = p.data + step
                    else:
                        p.add_(step)
                model[1].running_mean.add_(step)
                model[1].num_batches_tracked.add_(1)
                if name == "new buffers":
                    model[1].running_var = model[1].running_var + step

        epoch, loss = code.fit_early_stopping(
            model, train_epoch, lambda script=script: next(script), max_epochs=4, patience=10
        )
        results[name] = {
            "best epoch": only(epoch, "type", "values"),
            "best loss": only(loss, "type", "values"),
            "parameters": only(dict(model.named_parameters()), "type", "dtype", "requires_grad", "is_leaf", "values"),
            "buffers": only(dict(model.named_buffers()), "dtype", "values"),
            "tied": model[2].weight is model[0].weight,
        }
    model, script = given.module(classifier, name="model with a loss of 0"), iter([0.0, low, 0.9])
    epoch, loss = code.fit_early_stopping(model, lambda: None, lambda: next(script), max_epochs=3, patience=2)
    results["a loss of 0"] = {"best epoch": epoch, "best loss": loss}
    calls = []
    epoch, loss = code.fit_early_stopping(
        model, lambda: calls.append("train_epoch"), lambda: calls.append("val_loss") or low, max_epochs=0, patience=2
    )
    results["no epochs"] = {"best epoch": epoch, "best loss": loss, "calls": calls}
    return results
