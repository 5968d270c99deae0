"""Checks of topic `parameters` that students can run themselves."""

from itertools import pairwise

import torch
from torch import nn

from autograder import checks, only, raises, secret


def write(parameter, values):
    """Give a parameter new values, in place."""
    parameter.detach().copy_(values)


def affine(code, given, features, **options):
    """An Affine with drawn weights."""
    module = given.module(lambda: code.Affine(features, **options))
    write(module.weight, given.uniform(features, low=2, high=3))
    if module.bias is not None:
        write(module.bias, given.uniform(features, low=1, high=2))
    return module


def mlp(code, given, sizes):
    """An MLP of float64 with drawn weights, which are loaded under the names in the specification."""
    module = given.module(lambda: code.MLP(sizes).double())
    state = {}
    for index, (a, b) in enumerate(pairwise(sizes)):
        state[f"layers.{index}.weight"] = given.normal(b, a, dtype=torch.float64)
        state[f"layers.{index}.bias"] = given.normal(b, dtype=torch.float64)
    module.load_state_dict(state)
    return module


def negate_last_layer(module, index):
    """Flip the signs of an MLP's results, so that some of them are negative in every draw."""
    state = module.state_dict()
    for part in ("weight", "bias"):
        state[f"layers.{index}.{part}"] = -state[f"layers.{index}.{part}"]
    module.load_state_dict(state)


@checks("predicted_keys", gate=True, draws=1)
def test_predicted_keys(code, given):
    """The predicted names are those in state_dict()."""
    return {"predicted_keys": secret(" ".join(sorted({str(key) for key in code.predicted_keys})))}


@checks("predicted_count", gate=True, draws=1)
def test_predicted_count(code, given):
    """The predicted number is how many parameters the network has."""
    return {"predicted_count": secret(float(code.predicted_count))}


@checks("predicted_after_step", gate=True, draws=1)
def test_predicted_after_step(code, given):
    """The predicted number is the value of layer.weight."""
    return {"predicted_after_step": secret(round(float(code.predicted_after_step), 4))}


@checks("Affine", gate=True)
def test_affine_forward(code, given):
    """The result is x * weight + bias."""
    module = affine(code, given, 4)
    return {"module(x)": only(module(given.normal(6, 4)), "shape", "values")}


@checks("Affine")
def test_affine_parameters(code, given):
    """weight and bias are the module's parameters, and there are no others."""
    return {"Affine(5)": only(given.module(lambda: code.Affine(5)), "type", "shape", "requires_grad", "is_leaf")}


@checks("Affine")
def test_affine_start(code, given):
    """The weight starts as ones, the bias as zeros."""
    module = given.module(lambda: code.Affine(5))
    return only({"weight": module.weight, "bias": module.bias}, "shape", "values")


@checks("Affine")
def test_affine_without_bias(code, given):
    """With bias=False, the attribute is None, and neither parameters nor state_dict() have that name."""
    module = given.module(lambda: code.Affine(5, bias=False))
    return {"bias": module.bias, "Affine(5, bias=False)": only(module, "type", "shape")}


@checks("Standardize", gate=True)
def test_standardize_values(code, given):
    """The result is (x - mean) / std, with the mean and the population standard deviation of the columns of X."""
    module = given.module(lambda: code.Standardize(given.normal(6, 3, mean=1, std=2, dtype=torch.float64)))
    return {"module(x)": only(module(given.normal(4, 3, dtype=torch.float64)), "shape", "values")}


@checks("Standardize")
def test_standardize_buffers(code, given):
    """mean and std are buffers in state_dict(), and nothing else is."""
    module = given.module(lambda: code.Standardize(given.normal(6, 3)))
    return {"module": only(module, "type", "shape")}


@checks("Standardize")
def test_standardize_has_no_parameters(code, given):
    """parameters() is empty, and the buffers do not require grad."""
    module = given.module(lambda: code.Standardize(given.normal(6, 3)))
    return {
        "number of parameters": len(list(module.parameters())),
        "mean": only(module.mean, "requires_grad"),
        "std": only(module.std, "requires_grad"),
    }


@checks("Standardize")
def test_standardize_constant_column(code, given):
    """A constant column gets std 1, and gives no nan."""
    columns = [given.normal(5, 1, dtype=torch.float64), given.full(5, 1, value=3.0, dtype=torch.float64)]
    module = given.module(lambda: code.Standardize(given.watch(torch.cat(columns, dim=1), "X")))
    return only({"std": module.std, "module(x)": module(given.normal(4, 2, dtype=torch.float64))}, "values")


@checks("MLP", gate=True)
def test_mlp_forward(code, given):
    """The result is that of linear layers with a ReLU between them, and none after the last one."""
    module = mlp(code, given, [4, 8, 8, 2])
    x = given.normal(16, 4, dtype=torch.float64)
    results = {"module(x)": module(x)}
    negate_last_layer(module, 2)
    results["module(x), last layer negated"] = module(x)
    return only(results, "shape", "values")


@checks("MLP")
def test_mlp_keys(code, given):
    """The keys of state_dict() are layers.0.weight, layers.0.bias and so on, and the shapes fit the sizes."""
    return {"MLP([4, 8, 8, 2])": only(given.module(lambda: code.MLP([4, 8, 8, 2])), "type", "shape", "requires_grad")}


@checks("MLP")
def test_mlp_single_layer(code, given):
    """With two sizes, there is one linear layer and no ReLU."""
    module = mlp(code, given, [3, 2])
    return {"module(x)": only(module(given.normal(16, 3, dtype=torch.float64)), "shape", "values")}


@checks("MLP")
def test_mlp_refuses_one_size(code, given):
    """A single size raises a ValueError."""
    return {"MLP([3])": raises(lambda: code.MLP([3]))}


@checks("set_weights_", gate=True)
def test_set_weights_values(code, given):
    """The layer's weight has the values of W, and its bias those of b."""
    linear = given.module(lambda: nn.Linear(3, 2))
    code.set_weights_(linear, given.normal(2, 3), given.normal(2))
    return only({"weight": linear.weight, "bias": linear.bias}, "shape", "values")


@checks("set_weights_")
def test_set_weights_keeps_objects(code, given):
    """The layer holds the same Parameter objects as before."""
    linear = given.module(lambda: nn.Linear(3, 2))
    weight, bias = linear.weight, linear.bias
    code.set_weights_(linear, given.normal(2, 3), given.normal(2))
    return {"weight is the same object": linear.weight is weight, "bias is the same object": linear.bias is bias}


@checks("set_weights_")
def test_set_weights_keeps_flags(code, given):
    """The parameters are still leaves that require grad."""
    linear = given.module(lambda: nn.Linear(3, 2))
    code.set_weights_(linear, given.normal(2, 3), given.normal(2))
    return only({"weight": linear.weight, "bias": linear.bias}, "type", "requires_grad", "is_leaf")


@checks("set_weights_")
def test_set_weights_refuses_another_shape(code, given):
    """A W of a different shape raises a ValueError."""
    linear = given.module(lambda: nn.Linear(3, 2))
    W = given.normal(3, 2)
    return {"W of shape (3, 2), weight of shape (2, 3)": raises(lambda: code.set_weights_(linear, W))}


@checks("tie_weights", gate=True)
def test_tie_weights_follow(code, given):
    """When the embedding's parameter changes, both layers use its new values."""
    emb, decoder = given.module(lambda: nn.Embedding(7, 4)), given.module(lambda: nn.Linear(4, 7))
    weight = emb.weight
    code.tie_weights(decoder, emb)
    write(weight, given.normal(7, 4))
    return only({"decoder(x)": decoder(given.normal(5, 4)), "emb(i)": emb(given.permutation(7))}, "shape", "values")


@checks("tie_weights")
def test_tie_weights_listed_once(code, given):
    """A module that holds both layers lists the weight once."""
    emb, decoder = given.module(lambda: nn.Embedding(7, 4)), given.module(lambda: nn.Linear(4, 7))
    code.tie_weights(decoder, emb)
    return {"number of parameters": len(list(nn.ModuleList([decoder, emb]).parameters()))}


@checks("tie_weights")
def test_tie_weights_keeps_the_embeddings_parameter(code, given):
    """The embedding holds the same Parameter as before, with the same values."""
    emb, decoder = given.module(lambda: nn.Embedding(7, 4)), given.module(lambda: nn.Linear(4, 7))
    weight = emb.weight
    code.tie_weights(decoder, emb)
    return {"emb.weight": only(emb.weight, "values"), "emb.weight is the same object": emb.weight is weight}


@checks("tie_weights")
def test_tie_weights_refuses_other_shapes(code, given):
    """Weights of different shapes raise a ValueError."""
    emb, decoder = given.module(lambda: nn.Embedding(5, 3)), given.module(lambda: nn.Linear(4, 5))
    return {"shapes (5, 4) and (5, 3)": raises(lambda: code.tie_weights(decoder, emb))}
