"""Checks of topic `autograd` that only grading runs: edge cases of the specification."""

import contextlib

import torch
import torch.nn.functional as F
from torch import nn

from autograder import checks, only


def cubic(t):
    return (t**3 + 2 * t).sum()


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, dtype=torch.float64)


def mlp(inputs=3, hidden=4, outputs=2):
    return nn.Sequential(linear(inputs, hidden), nn.Tanh(), linear(hidden, outputs))


class Vision(nn.Module):
    """A small network on images: one number for each, as (N, 1) or (N,)."""

    def __init__(self, squeeze=False):
        super().__init__()
        self.features = nn.Conv2d(2, 3, kernel_size=2, dtype=torch.float64)
        self.score = nn.Linear(3, 1, dtype=torch.float64)
        self.squeeze = squeeze

    def forward(self, x):
        scores = self.score(torch.tanh(self.features(x)).mean(dim=(2, 3)))
        return scores.squeeze(1) if self.squeeze else scores


class Doubling(nn.Module):
    """A model that doubles its results in training mode: it shows its mode without random numbers."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) * (2 if self.training else 1)


class Shifted(nn.Sequential):
    """Layers, and a parameter of the container's own beside them."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.shift = nn.Parameter(torch.rand(2, dtype=torch.float64))

    def forward(self, x):
        return super().forward(x) + self.shift


class Tied(nn.Module):
    """Two layers that share a weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second = linear(3, 3), linear(3, 3)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def with_a_hook(module):
    """A module whose results are changed by a forward hook: only a call of the module itself, not of forward, runs it."""
    module.register_forward_hook(lambda module, args, output: 3 * output)
    return module


def gradient(result, x, weights):
    """The gradient of (result * weights).sum() with respect to x; None where none arrives."""
    if not result.requires_grad:
        return None
    return torch.autograd.grad((result * weights).sum(), x, allow_unused=True)[0]


def gradients(result, module):
    """The gradients of a 0-dim tensor with respect to a module's parameters, by name; zeros where none arrives."""
    named = dict(module.named_parameters())
    if not result.requires_grad:
        return dict.fromkeys(named)
    found = torch.autograd.grad(result, list(named.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(named, found, strict=True))


def classification(given, *sizes):
    """Batches of inputs of shape (size, 3) and labels from two classes."""
    return [(given.normal(n, 3, dtype=torch.float64), given.integers(n, high=2)) for n in sizes]


def grads(model):
    return {f"{name}.grad": p.grad for name, p in model.named_parameters()}


@checks("value_and_grad", gate=True)
def test_value_and_grad_of_any_x(code, given):
    """Value and gradient are right for any x (leaf or not, 0-dim, non-contiguous) and f, even of nan, and twice in a row."""
    inputs = {
        "leaf": given.normal(3, 4, requires_grad=True),
        "leaf with .grad": given.with_grad(given.normal(5)),
        "not a leaf": given.non_leaf(given.normal(3, 4)),
        "0-dim": given.normal(()),
        "one element": given.normal(1),
        "transposed": given.transposed(given.normal(3, 4)),
        "not contiguous": given.non_contiguous(given.normal(3, 4)),
        "float64 leaf": given.normal(2, 3, 4, dtype=torch.float64, requires_grad=True),
        "nan and infinities": given.tensor([float("nan"), float("inf"), given.number(1, 2), -float("inf")]),
    }
    results = {}
    for name, x in inputs.items():
        results[f"value, {name}"], results[f"gradient, {name}"] = code.value_and_grad(cubic, x)
    model = given.module(mlp)
    plain = given.normal(5, 3, dtype=torch.float64)
    leaf = given.with_grad(given.normal(5, 3, dtype=torch.float64))
    for name, x in (("plain", plain), ("leaf", leaf)):
        for time in ("first", "second"):
            value, slope = code.value_and_grad(lambda t: model(t).sum() ** 2, x)
            results |= {f"value, network, {name}, {time} time": value, f"gradient, network, {name}, {time} time": slope}
    x, failing = given.tensor([0.0, given.number(1, 2), -1.0]), given.normal(3, name="x of an f that raises")
    for name, f in {
        "roots": lambda t: t.sqrt().nansum(),
        "a root of 0": lambda t: t[:2].sqrt().sum(),
        "in float64": lambda t: t.double().square().sum(),
    }.items():
        results[f"value, {name}"], results[f"gradient, {name}"] = code.value_and_grad(f, x)
    with contextlib.suppress(ZeroDivisionError):
        code.value_and_grad(lambda t: t.sum() / (1 // 0), failing)
    return only(results, "shape", "dtype", "values")


@checks("per_sample_grads", gate=True)
def test_per_sample_grads_of_networks(code, given):
    """The rows are right for hidden layers, images, cross-entropy and a single sample, in either mode of the model."""
    network, vision = given.module(mlp), given.module(Vision)
    X, labels = given.normal(5, 3, dtype=torch.float64), given.integers(5, high=2)
    images, scores = given.normal(3, 2, 4, 3, dtype=torch.float64), given.normal(3, 1, dtype=torch.float64)
    shifted = given.module(lambda: Shifted(mlp()))
    odd = given.full(1, 3, value=float("nan"), dtype=torch.float64)
    training = given.module(lambda: with_a_hook(Doubling(mlp())))
    evaluating = given.module(lambda: Doubling(mlp()).eval())
    results = {
        "network": code.per_sample_grads(network, F.cross_entropy, X, labels),
        "images": code.per_sample_grads(vision, F.mse_loss, images, scores),
        "a single sample": code.per_sample_grads(network, F.cross_entropy, X[:1], labels[:1]),
        "a parameter beside layers": code.per_sample_grads(shifted, F.cross_entropy, X, labels),
        "a sample of nan": code.per_sample_grads(network, F.cross_entropy, odd, labels[:1]),
        "training mode, with a hook": code.per_sample_grads(training, F.cross_entropy, X, labels),
        "eval mode": code.per_sample_grads(evaluating, F.cross_entropy, X, labels),
    }
    return only(results, "shape", "dtype", "values")


@checks("per_sample_grads")
def test_per_sample_grads_of_frozen_and_shared_parameters(code, given):
    """With frozen parameters the others' rows are right; a weight shared by two layers has one entry, for both uses."""
    results = {}
    for number in range(2):
        model = given.with_grad(given.module(mlp))
        model.get_parameter(given.choice([name for name, _ in model.named_parameters()])).requires_grad_(False)
        given.watch(model, f"model {number}")
        X, y = given.normal(4, 3, dtype=torch.float64), given.normal(4, 2, dtype=torch.float64)
        results[f"frozen, {number}"] = code.per_sample_grads(model, F.mse_loss, X, y)
        results[f"frozen, {number}: .grad afterwards"] = grads(model)
    tied = given.module(Tied)
    X, y = given.normal(4, 3, dtype=torch.float64), given.normal(4, 3, dtype=torch.float64)
    results["shared"] = code.per_sample_grads(tied, F.mse_loss, X, y)
    return only(results, "type", "shape", "values")


@checks("gradient_penalty", gate=True)
def test_gradient_penalty_of_any_x(code, given):
    """The value is right for images, a single sample, steep and flat critics, and scores of shape (N,) or (N, 1)."""
    images = given.normal(3, 2, 4, 5, dtype=torch.float64)
    results = {}
    for name, squeeze in (("scores of shape (N, 1)", False), ("scores of shape (N,)", True)):
        critic = given.module(lambda squeeze=squeeze: Vision(squeeze))
        results[f"images, {name}"] = code.gradient_penalty(critic, images)
    steep = given.normal(6, dtype=torch.float64, std=3)
    flat = given.normal(6, dtype=torch.float64, std=0.05)
    x, one = given.normal(5, 6, dtype=torch.float64), given.normal(1, 6, dtype=torch.float64)
    broken = given.normal(3, 6, dtype=torch.float64)
    broken[given.integer(0, 3), 2] = float("nan")
    given.watch(broken, "x with nan")
    results |= {
        "steep": code.gradient_penalty(lambda t: t @ steep, x),
        "flat": code.gradient_penalty(lambda t: t @ flat, x),
        "steep and flat": code.gradient_penalty(lambda t: (t**2) @ flat + (t**3) @ steep, x),
        "one sample": code.gradient_penalty(lambda t: (t**2) @ steep, one),
        "one sample, score of shape (1, 1)": code.gradient_penalty(lambda t: (t**2) @ steep.reshape(6, 1), one),
        "x is not a leaf": code.gradient_penalty(lambda t: t @ steep, given.non_leaf(x)),
        "very steep": code.gradient_penalty(lambda t: t @ (1000 * steep), x),
        "nan in one sample": code.gradient_penalty(lambda t: (t**2) @ steep, broken),
    }
    for name, training in (("training", True), ("eval", False)):
        critic = given.module(lambda: Doubling(mlp(6, 3, 1))).train(training)
        critic.inner[0].weight.requires_grad_(False)
        given.watch(critic, f"partly frozen critic in {name} mode")
        results[f"in {name} mode"] = code.gradient_penalty(critic, x)
    return only(results, "shape", "values")


@checks("gradient_penalty")
def test_gradient_penalty_gradients_of_networks(code, given):
    """The penalty's gradients with respect to all parameters of a network are right."""
    hidden = given.module(lambda: mlp(5, 6, 1))
    hooked = given.module(lambda: with_a_hook(mlp(5, 6, 1)))
    vision = given.module(Vision)
    x, leaf = given.normal(4, 5, dtype=torch.float64), given.normal(4, 5, dtype=torch.float64, requires_grad=True)
    results = {
        "hidden layer": gradients(code.gradient_penalty(hidden, x), hidden),
        "x requires grad": gradients(code.gradient_penalty(hidden, leaf), hidden),
        "with a hook": gradients(code.gradient_penalty(hooked, x), hooked),
        "images": gradients(code.gradient_penalty(vision, given.normal(3, 2, 4, 5, dtype=torch.float64)), vision),
    }
    return only(results, "values")


@checks("accumulate_gradients", weight=0.5)
def test_accumulate_gradients_of_any_model(code, given):
    """Gradients and mean loss are right for images, a shared weight and nan, whatever .grad held, also when called twice."""
    vision, tied = given.module(Vision), given.module(Tied)
    frozen = given.choice([name for name, _ in vision.named_parameters()])
    vision.get_parameter(frozen).requires_grad_(False)
    given.watch(vision, "partly frozen model of images")
    images = tuple((given.normal(n, 2, 4, 3, dtype=torch.float64), given.normal(n, 1, dtype=torch.float64)) for n in (3, 2))
    rows = [(given.normal(n, 3, dtype=torch.float64), given.normal(n, 3, dtype=torch.float64)) for n in (2, 1, 6)]
    results = {}
    for name, model, batches in (("images", vision, images), ("shared weight", tied, rows)):
        for time in ("first", "second"):
            returned = code.accumulate_gradients(model, F.mse_loss, batches)
            copies = {name: None if grad is None else grad.clone() for name, grad in grads(model).items()}
            results[f"{name}, {time} time"] = {"returned": only(returned, "values"), "gradients": copies}
    for number in (float("nan"), float("inf"), 1e30):
        model = given.module(mlp)
        for p in model.parameters():
            p.grad = torch.full_like(p, number)
        code.accumulate_gradients(model, F.cross_entropy, classification(given, 4, 3))
        results[f"{number} in .grad before"] = grads(model)
    odd = (given.normal(2, 3, dtype=torch.float64), given.full(2, 2, value=float("nan"), dtype=torch.float64))
    usual = (given.normal(3, 3, dtype=torch.float64), given.normal(3, 2, dtype=torch.float64))
    model = given.module(mlp)
    returned = code.accumulate_gradients(model, F.mse_loss, [usual, odd])
    # A nan has many bit patterns, and which it gets depends on where it was computed.
    results["returned for labels that are nan"] = only(torch.nan_to_num(torch.as_tensor(returned), nan=-1.0), "values")
    results["gradients for labels that are nan"] = grads(model)
    return only(results, "shape", "requires_grad", "values")


@checks("sign_ste", gate=True)
def test_sign_ste_of_any_shape(code, given):
    """The values are right for 0-dim, empty and non-contiguous tensors, for any numbers, and in every dtype."""
    inputs = {
        "0-dim": given.normal(()),
        "0-dim, zero": given.tensor(0.0),
        "empty": given.normal(0, 3),
        "transposed": given.transposed(given.normal(3, 4)),
        "not contiguous": given.non_contiguous(given.normal(3, 4)),
        "float64": given.normal(2, 3, 4, dtype=torch.float64, std=2),
        "float16": given.normal(3, 4, dtype=torch.float16),
        "bfloat16": given.normal(3, 4, dtype=torch.bfloat16),
        "requires grad": given.normal(3, 4, requires_grad=True),
        "tiny, large and infinite": given.tensor([1e-30, -1e-30, 1e6, -1e6, 3e38, -3e38, float("inf"), -float("inf")]),
    }
    return only({name: code.sign_ste(x) for name, x in inputs.items()}, "shape", "dtype", "values")


@checks("sign_ste")
def test_sign_ste_gradient_of_any_shape(code, given):
    """The gradient is right for any x and any incoming gradient, which is left as it was for others that share it."""
    inputs = {
        "0-dim": given.uniform((), low=-1, high=1, requires_grad=True),
        "0-dim, outside": given.uniform((), low=2, high=3, requires_grad=True),
        "empty": given.normal(0, 3, requires_grad=True),
        "transposed": given.transposed(given.normal(3, 4, requires_grad=True)),
        "float64": given.normal(3, 4, dtype=torch.float64, requires_grad=True),
        "not a leaf": given.non_leaf(given.normal(5)),
        "large and infinite": given.tensor([1e6, -3e38, float("inf"), -float("inf"), 0.5], requires_grad=True),
    }
    found = {name: gradient(code.sign_ste(x), x, given.normal(x.shape, dtype=x.dtype)) for name, x in inputs.items()}
    x, other = given.uniform(6, 4, low=-2, high=2, requires_grad=True), given.normal(6, 4, requires_grad=True)
    incoming, weights = given.normal(6, 4, name="incoming gradient"), given.normal(6, 4)
    tripled = 3 * other  # made before, so its gradient is worked out after that of the step
    results = code.sign_ste(x) + tripled
    shared = torch.autograd.grad(results, [x, other], incoming, allow_unused=True) if results.requires_grad else [None] * 2
    found |= {"x of a sum": shared[0], "the other summand": shared[1], "incoming gradient": incoming}
    found["x that is used elsewhere, too"] = gradient(code.sign_ste(x) + x**3, x, weights)
    tiny = given.normal(6, 4, std=1e-9)
    slope = gradient(code.sign_ste(x), x, tiny)
    found["a tiny incoming gradient, times 1e9"] = None if slope is None else slope * 1e9
    found["a transposed incoming gradient"] = gradient(code.sign_ste(x).t(), x, given.normal(4, 6))
    total = (code.sign_ste(x) * weights + code.sign_ste(other)).sum()
    found["x of two steps"] = gradient(total, x, 1.0)
    found["other of two steps"] = gradient(total, other, 1.0) if total.requires_grad else None
    return only(found, "shape", "values")
