"""Checks for topic `initialization` that students can run themselves."""

import math

import torch
from torch import nn

from autograder import checks, close, distributed_as, only, raises, secret

NN_INIT = [member for member in vars(nn.init).values() if callable(member) and member.__module__ == "torch.nn.init"]


def two_numbers(pair):
    first, second = pair
    return {"the fan-in": secret(round(float(first), 3)), "the fan-out": secret(round(float(second), 3))}


def drawn(tensor, family, **parameters):
    """A tensor whose values alone are compared with a distribution."""
    return only(distributed_as(tensor, family, **parameters), "values")


def moments(tensor, std):
    """Mean and standard deviation in units of `std`. With 8,000 right numbers they fail less than once in 10**9 times."""
    numbers = tensor.detach().double()
    mean, spread = numbers.mean().item() / std, numbers.std().item() / std
    return {"mean / right std": close(mean, rtol=0.1), "std / right std": close(spread, rtol=0.04)}


def network():
    return nn.Sequential(
        nn.Conv2d(8, 50, kernel_size=5),
        nn.BatchNorm2d(50),
        nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(50, 300), nn.ReLU()), nn.Linear(300, 80)),
    )


@checks("predicted_fans", gate=True, draws=1)
def test_predicted_fans(code, given):
    """The two predicted numbers are the fan-in and the fan-out of the convolution's weight."""
    return two_numbers(code.predicted_fans)


@checks("predicted_bound", gate=True, draws=1)
def test_predicted_bound(code, given):
    """The predicted number is the bound of the fresh layer's weights."""
    return {"predicted_bound": secret(round(float(code.predicted_bound), 4))}


@checks("glorot_uniform_", gate=True, draws=1)
def test_glorot_uniform_values(code, given):
    """The values of a weight of shape (out, in) are uniform between -a and a."""
    w = given.full(200, 100, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.glorot_uniform_(w)
    bound = math.sqrt(6 / 300)
    return {"w": drawn(w, "uniform", a=-bound, b=bound)}


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_of_a_convolution(code, given):
    """The bound for a convolution's weight takes the kernel size into account."""
    w = given.full(64, 32, 3, 3, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.glorot_uniform_(w)
    bound = math.sqrt(6 / (96 * 9))
    return {"w": drawn(w, "uniform", a=-bound, b=bound)}


@checks("glorot_uniform_")
def test_glorot_uniform_returns_w(code, given):
    """The function returns w itself."""
    w = given.full(4, 3, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        result = code.glorot_uniform_(w)
    return {"the result": only(result, "shape", "aliasing"), "the result is w": result is w}


@checks("glorot_uniform_")
def test_glorot_uniform_refuses_a_vector(code, given):
    """A tensor with one dimension raises a ValueError."""
    w = torch.zeros(5, device=given.device)
    return {"shape (5,)": raises(lambda: code.glorot_uniform_(w))}


@checks("he_normal_", gate=True, draws=1)
def test_he_normal_of_fan_in(code, given):
    """With the default mode, the mean is 0 and the standard deviation is sqrt(2 / fan_in)."""
    w = given.full(400, 50, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.he_normal_(w)
    return moments(w, math.sqrt(2 / 50))


@checks("he_normal_", draws=1)
def test_he_normal_of_fan_out(code, given):
    """With mode "fan_out", the standard deviation is sqrt(2 / fan_out)."""
    w = given.full(400, 50, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.he_normal_(w, mode="fan_out")
    return moments(w, math.sqrt(2 / 400))


@checks("he_normal_")
def test_he_normal_fills_a_parameter(code, given):
    """The weight of a layer is filled and stays a leaf that requires grad."""
    layer = given.module(lambda: nn.Linear(3, 4), name="layer")
    before = layer.weight.detach().clone()
    with given.unavailable(*NN_INIT):
        code.he_normal_(layer.weight)
    kept = int((layer.weight.detach() == before).sum())
    return {"unchanged entries": kept, "layer.weight": only(layer.weight, "type", "shape", "requires_grad", "is_leaf")}


@checks("he_normal_")
def test_he_normal_refuses_another_mode(code, given):
    """An unknown mode raises a ValueError."""
    w = torch.zeros(4, 3, device=given.device)
    return {'mode "fan_avg"': raises(lambda: code.he_normal_(w, mode="fan_avg"))}


@checks("init_model_", gate=True, draws=1)
def test_init_model_weights(code, given):
    """Weights of linear layers and convolutions have mean 0 and standard deviation sqrt(2 / fan_in), at any depth."""
    model = given.module(network, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    return {
        "convolution": moments(model[0].weight, math.sqrt(2 / 200)),
        "nested linear layer": moments(model[2][1][0].weight, math.sqrt(2 / 50)),
        "last linear layer": moments(model[2][2].weight, math.sqrt(2 / 300)),
    }


@checks("init_model_", draws=1)
def test_init_model_biases(code, given):
    """The biases of linear layers and convolutions are 0."""
    model = given.module(network, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    biases = {
        "convolution": model[0].bias,
        "nested linear layer": model[2][1][0].bias,
        "last linear layer": model[2][2].bias,
    }
    return only(biases, "values")


@checks("init_model_", draws=1)
def test_init_model_is_reproducible(code, given):
    """The same seed gives the same weights, whatever the model held before and whatever the global random state is."""
    models = [given.module(network, name=name) for name in ("first", "second")]
    seed = given.integer(0, 10_000)
    for model in models:
        with given.seeded():
            code.init_model_(model, seed)
    weights = [(model[0].weight, model[2][1][0].weight, model[2][2].weight) for model in models]
    names = ("convolution", "nested linear layer", "last linear layer")
    differences = [(left - right).detach() for left, right in zip(*weights, strict=True)]
    return only({f"difference, {name}": found for name, found in zip(names, differences, strict=True)}, "values")


@checks("init_model_", draws=1)
def test_init_model_leaves_the_global_state_alone(code, given):
    """Nobody else's random numbers change: the global random state stays as it was."""
    model = given.module(network, name="model")
    before = torch.get_rng_state()
    code.init_model_(model, given.integer(0, 10_000))
    after = torch.get_rng_state()
    torch.set_rng_state(before)
    return {"changed bytes of the global random state": int((before != after).sum())}


@checks("trunc_normal_", gate=True, draws=1)
def test_trunc_normal_values(code, given):
    """The values follow a normal distribution truncated at two standard deviations."""
    w = given.full(300, 200, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.trunc_normal_(w)
    return {"w": drawn(w, "truncated_normal", mean=0, std=1, a=-2, b=2)}


@checks("trunc_normal_")
def test_trunc_normal_bounds(code, given):
    """No value is further than 2 std from the mean."""
    w = given.full(150, 200, value=7.0, name="w", dtype=torch.float64)
    with given.unavailable(*NN_INIT):
        code.trunc_normal_(w, mean=3.0, std=0.02)
    beyond = int(((w - 3.0).abs() > 2 * 0.02 * (1 + 1e-4)).sum())
    return {"values outside the limits": beyond}


@checks("trunc_normal_")
def test_trunc_normal_returns_w(code, given):
    """The function returns w itself."""
    w = given.full(4, 3, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        result = code.trunc_normal_(w)
    return {"the result": only(result, "shape", "aliasing"), "the result is w": result is w}


@checks("trunc_normal_")
def test_trunc_normal_refuses_zero(code, given):
    """A standard deviation of 0 raises a ValueError."""
    w = torch.zeros(4, 3, device=given.device)
    return {"std 0": raises(lambda: code.trunc_normal_(w, std=0.0))}
