"""Checks of topic `toolbox` that only grading runs: edge cases of the specification."""

import torch
from torch import nn

from autograder import checks, close, ignoring, only, raises


def sizes(given, count):
    """Sizes from 2 to 6, all different."""
    return [2 + int(size) for size in torch.randperm(5, generator=given.generator())[:count]]


def mixed(given, *shape, dtype=torch.float32, requires_grad=False, name="x"):
    """Positive numbers, negative numbers and zeros, equally many of each."""
    count = torch.Size(shape).numel()
    magnitudes = given.uniform(count, low=0.2, high=4.0)
    signs = given.permutation(count) % 3 - 1
    return given.tensor((magnitudes * signs).view(shape), dtype=dtype, requires_grad=requires_grad, name=name)


@checks("sample_times")
def test_sample_times_every_count(code, given):
    """There are exactly n numbers for every n up to 60, with steps that are not binary fractions, even negative ones."""
    steps = 0.1, 0.2, 0.3, 0.7, 1 / 3, -0.1
    return {f"lengths, step {step:.3g}": [len(code.sample_times(0.0, step, n)) for n in range(61)] for step in steps}


@checks("sample_times")
def test_sample_times_values_of_other_steps(code, given):
    """The values are right for negative and integer steps, for a single number, and for none at all."""
    start, step = given.number(1, 3), given.number(0.1, 0.9)
    results = {
        "negative step": code.sample_times(start, -step, 23),
        "integer start and step": code.sample_times(given.integer(2, 9), given.integer(2, 9), 11),
        "negative integer step": code.sample_times(5, -3, 6),
        "one number": code.sample_times(start, step, 1),
        "no number": code.sample_times(start, step, 0),
        "many numbers": code.sample_times(start, 1 / 3, 60),
    }
    return only(results, "shape", "values")


@checks("sample_times")
def test_sample_times_dtype(code, given):
    """The result is float32, even for integer arguments and for n = 0."""
    results = {
        "floats": code.sample_times(0.5, 0.25, 4),
        "integers": code.sample_times(2, 3, 4),
        "integer step": code.sample_times(0.5, 3, 4),
        "integer start": code.sample_times(2, 0.25, 4),
        "no number": code.sample_times(0.5, 0.25, 0),
        "integers, no number": code.sample_times(2, 3, 0),
    }
    return only(results, "type", "dtype")


@checks("sample_times")
def test_sample_times_refuses_negative_counts(code, given):
    """A negative n raises a ValueError, whatever the sign of the step."""
    return {
        "n = -1": raises(lambda: code.sample_times(0.0, 0.1, -1)),
        "n = -4, negative step": raises(lambda: code.sample_times(1.0, -0.5, -4)),
        "n = -1, integers": raises(lambda: code.sample_times(1, 2, -1)),
    }


@checks("safe_log")
def test_safe_log_of_other_tensors(code, given):
    """It works for any shape, for all or no positive numbers, and keeps the dtype."""
    return {
        "0-d, positive": code.safe_log(given.uniform((), low=0.1, high=0.9)),
        "0-d, negative": code.safe_log(given.uniform((), low=-0.9, high=-0.1)),
        "0-d, zero": code.safe_log(given.full((), value=0.0, dtype=torch.float64)),
        "empty": code.safe_log(given.normal(0, 3)),
        "all positive": code.safe_log(given.uniform(5, low=0.1, high=9.0)),
        "none positive": code.safe_log(given.tensor([-3.0, 0.0, -0.0, -0.5])),
        "float64": code.safe_log(mixed(given, 2, 6, dtype=torch.float64)),
        "float16": code.safe_log(mixed(given, 2, 6, dtype=torch.float16)),
        "transposed": code.safe_log(given.transposed(mixed(given, 3, 5))),
    }


@checks("safe_log", device="second")
def test_safe_log_on_another_device(code, given):
    """The result is on x's device."""
    x = given.tensor([2.5, -1.0, 0.0, 0.3]).to(given.second_device)
    return only({"safe_log(x)": code.safe_log(x)}, "type", "device")


@checks("safe_log")
def test_safe_log_of_tiny_and_huge_numbers(code, given):
    """Tiny and huge positive numbers and infinity all get their logarithm."""
    return {
        "tiny": code.safe_log(given.uniform(4, low=2e-38, high=2e-37)),
        "huge": code.safe_log(given.uniform(4, low=1e30, high=1e38)),
        "infinity": code.safe_log(given.tensor([1.5, float("inf"), -2.0])),
        "tiny, float64": code.safe_log(given.uniform(4, low=3e-308, high=3e-307, dtype=torch.float64)),
    }


@checks("safe_log")
def test_safe_log_gradient_elsewhere(code, given):
    """The gradient is exactly 0, and not nan, where x is not positive."""
    x = mixed(given, 12, dtype=torch.float64, requires_grad=True)
    upstream = given.normal(12, dtype=torch.float64, name="upstream")
    gradient = torch.autograd.grad(code.safe_log(x), x, upstream)[0]
    return {"gradient where x <= 0": close(only(gradient[x <= 0], "values"), rtol=0.0)}


@checks("safe_log")
def test_safe_log_gradient_of_tiny_and_huge_numbers(code, given):
    """The gradient is 1/x even for tiny and huge x: times x, it is 1."""
    results = {}
    for name, low, high in (("tiny", 2e-38, 2e-37), ("small", 1e-10, 1e-8), ("huge", 1e30, 1e37)):
        x = given.uniform(4, low=low, high=high, requires_grad=True, name=name)
        (gradient,) = torch.autograd.grad(code.safe_log(x).sum(), x)
        results[f"x * gradient, {name}"] = only(gradient * x.detach(), "values")
    return results


@checks("safe_log")
def test_safe_log_gradient_of_other_tensors(code, given):
    """The gradient is right for single numbers, for no positive numbers, and for the result of another operation."""
    inputs = {
        "0-d, positive": given.uniform((), low=0.1, high=0.9, requires_grad=True),
        "0-d, zero": given.full((), value=0.0, requires_grad=True),
        "none positive": given.tensor([-3.0, 0.0, -0.5], requires_grad=True),
        "non-leaf": given.non_leaf(mixed(given, 6)),
    }
    return {name: torch.autograd.grad(code.safe_log(x).sum(), x)[0] for name, x in inputs.items()}


@checks("pad_sequences")
def test_pad_sequences_mask_of_pad_values(code, given):
    """A real entry that happens to equal the pad value is not padding."""
    words = [given.tensor([0, 4, 0], name="words"), given.tensor([7, 0, 0, 0, 0]), given.tensor([0])]
    marks = [given.tensor([-1.0, 2.0]), given.tensor([3.0, -1.0, -1.0])]
    return {
        "pad value 0": code.pad_sequences(words)[1],
        "pad value -1": code.pad_sequences(marks, -1)[1],
    }


@checks("pad_sequences")
def test_pad_sequences_dtype(code, given):
    """The batch has the dtype and the exact values of the sequences: int64, float64, int32."""
    return {
        "int64": code.pad_sequences([given.integers(n, low=2**40, high=2**41) for n in (2, 4)])[0],
        "float64": code.pad_sequences([given.normal(n, dtype=torch.float64) for n in (3, 1, 0)])[0],
        "int32": code.pad_sequences([given.integers(n, dtype=torch.int32) for n in (1, 3)])[0],
    }


@checks("pad_sequences")
def test_pad_sequences_pad_value(code, given):
    """The padding has the value the caller asks for."""
    value = given.integer(2, 9)
    seqs = [given.normal(n) for n in (4, 0, 2)]
    return {
        "pad value -1": code.pad_sequences(seqs, -1)[0],
        "pad value 0.5": code.pad_sequences(seqs, pad_value=0.5)[0],
        "a whole number": code.pad_sequences([given.integers(n, low=10, high=20) for n in (1, 5)], value)[0],
    }


@checks("pad_sequences")
def test_pad_sequences_of_unusual_lists(code, given):
    """It works for a single sequence, for equal lengths, for only empty sequences, and for a tuple of sequences."""
    batches = {
        "one sequence": [given.normal(4)],
        "equal lengths": [given.normal(3), given.normal(3)],
        "empty sequences": [given.normal(0), given.normal(0)],
        "a tuple": (given.normal(2), given.normal(5)),
        "not contiguous": [given.non_contiguous(given.normal(3)), given.normal(1)],
    }
    return {name: dict(zip(("batch", "mask"), code.pad_sequences(seqs), strict=True)) for name, seqs in batches.items()}


@checks("pad_sequences")
def test_pad_sequences_gradient(code, given):
    """Gradients flow back to the sequences."""
    seqs = [given.normal(n, dtype=torch.float64, requires_grad=True, name=f"seqs[{n}]") for n in (3, 5, 1)]
    batch, _ = code.pad_sequences(seqs, 1.5)
    upstream = given.normal(3, 5, dtype=torch.float64, name="upstream")
    return only({"gradients": list(torch.autograd.grad(batch, seqs, upstream))}, "values")


@checks("pad_sequences", device="second")
def test_pad_sequences_on_another_device(code, given):
    """Batch and mask are on the device of the sequences."""
    batch, mask = code.pad_sequences([given.normal(n).to(given.second_device) for n in (3, 5, 1)])
    return only({"batch": batch, "mask": mask}, "shape", "dtype", "device")


class Recorder(nn.Module):
    """Passes its input on to a model and records its shape."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.seen = []

    def forward(self, x):
        self.seen.append(list(x.shape))
        return self.model(x)


@checks("predict_one")
def test_predict_one_calls_the_model_with_a_batch_of_one(code, given):
    """The model is called once, with a batch of one: for vectors, images and single numbers."""
    samples = {
        "vector": (lambda: nn.Linear(4, 3), given.normal(4)),
        "image": (lambda: nn.Conv2d(3, 2, kernel_size=2), given.normal(3, 4, 5)),
        "number": (lambda: nn.Embedding(10, 3), given.integers((), high=10)),
    }
    shapes = {}
    for name, (factory, x) in samples.items():
        model = given.module(lambda factory=factory: Recorder(factory()), name=f"model for a {name}")
        code.predict_one(model, x)
        shapes[f"shapes that the model has seen, {name}"] = model.seen
    return shapes


@checks("predict_one")
def test_predict_one_of_other_models(code, given):
    """The result is right for images, single numbers, and samples with axes of size 1."""
    image_model = given.module(lambda: nn.Sequential(nn.Conv2d(3, 2, kernel_size=2), nn.ReLU()), name="image model")
    word_model = given.module(lambda: nn.Embedding(10, 3), name="word model")
    gray_model = given.module(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, 3)), name="gray model")
    results = {
        "an image": code.predict_one(image_model, given.normal(3, 4, 5)),
        "a number": code.predict_one(word_model, given.integers((), high=10)),
        "an image with one channel": code.predict_one(gray_model, given.normal(1, 3, 3)),
        "float64": code.predict_one(given.module(lambda: nn.Linear(2, 5).double()), given.normal(2, dtype=torch.float64)),
    }
    return ignoring(results, "requires_grad")


@checks("predict_one")
def test_predict_one_keeps_every_axis_of_size_one(code, given):
    """Of all axes of size 1, only the batch axis disappears."""
    pooled = given.module(lambda: nn.Sequential(nn.Conv2d(2, 1, 2), nn.AdaptiveAvgPool2d(1)), name="pooling model")
    narrow = given.module(lambda: nn.Conv2d(2, 3, kernel_size=(1, 4)), name="narrow model")
    number = given.module(lambda: nn.Embedding(10, 1), name="word model")
    results = {
        "output (N, 1, 1, 1)": code.predict_one(pooled, given.normal(2, 3, 4)),
        "output (N, 3, 5, 1)": code.predict_one(narrow, given.normal(2, 5, 4)),
        "output (N, 1)": code.predict_one(number, given.integers((), high=10)),
    }
    return ignoring(results, "requires_grad")


@checks("predict_one")
def test_predict_one_of_a_model_without_further_axes(code, given):
    """If the output has only the batch dimension, the result is a single number without dimensions."""
    model = given.module(lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), name="model")
    x = given.normal(4, name="x")
    return {"predict_one(model, x)": ignoring(code.predict_one(model, x), "requires_grad")}


@checks("predict_one")
def test_predict_one_leaves_modes_alone(code, given):
    """The modes of the model's parts stay as they are, even if they differ, and decide what is computed."""
    evaluated = given.module(lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), name="evaluated").eval()
    partly = given.module(lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)), name="partly")
    partly[1].eval()
    given.watch(evaluated, "model in eval mode")
    given.watch(partly, "model with one part in eval mode")
    x = given.normal(4, name="x")
    results = {"in eval mode": code.predict_one(evaluated, x), "partly in eval mode": code.predict_one(partly, x)}
    return ignoring(results, "requires_grad")


@checks("predict_one")
def test_predict_one_gradient(code, given):
    """Gradients flow back to x and to the model's weights."""
    model = given.module(lambda: nn.Linear(4, 3).double(), name="model")
    x = given.normal(4, dtype=torch.float64, requires_grad=True, name="x")
    upstream = given.normal(3, dtype=torch.float64, name="upstream")
    of_x, of_weight = torch.autograd.grad(code.predict_one(model, x), (x, model.weight), upstream)
    return only({"gradient of x": of_x, "gradient of the weight": of_weight}, "values")


@checks("apply_along")
def test_apply_along_in_four_dimensions(code, given):
    """It works along each of four axes, counting from either end."""
    x = given.normal(sizes(given, 4), name="x")
    results = {f"cumsum, dim {dim}": code.apply_along(lambda t: t.cumsum(-1), x, dim) for dim in range(-4, 4)}
    return only(results, "shape", "dtype", "values")


@checks("apply_along")
def test_apply_along_with_another_number_of_results(code, given):
    """fn may return fewer or more numbers than it gets, or a single one."""
    x = given.normal(3, 5, 4, name="x")
    layer = given.module(lambda: nn.Linear(5, 7), name="layer")
    results = {f"first two, dim {dim}": code.apply_along(lambda t: t[..., :2], x, dim) for dim in (0, 1, -1)}
    results |= {f"mean, dim {dim}": code.apply_along(lambda t: t.mean(-1, keepdim=True), x, dim) for dim in (0, -2, 2)}
    results |= {f"twice, dim {dim}": code.apply_along(lambda t: torch.cat([t, -t], -1), x, dim) for dim in (0, 1, 2)}
    results["linear layer, dim 1"] = code.apply_along(layer, x, 1)
    return only(results, "shape", "dtype", "values")


@checks("apply_along")
def test_apply_along_of_other_tensors(code, given):
    """It works for one or two dimensions, axes of size 1, other dtypes and other strides."""
    results = {
        "a vector": code.apply_along(lambda t: t.flip(-1), given.normal(5), 0),
        "a vector, dim -1": code.apply_along(lambda t: t.flip(-1), given.normal(5), -1),
        "a matrix": code.apply_along(lambda t: t.cumsum(-1), given.normal(3, 4), 0),
        "axes of size 1": code.apply_along(lambda t: t.cumsum(-1), given.normal(1, 4, 1), 1),
        "along an axis of size 1": code.apply_along(lambda t: torch.cat([t, t], -1), given.normal(3, 1, 4), 1),
        "integers": code.apply_along(lambda t: t.flip(-1), given.integers(3, 4, 2), 1),
        "float64, transposed": code.apply_along(
            lambda t: t.softmax(-1), given.transposed(given.normal(2, 3, 4, dtype=torch.float64)), -2
        ),
    }
    return only(results, "shape", "dtype", "values")


@checks("apply_along")
def test_apply_along_calls_fn_once(code, given):
    """fn is called once, with the chosen axis as the last one."""
    x = given.normal(sizes(given, 3), name="x")
    spy = given.spy(lambda t: t.cumsum(-1))
    dim = given.integer(0, 2)
    code.apply_along(spy, x, dim)
    return {"calls": spy.count, "size of the last axis": [argument.shape[-1] for argument in spy.arguments]}
