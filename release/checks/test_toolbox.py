"""Checks of topic `toolbox` that students can run themselves."""

import torch
from torch import nn

from autograder import checks, close, ignoring, only, raises, secret


def sizes(given, count):
    """Sizes from 2 to 6, all different."""
    return [2 + int(size) for size in torch.randperm(5, generator=given.generator())[:count]]


def mixed(given, *shape, requires_grad=False, name="x"):
    """Positive numbers, negative numbers and zeros, equally many of each."""
    count = torch.Size(shape).numel()
    magnitudes = given.uniform(count, low=0.2, high=4.0)
    signs = given.permutation(count) % 3 - 1
    return given.tensor((magnitudes * signs).view(shape), requires_grad=requires_grad, name=name)


def gradients_of(inputs, result, upstream):
    """What reaches the inputs when `upstream` is sent back from the result; None if nothing does."""
    if not result.requires_grad:
        return None
    return list(torch.autograd.grad((result * upstream).sum(), inputs, allow_unused=True))


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
    """Number i is start + i*step, in float32; the step may be negative, and all may be integers."""
    start, step, n = given.number(1, 2), given.number(0.05, 0.9), given.integer(8, 30)
    results = {
        "sample_times(start, step, n)": code.sample_times(start, step, n),
        "negative step": code.sample_times(start, -step, n),
        "integers": code.sample_times(given.integer(2, 9), given.integer(2, 9), n),
    }
    return only(results, "type", "shape", "dtype", "values")


@checks("sample_times")
def test_sample_times_counts(code, given):
    """There are exactly n numbers: with the step 0.1, for n = 3, 6, 12 and others, and with n = 0."""
    counts = 0, 3, 6, 12, given.integer(20, 60), given.integer(100, 200)
    return {f"n = {n}": only(code.sample_times(0.0, 0.1, n), "shape") for n in counts}


@checks("sample_times")
def test_sample_times_precision(code, given):
    """The relative error is below 1e-5 even next to 0, after many steps, and under another default dtype."""
    step, count = given.number(0.3, 0.9), given.integer(8_000, 10_000)
    # The number at `count` is the last one below 0.
    first = -step * (count + given.number(0.2, 0.8))
    times = code.sample_times(first, step, count + 9)
    with given.default_dtype(torch.float16):
        small = code.sample_times(first, step, count + 9)
    with given.default_dtype(torch.float64):
        large = code.sample_times(first, step, 3)
    return {
        "numbers next to 0": close(only(times[count - 1 : count + 3], "shape", "values"), rtol=1e-5, atol=0.0),
        "default float16": close(only(small[count + 2 :], "shape", "dtype", "values"), rtol=1e-5, atol=0.0),
        "default float64": only(large, "shape", "dtype"),
    }


@checks("sample_times", weight=0.5)
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


@checks("safe_log")
def test_safe_log_of_tiny_numbers_and_nan(code, given):
    """Value and gradient are right for tiny positive numbers, and 0 for nan."""
    tiny = given.uniform(4, low=2e-38, high=2e-37, requires_grad=True, name="tiny numbers")
    x = given.tensor([float("nan"), given.number(1, 2), -1.0], requires_grad=True, name="x with nan")
    results = {"tiny numbers": code.safe_log(tiny), "x with nan": code.safe_log(x)}
    gradients = [
        torch.autograd.grad(results[name].sum(), each)[0] for name, each in (("tiny numbers", tiny), ("x with nan", x))
    ]
    return {
        "safe_log of": only(results, "values"),
        "gradient of tiny numbers": close(only(gradients[0], "values"), rtol=1e-5, atol=0.0),
        "gradient of x with nan": only(gradients[1], "values"),
    }


@checks("safe_log", device="second")
def test_safe_log_shape_dtype_and_device(code, given):
    """The result has x's shape and dtype, and is on x's device."""
    results = {
        "float16": code.safe_log(given.normal(3, 2, dtype=torch.float16)),
        "float64": code.safe_log(mixed(given, 6).double()),
        "0-d": code.safe_log(given.uniform((), low=0.1, high=0.9)),
        "on another device": code.safe_log(given.tensor([2.5, -1.0, 0.0, 0.3]).to(given.second_device)),
    }
    return only(results, "type", "shape", "dtype", "device", "values")


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


@checks("pad_sequences", device="second")
def test_pad_sequences_pad_value_dtype_and_device(code, given):
    """The pad value is the one asked for; the batch has the sequences' dtype, and both results are on their device."""
    value, longest = given.integer(2, 9), given.integer(4, 9)
    whole, whole_mask = code.pad_sequences([given.integers(n, low=10, high=20) for n in (1, longest)], value)
    fractions, _ = code.pad_sequences([given.normal(n, dtype=torch.float64) for n in (longest, 2)], 0.5)
    moved, mask = code.pad_sequences([given.normal(n).to(given.second_device) for n in (3, longest, 1)])
    return {
        f"batch, pad value {value}, int64": whole,
        f"mask, pad value {value}, int64": whole_mask,
        "batch, pad value 0.5, float64": fractions,
        "batch on another device": only(moved, "type", "shape", "dtype", "device"),
        "mask on another device": only(mask, "type", "shape", "dtype", "device"),
    }


@checks("pad_sequences")
def test_pad_sequences_gradient(code, given):
    """Gradients flow back to the sequences."""
    longest = given.integer(4, 9)
    seqs = [given.normal(n, dtype=torch.float64, requires_grad=True, name=f"seqs[{n}]") for n in (3, longest, 1)]
    batch, _ = code.pad_sequences(seqs, 1.5)
    upstream = given.normal(3, longest, dtype=torch.float64, name="upstream")
    return {"gradients": only(list(torch.autograd.grad((batch * upstream).sum(), seqs)), "values")}


@checks("pad_sequences", weight=0.5)
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


class Recorder(nn.Module):
    """Passes its input on to a model, and records it with the modes of the model's parts."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.seen = []
        self.modes = []

    def forward(self, x):
        self.seen.append(x.detach().clone())
        self.modes.append([part.training for part in self.modules()])
        return self.model(x)


@checks("predict_one")
def test_predict_one_calls_the_model_once(code, given):
    """The model itself is called once, with x as a batch of one and in its own modes, and its hooks run."""
    size = given.integer(4, 8)
    samples = {
        "a vector": (lambda: nn.Linear(size, 3), given.normal(size)),
        "an image, float64": (
            lambda: nn.Sequential(nn.Conv2d(3, 2, 2), nn.BatchNorm2d(2)).double(),
            given.normal(3, 4, size, dtype=torch.float64),
        ),
        "a number": (lambda: nn.Embedding(10, 3), given.integers((), high=10)),
    }
    seen = {}
    for name, (factory, x) in samples.items():
        model = given.module(lambda factory=factory: Recorder(factory()), name=f"model for {name}")
        list(model.modules())[-1].eval()
        given.watch(model, f"model for {name}")
        code.predict_one(model, x)
        seen[f"what the model saw, {name}"] = only(model.seen, "shape", "dtype", "values")
        seen[f"the modes of its parts during and after the call, {name}"] = [
            *model.modes,
            [part.training for part in model.modules()],
        ]
    hooked = given.module(lambda: nn.Linear(size, 3), name="model with hooks")
    factor = given.number(2, 5)
    hooked.register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1,))
    hooked.register_forward_hook(lambda module, inputs, output: output * factor)
    result = code.predict_one(hooked, given.normal(size))
    return seen | {"result of a model with hooks": only(result, "shape", "values")}


@checks("predict_one")
def test_predict_one_gradient(code, given):
    """Gradients flow back to x and to the model's parameters, even if x requires no grad."""
    size = given.integer(3, 7)
    model = given.module(lambda: nn.Linear(size, 3).double(), name="model")
    x = given.normal(size, dtype=torch.float64, requires_grad=True, name="x")
    upstream = given.normal(3, dtype=torch.float64, name="upstream")
    plain = given.normal(size, dtype=torch.float64, name="x that requires no grad")
    gradients = {
        "x, the weight": gradients_of((x, model.weight), code.predict_one(model, x), upstream),
        "the weight, if x requires no grad": gradients_of((model.weight,), code.predict_one(model, plain), upstream),
    }
    return only(gradients, "values")


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


@checks("apply_along")
def test_apply_along_with_another_number_of_results(code, given):
    """fn may return more or fewer numbers than it gets, and another dtype."""
    x = given.normal(sizes(given, 3), name="x")
    dim = given.integer(0, 3)
    results = {
        f"first two, dim {dim}": code.apply_along(lambda t: t[..., :2], x, dim),
        f"mean, dim {dim}": code.apply_along(lambda t: t.mean(-1, keepdim=True), x, dim),
        f"twice, dim {dim}": code.apply_along(lambda t: torch.cat([t, -t], -1), x, dim),
        f"order, dim {dim}": code.apply_along(lambda t: t.argsort(-1), x, dim),
    }
    return only(results, "shape", "dtype", "values")


@checks("apply_along")
def test_apply_along_calls_fn_once(code, given):
    """fn is called once, with the chosen axis as the last one."""
    seen = {}
    for count in (2, 3):
        x = given.normal(sizes(given, count))
        dim = given.integer(-count, count)
        spy = given.spy(lambda t: t.cumsum(-1))
        code.apply_along(spy, x, dim)
        seen[f"calls, {count}-d"] = spy.count
        seen[f"size of the last axis, {count}-d"] = [argument.shape[-1] for argument in spy.arguments]
    return seen
