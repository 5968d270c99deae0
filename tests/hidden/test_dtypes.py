"""Checks of topic `dtypes` that only grading runs: edge cases of the specification."""

import contextlib
from functools import partial

import torch

from autograder import checks, only, raises

FLOATING = (torch.float16, torch.float32, torch.float64)
ALL = (*FLOATING, torch.int64, torch.uint8, torch.bool)


def gradient(result, x, weights):
    """The gradient of (result * weights).sum() with respect to x; None if none arrives."""
    if not result.requires_grad:
        return None
    return torch.autograd.grad((result * weights).sum(), x, allow_unused=True)[0]


def number(result):
    """A result with one element, without its dimensions: another check looks at those."""
    return result.reshape(()) if isinstance(result, torch.Tensor) and result.numel() == 1 else result


def short(dtype):
    return str(dtype).removeprefix("torch.")


@checks("scale_pixels", gate=True)
def test_scale_pixels_any_shape(code, given):
    """Images of every shape are scaled: 0-d, empty, 4-d and non-contiguous."""
    images = {
        "0-d": given.integers((), high=256, dtype=torch.uint8),
        "empty": given.integers(0, 3, 4, high=256, dtype=torch.uint8),
        "4-d": given.integers(2, 3, 4, 5, high=256, dtype=torch.uint8),
        "transposed": given.transposed(given.integers(4, 6, high=256, dtype=torch.uint8)),
        "every other column": given.non_contiguous(given.integers(3, 5, high=256, dtype=torch.uint8)),
        "expanded": given.expanded(given.integers(3, 1, high=256, dtype=torch.uint8), 3, 4),
        "all black": given.full(2, 3, value=0, dtype=torch.uint8),
        "all white": given.full(2, 3, value=255, dtype=torch.uint8),
        "no white pixel": given.integers(4, 4, high=200, dtype=torch.uint8),
    }
    return only({name: code.scale_pixels(img) for name, img in images.items()}, "shape", "values")


@checks("scale_pixels")
def test_scale_pixels_dtype_of_edge_cases(code, given):
    """The result is float32 and on img's device for images of every shape."""
    images = {
        "0-d": given.integers((), high=256, dtype=torch.uint8),
        "empty": given.integers(0, 3, 4, high=256, dtype=torch.uint8),
        "4-d": given.integers(2, 3, 4, 5, high=256, dtype=torch.uint8),
    }
    return only({name: code.scale_pixels(img) for name, img in images.items()}, "dtype", "device")


@checks("scale_pixels", device="second")
def test_scale_pixels_on_another_device(code, given):
    """The result is on img's device."""
    img = given.integers(3, 4, high=256, dtype=torch.uint8).to(given.second_device)
    return only({"result": code.scale_pixels(img)}, "type", "device")


@checks("scale_pixels")
def test_scale_pixels_follows_no_default(code, given):
    """The result is float32 even while another default dtype is set."""
    img = given.integers(3, 4, high=256, dtype=torch.uint8)
    single = given.integers((), high=256, dtype=torch.uint8)
    results = {}
    for default in (torch.float64, torch.float16):
        with given.default_dtype(default):
            results[f"default {short(default)}"] = code.scale_pixels(img)
            results[f"default {short(default)}, 0-d image"] = code.scale_pixels(single)
    return only(results, "dtype")


@checks("scale_pixels")
def test_scale_pixels_refuses_all_others(code, given):
    """Images of any dtype other than uint8 raise a TypeError."""
    images = {
        "int64": given.integers(3, 4, high=256),
        "int8": given.integers(3, 4, high=100, dtype=torch.int8),
        "int32": given.integers(3, 4, high=256, dtype=torch.int32),
        "bool": given.bools(3, 4),
        "float64": given.uniform(3, 4, dtype=torch.float64),
        "float32, empty": given.uniform(0, 3, 4),
    }
    return {name: raises(lambda img=img: code.scale_pixels(img)) for name, img in images.items()}


@checks("match", gate=True)
def test_match_values_of_all_pairs(code, given):
    """The values are those of PyTorch's conversion for every pair of six dtypes."""
    # A negative or large floating number has no defined conversion to uint8.
    drawn = torch.where(given.bools(3, 4, p=0.8), given.uniform(3, 4, high=200), 0.0)
    results = {}
    for source in ALL:
        x = given.tensor(drawn.to(source))
        for target in ALL:
            like = torch.zeros(2, dtype=target, device=given.device)
            results[f"{short(source)} to {short(target)}"] = code.match(x, like)
    return only(results, "shape", "values")


@checks("match")
def test_match_truncates(code, given):
    """Floating to integer cuts off the fraction, on both sides of zero."""
    x = given.tensor([-2.7, -1.5, -0.9, -0.2, 0.5, 0.9, 1.5, 2.7])
    like = given.integers(1)
    return only({"float32 to int64": code.match(x, like)}, "values")


@checks("match")
def test_match_dtype_of_all_pairs(code, given):
    """The dtype of the result is that of `like` for every pair of six dtypes."""
    results = {}
    for source in ALL:
        x = given.integers(2, 3, high=2, dtype=source)
        for target in ALL:
            like = torch.zeros(2, dtype=target, device=given.device)
            results[f"{short(source)} to {short(target)}"] = code.match(x, like)
    return only(results, "dtype")


@checks("match")
def test_match_values_of_edge_cases(code, given):
    """Tensors of every shape are converted, whatever the shape of `like`."""
    like = given.normal(2, 5, dtype=torch.float64)
    inputs = {
        "0-d": given.normal(()),
        "empty": given.normal(0, 3),
        "not contiguous": given.non_contiguous(given.normal(3, 4)),
        "transposed": given.transposed(given.normal(3, 4)),
        "like 0-d": given.normal(3),
    }
    results = {name: code.match(x, like) for name, x in inputs.items() if name != "like 0-d"}
    results["like 0-d"] = code.match(inputs["like 0-d"], given.normal((), dtype=torch.float64))
    large = given.integers(3, low=2**40, high=2**41)
    results["more digits than float32 has"] = code.match(large, given.normal(2, dtype=torch.float64))
    results["like empty"] = code.match(inputs["like 0-d"], given.normal(0, dtype=torch.float64))
    return only(results, "shape", "values")


@checks("match", device="second")
def test_match_device(code, given):
    """The device of the result is that of `like`."""
    x, whole = given.normal(3, 4), given.integers(3)
    same = torch.zeros(2, device=given.second_device)
    other = torch.zeros(2, dtype=torch.float64, device=given.second_device)
    results = {
        "same dtype": code.match(x, same),
        "other dtype": code.match(x, other),
        "integers": code.match(whole, other),
    }
    return only(results, "device")


@checks("match", device="second")
def test_match_device_and_dtype_together(code, given):
    """If device and dtype both differ, the result takes both from `like`."""
    x = given.normal(3, 4)
    like = torch.zeros(2, dtype=torch.float64, device=given.second_device)
    return only({"result": code.match(x, like)}, "dtype", "device")


@checks("match")
def test_match_gradient_of_edge_cases(code, given):
    """Gradients flow back to leaves and to other tensors, with a conversion and without."""
    leaf, weights = given.normal(3, 4, requires_grad=True), given.normal(3, 4)
    inner = given.non_leaf(given.normal(3, 4))
    double = given.normal(3, 4, dtype=torch.float64, requires_grad=True)
    turned = given.transposed(given.normal(3, 4, requires_grad=True))
    single, wide = given.normal(2), given.normal(2, dtype=torch.float64)
    results = {
        "leaf, same dtype": gradient(code.match(leaf, single), leaf, weights),
        "non-leaf, same dtype": gradient(code.match(inner, single), inner, weights),
        "non-leaf, float32 to float64": gradient(code.match(inner, wide), inner, weights),
        "leaf, float64 to float32": gradient(code.match(double, single), double, weights),
        "transposed, float32 to float64": gradient(code.match(turned, wide), turned, weights),
    }
    return only(results, "values")


@checks("match")
def test_match_makes_no_copy_of_edge_cases(code, given):
    """Nothing is copied if dtype and device agree, whatever the dtype and whatever x's strides."""
    results = {
        "int64": code.match(given.integers(3, name="whole"), given.integers(2, name="like whole")),
        "bool": code.match(given.bools(3, name="mask"), given.bools(2, name="like mask")),
        "requires grad": code.match(given.normal(3, requires_grad=True, name="w"), given.normal(2, name="like w")),
        "transposed": code.match(given.transposed(given.normal(3, 4, name="t")), given.normal(2, name="like t")),
        "0-d": code.match(given.normal((), name="n"), given.normal(2, name="like n")),
    }
    return only(results, "aliasing")


@checks("round_to_int", gate=True)
def test_round_to_int_any_shape(code, given):
    """Tensors of every shape are rounded: 0-d, empty and non-contiguous; float64, too."""
    inputs = {
        "0-d": given.uniform((), low=3.6, high=4.4),
        "empty": given.normal(0, 3),
        "3-d": given.normal(2, 3, 4, std=20),
        "not contiguous": given.non_contiguous(given.normal(3, 4, std=20)),
        "transposed": given.transposed(given.normal(3, 4, std=20)),
        "float64": given.normal(3, 4, std=20, dtype=torch.float64),
    }
    return only({name: code.round_to_int(x) for name, x in inputs.items()}, "shape", "values")


@checks("round_to_int")
def test_round_to_int_keeps_whole_numbers(code, given):
    """Integer and bool tensors keep their values."""
    inputs = {
        "int64": given.integers(3, 4, low=-(2**31) + 1, high=2**31),
        "int32": given.integers(3, 4, low=-1000, high=1000, dtype=torch.int32),
        "uint8": given.integers(3, 4, high=256, dtype=torch.uint8),
        "bool": given.bools(3, 4),
        "bool, 0-d": given.bools(()),
        "int64, empty": given.integers(0),
    }
    return only({name: code.round_to_int(x) for name, x in inputs.items()}, "shape", "values")


@checks("round_to_int")
def test_round_to_int_ties_of_float64(code, given):
    """Ties go to the even neighbour in float64, too, and for larger numbers."""
    ties = given.integers(12, low=-1000, high=1000) + 0.5
    inputs = {"float32": given.tensor(ties.float()), "float64": given.tensor(ties.double())}
    return only({name: code.round_to_int(x) for name, x in inputs.items()}, "values")


@checks("round_to_int")
def test_round_to_int_close_to_ties_and_large(code, given):
    """Large numbers and numbers right next to a tie go to the nearest integer, too."""
    inputs = {
        "just below one half": given.tensor([0.49999997, -0.49999997]),
        "just above one half": given.tensor([0.50000006, -0.50000006, 2.5000002]),
        "beyond 2**23": given.tensor([8388609.0, -8388611.0, 16777218.0, 2147483520.0]),
        "large float64": given.tensor(torch.tensor([2147483646.7, -2147483646.7, 123456789.49], dtype=torch.float64)),
    }
    return only({name: code.round_to_int(x) for name, x in inputs.items()}, "values")


@checks("round_to_int")
def test_round_to_int_dtype_of_whole_numbers(code, given):
    """The result is int64 for integer, bool and empty tensors, too."""
    inputs = {
        "int64": given.integers(3, 4),
        "int32": given.integers(3, 4, dtype=torch.int32),
        "uint8": given.integers(3, 4, dtype=torch.uint8),
        "bool": given.bools(3, 4),
        "float32, empty": given.normal(0),
        "float32, 0-d": given.normal(()),
    }
    return only({name: code.round_to_int(x) for name, x in inputs.items()}, "dtype")


@checks("round_to_int", device="second")
def test_round_to_int_on_another_device(code, given):
    """The result is on x's device."""
    inputs = {"float32": given.normal(3, 4, std=5), "uint8": given.integers(3, dtype=torch.uint8), "bool": given.bools(3)}
    results = {name: code.round_to_int(x.to(given.second_device)) for name, x in inputs.items()}
    return only(results, "type", "device")


@checks("round_to_int")
def test_round_to_int_refuses_single_bad_values(code, given):
    """A single nan or infinity among ordinary numbers raises a ValueError."""
    inputs = {}
    for name, bad in (("nan", "nan"), ("infinity", "inf"), ("minus infinity", "-inf")):
        x = given.normal(3, 4)
        x[given.integer(0, 3), given.integer(0, 4)] = float(bad)
        inputs[name] = given.watch(x, name)
    inputs["float64, 0-d"] = given.tensor(float("inf"), dtype=torch.float64)
    return {name: raises(lambda x=x: code.round_to_int(x)) for name, x in inputs.items()}


@checks("mean_any", gate=True)
def test_mean_any_of_edge_cases(code, given):
    """The mean is right for 0-d tensors, small integer types and non-contiguous tensors."""
    inputs = {
        "bright uint8 image": given.integers(16, 16, low=200, high=256, dtype=torch.uint8),
        "int8": given.integers(50, low=100, high=128, dtype=torch.int8),
        "int32": given.integers(3, 4, 5, low=-9, high=90, dtype=torch.int32),
        "all True": given.full(3, 4, value=True, dtype=torch.bool),
        "one True": given.tensor([False, True, False]),
        "0-d bool": given.bools(()),
        "0-d int64": given.integers((), high=100),
        "transposed int64": given.transposed(given.integers(3, 4, high=100)),
    }
    return only({name: number(code.mean_any(x)) for name, x in inputs.items()}, "values")


@checks("mean_any")
def test_mean_any_of_floating_edge_cases(code, given):
    """The mean is right for 0-d, 3-d and non-contiguous floating tensors, and for float16."""
    inputs = {
        "0-d": given.normal(()),
        "3-d": given.normal(2, 3, 4, mean=1),
        "not contiguous": given.non_contiguous(given.normal(3, 4, mean=1)),
        "transposed": given.transposed(given.normal(3, 4, mean=1)),
        "float16": given.uniform(3, 4, low=1, high=2, dtype=torch.float16),
    }
    return only({name: number(code.mean_any(x)) for name, x in inputs.items()}, "values")


@checks("mean_any", draws=4)
def test_mean_any_precision(code, given):
    """The mean of a float64 tensor has float64 precision."""
    x = given.uniform(5, 8, low=1, high=2, dtype=torch.float64)
    return only({"float64": number(code.mean_any(x))}, "values")


@checks("mean_any")
def test_mean_any_dtype_under_another_default(code, given):
    """A floating tensor keeps its dtype, float16 included, whatever the default dtype is."""
    results = {}
    for default in (torch.float32, torch.float64):
        for dtype in FLOATING:
            x = given.uniform(3, 4, dtype=dtype)
            with given.default_dtype(default):
                results[f"{short(dtype)} under default {short(default)}"] = code.mean_any(x)
    return only(results, "dtype", "device")


@checks("mean_any")
def test_mean_any_follows_the_default(code, given):
    """The mean of integers or bools has the current default dtype."""
    results = {}
    inputs = {"int64": given.integers(3, 4), "uint8": given.integers(3, 4, dtype=torch.uint8), "bool": given.bools(3, 4)}
    for default in (torch.float64, torch.float32):
        for name, x in inputs.items():
            with given.default_dtype(default):
                results[f"{name} under default {short(default)}"] = code.mean_any(x)
    return only(results, "dtype")


@checks("mean_any", device="second")
def test_mean_any_on_another_device(code, given):
    """The result is on x's device."""
    inputs = {"float32": given.normal(3, 4), "int64": given.integers(3, 4), "bool": given.bools(5)}
    results = {name: code.mean_any(x.to(given.second_device)) for name, x in inputs.items()}
    return only(results, "type", "device")


@checks("mean_any")
def test_mean_any_shape_of_edge_cases(code, given):
    """The result is a tensor of shape () for 0-d, 3-d and integer tensors."""
    inputs = {
        "0-d float32": given.normal(()),
        "3-d float64": given.normal(2, 3, 4, dtype=torch.float64),
        "one element": given.normal(1),
        "0-d int64": given.integers(()),
        "uint8": given.integers(3, 4, dtype=torch.uint8),
    }
    return only({name: code.mean_any(x) for name, x in inputs.items()}, "type", "shape")


@checks("mean_any")
def test_mean_any_gradient(code, given):
    """The mean of a floating tensor is differentiable."""
    inputs = {
        "float32": given.normal(3, 4, requires_grad=True),
        "float64": given.normal(2, 4, 4, dtype=torch.float64, requires_grad=True),
        "non-leaf": given.non_leaf(given.normal(5)),
        "0-d": given.normal((), requires_grad=True),
    }
    gradients = {name: gradient(code.mean_any(x), x, 1.0) for name, x in inputs.items()}
    return only(gradients, "shape", "values")


@checks("mean_any")
def test_mean_any_refuses_every_empty_tensor(code, given):
    """Tensors without elements raise a ValueError, whatever their shape and dtype."""
    inputs = {
        "int64, (0,)": given.integers(0),
        "bool, (0, 3)": given.bools(0, 3),
        "float64, (3, 0)": given.normal(3, 0, dtype=torch.float64),
    }
    return {name: raises(lambda x=x: code.mean_any(x)) for name, x in inputs.items()}


@checks("with_default_dtype")
def test_with_default_dtype_calls_once(code, given):
    """fn is called exactly once."""
    fn = given.spy(lambda: None)
    code.with_default_dtype(torch.float64, fn)
    return {"calls of fn": fn.count}


@checks("with_default_dtype")
def test_with_default_dtype_nested(code, given):
    """Calls can be nested: each fn sees its own dtype before and after an inner call."""
    seen = {}

    def inner():
        seen["inner"] = torch.get_default_dtype()

    def outer():
        seen["outer, before"] = torch.get_default_dtype()
        code.with_default_dtype(torch.float16, inner)
        seen["outer, after"] = torch.get_default_dtype()

    code.with_default_dtype(torch.float64, outer)
    torch.set_default_dtype(torch.float32)
    return seen


@checks("with_default_dtype")
def test_with_default_dtype_restores_what_was_before(code, given):
    """After the call, the default dtype is what it was before, even if that was not float32."""
    afterwards = {}
    for before, during in ((torch.float64, torch.float32), (torch.float16, torch.float64), (torch.float64, torch.float64)):
        with given.default_dtype(before):
            code.with_default_dtype(during, lambda: None)
            afterwards[f"{short(before)}, then {short(during)}"] = torch.get_default_dtype()
    return afterwards


@checks("with_default_dtype")
def test_with_default_dtype_restores_after_an_exception(code, given):
    """The default dtype is restored whatever fn raises, even a KeyboardInterrupt."""

    def raising(error):
        raise error

    afterwards = {}
    for before, error in ((torch.float32, KeyError), (torch.float64, KeyError), (torch.float64, KeyboardInterrupt)):
        with given.default_dtype(before):
            with contextlib.suppress(error):
                code.with_default_dtype(torch.float16, partial(raising, error))
            afterwards[f"{short(before)}, {error.__name__}"] = torch.get_default_dtype()
    return afterwards


@checks("with_default_dtype")
def test_with_default_dtype_passes_exceptions_on(code, given):
    """An exception raised in fn reaches the caller unchanged."""
    error = given.choice([KeyError("from fn"), ZeroDivisionError("from fn")])

    def fn():
        raise error

    caught = exception_of(code.with_default_dtype, torch.float64, fn)
    torch.set_default_dtype(torch.float32)
    return {"exception": type(caught).__name__, "the same object": caught is error}


def exception_of(function, *arguments):
    """The exception that a call raises, or None; a stub's own is passed on."""
    try:
        function(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:
        return error
    return None
