"""Checks of topic `toolbox` that students can run themselves."""

import torch
from torch import nn

from autograder import checks, ignoring, only, raises, secret


def sizes(given, count):
    """Sizes from 2 to 6, all different."""
    return [2 + int(size) for size in torch.randperm(5, generator=given.generator())[:count]]


def mixed(given, *shape, requires_grad=False, name="x"):
    """Positive numbers, negative numbers and zeros, equally many of each."""
    count = torch.Size(shape).numel()
    magnitudes = given.uniform(count, low=0.2, high=4.0)
    signs = given.permutation(count) % 3 - 1
    return given.tensor((magnitudes * signs).view(shape), requires_grad=requires_grad, name=name)


@checks("predicted_gradient", gate=True, draws=1)
def test_predicted_gradient(code, given):
    """The three predicted numbers are the gradient."""
    first, second, third = [str(round(float(number), 4) + 0.0) for number in code.predicted_gradient]
    return {"at -1": secret(first), "at 0": secret(second), "at 4": secret(third)}


@checks("predicted_shapes", gate=True, draws=1)
def test_predicted_shapes(code, given):
    """The three predicted tuples are the shapes of the three results."""
    first, second, third = [
        (shape,) if isinstance(shape, int) else tuple(int(size) for size in shape) for shape in code.predicted_shapes
    ]
    return {"all_of_them": secret(first), "first": secret(second), "second": secret(third)}


@checks("sample_times", gate=True)
def test_sample_times_values(code, given):
    """Number i is start + i*step, in float32."""
    start, step, n = given.number(1, 2), given.number(0.05, 0.9), given.integer(8, 30)
    return {"sample_times(start, step, n)": only(code.sample_times(start, step, n), "type", "shape", "dtype", "values")}


@checks("sample_times")
def test_sample_times_counts(code, given):
    """There are exactly n numbers: with the step 0.1, for n = 3, 6, 12 and others, and with n = 0."""
    counts = 0, 3, 6, 12, given.integer(20, 60), given.integer(100, 200)
    return {f"n = {n}": only(code.sample_times(0.0, 0.1, n), "shape") for n in counts}


@checks("sample_times")
def test_sample_times_refuses_negative_counts(code, given):
    """A negative n raises a ValueError, whatever the sign of the step."""
    n = -given.integer(2, 9)
    return {
        "n = -1": raises(lambda: code.sample_times(0.0, 0.1, -1)),
        f"n = {n}, negative step": raises(lambda: code.sample_times(1.0, -0.5, n)),
        f"n = {n}, integers": raises(lambda: code.sample_times(1, 2, n)),
    }


@checks("safe_log", gate=True)
def test_safe_log_values(code, given):
    """The result is log(x) where x > 0, and 0 elsewhere."""
    x = mixed(given, 3, 4)
    return {"safe_log(x)": only(code.safe_log(x), "type", "shape", "dtype", "values")}


@checks("safe_log")
def test_safe_log_gradient(code, given):
    """The gradient is 1/x where x > 0, and exactly 0 elsewhere."""
    x = mixed(given, 3, 4, requires_grad=True)
    upstream = given.normal(3, 4, name="upstream")
    return {"gradient": torch.autograd.grad((code.safe_log(x) * upstream).sum(), x)[0]}


@checks("pad_sequences", gate=True)
def test_pad_sequences_batch(code, given):
    """Each row of the batch is a sequence followed by padding."""
    lengths = 3, 0, 5 + given.integer(0, 4), 1
    seqs = [given.normal(lengths[i], name=f"seqs[{i}]") for i in given.permutation(4).tolist()]
    batch, _ = code.pad_sequences(seqs)
    return {"batch": batch}


@checks("pad_sequences")
def test_pad_sequences_mask(code, given):
    """The mask is True at the real entries and only there, even if a real entry equals the pad value."""
    lengths = 3, 0, 5 + given.integer(0, 4), 1
    seqs = [given.normal(lengths[i], name=f"seqs[{i}]") for i in given.permutation(4).tolist()]
    words = [given.tensor([0, given.integer(1, 9), 0]), given.tensor([7, 0, 0, 0, 0]), given.tensor([0])]
    return {"mask": code.pad_sequences(seqs)[1], "mask of words that contain 0": code.pad_sequences(words)[1]}


@checks("pad_sequences")
def test_pad_sequences_refuses_an_empty_list(code, given):
    """An empty list raises a ValueError."""
    value = given.integer(1, 100)
    return {
        "an empty list": raises(lambda: code.pad_sequences([])),
        f"an empty list, pad value {value}": raises(lambda: code.pad_sequences([], value)),
    }


@checks("predict_one", gate=True)
def test_predict_one_values(code, given):
    """The result is the model's output for x, without a batch dimension."""
    inputs, outputs = sizes(given, 2)
    model = given.module(lambda: nn.Linear(inputs, outputs), name="model")
    x = given.normal(inputs, name="x")
    return {"predict_one(model, x)": ignoring(code.predict_one(model, x), "requires_grad")}


@checks("predict_one")
def test_predict_one_keeps_an_output_of_size_one(code, given):
    """Of all axes of size 1, only the batch axis disappears."""
    size = given.integer(3, 7)
    single = given.module(lambda: nn.Linear(size, 1), name="model with one output")
    pooled = given.module(lambda: nn.Sequential(nn.Conv2d(2, 1, 2), nn.AdaptiveAvgPool2d(1)), name="pooling model")
    narrow = given.module(lambda: nn.Conv2d(2, 3, kernel_size=(1, size)), name="narrow model")
    results = {
        "output (N, 1)": code.predict_one(single, given.normal(size, name="x")),
        "output (N, 1, 1, 1)": code.predict_one(pooled, given.normal(2, 3, size, name="image")),
        "output (N, 3, 5, 1)": code.predict_one(narrow, given.normal(2, 5, size, name="narrow image")),
    }
    return ignoring(results, "requires_grad")


@checks("apply_along", gate=True)
def test_apply_along_each_axis(code, given):
    """fn is applied along the axis you name, and all axes stay where they are."""
    x = given.normal(sizes(given, 3), name="x")
    return {f"cumsum, dim {dim}": code.apply_along(lambda t: t.cumsum(-1), x, dim) for dim in range(3)}


@checks("apply_along")
def test_apply_along_counting_from_the_end(code, given):
    """A negative dim counts from the end."""
    x = given.normal(sizes(given, 3), name="x")
    return {f"softmax, dim {dim}": code.apply_along(lambda t: t.softmax(-1), x, dim) for dim in (-1, -2, -3)}
