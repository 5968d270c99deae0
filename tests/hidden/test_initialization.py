"""Checks for topic `initialization` that only grading runs: edge cases of the specification.

Right code fails a statistical check less than once in 10**9 times: `distributed_as` promises it.
"""

import math

import torch
from torch import nn

from autograder import checks, distributed_as, only

NN_INIT = [member for member in vars(nn.init).values() if callable(member) and member.__module__ == "torch.nn.init"]


def drawn(tensor, family, *, share=1, **parameters):
    """A tensor whose values alone are compared with a distribution; `share` of them have the false rejects of one."""
    return only(distributed_as(tensor, family, false_reject=1e-9 / share, **parameters), "values")


def normal(weight, variance, share=1):
    return drawn(weight, "normal", share=share, mean=0, std=math.sqrt(variance))


def with_drawn_signs(given, numbers):
    """Independent symmetric numbers stay so; of numbers that come in pairs of either sign, half become equal."""
    return numbers.detach() * (2 * given.bools(numbers.shape) - 1)


def normal_scores(numbers, a, b, cdf):
    """Standard normal numbers from draws of the distribution between a and b with this distribution function."""
    low, high = cdf(torch.tensor([a, b], dtype=torch.float64)).tolist()
    shares = (cdf(numbers.double()) - low) / (high - low)
    return torch.special.ndtri(shares.clamp(1e-9, 1 - 1e-9))


def each_as_a_whole(weights, scores_of, share):
    """Of many small weights that were drawn one by one, the mean and the spread of each.

    They stray as those of independent numbers do: no weight is centred, or stretched to a wanted spread.
    """
    scores = scores_of(torch.stack([weight.detach().flatten().cpu().double() for weight in weights]))
    count = scores.shape[1]
    spreads = torch.special.gammainc(torch.full((len(scores),), count / 2).double(), scores.square().sum(dim=1) / 2)
    return {
        "mean of each, standardised": drawn(scores.mean(dim=1) * math.sqrt(count), "normal", mean=0, std=1, share=share),
        "spread of each, by rank": drawn(spreads, "uniform", a=0, b=1, share=share),
    }


def many(given, fill, times=300):
    """Weights of shape (5, 6), each filled by a call of its own."""
    weights = list(torch.full((times, 5, 6), 7.0, dtype=torch.float64, device=given.device))
    for w in weights:
        fill(w)
    return weights


def half_precisions(given, fill):
    """Where numbers were drawn into tensors of float16 and bfloat16, and what these are afterwards."""
    found = {}
    for dtype in (torch.float16, torch.bfloat16):
        w = given.full(30, 20, value=70.0, dtype=dtype)
        fill(w)
        found[str(dtype)] = {"drawn": only(w < 60, "values"), "w": only(w, "shape", "dtype")}
    return found


@checks("glorot_uniform_", gate=True, weight=2, draws=1)
def test_glorot_uniform_of_any_gain_and_kernel(code, given):
    """The bound is right for any gain, kernel and fans, and for a single weight; the numbers of a call are independent."""
    shapes = (
        (given.integer(180, 220), 10, 9),
        (8, given.integer(110, 130), 3, 7),
        (given.integer(16, 20), 40, 2, 3, 4),
        (given.integer(80, 100), given.integer(170, 190)),
    )
    results = {}
    with given.unavailable(*NN_INIT):
        for shape in shapes:
            w, gain = given.full(shape, value=7.0, name=f"w with {len(shape)} dimensions"), given.number(1.3, 3)
            code.glorot_uniform_(w, gain)
            bound = gain * math.sqrt(6 / ((shape[0] + shape[1]) * math.prod(shape[2:])))
            results[f"{len(shape)} dimensions"] = drawn(with_drawn_signs(given, w), "uniform", a=-bound, b=bound, share=7)
        small, bound = many(given, code.glorot_uniform_), math.sqrt(6 / 11)
        results["small weights"] = each_as_a_whole(small, lambda w: normal_scores(w, -bound, bound, lambda x: x), share=7)
        results["half precisions"] = half_precisions(given, code.glorot_uniform_)
        results["gain 0"] = only(code.glorot_uniform_(given.full(3, 4, value=7.0), 0.0), "values")
        single, numbers = given.full(1, 1, value=7.0, name="w of shape (1, 1)"), []
        for _ in range(400):
            code.glorot_uniform_(single)
            numbers.append(single.clone())
    bound = math.sqrt(3) * (1 + 1e-6)
    return {**results, "400 draws of shape (1, 1)": drawn(torch.cat(numbers), "uniform", a=-bound, b=bound, share=7)}


@checks("he_normal_", gate=True, weight=2, draws=1)
def test_he_normal_of_any_shape(code, given):
    """The values are normal, tails included, and independent, for fans of any size and convolutions, in both modes."""
    shapes = (
        (given.integer(45, 55), given.integer(380, 420)),
        (given.integer(60, 70), 16, 3, given.integer(4, 6)),
        (given.integer(20, 30), given.integer(60, 70), 9),
        (given.integer(15, 20), 40, 2, 3, 4),
    )
    results = {}
    with given.unavailable(*NN_INIT):
        for shape in shapes:
            for mode, side in (("fan_in", 1), ("fan_out", 0)):
                w = given.full(shape, value=7.0, name=f"w with {len(shape)} sides, {mode}")
                code.he_normal_(w, mode)
                fan = shape[side] * math.prod(shape[2:])
                results[f"{len(shape)} dimensions, {mode}"] = normal(w, 2 / fan, share=12)
        results["small weights"] = each_as_a_whole(many(given, code.he_normal_), lambda w: w * math.sqrt(6 / 2), share=12)
        results["half precisions"] = half_precisions(given, code.he_normal_)
        inputs = given.integer(700, 760)
        w, single, numbers = given.full(1000, inputs, value=7.0, name="large w"), given.full(1, 1, value=7.0), []
        code.he_normal_(w)
        for _ in range(400):
            code.he_normal_(single)
            numbers.append(single.clone())
    return {
        **results,
        "over 700,000 values": normal(with_drawn_signs(given, w), 2 / inputs, share=12),
        "400 draws of shape (1, 1)": normal(torch.cat(numbers), 2, share=12),
    }


class Linear(nn.Module):
    """Another class with a familiar name: what counts is the type."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))


class Block(nn.Module):
    """Layers in containers of every kind, and a parameter and a buffer of its own."""

    def __init__(self, size):
        super().__init__()
        self.embedding = nn.Embedding(200, 60)
        self.layers = nn.ModuleList([nn.Linear(size, 120), nn.Linear(size, 120)])
        self.named = nn.ModuleDict({"plain": nn.Linear(size, 120, bias=False), "conv": nn.Conv2d(30, 12, 5, bias=False)})
        self.norms = nn.Sequential(nn.BatchNorm1d(5), nn.Sequential(nn.BatchNorm2d(6), nn.BatchNorm2d(3, affine=False)))
        self.others = nn.Sequential(nn.LayerNorm(7), nn.Conv1d(2, 3, 3), nn.PReLU(4), nn.GroupNorm(2, 4), Linear(3, 4))
        self.more = nn.ModuleList([nn.ConvTranspose2d(2, 3, 3), nn.GRU(3, 4), nn.BatchNorm3d(2), nn.Bilinear(2, 3, 4)])
        self.rest = nn.ModuleList(
            [nn.Conv3d(2, 3, 2), nn.InstanceNorm2d(3, affine=True), nn.SyncBatchNorm(2), nn.EmbeddingBag(5, 3)]
        )
        self.scale = nn.Parameter(torch.empty(3, 4))
        self.bias = nn.Parameter(torch.empty(5))
        self.register_buffer("weight", torch.empty(4, 4))


def block(size):
    """A block in which every number is drawn, statistics of BatchNorm included."""
    made = Block(size)
    with torch.no_grad():
        for tensor in (*made.parameters(), *made.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(2, 3)
            else:
                tensor.fill_(7)
    return nn.Sequential(made)


@checks("init_model_", gate=True, weight=2, draws=1)
def test_init_model_of_every_structure(code, given):
    """Layers in lists and dicts, single ones and frozen ones are initialised; every other layer and all flags stay."""
    size = given.integer(90, 110)
    model = given.module(lambda: block(size), name="model")
    for part in (model[0].layers[1], model[0].named["conv"], model[0].norms[0]):
        part.requires_grad_(False)
    given.watch(model, "model")
    linear, conv = given.module(lambda: nn.Linear(size, 90)), given.module(lambda: nn.Conv2d(60, 12, 5, groups=2))
    with torch.no_grad():
        linear.weight.fill_(float("nan"))
    given.watch(given.with_grad(linear), "linear")
    embedding, norm = given.module(lambda: nn.Embedding(300, 30)), given.module(lambda: block(size)[0].norms[0])
    before = dict(model.named_parameters())
    oblong = given.module(lambda: nn.Conv2d(30, 20, (3, 7)))
    for one in (model, linear, conv, oblong, embedding, norm):
        code.init_model_(one, given.integer(0, 10_000))
    parts, after = model[0], dict(model.named_parameters())
    return {
        "in a list": normal(parts.layers[0].weight, 2 / size, share=9),
        "frozen": normal(parts.layers[1].weight, 2 / size, share=9),
        "in a dict, without a bias": normal(parts.named["plain"].weight, 2 / size, share=9),
        "frozen convolution without a bias": normal(parts.named["conv"].weight, 2 / 750, share=9),
        "embedding": normal(parts.embedding.weight, 0.02**2, share=9),
        "norms": only(dict(parts.norms.named_parameters()), "values", "requires_grad"),
        "biases": only([layer.bias for layer in parts.layers], "values", "requires_grad"),
        "only a Linear": normal(linear.weight, 2 / size, share=9),
        "its gradients": [linear.weight.grad is None, linear.bias.grad is None],
        "only a Conv2d, in groups": normal(conv.weight, 2 / 750, share=9),
        "only a Conv2d, oblong": normal(oblong.weight, 2 / 630, share=9),
        "only an Embedding": normal(embedding.weight, 0.02**2, share=9),
        "only a BatchNorm1d": only(dict(norm.named_parameters()), "values"),
        "flags": only(after, "type", "dtype", "requires_grad", "is_leaf", "gradient"),
        "the same objects": {name: after.get(name) is before[name] for name in before},
        "parameters outside any layer": only({"scale": parts.scale, "bias": parts.bias}, "values"),
        "other layers": only([dict(part.named_parameters()) for part in (parts.others, parts.more, parts.rest)], "values"),
        "buffers": only(dict(model.named_buffers()), "values"),
    }


@checks("init_model_", weight=2, draws=1)
def test_init_model_of_many_seeds(code, given):
    """Seeds that differ in one digit give different weights, and the weights of each seed are independent numbers."""

    def weights(layers, seed):
        code.init_model_(layers.to(given.device), seed)
        return [layer.weight.detach().clone() for layer in layers]

    linear, first = nn.Sequential(nn.Linear(8, 16).double()), given.integer(1, 10_000)
    (base,), results = weights(linear, first), {}
    for seed in [first ^ 1 << place for place in range(32)] + [first + 10**place for place in range(1, 10)]:
        (other,) = weights(linear, seed)
        results[f"weights of two seeds, {abs(seed - first)} apart"] = normal(torch.cat([base, other]), 2 / 8, share=47)
    small = nn.Sequential(nn.Linear(6, 5), nn.Conv2d(2, 5, (1, 3)), nn.Embedding(5, 6)).double()
    by_layer = zip(*(weights(small, given.integer(0, 2**31)) for _ in range(300)), strict=True)
    stds = {"Linear": math.sqrt(2 / 6), "Conv2d": math.sqrt(2 / 6), "Embedding": 0.02}
    for (name, std), of_one in zip(stds.items(), by_layer, strict=True):
        results[f"small weights, {name}"] = each_as_a_whole(of_one, lambda w, std=std: w / std, share=47)
    return results


@checks("trunc_normal_", gate=True, weight=2, draws=1)
def test_trunc_normal_spread(code, given):
    """The distribution is right for any mean and std, in its spread and its middle, too; the numbers are independent."""
    results = {}
    with given.unavailable(*NN_INIT):
        for case, mean, std in (("std below 1", 3.0, 0.5), ("small std", 0.0, 0.02), ("large std", -1.0, 4.0)):
            mean, std = mean * given.number(0.8, 1.2), std * given.number(0.8, 1.2)
            w = given.full(60, 500, value=7.0, name=f"w, {case}")
            code.trunc_normal_(w, mean, std)
            limits = {"a": mean - 2 * std, "b": mean + 2 * std}
            centred = with_drawn_signs(given, w - mean) + mean
            results[case] = drawn(centred, "truncated_normal", mean=mean, std=std, share=6, **limits)
        small = many(given, code.trunc_normal_)
        results["small weights"] = each_as_a_whole(small, lambda w: normal_scores(w, -2, 2, torch.special.ndtr), share=6)
        results["half precisions"] = half_precisions(given, code.trunc_normal_)
        w, std = given.full(400, 1000, value=7.0, name="large w"), given.number(0.05, 0.1)
        code.trunc_normal_(w, std=std)
    # Of so many numbers, the spread and the middle show an error of one per cent.
    large = drawn(w, "truncated_normal", share=6, mean=0, std=std, a=-2 * std, b=2 * std)
    return {**results, "400,000 values": large}


@checks("trunc_normal_", draws=1)
def test_trunc_normal_of_any_shape(code, given):
    """Vectors, 0-d and empty tensors and parameters are filled."""
    mean, std = given.number(0.5, 1.5), given.number(1.5, 2.5)
    limits = {"mean": mean, "std": std, "a": mean - 2 * std, "b": mean + 2 * std}
    tensors = {
        "0-d": given.full((), value=70.0),
        "empty": given.full(0, value=70.0),
        "shape (0, 3)": given.full(0, 3, value=70.0),
        "0-d parameter": nn.Parameter(given.full((), value=70.0)),
    }
    vector, number, numbers = given.full(1500, value=70.0), given.full((), value=70.0), []
    with given.unavailable(*NN_INIT):
        results = {name: code.trunc_normal_(w, mean=mean, std=std) for name, w in tensors.items()}
        code.trunc_normal_(vector, mean, std)
        for _ in range(400):
            code.trunc_normal_(number, mean, std)
            numbers.append(number.clone())
    return {
        "results": only(results, "type", "shape", "dtype", "requires_grad", "is_leaf", "aliasing"),
        "a vector": drawn(vector, "truncated_normal", **limits),
        "400 draws of a single number": drawn(torch.stack(numbers), "truncated_normal", **limits),
    }
