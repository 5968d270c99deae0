"""Checks of topic `dtypes` that students can run themselves."""

import contextlib

import torch

from autograder import checks, only, raises, secret


def number(result):
    """A result with one element, without its dimensions: another check looks at those."""
    return result.reshape(()) if isinstance(result, torch.Tensor) and result.numel() == 1 else result


def gradient(result, x, weights):
    """The gradient of (result * weights).sum() with respect to x; None if none arrives."""
    if not result.requires_grad:
        return None
    return torch.autograd.grad((result * weights).sum(), x, allow_unused=True)[0]


def short(dtype):
    """A dtype's name; the name itself is fine, too."""
    return str(dtype).removeprefix("torch.")


def size(given):
    """Two different sizes from 3 to 8."""
    first, second = torch.randperm(6, generator=given.generator())[:2].tolist()
    return 3 + first, 3 + second


@checks("predicted_pixel", gate=True, draws=1)
def test_predicted_pixel(code, given):
    """The predicted number is what the sum of the two images holds."""
    return {"predicted_pixel": secret(float(code.predicted_pixel))}


@checks("predicted_dtypes", gate=True, draws=1)
def test_predicted_dtypes(code, given):
    """The two predicted dtypes are the ones PyTorch chose."""
    inferred, capital = code.predicted_dtypes
    return {"the dtype of inferred": secret(short(inferred)), "the dtype of capital": secret(short(capital))}


@checks("scale_pixels", gate=True)
def test_scale_pixels_values(code, given):
    """The values are img/255."""
    grey = given.integers(size(given), high=256, dtype=torch.uint8)
    colour = given.integers(3, *size(given), high=256, dtype=torch.uint8)
    ends = given.tensor([0, 255, given.integer(1, 255)], dtype=torch.uint8)
    results = {
        "grey image": code.scale_pixels(grey),
        "colour image": code.scale_pixels(colour),
        "black, white and a grey pixel": code.scale_pixels(ends),
    }
    return only(results, "shape", "values")


@checks("scale_pixels", device="second")
def test_scale_pixels_dtype(code, given):
    """The result is float32 and on img's device, even while another default dtype is set."""
    img = given.integers(3, *size(given), high=256, dtype=torch.uint8)
    single = given.integers((), high=256, dtype=torch.uint8)
    results, afterwards = {"default float32": code.scale_pixels(img)}, {}
    for default in (torch.float64, torch.float16):
        with given.default_dtype(default):
            results[f"default {short(default)}"] = code.scale_pixels(img)
            results[f"default {short(default)}, 0-d image"] = code.scale_pixels(single)
            afterwards[short(default)] = torch.get_default_dtype()
    results["empty image"] = code.scale_pixels(given.integers(0, 3, 4, high=256, dtype=torch.uint8))
    results["on another device"] = code.scale_pixels(img.to(given.second_device))
    return {"results": only(results, "type", "shape", "dtype", "device"), "default dtype afterwards": afterwards}


@checks("scale_pixels", weight=0.5)
def test_scale_pixels_refuses_float(code, given):
    """An image that is not uint8 raises a TypeError, whether it is floating, an integer or bool."""
    height, width = size(given)
    images = {
        "float32": given.uniform(height, width),
        "float16": given.uniform(height, width, dtype=torch.float16),
        "int64": given.integers(height, width, high=256),
        "int8": given.integers(height, width, high=100, dtype=torch.int8),
        "bool": given.bools(height, width),
        "complex64": given.normal(height, width, dtype=torch.complex64),
        "uint16": given.integers(height, width, high=256).to(torch.uint16),
        "int16": given.integers(height, width, high=256, dtype=torch.int16),
        "int32": given.integers(height, width, high=256, dtype=torch.int32),
        "float64": given.uniform(height, width, dtype=torch.float64),
        "bfloat16": given.uniform(height, width, dtype=torch.bfloat16),
        "empty float32": given.uniform(0, 3, width),
    }
    with given.default_dtype(torch.float64):
        with contextlib.suppress(TypeError):
            code.scale_pixels(images["int64"])
        afterwards = torch.get_default_dtype()
    refused = {
        f"{name} image, {height} x {width}": raises(lambda img=img: code.scale_pixels(img)) for name, img in images.items()
    }
    return {"default dtype after a refused image": afterwards, **refused}


@checks("match", gate=True)
def test_match_values(code, given):
    """The values are those of PyTorch's conversion to the dtype of `like`, and so is the dtype."""
    shape = size(given)
    whole, single, mask = given.integers(shape, low=-9), given.normal(shape, std=3), given.bools(shape)
    like_single, like_double = given.normal(5), given.normal(1, 2, dtype=torch.float64)
    results = {
        "int64 to float32": code.match(whole, like_single),
        "float32 to float64": code.match(single, like_double),
        "float32 to int64": code.match(single, whole[0]),
        "int64 to bool": code.match(whole, mask),
        "float32 to float32": code.match(single, like_single),
    }
    return only(results, "shape", "dtype", "values")


@checks("match")
def test_match_gradient(code, given):
    """Gradients flow from the result back to x, with a conversion and without."""
    shape = size(given)
    x, weights = given.normal(shape, requires_grad=True), given.normal(shape)
    inner = given.non_leaf(given.normal(shape))
    double = given.normal(shape, dtype=torch.float64, requires_grad=True)
    turned = given.transposed(given.normal(shape, requires_grad=True))
    single, wide, half = given.normal(2), given.normal(2, dtype=torch.float64), given.normal(2, dtype=torch.float16)
    results = {
        "leaf, float32 to float64": gradient(code.match(x, wide), x, weights),
        "leaf, same dtype": gradient(code.match(x, single), x, weights),
        "leaf, float64 to float32": gradient(code.match(double, single), double, weights),
        "leaf, float32 to float16": gradient(code.match(x, half), x, weights.half()),
        "non-leaf, same dtype": gradient(code.match(inner, single), inner, weights),
        "non-leaf, float32 to float64": gradient(code.match(inner, wide), inner, weights),
        "transposed, float32 to float64": gradient(code.match(turned, wide), turned, weights),
    }
    return only({"gradients": results}, "values")


@checks("match")
def test_match_makes_no_copy(code, given):
    """If dtype and device already agree, the result shares x's storage, whatever the dtype and x's strides."""
    shape = size(given)
    results = {
        "float32": code.match(given.normal(shape, name="x"), given.normal(2, name="like")),
        "int64": code.match(given.integers(3, name="whole"), given.integers(2, name="like whole")),
        "bool": code.match(given.bools(3, name="mask"), given.bools(2, name="like mask")),
        "requires grad": code.match(given.normal(3, requires_grad=True, name="w"), given.normal(2, name="like w")),
        "transposed": code.match(given.transposed(given.normal(shape, name="t")), given.normal(2, name="like t")),
        "0-d": code.match(given.normal((), name="n"), given.normal(2, name="like n")),
    }
    return only(results, "shape", "aliasing")


@checks("match", device="second")
def test_match_device(code, given):
    """The result is on the device of `like`, whether or not the dtype changes, too."""
    x = given.normal(size(given))
    results = {
        "other device, same dtype": code.match(x, torch.zeros(2, device=given.second_device)),
        "other device, other dtype": code.match(x, torch.zeros(2, dtype=torch.float64, device=given.second_device)),
        "back from the other device": code.match(x.to(given.second_device), given.integers(3)),
    }
    return only(results, "type", "shape", "dtype", "device")


@checks("round_to_int", gate=True)
def test_round_to_int_values(code, given):
    """Each number becomes the nearest integer, on both sides of zero, as int64."""
    shape = size(given)
    x = given.tensor(given.integers(shape, low=-50, high=50) + given.uniform(shape, low=-0.49, high=0.49))
    return only(code.round_to_int(x), "shape", "dtype", "values")


@checks("round_to_int")
def test_round_to_int_ties(code, given):
    """Ties go to the even neighbour."""
    drawn = given.integers(12, low=-1000, high=1000) + 0.5
    inputs = {
        "small numbers": given.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
        "float32": given.tensor(drawn.float()),
        "float64": given.tensor(drawn.double()),
    }
    return only({name: code.round_to_int(x) for name, x in inputs.items()}, "values")


@checks("round_to_int", device="second")
def test_round_to_int_of_whole_numbers(code, given):
    """Integers and bools keep their values; the result is int64 and on x's device, whatever the dtype."""
    shape = size(given)
    inputs = {
        "bool": given.bools(shape),
        "uint8": given.integers(shape, high=256, dtype=torch.uint8),
        "int32": given.integers(shape, low=-1000, high=1000, dtype=torch.int32),
        "large int64": given.integers(shape, low=2**29, high=2**31),
        "whole numbers in float16": given.integers(shape, low=-9, high=10, dtype=torch.float16),
        "large whole numbers in float64": 2.0**31 + given.integers(shape, high=2**31).double(),
    }
    results = {name: code.round_to_int(x.to(given.second_device)) for name, x in inputs.items()}
    return only(results, "type", "shape", "dtype", "device", "values")


@checks("round_to_int")
def test_round_to_int_refuses_nan(code, given):
    """A nan or an infinity raises a ValueError, alone or among ordinary numbers."""
    inputs = {"only nan": given.full(3, value=float("nan")), "0-d infinity": given.tensor(float("inf"), dtype=torch.float64)}
    for name in ("nan", "inf", "-inf"):
        shape = size(given)
        x = given.normal(shape)
        x[given.integer(0, shape[0]), given.integer(0, shape[1])] = float(name)
        name = f"{name} among {x.numel()} numbers"
        inputs[name] = given.watch(x, name)
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        inputs[f"nan in {name}"] = given.tensor([given.number(), float("nan")], dtype=dtype)
        inputs[f"infinity in {name}"] = given.tensor([given.number(), float("inf")], dtype=dtype)
    return {name: raises(lambda x=x: code.round_to_int(x)) for name, x in inputs.items()}


@checks("mean_any", gate=True)
def test_mean_any_values(code, given):
    """The mean is the sum of all elements divided by their number, for masks, integers and floating numbers."""
    shape = size(given)
    results = {
        "bool mask": number(code.mean_any(given.bools(5, 8, p=0.6))),
        "int64": number(code.mean_any(given.integers(shape, low=-3, high=100))),
        "uint8 image": number(code.mean_any(given.integers(shape, low=50, high=256, dtype=torch.uint8))),
        "float32, one dimension": number(code.mean_any(given.normal(shape[0], mean=2))),
        "float32, two dimensions": number(code.mean_any(given.normal(shape, mean=2))),
    }
    return only(results, "values")


@checks("mean_any")
def test_mean_any_tensor(code, given):
    """The result is a tensor of shape (), precise in the dtype of a floating x, and differentiable."""
    shape = size(given)
    x = given.normal(shape, mean=1, dtype=torch.float64, requires_grad=True, name="x")
    mean = code.mean_any(x)
    results = {
        "float64": only(mean, "type", "shape", "dtype", "values"),
        "float32": code.mean_any(given.normal(shape)),
        "float16": code.mean_any(given.uniform(shape, dtype=torch.float16)),
        "a mask": code.mean_any(given.bools(shape)),
    }
    return {
        "mean of": only(results, "type", "shape", "dtype"),
        "gradient of x": only(gradient(mean, x, 1.0), "shape", "values"),
    }


@checks("mean_any", device="second")
def test_mean_any_default_dtype(code, given):
    """The mean of integers and bools has the current default dtype, and is on x's device."""
    shape = size(given)
    whole, mask = given.integers(shape, high=1000), given.bools(shape)
    results = {}
    for default in (torch.float64, torch.float16):
        with given.default_dtype(default):
            results[f"int64, default {short(default)}"] = code.mean_any(whole)
            results[f"a mask, default {short(default)}"] = code.mean_any(mask)
    results["int64 on another device"] = code.mean_any(whole.to(given.second_device))
    results["float32 on another device"] = code.mean_any(given.normal(shape).to(given.second_device))
    return only(results, "type", "shape", "dtype", "device", "values")


@checks("mean_any", weight=0.5)
def test_mean_any_refuses_nothing(code, given):
    """A tensor without elements raises a ValueError, whatever its shape and dtype."""
    n = given.integer(2, 1000)
    inputs = {
        "float32, (0,)": given.normal(0),
        f"bool, (0, {n})": given.bools(0, n),
        f"float64, ({n}, 0)": given.normal(n, 0, dtype=torch.float64),
        f"int64, ({n}, 0, 2)": given.integers(n, 0, 2),
    }
    return {name: raises(lambda x=x: code.mean_any(x)) for name, x in inputs.items()}


@checks("with_default_dtype", gate=True)
def test_with_default_dtype_while_fn_runs(code, given):
    """While fn runs, the default dtype is the one that was asked for."""
    seen = []
    drawn = given.number(1, 9)

    def fn():
        seen.append({"default dtype": torch.get_default_dtype(), "torch.tensor(a number)": torch.tensor(drawn)})

    dtype = given.choice([torch.float64, torch.float16, torch.bfloat16])
    code.with_default_dtype(dtype, fn)
    return {"fn was called": bool(seen), "what fn saw": seen[0] if seen else {}}


@checks("with_default_dtype")
def test_with_default_dtype_returns_the_result(code, given):
    """fn runs exactly once, and what it returned is returned."""
    made = given.normal(size(given))
    token = given.integer(0, 1000)
    counted = given.spy(lambda: token)
    code.with_default_dtype(torch.float64, counted)
    return {
        "calls of fn": counted.count,
        "a tensor": code.with_default_dtype(torch.float64, lambda: made),
        "a number": code.with_default_dtype(torch.float64, lambda: token),
        "None": code.with_default_dtype(torch.float64, lambda: None),
    }


@checks("with_default_dtype")
def test_with_default_dtype_restores(code, given):
    """After the call, the default dtype is what it was before, even if that was not float32."""
    afterwards = {}
    dtypes = torch.float16, torch.bfloat16, torch.float32, torch.float64
    for before in (torch.float32, torch.float64, given.choice(dtypes)):
        during = given.choice([dtype for dtype in dtypes if dtype != before])
        with given.default_dtype(before):
            code.with_default_dtype(during, lambda: None)
            afterwards[f"{short(before)}, then {short(during)}"] = torch.get_default_dtype()
    return afterwards


@checks("with_default_dtype")
def test_with_default_dtype_when_fn_raises(code, given):
    """If fn raises, its exception reaches the caller unchanged, and the default dtype is what it was before."""
    call, seen = code.with_default_dtype, {}
    for before in (torch.float32, torch.float64):
        number = given.integer(0, 1000)

        def raising(number=number):
            raise KeyError(number)

        with given.default_dtype(before):
            try:
                call(torch.bfloat16, raising)
            except NotImplementedError:
                raise
            except Exception as error:
                seen[f"{short(before)}: exception"] = type(error).__name__
                seen[f"{short(before)}: its arguments"] = [str(argument) for argument in error.args]
            seen[f"{short(before)}: default dtype afterwards"] = torch.get_default_dtype()
    return seen
