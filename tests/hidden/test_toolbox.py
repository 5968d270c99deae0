"""Checks of topic `toolbox` that only grading runs: edge cases of the specification."""

import contextlib

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


@checks("sample_times", gate=True)
def test_sample_times_values_of_other_steps(code, given):
    """The values are right for any step and many numbers: the relative error of each is below 1e-5."""
    start, step, count = given.number(1, 3), given.number(0.3, 0.9), given.integer(8_000, 10_000)
    results = {
        "negative step": code.sample_times(start, -step, 23),
        "step 0": code.sample_times(start, 0.0, given.integer(3, 9)),
        "integer start and step": code.sample_times(given.integer(2, 9), given.integer(2, 9), 11),
        "negative integer step": code.sample_times(5, -given.integer(2, 5), 6),
        "one number": code.sample_times(start, step, 1),
        "many numbers": code.sample_times(start, 1 / 3, given.integer(60, 90)),
        "large integers": code.sample_times(2**40, 2**33, given.integer(3, 9)),
    }
    code.sample_times(start, step, 5).zero_()
    results["once more, after the first result was changed"] = code.sample_times(start, step, 5)
    # The first number is far below 0; the number at `count` is the last one there.
    first = -step * (count + given.number(0.2, 0.8))
    times = code.sample_times(first, step, 2 * count)
    long = code.sample_times(-step * (60_000 + given.number(0.2, 0.8)), step, 60_010)
    tiny = code.sample_times(0.0, given.number(1, 9) * 1e-10, 9)
    precise = {
        "after very many": long[60_001],
        "tiny step": tiny[1:] * 1e10,
        "next to 0": times[count - 1],
        "behind 0": times[count + 2],
        "later": times[count + 5],
    }
    with given.default_dtype(torch.float16):
        precise["default float16"] = code.sample_times(first, step, 2 * count)[count + 3]
        precise["default float16, integers"] = code.sample_times(5, 3, 4001)[-1]
    with given.default_dtype(torch.float64):
        precise["default float64"] = code.sample_times(first, step, 3)[-1]
    return {
        "numbers": only(results, "shape", "values"),
        "precise": close(only(precise, "values"), rtol=1e-5, atol=0.0),
    }


@checks("sample_times")
def test_sample_times_every_count(code, given):
    """There are exactly n numbers for any n up to 60 and any step, in float32 even for integers and n = 0."""
    drawn = given.permutation(58).tolist()
    results = {}
    for step in (0.1, 0.2, 0.3, 0.7, 1 / 3, -0.1, given.number(0.1, 0.9)):
        for n in (3, 6, *[3 + each for each in drawn[:12]]):
            results[f"step {step:.3g}, n = {n}"] = code.sample_times(0.0, step, n)
    n = given.integer(4, 20)
    results |= {
        "integers": code.sample_times(2, 3, n),
        "integer step": code.sample_times(0.5, 3, n),
        "integer start": code.sample_times(2, 0.25, n),
        "no number": code.sample_times(0.5, 0.25, 0),
        "integers, no number": code.sample_times(2, 3, 0),
        "integers, no number, negative step": code.sample_times(2, -3, 0),
    }
    return only(results, "type", "shape", "dtype")


@checks("safe_log", gate=True)
def test_safe_log_of_other_tensors(code, given):
    """Values, dtype and gradient are right for every shape and dtype, for tiny and huge numbers, infinity and nan."""
    with given.default_dtype(torch.float64):
        half = code.safe_log(given.normal((), dtype=torch.bfloat16))
    values = {
        "0-d, bfloat16, default float64": half,
        "0-d, positive": code.safe_log(given.uniform((), low=0.1, high=0.9)),
        "0-d, negative": code.safe_log(given.uniform((), low=-0.9, high=-0.1)),
        "0-d, zero": code.safe_log(given.full((), value=0.0, dtype=torch.float64)),
        "empty": code.safe_log(given.normal(0, 3)),
        "all positive": code.safe_log(given.uniform(5, low=0.1, high=9.0)),
        "none positive": code.safe_log(given.tensor([-3.0, 0.0, -0.0, -0.5])),
        "float64": code.safe_log(mixed(given, 2, 6, dtype=torch.float64)),
        "float16": code.safe_log(mixed(given, 2, 6, dtype=torch.float16)),
        "transposed": code.safe_log(given.transposed(mixed(given, 3, 5))),
        "tiny and huge, bfloat16": code.safe_log(given.tensor([2e-38, 3e-20, 5e20, 1e38], dtype=torch.bfloat16)),
        "tiny": code.safe_log(given.uniform(4, low=2e-38, high=2e-37)),
        "huge": code.safe_log(given.uniform(4, low=1e30, high=1e38)),
        "the smallest normal number": code.safe_log(given.tensor([torch.finfo(torch.float32).tiny, -1.0])),
        "tiny, float64": code.safe_log(given.uniform(4, low=3e-308, high=3e-307, dtype=torch.float64)),
        "infinity": code.safe_log(given.tensor([given.number(1, 2), float("inf"), float("-inf"), -2.0])),
        "nan": code.safe_log(given.tensor([-1.0, given.number(1, 2), float("nan")])),
    }
    results = {}
    for name, low, high in (("tiny", 2e-38, 2e-37), ("small", 1e-10, 1e-8), ("huge", 1e30, 1e37)):
        x = given.uniform(4, low=low, high=high, requires_grad=True, name=name)
        (gradient,) = torch.autograd.grad(code.safe_log(x).sum(), x)
        results[f"gradient, {name}"] = close(only(gradient, "values"), rtol=1e-5, atol=0.0)
    inputs = {
        "0-d, positive": given.uniform((), low=0.1, high=0.9, requires_grad=True),
        "0-d, zero": given.full((), value=0.0, requires_grad=True),
        "none positive": given.tensor([-3.0, 0.0, -0.5], requires_grad=True),
        "nan and infinities": given.tensor([float("nan"), float("-inf"), given.number(1, 2)], requires_grad=True),
        "non-leaf": given.non_leaf(mixed(given, 6)),
    }
    results |= {name: torch.autograd.grad(code.safe_log(x).sum(), x)[0] for name, x in inputs.items()}
    x = mixed(given, 12, dtype=torch.float64, requires_grad=True, name="float64")
    # Two summands get the same incoming gradient, one that overlaps in memory or not.
    upstream = given.normal(12, dtype=torch.float64, name="upstream")
    overlapping = given.full((), value=given.number(1, 3), dtype=torch.float64, name="overlapping upstream").expand(12)
    results["float64, of safe_log(x) + x"] = torch.autograd.grad(code.safe_log(x) + x, x, upstream)[0]
    results["float64, of x + safe_log(x)"] = torch.autograd.grad(x + code.safe_log(x), x, overlapping)[0]
    values = only(values, "type", "shape", "dtype", "device", "values")
    return results | {"safe_log of": values, "incoming gradients": [upstream, overlapping]}


@checks("pad_sequences")
def test_pad_sequences_of_unusual_lists(code, given):
    """Any pad value and dtype work, a single sequence, equal lengths, only empty ones, a tuple, and any strides."""
    value, longest = given.integer(2, 9), given.integer(4, 9)
    seqs = [given.normal(n) for n in (longest, 0, 2)]
    batches = {
        "pad value -1": (seqs, -1),
        "pad value 0.5": (seqs, 0.5),
        f"pad value {value}, int64": ([given.integers(n, low=10, high=20) for n in (1, longest)], value),
        "pad value -1 among the entries": ([given.tensor([-1.0, 2.0]), given.tensor([3.0, -1.0, -1.0])], -1),
        "pad value infinity": (seqs, float("-inf")),
        "pad value with many digits, int64": ([given.integers(n) for n in (3, 1)], 2**24 + value),
        "pad value with many digits, float64": ([given.normal(n, dtype=torch.float64) for n in (3, 1)], 1 / 3 + value),
        "large int64": ([given.integers(n, low=2**60, high=2**61) for n in (2, longest)],),
        "float64": ([given.normal(n, dtype=torch.float64) for n in (3, 1, 0)],),
        "float16": ([given.normal(n, dtype=torch.float16) for n in (3, 1)],),
        "int32": ([given.integers(n, dtype=torch.int32) for n in (1, 3)],),
        "bool": ([given.bools(n) for n in (1, 3)],),
        "bfloat16": ([given.normal(n, std=1e30, dtype=torch.bfloat16) for n in (1, 3)],),
        "complex64": ([given.normal(n, dtype=torch.complex64) for n in (1, 3)],),
        "nan and infinity among the entries": (
            [given.tensor([float("nan"), given.number()]), given.tensor([float("inf")])],
        ),
        "a long sequence": ([given.normal(given.integer(600, 700)), given.normal(3)],),
        "one sequence": ([given.normal(longest)],),
        "equal lengths": ([given.normal(3), given.normal(3)],),
        "empty sequences": ([given.normal(0), given.normal(0)],),
        "a tuple": ((given.normal(2), given.normal(longest)),),
        "not contiguous": ([given.non_contiguous(given.normal(3)), given.normal(1)],),
        "one sequence twice": ([seqs[0], seqs[2], seqs[0]],),
    }
    results = {
        name: dict(zip(("batch", "mask"), code.pad_sequences(*arguments), strict=True))
        for name, arguments in batches.items()
    }
    frozen = [given.normal(2), given.normal(4, requires_grad=True, name="the only one that requires grad")]
    partly, _ = code.pad_sequences(frozen)
    gradient = torch.autograd.grad(partly.sum(), frozen[1])[0]
    return results | {"gradient of the only one that requires grad": only(gradient, "values")}


@checks("predict_one", gate=True, device="second")
def test_predict_one_of_other_models(code, given):
    """The result is right for images, single numbers, samples with axes of size 1, float64, and in every mode."""
    classes = given.integer(2, 7)
    image_model = given.module(lambda: nn.Sequential(nn.Conv2d(3, 2, kernel_size=2), nn.ReLU()), name="image model")
    word_model = given.module(lambda: nn.Embedding(10, classes), name="word model")
    single_word_model = given.module(lambda: nn.Embedding(10, 1), name="word model with one output")
    gray_model = given.module(
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, classes)), name="gray model"
    )
    nan_image = given.normal(3, 4, 5)
    nan_image[given.integer(0, 3), 0, 0] = float("nan")
    given.watch(nan_image, "image with nan")
    number_model = given.module(lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), name="number model")
    evaluated = given.module(lambda: nn.Sequential(nn.Linear(4, classes), nn.BatchNorm1d(classes)), name="evaluated").eval()
    partly = given.module(
        lambda: nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 2), nn.BatchNorm2d(2)), name="partly"
    )
    partly[1].eval()
    given.watch(evaluated, "model in eval mode")
    given.watch(partly, "model with one part in eval mode")
    volume_model = given.module(lambda: nn.Conv3d(1, 1, 2), name="volume model")
    results = {
        "a volume": code.predict_one(volume_model, given.normal(1, 3, 4, 5)),
        "a volume with gaps": code.predict_one(volume_model, given.non_contiguous(given.normal(1, 3, 4, 5))),
        "a transposed image": code.predict_one(image_model, given.transposed(given.normal(3, 4, 5))),
        "a part of an image": code.predict_one(image_model, given.sliced(given.normal(3, 4, 5))),
        "an image with nan": code.predict_one(image_model, nan_image),
        "an image": code.predict_one(image_model, given.normal(3, 4, 5)),
        "a number": code.predict_one(word_model, given.integers((), high=10)),
        "a number, one output": code.predict_one(single_word_model, given.integers((), high=10)),
        "an image with one channel": code.predict_one(gray_model, given.normal(1, 3, 3)),
        "float64": code.predict_one(given.module(lambda: nn.Linear(2, 5).double()), given.normal(2, dtype=torch.float64)),
        "output (N,)": code.predict_one(number_model, given.normal(4)),
        "in eval mode": code.predict_one(evaluated, given.normal(4)),
        "partly in eval mode": code.predict_one(partly, given.normal(1, 4, 5)),
    }
    seen = given.spy(lambda batch: batch.double() @ torch.ones(4, 1, dtype=torch.float64, device=batch.device))
    other = given.module(lambda: nn.Linear(4, 1).double(), name="model of another dtype")
    other.forward = seen
    results["a model that takes another dtype"] = code.predict_one(other, given.normal(4))
    code.predict_one(other, given.normal(4).to(given.second_device))
    saw = only(seen.arguments, "shape", "dtype", "device", "values")
    words = given.module(lambda: nn.Embedding(10, 3).double(), name="word model in float64")
    frozen = given.module(lambda: nn.Linear(4, 3).double(), name="frozen model")
    frozen.requires_grad_(False)
    given.watch(frozen, "frozen model")
    x = given.normal(4, dtype=torch.float64, requires_grad=True, name="x")
    word_result, frozen_result = code.predict_one(words, given.integers((), high=10)), code.predict_one(frozen, x)
    gradients = {
        "an embedding": torch.autograd.grad(word_result.sum(), words.weight)[0],
        "x, if the model is frozen": torch.autograd.grad(frozen_result.sum(), x)[0],
    }
    with torch.no_grad():
        code.predict_one(words, given.integers((), high=10))
        recording = torch.is_grad_enabled()
    too_few = given.module(lambda: nn.BatchNorm1d(4), name="model that refuses a batch of one")
    results = ignoring(results, "requires_grad")
    refusal = raises(lambda: code.predict_one(too_few, given.normal(4)))
    return {
        "recorded, though off": recording,
        "of a refusal": refusal,
        "result of": results,
        "what a model of another dtype saw": saw,
        "gradient of": only(gradients, "values"),
    }


@checks("apply_along", gate=True)
def test_apply_along_of_other_tensors(code, given):
    """It works for one to four dimensions, axes of size 1, other dtypes and strides, and for every fn, called once."""
    x = given.normal(sizes(given, 4), name="x")
    results = {f"4-d, dim {dim}": code.apply_along(lambda t: t.cumsum(-1), x, dim) for dim in range(-4, 4)}
    n = given.integer(3, 8)
    results |= {
        "a vector": code.apply_along(lambda t: t.flip(-1), given.normal(n), 0),
        "a vector, dim -1": code.apply_along(lambda t: t.flip(-1), given.normal(n), -1),
        "a matrix": code.apply_along(lambda t: t.cumsum(-1), given.normal(3, n), 0),
        "axes of size 1": code.apply_along(lambda t: t.cumsum(-1), given.normal(1, n, 1), 1),
        "along an axis of size 1": code.apply_along(lambda t: torch.cat([t, t], -1), given.normal(3, 1, n), 1),
        "no element": code.apply_along(lambda t: t.cumsum(-1), given.normal(3, 0, n), 0),
        "integers": code.apply_along(lambda t: t.flip(-1), given.integers(3, n, 2), 1),
        "float64, transposed": code.apply_along(
            lambda t: t.softmax(-1), given.transposed(given.normal(2, 3, n, dtype=torch.float64)), -2
        ),
        "nothing left": code.apply_along(lambda t: t[..., :0], x, 1),
        "mean, dim -2": code.apply_along(lambda t: t.mean(-1, keepdim=True), x, -2),
        "order, dim -1": code.apply_along(lambda t: t.argsort(-1), x, -1),
        "linear layer": code.apply_along(
            given.module(lambda: nn.Linear(n, 7), name="layer"), given.normal(3, n, 4, name="input of a layer"), 1
        ),
    }
    wide = given.normal(2, 1, 2, 1, 3, 2)
    results |= {f"6-d, dim {dim}": code.apply_along(lambda t: t.cumsum(-1), wide, dim) for dim in (0, 2, -2)}
    odd = given.tensor([[float("nan"), 1.0, float("inf")], [-float("inf"), 0.0, given.number()]])
    results["nan and infinity"] = code.apply_along(lambda t: t.flip(-1), odd, 0)
    results["tiny, times 1e30"] = code.apply_along(lambda t: t.flip(-1), given.normal(3, n, std=1e-30), 0) * 1e30
    unchanged = given.normal(sizes(given, 3), name="x of an fn that raises")
    with contextlib.suppress(ZeroDivisionError):
        code.apply_along(lambda t: t / (1 // 0), unchanged, 0)
    spy = given.spy(lambda t: t.cumsum(-1))
    code.apply_along(spy, given.normal(n), -1)
    return {"calls for a vector": spy.count, "results": only(results, "shape", "dtype", "values")}
