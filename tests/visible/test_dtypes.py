"""Checks of topic `dtypes` that students can run themselves."""

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


def dtype_name(dtype):
    """A dtype's name; the name itself is fine, too."""
    return str(dtype).removeprefix("torch.")


@checks("predicted_pixel", gate=True, draws=1)
def test_predicted_pixel(code, given):
    """The predicted number is what the sum of the two images holds."""
    return {"predicted_pixel": secret(float(code.predicted_pixel))}


@checks("predicted_dtypes", gate=True, draws=1)
def test_predicted_dtypes(code, given):
    """The two predicted dtypes are the ones PyTorch chose."""
    inferred, capital = code.predicted_dtypes
    return {"the dtype of inferred": secret(dtype_name(inferred)), "the dtype of capital": secret(dtype_name(capital))}


@checks("scale_pixels", gate=True)
def test_scale_pixels_values(code, given):
    """The values are img/255."""
    grey = given.integers(5, 7, high=256, dtype=torch.uint8)
    colour = given.integers(3, 4, 6, high=256, dtype=torch.uint8)
    ends = given.tensor([0, 255, 128], dtype=torch.uint8)
    results = {
        "grey image": code.scale_pixels(grey),
        "colour image": code.scale_pixels(colour),
        "0, 255 and 128": code.scale_pixels(ends),
    }
    return only(results, "shape", "values")


@checks("scale_pixels")
def test_scale_pixels_dtype(code, given):
    """The result is float32."""
    img = given.integers(3, 4, 6, high=256, dtype=torch.uint8)
    return only(code.scale_pixels(img), "dtype")


@checks("scale_pixels")
def test_scale_pixels_refuses_float(code, given):
    """An image that is already floating raises a TypeError."""
    img = given.uniform(4, 5)
    return {"float32 image": raises(lambda: code.scale_pixels(img))}


@checks("match", gate=True)
def test_match_values(code, given):
    """The values are those of PyTorch's conversion between int64, float32, float64 and bool."""
    whole, single, mask = given.integers(3, 4, low=-9), given.normal(3, 4, std=3), given.bools(3, 4)
    like_single, like_double = given.normal(5), given.normal(1, 2, dtype=torch.float64)
    results = {
        "int64 to float32": code.match(whole, like_single),
        "float32 to float64": code.match(single, like_double),
        "int64 to bool": code.match(whole, mask),
        "float32 to float32": code.match(single, like_single),
    }
    return only(results, "shape", "values")


@checks("match")
def test_match_dtype(code, given):
    """The dtype of the result is that of `like`."""
    x, whole = given.normal(3, 4), given.integers(3, 4)
    results = {
        "like float64": code.match(x, given.normal(2, dtype=torch.float64)),
        "like float16": code.match(x, given.normal(2, dtype=torch.float16)),
        "like int64": code.match(x, given.integers(2)),
        "int64 like float32": code.match(whole, given.normal(2)),
    }
    return only(results, "dtype")


@checks("match")
def test_match_gradient(code, given):
    """A gradient flows from the result back to x."""
    x = given.normal(3, 4, requires_grad=True)
    like, weights = given.normal(2, dtype=torch.float64), given.normal(3, 4)
    return only({"gradient of x": gradient(code.match(x, like), x, weights)}, "values")


@checks("match")
def test_match_makes_no_copy(code, given):
    """If dtype and device already agree, the result shares x's storage."""
    x, like = given.normal(3, 4, name="x"), given.normal(2, name="like")
    return only(code.match(x, like), "aliasing")


@checks("round_to_int", gate=True)
def test_round_to_int_values(code, given):
    """Each number becomes the nearest integer, on both sides of zero."""
    x = given.tensor(given.integers(4, 6, low=-50, high=50) + given.uniform(4, 6, low=-0.49, high=0.49))
    return only(code.round_to_int(x), "shape", "values")


@checks("round_to_int")
def test_round_to_int_ties(code, given):
    """Ties go to the even neighbour."""
    ties = given.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    return only(code.round_to_int(ties), "values")


@checks("round_to_int")
def test_round_to_int_dtype(code, given):
    """The result for a floating tensor is int64."""
    results = {
        "float32": code.round_to_int(given.normal(3, 4, std=5)),
        "float64": code.round_to_int(given.normal(3, 4, std=5, dtype=torch.float64)),
    }
    return only(results, "dtype")


@checks("round_to_int")
def test_round_to_int_refuses_nan(code, given):
    """A tensor of nan raises a ValueError."""
    x = given.full(3, value=float("nan"))
    return {"nan": raises(lambda: code.round_to_int(x))}


@checks("mean_any", gate=True)
def test_mean_any_of_bools_and_integers(code, given):
    """The mean of a mask or of integers is their sum divided by their number."""
    results = {
        "bool mask": number(code.mean_any(given.bools(5, 8, p=0.6))),
        "int64": number(code.mean_any(given.integers(4, 7, low=-3, high=100))),
        "uint8 image": number(code.mean_any(given.integers(6, 5, low=50, high=256, dtype=torch.uint8))),
    }
    return only(results, "values")


@checks("mean_any", gate=True)
def test_mean_any_of_floats(code, given):
    """The mean of a floating tensor is taken over all its elements."""
    results = {
        "one dimension": number(code.mean_any(given.normal(6, mean=2))),
        "two dimensions": number(code.mean_any(given.normal(4, 7, mean=2))),
    }
    return only(results, "values")


@checks("mean_any")
def test_mean_any_shape(code, given):
    """The result is a tensor of shape ()."""
    results = {
        "of a float32 tensor": code.mean_any(given.normal(4, 7)),
        "of a mask": code.mean_any(given.bools(5, 8)),
    }
    return only(results, "type", "shape")


@checks("mean_any")
def test_mean_any_dtype(code, given):
    """A floating tensor keeps its dtype."""
    results = {
        "float32": code.mean_any(given.normal(4, 7)),
        "float64": code.mean_any(given.normal(4, 7, dtype=torch.float64)),
    }
    return only(results, "dtype")


@checks("mean_any")
def test_mean_any_refuses_nothing(code, given):
    """A tensor without elements raises a ValueError."""
    empty = given.normal(0)
    return {"shape (0,)": raises(lambda: code.mean_any(empty))}


@checks("with_default_dtype", gate=True)
def test_with_default_dtype_while_fn_runs(code, given):
    """While fn runs, the default dtype is the one that was asked for."""
    seen = []

    def fn():
        seen.append({"default dtype": torch.get_default_dtype(), "torch.ones(1)": torch.ones(1).dtype})

    dtype = given.choice([torch.float64, torch.float16])
    code.with_default_dtype(dtype, fn)
    return {"fn was called": bool(seen), "what fn saw": seen[0] if seen else {}}


@checks("with_default_dtype")
def test_with_default_dtype_returns_the_result(code, given):
    """The result of fn is returned."""
    made = given.normal(3)
    token = given.integer(0, 1000)
    return {
        "a tensor": code.with_default_dtype(torch.float64, lambda: made),
        "a number": code.with_default_dtype(torch.float64, lambda: token),
        "None": code.with_default_dtype(torch.float64, lambda: None),
    }


@checks("with_default_dtype")
def test_with_default_dtype_restores(code, given):
    """After the call, the default dtype is float32 again if it was float32 before."""
    code.with_default_dtype(torch.float64, lambda: None)
    afterwards = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    return {"default dtype afterwards": afterwards}
