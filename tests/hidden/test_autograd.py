"""Checks of topic `autograd` that only grading runs: edge cases of the specification."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import checks, only, raises


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


class Recording(nn.Module):
    """A model that remembers what it was called with."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.batches = []

    def forward(self, x):
        self.batches.append(x.tolist())  # numbers: a tensor made inside torch.func.grad ends with it
        return self.inner(x)


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


@checks("value_and_grad", gate=True)
def test_value_and_grad_of_any_x(code, given):
    """Value and gradient are right for leaves and non-leaves, for 0-dim and for non-contiguous tensors."""
    inputs = {
        "leaf": given.normal(3, 4, requires_grad=True),
        "leaf with .grad": given.with_grad(given.normal(5)),
        "not a leaf": given.non_leaf(given.normal(3, 4)),
        "0-dim": given.normal(()),
        "one element": given.normal(1),
        "transposed": given.transposed(given.normal(3, 4)),
        "not contiguous": given.non_contiguous(given.normal(3, 4)),
        "float64 leaf": given.normal(2, 3, 4, dtype=torch.float64, requires_grad=True),
    }
    results = {}
    for name, x in inputs.items():
        results[f"value, {name}"], results[f"gradient, {name}"] = code.value_and_grad(cubic, x)
    return only(results, "values")


@checks("value_and_grad")
def test_value_and_grad_of_a_network(code, given):
    """Value and gradient are right when f uses a network."""
    model = given.module(mlp)
    x = given.normal(5, 3, dtype=torch.float64)
    value, slope = code.value_and_grad(lambda t: model(t).square().mean(), x)
    return only({"value": value, "gradient": slope}, "values")


@checks("value_and_grad")
def test_value_and_grad_twice(code, given):
    """Calling the function twice gives the same answer twice, even for a leaf with a .grad."""
    model = given.module(mlp)
    plain = given.normal(5, 3, dtype=torch.float64)
    leaf = given.with_grad(given.normal(5, 3, dtype=torch.float64))
    results = {}
    for name, x in (("plain", plain), ("leaf", leaf)):
        for time in ("first", "second"):
            _, results[f"{name}, {time} time"] = code.value_and_grad(lambda t: model(t).sum() ** 2, x)
    return only(results, "values")


@checks("value_and_grad")
def test_value_and_grad_dtype(code, given):
    """The gradient has the dtype of x."""
    inputs = {"float32": given.normal(3), "float64": given.normal(3, dtype=torch.float64)}
    results = {f"gradient, {name}": code.value_and_grad(cubic, x)[1] for name, x in inputs.items()}
    return only(results, "dtype")


@checks("value_and_grad")
def test_value_and_grad_detached_from_everything(code, given):
    """Value and gradient do not require grad, even if x or parameters inside f do."""
    model = given.module(lambda: nn.Linear(3, 2))
    leaf = given.normal(4, 3, requires_grad=True)
    inner = given.non_leaf(given.normal(4, 3))
    results = {}
    for name, f, x in (
        ("x is a leaf", cubic, leaf),
        ("x is not a leaf", cubic, inner),
        ("f uses parameters", lambda t: model(t).square().sum(), leaf),
    ):
        results[f"value, {name}"], results[f"gradient, {name}"] = code.value_and_grad(f, x)
    return only(results, "requires_grad")


@checks("value_and_grad")
def test_value_and_grad_leaves_a_leaf_alone(code, given):
    """An x that requires grad is unchanged, and so is its .grad if it has one."""
    inputs = {
        "leaf": given.normal(3, requires_grad=True),
        "leaf with .grad": given.with_grad(given.normal(3)),
        "float64": given.normal(3, dtype=torch.float64),
        "0-dim": given.normal(()),
    }
    for x in inputs.values():
        code.value_and_grad(cubic, x)
    return only({f"{name}, afterwards": x for name, x in inputs.items()}, "values", "requires_grad", "gradient")


@checks("value_and_grad")
def test_value_and_grad_leaves_parameters_alone(code, given):
    """The .grad of parameters used inside f is unchanged: None stays None, and numbers stay as they were."""
    fresh = given.module(lambda: nn.Linear(3, 2))
    used = given.with_grad(given.module(lambda: nn.Linear(3, 2)))
    x = given.normal(4, 3)
    code.value_and_grad(lambda t: (fresh(t) * used(t)).sum(), x)
    afterwards = {"weight without .grad": fresh.weight, "weight with .grad": used.weight, "bias with .grad": used.bias}
    return only({f"{name}, afterwards": p for name, p in afterwards.items()}, "gradient")


@checks("value_and_grad")
def test_value_and_grad_of_a_constant(code, given):
    """If f(x) is a constant, the gradient is zeros in x's dtype."""
    x, leaf = given.normal(3, 4, dtype=torch.float64), given.normal(3, requires_grad=True)
    constant = given.normal(())
    value, slope = code.value_and_grad(lambda t: constant.clone(), x)
    detached_value, detached_slope = code.value_and_grad(lambda t: t.detach().sum(), leaf)
    results = {
        "value": only(value, "values"),
        "gradient": slope,
        "value, x detached in f": only(detached_value, "values"),
        "gradient, x detached in f": detached_slope,
    }
    return only(results, "dtype", "values")


@checks("value_and_grad")
def test_value_and_grad_of_parameters_only(code, given):
    """If f depends on parameters only, the gradient is zeros and the value is detached."""
    model = given.module(lambda: nn.Linear(3, 2))
    x = given.normal(4, 3)
    value, slope = code.value_and_grad(lambda t: model.weight.square().sum(), x)
    return only({"value": value, "gradient": slope}, "requires_grad", "values")


@checks("value_and_grad")
def test_value_and_grad_refuses_one_element(code, given):
    """An f(x) of shape (1,), (1, 1) or (2, 3) raises a ValueError as well."""
    x = given.normal(3)
    return {
        "f(x) of shape (1,)": raises(lambda: code.value_and_grad(lambda t: t.sum().reshape(1), x)),
        "f(x) of shape (1, 1)": raises(lambda: code.value_and_grad(lambda t: t.sum().reshape(1, 1), x)),
        "f(x) of shape (2, 3)": raises(lambda: code.value_and_grad(lambda t: torch.ones(2, 3), x)),
    }


@checks("per_sample_grads", gate=True)
def test_per_sample_grads_of_networks(code, given):
    """The rows are right for a network with a hidden layer, for images, and for cross-entropy."""
    network, vision = given.module(mlp), given.module(Vision)
    X, labels = given.normal(5, 3, dtype=torch.float64), given.integers(5, high=2)
    images, scores = given.normal(3, 2, 4, 3, dtype=torch.float64), given.normal(3, 1, dtype=torch.float64)
    results = {
        "network": code.per_sample_grads(network, F.cross_entropy, X, labels),
        "images": code.per_sample_grads(vision, F.mse_loss, images, scores),
    }
    return only(results, "shape", "values")


@checks("per_sample_grads")
def test_per_sample_grads_of_one_sample(code, given):
    """A single sample gives tensors with one row."""
    model = given.module(mlp)
    X, y = given.normal(1, 3, dtype=torch.float64), given.integers(1, high=2)
    return only(code.per_sample_grads(model, F.cross_entropy, X, y), "shape", "values")


@checks("per_sample_grads")
def test_per_sample_grads_with_frozen_parameters(code, given):
    """With some parameters frozen, the rows of the others are right."""
    model = given.module(mlp)
    model[0].bias.requires_grad_(False)
    given.watch(model, "model")
    X, y = given.normal(4, 3, dtype=torch.float64), given.normal(4, 2, dtype=torch.float64)
    return only(code.per_sample_grads(model, F.mse_loss, X, y), "shape", "values")


@checks("per_sample_grads")
def test_per_sample_grads_detached(code, given):
    """The results do not require grad."""
    model = given.module(mlp)
    X, y = given.normal(2, 3, dtype=torch.float64), given.integers(2, high=2)
    return only(code.per_sample_grads(model, F.cross_entropy, X, y), "requires_grad")


@checks("per_sample_grads")
def test_per_sample_grads_keeps_gradients(code, given):
    """Gradients that were in .grad before the call are still there afterwards."""
    model = given.with_grad(given.module(mlp))
    X, y = given.normal(2, 3, dtype=torch.float64), given.integers(2, high=2)
    code.per_sample_grads(model, F.cross_entropy, X, y)
    return only({f"{name} afterwards": p for name, p in model.named_parameters()}, "gradient")


@checks("gradient_penalty", gate=True)
def test_gradient_penalty_of_images(code, given):
    """For images, each sample's norm runs over channels, rows and columns; scores may have shape (N,)."""
    images = given.normal(3, 2, 4, 5, dtype=torch.float64)
    results = {}
    for name, squeeze in (("scores of shape (N, 1)", False), ("scores of shape (N,)", True)):
        critic = given.module(lambda squeeze=squeeze: Vision(squeeze))
        results[name] = code.gradient_penalty(critic, images)
    return only(results, "values")


@checks("gradient_penalty", gate=True)
def test_gradient_penalty_of_edge_cases(code, given):
    """The value is right for a single sample, for slopes above and below 1, and for a critic that is a function."""
    steep = given.normal(6, dtype=torch.float64, std=3)
    flat = given.normal(6, dtype=torch.float64, std=0.05)
    x, one = given.normal(5, 6, dtype=torch.float64), given.normal(1, 6, dtype=torch.float64)
    results = {
        "steep": code.gradient_penalty(lambda t: t @ steep, x),
        "flat": code.gradient_penalty(lambda t: t @ flat, x),
        "steep and flat": code.gradient_penalty(lambda t: (t**2) @ flat + (t**3) @ steep, x),
        "one sample": code.gradient_penalty(lambda t: (t**2) @ steep, one),
        "one sample, score of shape (1, 1)": code.gradient_penalty(lambda t: (t**2) @ steep.reshape(6, 1), one),
        "x requires grad": code.gradient_penalty(lambda t: t @ steep, given.non_leaf(x)),
    }
    return only(results, "values")


@checks("gradient_penalty")
def test_gradient_penalty_gradients_of_networks(code, given):
    """The penalty's gradients with respect to all parameters of a network are right."""
    hidden = given.module(lambda: mlp(5, 6, 1))
    vision = given.module(Vision)
    results = {
        "hidden layer": gradients(code.gradient_penalty(hidden, given.normal(4, 5, dtype=torch.float64)), hidden),
        "images": gradients(code.gradient_penalty(vision, given.normal(3, 2, 4, 5, dtype=torch.float64)), vision),
    }
    return only(results, "values")


@checks("gradient_penalty")
def test_gradient_penalty_leaves_parameters_alone(code, given):
    """Computing the penalty changes no parameter's .grad: None stays None, and numbers stay as they were."""
    fresh = given.module(lambda: linear(5, 1))
    used = given.with_grad(given.module(lambda: linear(5, 1)))
    x = given.normal(4, 5, dtype=torch.float64)
    code.gradient_penalty(fresh, x)
    code.gradient_penalty(used, x)
    return only({"weight without .grad": fresh.weight, "weight with .grad": used.weight}, "gradient")


@checks("gradient_penalty")
def test_gradient_penalty_leaves_a_leaf_alone(code, given):
    """An x that requires grad is unchanged, and so is its .grad if it has one."""
    critic = given.module(lambda: linear(5, 1))
    inputs = {
        "leaf": given.normal(4, 5, dtype=torch.float64, requires_grad=True),
        "leaf with .grad": given.with_grad(given.normal(4, 5, dtype=torch.float64)),
    }
    for x in inputs.values():
        code.gradient_penalty(critic, x)
    return only({f"{name}, afterwards": x for name, x in inputs.items()}, "values", "requires_grad", "gradient")


@checks("accumulate_gradients")
def test_accumulate_gradients_of_a_single_batch(code, given):
    """A single batch leaves its own gradients."""
    model = given.module(mlp)
    code.accumulate_gradients(model, F.cross_entropy, classification(given, 6))
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "shape", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_of_very_unequal_batches(code, given):
    """Batches may have any size, even a single sample, in any order."""
    results = {}
    for name, sizes in (("5, 5, 2, 1", (5, 5, 2, 1)), ("1, 8", (1, 8))):
        model = given.module(mlp)
        code.accumulate_gradients(model, F.cross_entropy, classification(given, *sizes))
        results |= {f"{name}: {parameter}.grad": p.grad for parameter, p in model.named_parameters()}
    return only(results, "shape", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_of_a_regression(code, given):
    """The gradients are also right for a mean squared error on images."""
    model = given.module(Vision)
    batches = tuple((given.normal(n, 2, 4, 3, dtype=torch.float64), given.normal(n, 1, dtype=torch.float64)) for n in (3, 2))
    code.accumulate_gradients(model, F.mse_loss, batches)
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "shape", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_ignores_stale_gradients(code, given):
    """What was in .grad before the call does not matter."""
    model = given.module(mlp)
    for p in model.parameters():
        p.grad = torch.full_like(p, 7.0)
    code.accumulate_gradients(model, F.cross_entropy, classification(given, 4, 4))
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_twice(code, given):
    """A second call leaves the same gradients as the first."""
    model = given.module(mlp)
    batches = classification(given, 4, 4)
    code.accumulate_gradients(model, F.cross_entropy, batches)
    code.accumulate_gradients(model, F.cross_entropy, batches)
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_keeps_no_graph(code, given):
    """The gradients left in .grad carry no graph: they do not require grad."""
    model = given.module(mlp)
    code.accumulate_gradients(model, F.cross_entropy, classification(given, 4, 4))
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "requires_grad")


@checks("accumulate_gradients")
def test_accumulate_gradients_calls_the_model_once_per_batch(code, given):
    """The model is called once per batch, in the given order."""
    model = given.module(lambda: Recording(mlp()))
    code.accumulate_gradients(model, F.cross_entropy, classification(given, 3, 5, 2))
    return {"batches the model saw": model.batches}


@checks("accumulate_gradients")
def test_accumulate_gradients_of_frozen_parameters(code, given):
    """A frozen parameter gets no gradient, and the others get theirs."""
    model = given.module(mlp)
    model[0].weight.requires_grad_(False)
    given.watch(model, "model")
    code.accumulate_gradients(model, F.cross_entropy, classification(given, 4, 4))
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_leaves_parameters_alone(code, given):
    """Parameters keep their values and their requires_grad."""
    model = given.module(mlp)
    model[2].bias.requires_grad_(False)
    given.watch(model, "model")
    code.accumulate_gradients(model, F.cross_entropy, classification(given, 4, 2))
    return only({f"{name} afterwards": p for name, p in model.named_parameters()}, "values", "requires_grad")


@checks("sign_ste", gate=True)
def test_sign_ste_of_any_shape(code, given):
    """The values are right for 0-dim, empty and non-contiguous tensors, and in float64."""
    inputs = {
        "0-dim": given.normal(()),
        "0-dim, zero": given.tensor(0.0),
        "empty": given.normal(0, 3),
        "transposed": given.transposed(given.normal(3, 4)),
        "not contiguous": given.non_contiguous(given.normal(3, 4)),
        "float64": given.normal(2, 3, 4, dtype=torch.float64, std=2),
        "requires grad": given.normal(3, 4, requires_grad=True),
        "tiny and large": given.tensor([1e-30, -1e-30, 1e6, -1e6]),
    }
    return only({name: code.sign_ste(x) for name, x in inputs.items()}, "shape", "values")


@checks("sign_ste")
def test_sign_ste_of_zeros(code, given):
    """0.0 and -0.0 give +1."""
    zeros = given.tensor([0.0, -0.0, 1.0, -1.0])
    wide = given.tensor([0.0, -0.0], dtype=torch.float64)
    return only({"float32": code.sign_ste(zeros), "float64": code.sign_ste(wide)}, "values")


@checks("sign_ste")
def test_sign_ste_dtype(code, given):
    """The result has the dtype of x."""
    inputs = {str(dtype): given.normal(3, dtype=dtype) for dtype in (torch.float16, torch.bfloat16, torch.float64)}
    inputs["empty"] = given.normal(0)
    return only({name: code.sign_ste(x) for name, x in inputs.items()}, "dtype")


@checks("sign_ste")
def test_sign_ste_incoming_gradient(code, given):
    """The incoming gradient is multiplied by the window's 0 or 1."""
    x = given.uniform(5, 8, low=-3, high=3, requires_grad=True)
    weights = given.normal(5, 8, std=3)
    return only({"gradient of x": gradient(code.sign_ste(x), x, weights)}, "values")


@checks("sign_ste")
def test_sign_ste_gradient_at_the_ends(code, given):
    """The ends of the window, 1 and -1, belong to it, and so do 0.0 and -0.0."""
    x = given.tensor([-1.0, -0.0, 0.0, 1.0], requires_grad=True)
    beside = torch.tensor([-1.0, 1.0, 1 + 1e-9, -1 - 1e-9, 3.0, -3.0], dtype=torch.float64)
    wide = given.tensor(beside, requires_grad=True)
    results = {"float32": gradient(code.sign_ste(x), x, 1.0), "float64": gradient(code.sign_ste(wide), wide, 1.0)}
    return only(results, "values")


@checks("sign_ste")
def test_sign_ste_gradient_of_any_shape(code, given):
    """The gradient is right for 0-dim, empty and non-contiguous tensors, in float64, and if x is not a leaf."""
    inputs = {
        "0-dim": given.uniform((), low=-1, high=1, requires_grad=True),
        "0-dim, outside": given.uniform((), low=2, high=3, requires_grad=True),
        "empty": given.normal(0, 3, requires_grad=True),
        "transposed": given.transposed(given.normal(3, 4, requires_grad=True)),
        "float64": given.normal(3, 4, dtype=torch.float64, requires_grad=True),
        "not a leaf": given.non_leaf(given.normal(5)),
    }
    found = {name: gradient(code.sign_ste(x), x, 1.0) for name, x in inputs.items()}
    return only(found, "shape", "values")
