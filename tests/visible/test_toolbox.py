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
    """Number i is start + i*step."""
    start, step, n = given.number(-2, 2), given.number(0.05, 0.9), given.integer(8, 30)
    return {"sample_times(start, step, n)": only(code.sample_times(start, step, n), "shape", "values")}


@checks("sample_times")
def test_sample_times_counts(code, given):
    """There are exactly n numbers, for the step 0.1 and n = 3, 6 and 12."""
    return {f"n = {n}": only(code.sample_times(0.0, 0.1, n), "shape") for n in (3, 6, 12)}


@checks("safe_log", gate=True)
def test_safe_log_values(code, given):
    """The result is log(x) where x > 0, and 0 elsewhere."""
    x = mixed(given, 3, 4)
    return {"safe_log(x)": code.safe_log(x)}


@checks("safe_log")
def test_safe_log_gradient(code, given):
    """The gradient is 1/x where x > 0, and 0 elsewhere."""
    x = mixed(given, 3, 4, requires_grad=True)
    upstream = given.normal(3, 4, name="upstream")
    return {"gradient": torch.autograd.grad((code.safe_log(x) * upstream).sum(), x)[0]}


@checks("pad_sequences", gate=True)
def test_pad_sequences_batch(code, given):
    """Each row of the batch is a sequence followed by padding."""
    lengths = (3, 0, 5, 1)
    seqs = [given.normal(lengths[i], name=f"seqs[{i}]") for i in given.permutation(4).tolist()]
    batch, _ = code.pad_sequences(seqs)
    return {"batch": batch}


@checks("pad_sequences")
def test_pad_sequences_mask(code, given):
    """The mask is True at the real entries and only there."""
    lengths = (3, 0, 5, 1)
    seqs = [given.normal(lengths[i], name=f"seqs[{i}]") for i in given.permutation(4).tolist()]
    _, mask = code.pad_sequences(seqs)
    return {"mask": mask}


@checks("pad_sequences")
def test_pad_sequences_refuses_an_empty_list(code, given):
    """An empty list raises a ValueError."""
    return {"an empty list": raises(lambda: code.pad_sequences([]))}


@checks("predict_one", gate=True)
def test_predict_one_values(code, given):
    """The result is the model's output for x, without a batch dimension."""
    model = given.module(lambda: nn.Linear(4, 3), name="model")
    x = given.normal(4, name="x")
    return {"predict_one(model, x)": ignoring(code.predict_one(model, x), "requires_grad")}


@checks("predict_one")
def test_predict_one_keeps_an_output_of_size_one(code, given):
    """A model with a single output gives a result of shape (1,)."""
    model = given.module(lambda: nn.Linear(4, 1), name="model")
    x = given.normal(4, name="x")
    return {"predict_one(model, x)": ignoring(code.predict_one(model, x), "requires_grad")}


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
