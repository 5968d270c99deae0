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


def gradient(result, x, weights):
    """The gradient of (result * weights).sum() with respect to x; None where none arrives."""
    if not result.requires_grad:
        return None
    return torch.autograd.grad((result * weights).sum(), x, allow_unused=True)[0]


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
def test_value_and_grad_detached(code, given):
    """Neither the value nor the gradient requires grad."""
    value, slope = code.value_and_grad(cubic, given.normal(3, 4))
    return only({"value": value, "gradient": slope}, "requires_grad")


@checks("value_and_grad")
def test_value_and_grad_leaves_x_alone(code, given):
    """x is unchanged: its values, requires_grad and .grad."""
    x = given.normal(3, 4, name="x")
    code.value_and_grad(cubic, x)
    return {"x afterwards": only(x, "values", "requires_grad", "gradient")}


@checks("value_and_grad")
def test_value_and_grad_refuses_vectors(code, given):
    """A function that returns a vector raises a ValueError."""
    x = given.normal(3)
    return {"f(x) of shape (3,)": raises(lambda: code.value_and_grad(lambda t: 2 * t, x))}


@checks("per_sample_grads", gate=True)
def test_per_sample_grads_values(code, given):
    """Row i is the gradient of sample i alone."""
    model = given.module(lambda: linear(3, 2))
    X, y = given.normal(5, 3, dtype=torch.float64), given.normal(5, 2, dtype=torch.float64)
    return only(code.per_sample_grads(model, F.mse_loss, X, y), "shape", "values")


@checks("per_sample_grads")
def test_per_sample_grads_keys(code, given):
    """Each trainable parameter has an entry, and nothing else does."""
    model = given.module(mlp)
    model[0].weight.requires_grad_(False)
    given.watch(model, "model")
    X, y = given.normal(2, 3, dtype=torch.float64), given.integers(2, high=2)
    return {"keys": sorted(code.per_sample_grads(model, F.cross_entropy, X, y))}


@checks("per_sample_grads")
def test_per_sample_grads_leaves_no_gradient_behind(code, given):
    """A parameter whose .grad was None still has None."""
    model = given.module(mlp)
    X, y = given.normal(2, 3, dtype=torch.float64), given.integers(2, high=2)
    code.per_sample_grads(model, F.cross_entropy, X, y)
    return only({f"{name} afterwards": p for name, p in model.named_parameters()}, "gradient")


@checks("gradient_penalty", gate=True)
def test_gradient_penalty_values(code, given):
    """The value follows the formula, for a linear critic and for one with a hidden layer."""
    single = given.module(lambda: linear(5, 1))
    hidden = given.module(lambda: mlp(5, 6, 1))
    x = given.normal(4, 5, dtype=torch.float64)
    results = {"linear critic": code.gradient_penalty(single, x), "hidden layer": code.gradient_penalty(hidden, x)}
    return only(results, "values")


@checks("gradient_penalty")
def test_gradient_penalty_is_differentiable(code, given):
    """The penalty has a gradient with respect to the critic's weights."""
    critic = given.module(lambda: linear(5, 1))
    penalty = code.gradient_penalty(critic, given.normal(4, 5, dtype=torch.float64))
    return only({"gradient of the critic's weight": gradient(penalty, critic.weight, 1.0)}, "values")


@checks("gradient_penalty")
def test_gradient_penalty_leaves_x_alone(code, given):
    """x is unchanged: its values, requires_grad and .grad."""
    critic = given.module(lambda: linear(5, 1))
    x = given.normal(4, 5, dtype=torch.float64, name="x")
    code.gradient_penalty(critic, x)
    return {"x afterwards": only(x, "values", "requires_grad", "gradient")}


@checks("accumulate_gradients", gate=True)
def test_accumulate_gradients_values(code, given):
    """With batches of equal size, each .grad is that of one big batch."""
    model = given.module(mlp)
    batches = [(given.normal(4, 3, dtype=torch.float64), given.integers(4, high=2)) for _ in range(3)]
    code.accumulate_gradients(model, F.cross_entropy, batches)
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "shape", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_unequal_batches(code, given):
    """With batches of different sizes, each .grad is that of one big batch."""
    model = given.module(mlp)
    batches = [(given.normal(n, 3, dtype=torch.float64), given.integers(n, high=2)) for n in (5, 5, 2)]
    code.accumulate_gradients(model, F.cross_entropy, batches)
    return only({f"{name}.grad": p.grad for name, p in model.named_parameters()}, "shape", "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_returns_the_mean_loss(code, given):
    """The number returned is the mean loss of one big batch."""
    model = given.module(mlp)
    batches = [(given.normal(n, 3, dtype=torch.float64), given.integers(n, high=2)) for n in (5, 5, 2)]
    return only({"returned": code.accumulate_gradients(model, F.cross_entropy, batches)}, "values")


@checks("accumulate_gradients")
def test_accumulate_gradients_returns_a_float(code, given):
    """The function returns a Python float."""
    model = given.module(mlp)
    batches = [(given.normal(4, 3, dtype=torch.float64), given.integers(4, high=2)) for _ in range(2)]
    return {"returned": only(code.accumulate_gradients(model, F.cross_entropy, batches), "type")}


@checks("sign_ste", gate=True)
def test_sign_ste_values(code, given):
    """The result is +1 where x >= 0, and -1 elsewhere."""
    x = given.normal(4, 6, std=2)
    ends = given.tensor([-3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0])
    return only({"random x": code.sign_ste(x), "-3, -1, -¼, 0, ¼, 1, 3": code.sign_ste(ends)}, "shape", "values")


@checks("sign_ste")
def test_sign_ste_gradient_inside(code, given):
    """Where x is between -1 and 1, its gradient is 1."""
    x = given.uniform(4, 6, low=-0.99, high=0.99, requires_grad=True)
    return only({"gradient of x": gradient(code.sign_ste(x), x, 1.0)}, "shape", "values")


@checks("sign_ste")
def test_sign_ste_gradient_outside(code, given):
    """Where |x| is larger than 1, the gradient is 0."""
    high = given.uniform(6, low=1.01, high=4, requires_grad=True)
    low = given.uniform(6, low=-4, high=-1.01, requires_grad=True)
    results = {"x > 1": gradient(code.sign_ste(high), high, 1.0), "x < -1": gradient(code.sign_ste(low), low, 1.0)}
    return only(results, "shape", "values")
