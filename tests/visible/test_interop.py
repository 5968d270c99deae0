"""Checks of topic `interop` that students can run themselves."""

import numpy as np
import torch

from autograder import checks, close, only, raises, secret


def array_of(tensor):
    """A new array with the numbers of a drawn tensor."""
    return tensor.detach().cpu().numpy().copy()


def mean_of(meter):
    """The meter's mean as a number; a sum kept in float32 is exact enough."""
    return close(float(meter.mean()), rtol=1e-5)


def dtype_name(dtype):
    """A dtype's name; the name itself is fine, too."""
    return str(dtype).removeprefix("torch.")


@checks("predicted_shared", gate=True, draws=1)
def test_predicted_shared(code, given):
    """The predicted number is what a[0] holds."""
    return {"predicted_shared": secret(float(code.predicted_shared))}


@checks("predicted_dtypes", gate=True, draws=1)
def test_predicted_dtypes(code, given):
    """The two predicted dtypes are the ones PyTorch chose."""
    from_list, from_array = code.predicted_dtypes
    return {
        "the dtype of from_list": secret(dtype_name(from_list)),
        "the dtype of from_array": secret(dtype_name(from_array)),
    }


@checks("to_numpy", gate=True)
def test_to_numpy_values(code, given):
    """The array has the shape and the values of the tensor."""
    results = {
        "float32": code.to_numpy(given.normal(3, 4)),
        "int64": code.to_numpy(given.integers(2, 3, low=-99, high=99)),
        "bool": code.to_numpy(given.bools(5)),
    }
    return only(results, "shape", "values")


@checks("to_numpy")
def test_to_numpy_dtype(code, given):
    """The array has the dtype of the tensor."""
    results = {
        "float32": code.to_numpy(given.normal(3, 4)),
        "float64": code.to_numpy(given.normal(3, 4, dtype=torch.float64)),
        "int64": code.to_numpy(given.integers(2, 3)),
    }
    return only(results, "type", "dtype")


@checks("to_numpy")
def test_to_numpy_of_a_leaf(code, given):
    """A tensor that requires grad is converted, too."""
    t = given.normal(3, 4, requires_grad=True, name="t")
    return only({"to_numpy(t)": code.to_numpy(t)}, "shape", "values")


@checks("to_numpy")
def test_to_numpy_shares_nothing(code, given):
    """The array has its own memory."""
    t = given.normal(3, 4, name="t")
    return only({"to_numpy(t)": code.to_numpy(t)}, "aliasing")


@checks("from_numpy", gate=True)
def test_from_numpy_values(code, given):
    """The tensor has the shape and the values of the array."""
    results = {
        "float64": code.from_numpy(given.watch(array_of(given.normal(3, 4, dtype=torch.float64)), "floating array")),
        "int64": code.from_numpy(given.watch(array_of(given.integers(2, 3, low=-99, high=99)), "integer array")),
        "bool": code.from_numpy(given.watch(array_of(given.bools(5)), "bool array")),
    }
    return only(results, "shape", "values")


@checks("from_numpy")
def test_from_numpy_dtype_of_floats(code, given):
    """Floating arrays become float32."""
    numbers = array_of(given.normal(3, 4, dtype=torch.float64))
    results = {name: code.from_numpy(numbers.astype(name)) for name in ("float16", "float32", "float64")}
    return only(results, "type", "dtype")


@checks("from_numpy")
def test_from_numpy_dtype_of_others(code, given):
    """Arrays of int32, int64 and uint8 become int64, and bool stays bool."""
    numbers = array_of(given.integers(3, 4, high=100))
    results = {name: code.from_numpy(numbers.astype(name)) for name in ("int32", "int64", "uint8", "bool")}
    return only(results, "dtype")


@checks("from_numpy")
def test_from_numpy_of_a_reversed_array(code, given):
    """An array with a negative stride is converted, too."""
    numbers = given.watch(array_of(given.normal(6, dtype=torch.float64)), "a")
    return only({"from_numpy(a[::-1])": code.from_numpy(numbers[::-1])}, "shape", "values")


@checks("from_numpy")
def test_from_numpy_refuses_complex_numbers(code, given):
    """An array of complex numbers raises a TypeError."""
    numbers = array_of(given.normal(3)).astype(np.complex64)
    return {"complex64": raises(lambda: code.from_numpy(numbers))}


@checks("LossMeter", gate=True)
def test_loss_meter_weighs_by_samples(code, given):
    """The mean runs over samples: a batch counts once for each of its samples."""
    meter = code.LossMeter()
    for _ in range(4):
        meter.update(given.number(0.1, 3.0), given.integer(1, 40))
    return {"mean()": mean_of(meter)}


@checks("LossMeter")
def test_loss_meter_takes_tensors(code, given):
    """Losses may be one-element tensors, with a graph or without."""
    meter = code.LossMeter()
    w = given.normal(4, requires_grad=True, name="w")
    meter.update(given.uniform(()), 3)
    meter.update((w**2).mean(), 5)
    meter.update(given.uniform(1), n=2)
    return {"mean()": mean_of(meter)}


@checks("LossMeter")
def test_loss_meter_counts_one_sample(code, given):
    """Without n, a loss stands for one sample."""
    meter = code.LossMeter()
    for loss in (given.number(0.1, 3.0), given.number(0.1, 3.0)):
        meter.update(loss)
    meter.update(given.number(5.0, 9.0), 2)
    return {"mean()": mean_of(meter)}


@checks("LossMeter")
def test_loss_meter_of_nothing(code, given):
    """The mean of nothing raises a ValueError."""
    meter = code.LossMeter()
    return {"mean() of a new meter": raises(lambda: meter.mean())}


@checks("LossMeter")
def test_loss_meter_reset(code, given):
    """After a reset, only new losses count."""
    meter = code.LossMeter()
    meter.update(given.number(5.0, 9.0), 10)
    meter.reset()
    for _ in range(2):
        meter.update(given.number(0.1, 3.0), given.integer(1, 9))
    return {"mean() after a reset": mean_of(meter)}
