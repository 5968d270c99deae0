"""Checks for topic `training` that students can run themselves."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from autograder import alike, at_most, checks, distributed_as, mostly, only, raises, says, secret, unordered


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


def paired(xb, yb):
    """The first number of each sample, beside its label."""
    return torch.stack([xb.reshape(len(xb), -1)[:, 0].double(), yb.reshape(-1).double()], dim=1)


def shifts(given, order, other, sentence, share=1):
    """How far each sample is in one order from its place in the other, as a share of all, times a drawn number.

    Uniform where both orders are random.
    """
    count = len(order)
    place = torch.empty_like(other)
    place[other] = torch.arange(count, device=other.device)
    moved = ((place[order] - torch.arange(count, device=order.device)) % count).double().cpu()
    factor = given.number(1, 2)
    numbers = (moved + given.uniform(count, dtype=torch.float64).cpu()) / count * factor
    return says(only(distributed_as(numbers, "uniform", a=0, b=factor, false_reject=1e-9 / share), "values"), sentence)


def moons(given):
    """400 points on two interleaved half-moons, and their classes."""
    angle, y = given.uniform(400, high=math.pi), given.integers(400, high=2)
    side = 1 - 2 * y
    points = torch.stack([side * angle.cos() + y, side * angle.sin() + 0.5 * y], dim=1)
    return points + given.normal(400, 2, std=0.1), y


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
    optimizer = torch.optim.SGD(model.parameters(), lr=given.number(0.05, 0.3), momentum=0.9)
    results = {}
    for number in (1, 2, 3):
        code.train_step(model, optimizer, F.mse_loss, *pairs(given, given.integer(4, 8)))
        results[f"after step {number}"] = numbers(model)
    return only(results, "values")


@checks("train_step")
def test_train_step_ignores_stale_gradients(code, given):
    """Whatever was in .grad before a step does not matter: old gradients, or none."""
    model = given.module(regressor, name="model")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    results = {}
    for number in (1, 2, 3):
        for p in model.parameters():
            p.grad = torch.full_like(p, given.number(1, 9)) if number < 3 else None
        code.train_step(model, optimizer, F.mse_loss, *pairs(given, 5))
        results[f"after step {number}"] = numbers(model)
    return only(results, "values")


@checks("train_step")
def test_train_step_in_train_mode(code, given):
    """The model is in train mode during the call and afterwards, with all its submodules."""
    results = {}
    for name in ("eval mode", "mixed"):
        seen = []
        layers = [nn.Dropout() for _ in range(given.integer(1, 40))]
        model = given.module(
            lambda note=seen.append, layers=layers: Recording(nn.Sequential(*layers, regressor()), note).eval()
        )
        if name == "mixed":
            model.training = given.choice(list(model.modules())[1:3]).training = True
        given.watch(model, f"model, {name}")
        code.train_step(model, sgd(model), F.mse_loss, *pairs(given, 5))
        results[f"{name} before: during the call"] = [flags for _, flags, _ in seen]
        after = {f"{part or 'model'}.training": module.training for part, module in model.named_modules()}
        results[f"{name} before: afterwards"] = after
    return results


@checks("train_step")
def test_train_step_returns_the_loss(code, given):
    """The function returns the loss before the update, as a Python float; it calls the model and loss_fn once each."""
    seen = []
    model = given.module(lambda: Recording(regressor(), seen.append), name="model")
    xb, yb = pairs(given, given.integer(4, 8))
    loss_fn = given.spy(lambda output, target: (output - 2 * target).square().mean())
    loss = code.train_step(model, sgd(model), loss_fn, xb, yb)
    return {
        "returned": loss,
        "the model's batches": only([batch for batch, _, _ in seen], "shape", "values"),
        "targets of the loss function": only([call.args[-1] for call in loss_fn.calls], "shape", "values"),
    }


@checks("minibatches", gate=True)
def test_minibatches_every_sample_once(code, given):
    """Every sample occurs exactly once, and the last batch holds the rest, for any number of samples and batch size."""
    results, size = {}, given.integer(3, 7)
    counts = {"fits exactly": (3 * size, size), "a smaller last batch": (2 * size + given.integer(1, size), size)}
    counts |= {"a last batch of one": (3 * size + 1, size), "one batch": (size, size), "half a batch": (size, 2 * size)}
    counts |= {"batches of one": (size, 1), "one sample": (1, size), "one sample, batches of one": (1, 1)}
    counts |= {"many samples": (50, 8), "9 samples in batches of 4": (9, 4), "no samples": (0, size)}
    for name, (count, batch_size) in counts.items():
        X = given.normal(count, 2, name=f"X, {name}")
        y = given.integers(count, high=100, name=f"y, {name}")
        batches = list(code.minibatches(X, y, batch_size, given.generator()))
        results[name] = {"sizes": [(len(xb), len(yb)) for xb, yb in batches]}
        if batches:
            samples = torch.cat([xb for xb, _ in batches])[:, 0].sort().values
            labels = torch.cat([yb for _, yb in batches]).sort().values
            results[name] |= {"sorted samples": only(samples, "shape", "values")}
            results[name] |= {"sorted labels": only(labels, "shape", "values")}
    X, size = given.watch(torch.arange(8192, device=given.device), "X, large batches"), given.integer(4097, 8000)
    results["sizes of large batches"] = [len(xb) for xb, _ in code.minibatches(X, X.clone(), size, given.generator())]
    return results


@checks("minibatches", gate=True)
def test_minibatches_keep_pairs_together(code, given):
    """Each sample comes with its own label; samples may be numbers, rows or images, and keep their shape and dtype."""
    count, size = given.integer(17, 23), given.integer(3, 7)
    ids, labels, results = given.permutation(count), given.permutation(1000)[:count], {}
    for name, shape in {"numbers": (count,), "rows": (count, 1), "images": (count, 1, 1, 1)}.items():
        X = given.watch(ids.reshape(shape).expand(count, *[2] * (len(shape) - 1)).double(), name)
        X.requires_grad_(name == "rows")
        given.watch(X, name)
        y = given.watch(labels.reshape(shape).to(given.choice([torch.int32, torch.float64])), f"labels, {name}")
        batches = list(code.minibatches(X, y, size, given.generator()))
        results[name] = {
            "shapes": [(tuple(xb.shape), tuple(yb.shape)) for xb, yb in batches],
            "dtypes": [(xb.dtype, yb.dtype) for xb, yb in batches],
            "requires_grad": [(xb.requires_grad, yb.requires_grad) for xb, yb in batches],
            "pairs of a sample and its label": says(
                only(unordered(torch.cat([paired(xb, yb) for xb, yb in batches])), "values"),
                f"With samples that are {name}, not every sample comes with its own label.",
            ),
        }
    return results


@checks("minibatches", draws=1)
def test_minibatches_are_in_random_order(code, given):
    """Every order is equally likely, and the next pass with the same generator has another one."""
    X, generator = given.watch(torch.arange(8192, device=given.device), "X"), given.generator()
    passes = [torch.cat([xb for xb, _ in code.minibatches(X, X.clone(), 64, generator)]) for _ in range(2)]
    # Neighbours that stay together move equally far, which depends on the neighbours; that is noticed.
    return {
        "first pass": shifts(given, passes[0], X, "The samples of the first pass are not in a random order."),
        "second pass": shifts(given, passes[1], passes[0], "The second pass is not in a new random order."),
    }


@checks("minibatches", draws=1)
def test_minibatches_draw_from_the_generator(code, given):
    """Equal seeds give equal orders, whatever the global random state; another seed or the next pass gives another order."""
    X, seed, size = given.watch(torch.arange(8192, device=given.device), "X"), given.integer(0, 2**31), given.integer(50, 80)
    following = []

    def order(generator):
        with given.seeded():
            taken = torch.cat([xb for xb, _ in code.minibatches(X, X.clone(), size, generator)])
            following.append(torch.rand(2))
            return taken

    generator = torch.Generator().manual_seed(seed)
    first, second = order(generator), order(generator)
    again, other = (order(torch.Generator().manual_seed(number)) for number in (seed, seed + 1))
    few = alike(first[::61], again[::61])  # which tell as much
    return {
        "twice with the same seed": says(only(few, "values"), "Equal seeds give different orders."),
        "next pass": shifts(given, second, first, "The next pass is not in a new random order."),
        "another seed": shifts(given, other, first, "Another seed does not give another random order."),
        "the global generator's next numbers": only(following, "values"),
    }


@checks("minibatches", weight=0.5)
def test_minibatches_refuses(code, given):
    """A batch size below 1, or different lengths of X and y, raise a ValueError."""
    count = given.integer(4, 8)
    X, y, short, empty = given.normal(count, 2), given.integers(count), given.integers(count - 1), given.integers(0)
    negative = -given.integer(1, 1000)
    return {
        "batch_size 0": raises(lambda: list(code.minibatches(X, y, 0, given.generator()))),
        f"batch_size {negative}": raises(lambda: list(code.minibatches(X, y, negative, given.generator()))),
        "batch_size 0, no samples": raises(lambda: list(code.minibatches(empty, empty, 0, given.generator()))),
        "too few labels": raises(lambda: list(code.minibatches(X, short, 2, given.generator()))),
        "too many labels": raises(lambda: list(code.minibatches(X[:-1], y, 2, given.generator()))),
        "no labels": raises(lambda: list(code.minibatches(X, empty, 2, given.generator()))),
    }


def passes_of(given, loader, count, following):
    """The samples of some passes over a loader, and the global generator's next numbers after each."""
    passes = []
    for _ in range(count):
        with given.seeded():
            passes.append(torch.cat([xb for xb, _ in loader]))
            following.append(torch.rand(2))
    return passes


@checks("seeded_loader", gate=True, weight=2)
def test_seeded_loader_every_sample_once(code, given):
    """The loader is a DataLoader; each pass holds every sample once, and its last batch the rest."""
    results, size = {}, given.integer(3, 7)
    counts = {"fits exactly": 3 * size, "a smaller last batch": 2 * size + given.integer(1, size), "half a batch": size // 2}
    for name, count in counts.items():
        X, y = given.normal(count, 2, name=f"X, {name}"), given.integers(count, high=100, name=f"y, {name}")
        for train in (True, False):
            loader = code.seeded_loader(X, y, size, given.integer(0, 1000), train)
            batches = list(loader)
            results[f"{name}, train={train}"] = {
                "a DataLoader": isinstance(loader, DataLoader),
                "number of batches by len()": len(loader),
                "sizes": [(len(xb), len(yb)) for xb, yb in batches],
                "sorted samples": only(torch.cat([xb for xb, _ in batches])[:, 0].sort().values, "shape", "values"),
                "sorted labels": only(torch.cat([yb for _, yb in batches]).sort().values, "shape", "values"),
            }
    X, size = given.watch(torch.arange(8192, device=given.device), "X, large batches"), given.integer(4097, 8000)
    for train in (True, False):
        loader = code.seeded_loader(X, X.clone(), size, given.integer(0, 1000), train)
        results[f"sizes of large batches, train={train}"] = [len(xb) for xb, _ in loader]
    return results


@checks("seeded_loader", gate=True, weight=2)
def test_seeded_loader_keeps_pairs_together(code, given):
    """Each batch is a pair: samples as in X, and their own labels as in y."""
    count, results = given.integer(17, 23), {}
    ids, labels = given.permutation(count), given.permutation(1000)[:count]
    for train in (True, False):
        X, y = given.watch(ids[:, None].double(), "X"), given.watch(labels.to(torch.int32), "y")
        batches = list(code.seeded_loader(X, y, given.integer(3, 7), given.integer(0, 1000), train))
        results[f"train={train}"] = {
            "dtypes": [(xb.dtype, yb.dtype) for xb, yb in batches],
            "shapes of one sample and one label": [(tuple(xb.shape[1:]), tuple(yb.shape[1:])) for xb, yb in batches],
            "pairs of a sample and its label": says(
                only(unordered(torch.cat([paired(xb, yb) for xb, yb in batches])), "values"),
                f"With train={train}, not every sample comes with its own label.",
            ),
        }
    return results


@checks("seeded_loader", weight=2, draws=1)
def test_seeded_loader_shuffles_every_pass(code, given):
    """With train=True, which is the default, every pass has a new random order."""
    X, size = given.watch(torch.arange(2048, device=given.device), "X"), given.integer(100, 200)
    loader = code.seeded_loader(X, X.clone(), size, given.integer(0, 2**31))
    first, second, third = passes_of(given, loader, 3, [])
    return {
        "first pass": shifts(given, first, X, "The samples of the first pass are not in a random order."),
        "second pass": shifts(given, second, first, "The second pass is not in a new random order."),
        "third pass": shifts(given, third, first, "The third pass is not in a new random order."),
        "third and second pass": shifts(given, third, second, "The third pass is not in a new random order."),
    }


@checks("seeded_loader", weight=2, draws=1)
def test_seeded_loader_follows_the_seed(code, given):
    """The seed alone decides the orders, pass for pass, and the global generator is neither used nor changed."""
    X, size, seed = (
        given.watch(torch.arange(1024, device=given.device), "X"),
        given.integer(100, 200),
        given.integer(0, 2**31),
    )
    following, passes = [], []
    others = (seed + 1, *(seed ^ 1 << bit for bit in (8, 16, 24, 31)), *(seed + 10**place for place in (3, 6)))
    for number in (seed, seed, *others):
        with given.seeded():
            torch.rand(given.integer(1, 9))
            loader = code.seeded_loader(X, X.clone(), size, number, True)
        passes.append(passes_of(given, loader, 2, following))
    return {
        "twice with the same seed": says(only(alike(passes[0], passes[1]), "values"), "Equal seeds give different orders."),
        **{
            f"a seed {abs(other - seed)} apart": shifts(
                given, orders[0], passes[0][0], "Another seed does not give another random order.", share=len(others)
            )
            for other, orders in zip(others, passes[2:], strict=True)
        },
        "the global generator's next numbers": only(following, "values"),
    }


@checks("seeded_loader", weight=2)
def test_seeded_loader_without_shuffling(code, given):
    """With train=False, every pass is in the order of X, and the global generator is not used either."""
    X, following = given.normal(given.integer(12, 20), 3, name="X"), []
    loader = code.seeded_loader(X, given.integers(len(X), name="y"), given.integer(3, 7), given.integer(0, 1000), False)
    return only({"passes": passes_of(given, loader, 2, following), "next global numbers": following}, "values")


@checks("seeded_loader", weight=0.5)
def test_seeded_loader_refuses(code, given):
    """Different lengths of X and y raise a ValueError."""
    X, count = given.normal(6, 2), given.integer(1, 5)
    more, fewer = given.integers(6 + count), given.integers(6 - count)
    return {
        "too many labels": raises(lambda: code.seeded_loader(X, more, 2, 0)),
        "too few labels": raises(lambda: code.seeded_loader(X, fewer, 2, 0, False)),
    }


@checks("fit", gate=True, draws=1)
def test_fit_updates(code, given):
    """Parameters and losses match a hand-written loop, where the order of the samples makes no difference."""
    results, count, lr = {}, given.integer(7, 12), given.number(0.05, 0.3)
    for name, size in (("one batch per epoch", count), ("a batch larger than the data", count + given.integer(1, 90))):
        model = given.module(classifier, name=f"model, {name}")
        X, y = labelled(given, count)
        history = code.fit(model, X, y, epochs=3, batch_size=size, lr=lr, seed=given.integer(0, 1000))
        results[name] = {"history": history, "parameters": numbers(model)}
    for name, (samples, size) in {"equal samples": (10, 4), "batches of one": (3, 1), "one sample": (1, 2)}.items():
        model = given.module(classifier, name=f"model, {name}")
        X, y = equal_samples(given, samples, f", {name}")
        history = code.fit(model, X, y, epochs=3, batch_size=size, lr=lr, seed=given.integer(0, 1000))
        results[name] = {"history": history, "parameters": numbers(model)}
    return only(results, "values")


@checks("fit", draws=1)
def test_fit_epochs(code, given):
    """Each epoch goes through all samples in new batches, in train mode, with one step per batch by one optimizer."""
    seen, epochs, count, size = [], given.integer(3, 5), given.integer(26, 31), given.integer(6, 9)
    model = given.module(lambda: Recording(classifier(), seen.append).eval(), name="model")
    X, y = labelled(given, count)
    with given.counted_steps() as steps:
        code.fit(model, X, y, epochs=epochs, batch_size=size, lr=0.01, seed=given.integer(0, 1000))
    order = places(X, torch.cat([batch for batch, _, _ in seen])).tolist()
    passes = [order[start : start + count] for start in range(0, len(order), count)]
    splits = {frozenset(frozenset(one[start : start + size]) for start in range(0, count, size)) for one in passes}
    return {
        "steps": steps.count,
        "optimizers": steps.distinct,
        "sizes of the batches": [len(batch) for batch, _, _ in seen],
        "modes of the submodules at each batch": [flags for _, flags, _ in seen],
        "samples of each epoch": [only(X[sorted(one)], "shape", "values") for one in passes],
        "different orders": len({tuple(one) for one in [*passes, range(count)]}),
        "different batches": len(splits),
    }


@checks("fit", draws=1)
def test_fit_epoch_loss(code, given):
    """The history is a list of Python floats; with lr=0, each is the cross-entropy of all the data."""
    model, size, results = given.module(classifier, name="model"), given.integer(3, 6), {}
    for name, count in (("batches of equal size", 3 * size), ("a smaller last batch", 2 * size + given.integer(1, size))):
        X, y = labelled(given, count)
        results[name] = code.fit(model, X, y, epochs=2, batch_size=size, lr=0.0, seed=given.integer(0, 1000))
    results["no epochs"] = code.fit(model, X, y, epochs=0, batch_size=size, lr=0.0, seed=given.integer(0, 1000))
    return only(results, "type", "shape", "values")


@checks("fit", draws=1)
def test_fit_learns_two_moons(code, given):
    """After 40 epochs on two interleaved half-moons, the model classifies 95 % of 400 new points of them correctly."""
    X, y = moons(given)
    given.watch(X, "X")
    model = given.module(lambda: nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2)).eval(), name="model")
    history = code.fit(model, X, y, epochs=40, batch_size=150, lr=0.3, seed=given.integer(0, 1000))
    others, classes = moons(given)  # drawn only now: the code has not seen their classes
    return {
        "predicted classes of new points": only(mostly(model(others).argmax(dim=1), classes, 0.95), "values"),
        "last loss": at_most(history[-1], 0.1),
    }


@checks("fit_early_stopping", gate=True)
def test_fit_early_stopping_restores_the_best(code, given):
    """The function returns the number and loss of the best epoch, wherever it is, and restores its parameters."""
    low = given.number(0.1, 0.3)
    scripts = {
        "middle": [0.9, 0.5, low, 0.6, 0.7, 0.8],
        "first": [low, 0.5, 0.4, 0.6],
        "last": [0.9, 0.8, 0.85, low],
        "only": [low],
        "second best afterwards": [0.9, low, 0.95, 0.5, 0.4],
    }
    found = {name: stopped(code, given, losses, 4, f"model, {name}") for name, losses in scripts.items()}
    return only(found, "type", "values")


@checks("fit_early_stopping")
def test_fit_early_stopping_stops(code, given):
    """Training stops after `patience` epochs in a row without improvement, or after max_epochs."""
    good, results = given.integer(1, 4), {}
    for patience in (1, 2, 3):
        losses = [0.9 - 0.1 * epoch for epoch in range(good)] + [0.95] * (patience - 1) + [0.3, 0.35, 0.34, 0.33, 0.32]
        results[f"patience {patience}"] = stopped(code, given, [*losses, 0.1], patience, f"model, patience {patience}")
    level = given.number(0.2, 0.4)
    for name, losses, patience in (
        ("falling after a rise", [0.5, 0.9, 0.8, 0.7, 0.6, 0.1], 3),
        ("best at last", [0.5, 0.6, 0.6, 0.6, level, 0.6, 0.6], 5),
        ("still improving", [0.9 - 0.01 * epoch for epoch in range(given.integer(4, 9))], 2),
    ):
        results[name] = stopped(code, given, losses, patience, f"model, {name}")
    return {name: {"calls": run["calls"], "best loss": run["best loss"]} for name, run in results.items()}


@checks("fit_early_stopping", draws=1)
def test_fit_early_stopping_improvements(code, given):
    """An equal loss or nan is not an improvement; if there is none at all, (-1, inf) is returned and nothing restored."""
    level = given.number(0.2, 0.5)
    scripts = {
        "plateau": ([0.9, level, level, level, level, 0.1], 3),
        "nan in between": ([0.9, math.nan, level, math.nan, 0.7], 3),
        "nan first": ([math.nan, level, 0.9, 0.95, 0.1], 2),
        "nan too often": ([0.9, level, math.nan, math.nan, 0.1], 2),
        "only nan": ([math.nan] * 5, 2),
        "only inf": ([math.inf] * 5, 3),
        "neither until the end": ([math.nan, math.inf, math.nan], 10),
        "large": ([4e9, 2e9 + level, 3e9], 4),
        "the next smaller number": ([0.9, level, math.nextafter(level, 0), 0.8, 0.9], 4),
        "minus infinity": ([0.9, level, -math.inf, level, 0.1], 2),
        "close together": ([0.9, level, level - 1e-7, 0.8, 0.9], 4),
        "close together, and negative": ([level, level - 1e-7, -level, -level - 1e-7, 0.5], 4),
    }
    return only({name: stopped(code, given, *script, f"model, {name}") for name, script in scripts.items()}, "values")


class Counting(nn.Module):
    """Layers with buffers of every kind, one of them outside state_dict()."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        self.register_buffer("seen", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("average", torch.rand(3), persistent=False)


@checks("fit_early_stopping")
def test_fit_early_stopping_restores_buffers(code, given):
    """All buffers are restored too, also those outside state_dict(), and the parameters stay the same objects."""
    model = given.module(lambda: Counting().double(), name="model")
    before = dict(model.named_parameters())
    bad = given.integer(1, 4)
    losses = [0.9, 0.5, *[0.6] * bad]
    train_epoch, val_loss, _ = scripted(given, model, losses)
    code.fit_early_stopping(model, train_epoch, val_loss, max_epochs=2 + bad, patience=10)
    after = dict(model.named_parameters())
    return {
        "buffers": only(dict(model.named_buffers()), "dtype", "values"),
        "parameters": only(numbers(model), "dtype", "values"),
        "the same objects": {name: after.get(name) is p for name, p in before.items()},
    }
