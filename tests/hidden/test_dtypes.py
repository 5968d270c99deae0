"""Checks of topic `dtypes` that only grading runs: edge cases of the specification."""

import torch

from autograder import checks, only

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


def size(given):
    """Two different sizes from 3 to 8."""
    first, second = torch.randperm(6, generator=given.generator())[:2].tolist()
    return 3 + first, 3 + second


@checks("scale_pixels", gate=True)
def test_scale_pixels_any_shape(code, given):
    """Images of every shape are scaled to new tensors, whatever pixels they have: 0-d, empty, 4-d and non-contiguous."""
    height, width = size(given)
    images = {
        "0-d": given.integers((), high=256, dtype=torch.uint8),
        "empty": given.integers(0, height, width, high=256, dtype=torch.uint8),
        "4-d": given.integers(2, 3, height, width, high=256, dtype=torch.uint8),
        "transposed": given.transposed(given.integers(height, width, high=256, dtype=torch.uint8)),
        "every other column": given.non_contiguous(given.integers(height, width, high=256, dtype=torch.uint8)),
        "expanded": given.expanded(given.integers(height, 1, high=256, dtype=torch.uint8), height, width),
        "all black": given.full(2, 3, value=0, dtype=torch.uint8),
        "all white": given.full(2, 3, value=255, dtype=torch.uint8),
        "no white pixel": given.integers(4, 4, high=200, dtype=torch.uint8),
        "no black pixel": given.integers(4, 4, low=60, high=256, dtype=torch.uint8),
        "dark": given.integers(4, 4, high=2, dtype=torch.uint8),
    }
    results = {name: code.scale_pixels(img) for name, img in images.items()}
    code.scale_pixels(images["dark"]).zero_()
    results["dark, after the first result was changed"] = code.scale_pixels(images["dark"])
    return only(results, "shape", "values", "overlap")


@checks("match", gate=True, device="second")
def test_match_values_of_all_pairs(code, given):
    """Everything is right for pairs of dtypes, every shape and device, and whatever `like` holds; gradients, too."""
    # A negative or large floating number has no defined conversion to uint8.
    drawn = torch.where(given.bools(3, 4, p=0.8), given.uniform(3, 4, high=200), 0.0)
    results = {}
    for source in ALL:
        x = given.tensor(drawn.to(source))
        for target in ALL:
            like = torch.zeros(2, dtype=target, device=given.device)
            results[f"{short(source)} to {short(target)}"] = code.match(x, like)
    shape = size(given)
    pair = given.normal(2, dtype=torch.complex64)
    wide, odd = given.normal(2, 5, dtype=torch.float64), given.tensor([float("nan"), float("inf")], dtype=torch.float64)
    x, whole = given.normal(shape), given.integers(1)
    results |= {
        "0-d": code.match(given.normal(()), wide),
        "empty": code.match(given.normal(0, 3), wide),
        "not contiguous": code.match(given.non_contiguous(given.normal(shape)), wide),
        "transposed": code.match(given.transposed(given.normal(shape)), wide),
        "like 0-d": code.match(x, given.normal((), dtype=torch.float64)),
        "like empty": code.match(x, given.normal(0, dtype=torch.float64)),
        "like nan and infinity": code.match(x, odd),
        "more digits than float32 has": code.match(given.integers(3, low=2**40, high=2**41), wide),
        "float64 with many digits to int64": code.match(
            given.uniform(4, low=-(2**50), high=2**50, dtype=torch.float64), whole
        ),
        "fractions to int64": code.match(given.tensor([-2.7, -1.5, -0.9, -0.2, 0.5, 0.9, 1.5, 2.7]), whole),
        "integers to another device": code.match(whole, torch.zeros(2, device=given.second_device)),
        "float32 to complex64": code.match(x, torch.zeros(2, dtype=torch.complex64, device=given.device)),
        "bools to another device": code.match(x > 0, torch.zeros((), dtype=torch.bool, device=given.second_device)),
        "large float32 to bfloat16": code.match(given.normal(3, std=1e30), pair.real.bfloat16()),
        "large bfloat16 to float32": code.match(given.normal(3, std=1e30, dtype=torch.bfloat16), x),
        "complex64 to complex128": code.match(pair, pair.to(torch.complex128)),
        **{
            f"int64 to {short(dtype)}": code.match(given.integers(3, low=low, high=2 * low), whole.to(dtype))
            for dtype, low in ((torch.int32, 2**29), (torch.int16, 2**13), (torch.int8, 2**5))
        },
    }
    demanding = {
        "of the same dtype": code.match(x, given.normal(2, requires_grad=True)),
        "of another dtype": code.match(x, given.normal(2, dtype=torch.float64, requires_grad=True)),
    }
    changing = given.tensor([1.25, 2.5])
    code.match(changing, wide)
    changing.mul_(2)
    given.watch(changing, "a tensor that has changed since")
    results["changed since the last call"] = code.match(changing, wide)
    parameter, weights = given.module(lambda: torch.nn.ParameterList([torch.ones(shape)]))[0], given.normal(shape)
    gradients = {
        "parameter, same dtype": gradient(code.match(parameter, x), parameter, weights),
        "parameter, float32 to float64": gradient(code.match(parameter, wide), parameter, weights),
    }
    for name, dtype in (("same dtype", torch.float32), ("another dtype", torch.float64)):
        leaf, there = given.normal(shape, requires_grad=True), torch.zeros(2, dtype=dtype, device=given.second_device)
        moved = code.match(leaf, there)
        gradients[f"another device, {name}"] = gradient(moved, leaf, weights.to(there))
    shared = {
        "expanded": code.match(given.expanded(given.normal(3, 1, name="row"), 3, 4), x),
        "not contiguous": code.match(given.non_contiguous(given.normal(shape, name="x with gaps")), x),
        "complex64": code.match(given.normal(3, dtype=torch.complex64, name="z"), pair),
        "bfloat16": code.match(given.normal(3, dtype=torch.bfloat16, name="half"), pair.real.bfloat16()),
    }
    return {
        "results": only(results, "shape", "dtype", "device", "values"),
        "like that requires grad": only(demanding, "requires_grad"),
        "gradients": only(gradients, "values"),
        "of the same dtype": only(shared, "aliasing"),
    }


@checks("round_to_int", gate=True)
def test_round_to_int_any_shape(code, given):
    """The values are right for every shape, next to ties, and for large numbers, in float64 and int64, too."""
    shape = size(given)
    inputs = {
        "0-d": given.uniform((), low=3.6, high=4.4),
        "empty": given.normal(0, 3),
        "float64, not contiguous": given.non_contiguous(given.normal(2, *shape, std=20, dtype=torch.float64)),
        "float32 next to ties, and large": given.tensor(
            [0.49999997, -0.49999997, 0.50000006, -0.50000006, 2.5000002, 8388609.0, -8388611.0, 16777218.0, 2147483520.0]
        ),
        "int64": given.integers(shape, low=-(2**31) + 1, high=2**31),
        "float16": given.normal(shape, std=20, dtype=torch.float16),
        "transposed": given.transposed(given.normal(shape, std=20)),
        "no bools": given.bools(0),
        "bfloat16": given.normal(shape, std=5, dtype=torch.bfloat16),
        "requires grad": given.normal(shape, std=20, requires_grad=True),
        "not a leaf": given.non_leaf(given.normal(shape, std=20)),
    }
    return only({name: code.round_to_int(x) for name, x in inputs.items()}, "shape", "values")


@checks("mean_any", gate=True)
def test_mean_any_of_edge_cases(code, given):
    """The mean is right and precise for every shape and dtype, even if the sum does not fit into the dtype."""
    shape = size(given)
    inputs = {
        "bright uint8 image": given.integers(16, 16, low=200, high=256, dtype=torch.uint8),
        "int8": given.integers(50, low=100, high=128, dtype=torch.int8),
        "int32": given.integers(3, *shape, low=-9, high=90, dtype=torch.int32),
        "all True": given.full(3, 4, value=True, dtype=torch.bool),
        "one True": given.tensor([False, True, False]),
        "0-d bool": given.bools(()),
        "0-d int64": given.integers((), high=100),
        "transposed int64": given.transposed(given.integers(shape, high=100)),
        "0-d float32": given.normal(()),
        "3-d float32": given.normal(2, *shape, mean=1),
        "float32, not contiguous": given.non_contiguous(given.normal(shape, mean=1)),
        "float32, transposed": given.transposed(given.normal(shape, mean=1)),
        "float16": given.uniform(shape, low=1, high=2, dtype=torch.float16),
        "float16 with a large sum": given.uniform(1000, low=100, high=200, dtype=torch.float16),
        "float64": given.uniform(shape, low=1, high=2, dtype=torch.float64),
        "bfloat16 with a large sum": given.uniform(1000, low=100, high=200, dtype=torch.bfloat16),
        "int64 with a sum of more than 64 bits": given.integers(40, low=2**61, high=2**62),
        "many True": given.bools(1000, p=0.9),
        "many numbers": given.normal(3, 70, 50, mean=1),
        "nan among numbers": given.tensor([given.number(), float("nan"), given.number()]),
        "infinity among numbers": given.tensor([given.number(), float("inf"), given.number()]),
    }
    results = {name: number(code.mean_any(x)) for name, x in inputs.items()}
    results["tiny numbers, times 1e30"] = number(code.mean_any(given.normal(shape, mean=1e-30, std=1e-30)) * 1e30)
    return only(results, "values")


@checks("mean_any")
def test_mean_any_of_other_dtypes(code, given):
    """Floating numbers keep their dtype under every default, and gradients flow through any graph."""
    shape = size(given)
    inputs = {
        "uint8": given.integers(20, 20, low=200, high=256, dtype=torch.uint8),
        "0-d int64": given.integers(()),
        **{short(dtype): given.uniform(shape, dtype=dtype) for dtype in (*FLOATING, torch.bfloat16)},
        "one element": given.normal(1),
        "0-d float32": given.normal(()),
    }
    results = {}
    for default in (torch.float64, torch.float16, torch.float32):
        for name, x in inputs.items():
            with given.default_dtype(default):
                results[f"{name} under default {short(default)}"] = code.mean_any(x)
    leaf, inner = given.normal((), requires_grad=True), given.non_leaf(given.normal(shape))
    gradients = {"0-d": gradient(code.mean_any(leaf), leaf, 1.0), "non-leaf": gradient(code.mean_any(inner), inner, 1.0)}
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        x = given.uniform(shape, dtype=dtype, requires_grad=True)
        gradients[short(dtype)] = gradient(code.mean_any(x), x, 1.0)
    return {
        "mean of": only(results, "type", "shape", "dtype", "device", "values"),
        "gradient": only(gradients, "shape", "values"),
    }


@checks("with_default_dtype")
def test_with_default_dtype_whatever_fn_does(code, given):
    """Whatever fn does, returns or raises, it arrives unchanged, and the default dtype is restored; in nested calls, too."""
    seen = {}

    def inner():
        seen["inner"] = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16 if outermost == torch.float64 else torch.float64)

    def outer():
        seen["outer, before"] = torch.get_default_dtype()
        code.with_default_dtype(nested, inner)
        seen["outer, after"] = torch.get_default_dtype()

    outermost, nested = given.choice([torch.float64, torch.bfloat16]), given.choice([torch.float16, torch.float32])
    with given.default_dtype(torch.float32):
        code.with_default_dtype(outermost, outer)
        seen["after both"] = torch.get_default_dtype()
    with given.default_dtype(outermost):
        code.with_default_dtype(outermost, inner)
        seen["after an fn that changes it, with the same dtype before"] = torch.get_default_dtype()
    numbers = iter([given.integer(0, 100)])
    seen["an iterator that fn returns, itself"] = code.with_default_dtype(outermost, lambda: numbers) is numbers
    things = {"0": 0, "''": "", "[]": [], "a list": [given.integer(0, 9)], "a dict": {"a": given.integer(0, 9)}}
    things |= {"a tensor": torch.ones(2), "a function": lambda: given.integer(0, 9)}
    for name, thing in things.items():
        seen[f"{name} that fn returns, itself"] = code.with_default_dtype(nested, lambda thing=thing: thing) is thing
    others = KeyError, ZeroDivisionError, TypeError, RuntimeError, AttributeError
    for before, kind in (
        (torch.float16, given.choice(others)),
        (torch.float64, KeyboardInterrupt),
        (torch.float16, SystemExit),
    ):
        error = kind(f"number {given.integer(0, 1000)}")

        def fail(error=error):
            raise error

        failing = given.spy(fail)
        with given.default_dtype(before):
            caught = exception_of(code.with_default_dtype, torch.float32, failing)
            seen[f"{short(before)}, then {kind.__name__}"] = torch.get_default_dtype()
        seen[f"{kind.__name__} that arrives"] = [type(caught).__name__, *map(str, getattr(caught, "args", ()))]
        seen[f"{kind.__name__}, the same object"] = caught is error
        seen[f"{kind.__name__}, its notes"] = [*getattr(caught, "__notes__", ())]
        seen[f"{kind.__name__}, its cause"] = str(getattr(caught, "__cause__", None))
        seen[f"calls of an fn that raises {kind.__name__}"] = failing.count
    return seen


def exception_of(function, *arguments):
    """The exception that a call raises, or None; a stub's own is passed on."""
    try:
        function(*arguments)
    except NotImplementedError:
        raise
    except BaseException as error:
        return error
    return None
