"""Checks of topic `autograd` that students can run themselves."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import checks, only, raises, secret


def cubic(t):
    return (t**3 + 2 * t).sum()


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, dtype=torch.float64)


def mlp(inputs=3, hidden=4, outputs=2):
    return nn.Sequential(linear(inputs, hidden), nn.Tanh(), linear(hidden, outputs))


class Doubling(nn.Module):
    """A model that doubles its results in training mode: it shows its mode without random numbers."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) * (2 if self.training else 1)


class Recording(Doubling):
    """A model that remembers what it was called with."""

    def __init__(self, inner):
        super().__init__(inner)
        self.batches = []

    def forward(self, x):
        self.batches.append(x.tolist())  # numbers: a tensor made inside torch.func.grad ends with it
        return super().forward(x)


def with_a_hook(module):
    """A module whose results are changed by a forward hook: only a call of the module itself, not of forward, runs it."""
    module.register_forward_hook(lambda module, args, output: 3 * output)
    return module


def gradient(result, x, weights):
    """The gradient of (result * weights).sum() with respect to x; None where none arrives."""
    if not result.requires_grad:
        return None
    return torch.autograd.grad((result * weights).sum(), x, allow_unused=True)[0]


def classification(given, *sizes):
    """Batches of inputs of shape (size, 3) and labels from two classes."""
    return [(given.normal(n, 3, dtype=torch.float64), given.integers(n, high=2)) for n in sizes]


def grads(model):
    return {f"{name}.grad": p.grad for name, p in model.named_parameters()}


@checks("predicted_gradient", gate=True, draws=1)
def test_predicted_gradient(code, given):
    """The predicted number is what a.grad holds."""
    return {"predicted_gradient": secret(float(code.predicted_gradient))}


@checks("predicted_detached", gate=True, draws=1)
def test_predicted_detached(code, given):
    """The predicted number is what w.grad holds."""
    number = code.predicted_detached
    return {"predicted_detached": secret(None if number is None else float(number))}


@checks("value_and_grad", gate=True)
def test_value_and_grad_values(code, given):
    """The value is f(x), and the gradient is df/dx."""
    results = {}
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        value, slope = code.value_and_grad(cubic, given.normal(3, 4, dtype=dtype))
        results |= {f"value, {name}": value, f"gradient, {name}": slope}
    return only(results, "values")


@checks("value_and_grad")
def test_value_and_grad_leaves_no_trace(code, given):
    """Value and gradient do not require grad, and x and the parameters inside f are unchanged, .grad included."""
    fresh = given.module(lambda: nn.Linear(3, 2), name="layer without .grad")
    used = given.with_grad(given.module(lambda: nn.Linear(3, 2), name="layer with .grad"))
    inputs = {
        "plain x": given.normal(4, 3, name="plain x"),
        "leaf x": given.normal(4, 3, requires_grad=True, name="leaf x"),
        "leaf x with .grad": given.with_grad(given.normal(4, 3, name="leaf x with .grad")),
    }
    results = {}
    for name, x in inputs.items():
        for kind, f in (("parameters", lambda t: (fresh(t) * used(t)).sum()), ("no parameters", cubic)):
            value, slope = code.value_and_grad(f, x)
            results[f"{name}, f with {kind}"] = {"value": value, "gradient": slope}
    afterwards = {**inputs, "weight without .grad": fresh.weight, "weight with .grad": used.weight, "bias": used.bias}
    return {
        "results": only(results, "requires_grad"),
        "afterwards": only(afterwards, "values", "requires_grad", "gradient"),
    }


@checks("value_and_grad")
def test_value_and_grad_of_f_that_ignores_x(code, given):
    """If f ignores x, being constant or using parameters only, the gradient is zeros in x's dtype, and both are detached."""
    x, leaf = given.normal(3, 4, dtype=torch.float64), given.normal(3, requires_grad=True)
    constant = given.normal(())
    model = given.module(lambda: nn.Linear(3, 2))
    bare = nn.Parameter(given.number() * torch.ones((), device=given.device))
    cases = {
        "constant": (lambda t: constant.clone(), x),
        "constant, x is a leaf": (lambda t: constant.clone(), leaf),
        "x detached in f": (lambda t: t.detach().sum(), leaf),
        "parameters only": (lambda t: model.weight.square().sum(), given.normal(4, 3)),
        "parameters only, x in float64": (lambda t: model.weight.square().sum(), x),
        "a parameter itself": (lambda t: bare, given.normal(3)),
    }
    results = {}
    for name, (f, t) in cases.items():
        value, slope = code.value_and_grad(f, t)
        results[name] = {"value": only(value, "requires_grad", "values"), "gradient": slope}
    return only(results, "shape", "dtype", "requires_grad", "values")


@checks("value_and_grad", weight=0.5)
def test_value_and_grad_refuses_vectors(code, given):
    """If f(x) is not 0-dim, even of shape (1,), there is a ValueError."""
    n = given.integer(2, 40)
    x = given.normal(n)
    return {
        f"f(x) of shape ({n},)": raises(lambda: code.value_and_grad(lambda t: 2 * t, x)),
        f"f(x) of shape ({n}, 2)": raises(lambda: code.value_and_grad(lambda t: torch.ones(n, 2), x)),
        "f(x) of shape (1,)": raises(lambda: code.value_and_grad(lambda t: t.sum().reshape(1), x)),
        "f(x) of shape (1, 1)": raises(lambda: code.value_and_grad(lambda t: t.sum().reshape(1, 1), x)),
    }


@checks("per_sample_grads", gate=True)
def test_per_sample_grads_values(code, given):
    """Row i is the gradient of sample i alone."""
    model = given.module(lambda: linear(3, 2))
    X, y = given.normal(5, 3, dtype=torch.float64), given.normal(5, 2, dtype=torch.float64)
    return only(code.per_sample_grads(model, F.mse_loss, X, y), "shape", "values")


@checks("per_sample_grads")
def test_per_sample_grads_entries(code, given):
    """Each trainable parameter has an entry that does not require grad, and nothing else has one."""
    results = {}
    for number in range(2):
        model = given.module(lambda: nn.Sequential(nn.Flatten(), *mlp()))
        frozen = given.choice([name for name, _ in model.named_parameters()])
        model.get_parameter(frozen).requires_grad_(False)
        given.watch(model, f"model {number}")
        X, y = given.normal(2, 3, 1, dtype=torch.float64), given.integers(2, high=2)
        results[f"{frozen} is frozen"] = code.per_sample_grads(model, F.cross_entropy, X, y)
    return only(results, "type", "requires_grad")


@checks("per_sample_grads")
def test_per_sample_grads_leaves_gradients_alone(code, given):
    """No parameter's .grad changes: None stays None, and numbers stay as they were."""
    fresh = given.module(mlp, name="model without .grad")
    used = given.with_grad(given.module(mlp, name="model with .grad"))
    X, y = given.normal(2, 3, dtype=torch.float64), given.integers(2, high=2)
    for model in (fresh, used):
        code.per_sample_grads(model, F.cross_entropy, X, y)
    afterwards = {"without .grad": dict(fresh.named_parameters()), "with .grad": dict(used.named_parameters())}
    return only(afterwards, "values", "requires_grad", "gradient")


@checks("gradient_penalty", gate=True)
def test_gradient_penalty_values(code, given):
    """The value follows the formula, for a linear critic and for one with a hidden layer."""
    single = given.module(lambda: linear(5, 1))
    hidden = given.module(lambda: mlp(5, 6, 1))
    x = given.normal(4, 5, dtype=torch.float64)
    results = {"linear critic": code.gradient_penalty(single, x), "hidden layer": code.gradient_penalty(hidden, x)}
    return only(results, "values")


@checks("gradient_penalty", weight=0.5)
def test_gradient_penalty_of_images(code, given):
    """The value follows the formula for images, too, with scores of shape (N, 1) or (N,)."""
    images = given.normal(3, 2, 4, dtype=torch.float64)
    critic = given.module(lambda: nn.Sequential(nn.Flatten(), linear(8, 1)))
    results = {
        "scores of shape (N, 1)": code.gradient_penalty(critic, images),
        "scores of shape (N,)": code.gradient_penalty(lambda x: critic(x).squeeze(1), images),
    }
    return only(results, "shape", "values")


@checks("gradient_penalty")
def test_gradient_penalty_is_differentiable(code, given):
    """The penalty has a gradient with respect to the critic's weights."""
    critic = given.module(lambda: linear(5, 1))
    penalty = code.gradient_penalty(critic, given.normal(4, 5, dtype=torch.float64))
    return only({"gradient of the critic's weight": gradient(penalty, critic.weight, 1.0)}, "values")


@checks("gradient_penalty")
def test_gradient_penalty_leaves_no_trace(code, given):
    """Computing the penalty changes neither x nor any .grad: None stays None, and numbers stay as they were."""
    fresh = given.module(lambda: linear(5, 1), name="critic without .grad")
    used = given.with_grad(given.module(lambda: linear(5, 1), name="critic with .grad"))
    inputs = {
        "plain x": given.normal(4, 5, dtype=torch.float64, name="plain x"),
        "leaf x": given.normal(4, 5, dtype=torch.float64, requires_grad=True, name="leaf x"),
        "leaf x with .grad": given.with_grad(given.normal(4, 5, dtype=torch.float64, name="leaf x with .grad")),
    }
    for x in inputs.values():
        for critic in (fresh, used):
            code.gradient_penalty(critic, x)
    afterwards = {**inputs, "weight without .grad": fresh.weight, "weight with .grad": used.weight}
    return only(afterwards, "values", "requires_grad", "gradient")


@checks("accumulate_gradients", gate=True)
def test_accumulate_gradients_values(code, given):
    """With batches of equal size, each .grad is that of one big batch."""
    model = given.module(mlp)
    code.accumulate_gradients(model, F.cross_entropy, classification(given, 4, 4, 4))
    return only(grads(model), "shape", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_unequal_batches(code, given):
    """With batches of different sizes, even of a single sample, each .grad is that of one big batch."""
    results = {}
    for name, sizes in (("5, 5 and 2 samples", (5, 5, 2)), ("1 and 8 samples", (1, 8)), ("7 samples", (7,))):
        model = given.module(mlp)
        code.accumulate_gradients(model, F.cross_entropy, classification(given, *sizes))
        results[name] = grads(model)
    return only(results, "shape", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_returns_the_mean_loss(code, given):
    """The function returns the mean loss of one big batch, as a Python float."""
    model = given.module(mlp)
    return {"returned": code.accumulate_gradients(model, F.cross_entropy, classification(given, 5, 5, 2))}


@checks("accumulate_gradients")
def test_accumulate_gradients_ignores_stale_gradients(code, given):
    """What was in .grad before does not matter, and frozen parameters get no gradient."""
    stale = given.module(mlp)
    for p in stale.parameters():
        p.grad = torch.full_like(p, given.number(5, 9))
    partly = given.module(mlp)
    partly.get_parameter(given.choice([name for name, _ in partly.named_parameters()])).requires_grad_(False)
    given.watch(partly, "partly frozen model")
    for model in (stale, partly):
        code.accumulate_gradients(model, F.cross_entropy, classification(given, 4, 3))
    return only({"stale gradients": grads(stale), "partly frozen": grads(partly)}, "shape", "requires_grad", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_uses_the_model_as_it_is(code, given):
    """The model is called once per batch, in the given order and in its own mode; its values, flags and mode stay."""
    results = {}
    for name, training in (("training mode", True), ("eval mode", False)):
        model = given.module(lambda: with_a_hook(Recording(mlp())))
        model.train(training)
        model.inner[2].bias.requires_grad_(False)
        given.watch(model, f"model in {name}")
        returned = code.accumulate_gradients(model, F.cross_entropy, classification(given, 3, 5, 2))
        results[name] = {
            "batches the model saw": model.batches,
            "returned": only(returned, "values"),
            "gradients": only(grads(model), "values"),
            "model afterwards": only(model, "type", "values", "requires_grad"),
        }
    return results


@checks("sign_ste", gate=True)
def test_sign_ste_values(code, given):
    """The result is +1 where x >= 0, and -1 elsewhere."""
    x = given.normal(4, 6, std=2)
    ends = given.tensor([-3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0])
    return only({"random x": code.sign_ste(x), "-3, -1, -¼, 0, ¼, 1, 3": code.sign_ste(ends)}, "shape", "values")


@checks("sign_ste")
def test_sign_ste_gradient(code, given):
    """A gradient arrives where |x| is smaller than 1, and 0 where |x| is larger."""
    x = given.uniform(5, 8, low=-2.5, high=2.5, requires_grad=True)
    weights = given.normal(5, 8, std=3)
    results = {
        "sum of the result": gradient(code.sign_ste(x), x, 1.0),
        "weighted sum of the result": gradient(code.sign_ste(x), x, weights),
    }
    return only(results, "shape", "values")


@checks("sign_ste")
def test_sign_ste_at_the_ends(code, given):
    """0.0 and -0.0 give +1; 1 and -1 are inside the window, and what is just beyond them is not."""
    numbers = torch.tensor([-1.0, 1.0, 0.0, -0.0, 1 + 1e-9, -1 - 1e-9, 3.0, -3.0], dtype=torch.float64)
    x = given.tensor(numbers[given.permutation(8).cpu()], requires_grad=True)
    single = given.tensor(numbers[given.permutation(4).cpu()], dtype=torch.float32, requires_grad=True)
    results = {"float64": code.sign_ste(x), "float32": code.sign_ste(single)}
    found = {"float64": gradient(results["float64"], x, 1.0), "float32": gradient(results["float32"], single, 1.0)}
    return only({"results": results, "gradients": found}, "values")


@checks("sign_ste", weight=0.5)
def test_sign_ste_changes_no_argument(code, given):
    """Neither x nor the incoming gradient is changed."""
    x, incoming = given.uniform(5, 8, low=-2.5, high=2.5, requires_grad=True), given.normal(5, 8, name="incoming gradient")
    result = code.sign_ste(x)
    if result.requires_grad:
        torch.autograd.grad(HandBack.apply(result, incoming), x, allow_unused=True)
    return only({"x": x, "incoming gradient": incoming}, "shape", "values")


class HandBack(torch.autograd.Function):
    """A number whose gradient for `result` is the tensor `incoming` itself. To give it to `grad` would import sympy."""

    @staticmethod
    def forward(ctx, result, incoming):
        ctx.incoming = incoming
        return result.sum()

    @staticmethod
    def backward(ctx, _):
        return ctx.incoming, None
