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
    rows, columns = given.integer(2, 6), given.integer(6, 9)
    results = {
        "float32": code.to_numpy(given.normal(rows, columns)),
        "int64": code.to_numpy(given.integers(columns, rows, low=-99, high=99)),
        "bool": code.to_numpy(given.bools(columns)),
    }
    return only(results, "shape", "values")


@checks("to_numpy")
def test_to_numpy_dtype(code, given):
    """The array has the dtype of the tensor, even if it requires grad; only bfloat16 becomes float32."""
    n = given.integer(2, 9)
    results = {
        "float32": code.to_numpy(given.normal(3, n)),
        "float64": code.to_numpy(given.normal(3, n, dtype=torch.float64)),
        "int64": code.to_numpy(given.integers(2, n)),
        "bfloat16": code.to_numpy(given.normal(n, dtype=torch.bfloat16)),
        "float32 that requires grad": code.to_numpy(given.normal(n, requires_grad=True, name="t")),
    }
    return only(results, "type", "shape", "dtype")


@checks("to_numpy")
def test_to_numpy_shares_nothing(code, given):
    """The array has its own memory: writing to it does not change the tensor, nor the other way round."""
    rows, columns = given.integer(2, 6), given.integer(6, 9)
    shared = code.to_numpy(given.normal(rows, columns, name="t"))
    t, copy = given.normal(rows, columns, mean=5), given.normal(rows, columns, mean=5)
    code.to_numpy(t)[...] = 0
    array = code.to_numpy(copy)
    copy.zero_()
    given.watch(copy, "a tensor that changes later")
    return {
        "to_numpy(t)": only(shared, "aliasing"),
        "a tensor after its array was changed": only(t.clone(), "values"),
        "an array after its tensor was changed": only(array, "values"),
    }


@checks("from_numpy", gate=True)
def test_from_numpy_values(code, given):
    """The tensor has the shape and the values of the array."""
    rows, columns = given.integer(2, 6), given.integer(6, 9)
    floating = array_of(given.normal(rows, columns, dtype=torch.float64))
    results = {
        "float64": code.from_numpy(given.watch(floating, "floating array")),
        "int64": code.from_numpy(given.watch(array_of(given.integers(columns, rows, low=-99, high=99)), "integer array")),
        "bool": code.from_numpy(given.watch(array_of(given.bools(columns)), "bool array")),
    }
    return only(results, "shape", "values")


@checks("from_numpy")
def test_from_numpy_dtypes(code, given):
    """Floating arrays become float32, integer arrays int64, bool stays bool; an array may be stored backwards."""
    numbers = array_of(given.integers(3, given.integer(4, 9), high=100))
    names = "float16", "float32", "float64", "int16", "int32", "int64", "bool"
    results = {name: code.from_numpy(numbers.astype(name)) for name in names}
    backwards = given.watch(array_of(given.normal(6, dtype=torch.float64)), "a")
    results["a[::-1]"] = code.from_numpy(backwards[::-1])
    return only(results, "type", "shape", "dtype", "values")


@checks("from_numpy")
def test_from_numpy_refuses_all_others(code, given):
    """Arrays of complex numbers, objects, strings, bytes and dates raise a TypeError."""
    n = given.integer(2, 9)
    numbers = array_of(given.normal(n, dtype=torch.float64))
    arrays = {
        "complex64": numbers.astype(np.complex64),
        "complex128, real": numbers.astype(np.complex128) * 0,
        "objects": np.array([1.5, None, "x"], dtype=object),
        "objects that are numbers": numbers.astype(object),
        "strings": np.array(["1", "2"]),
        "bytes": np.array([b"1", b"2"]),
        "dates": np.array(["2026-11-23"], dtype="datetime64[D]"),
        "time differences": np.array([n], dtype="timedelta64[s]"),
        f"empty, complex, {n} columns": np.zeros((0, n), dtype=np.complex64),
    }
    return {name: raises(lambda a=a: code.from_numpy(a)) for name, a in arrays.items()}


@checks("LossMeter", gate=True)
def test_loss_meter_weighs_by_samples(code, given):
    """The mean runs over samples: a batch counts once for each of its samples, without n for one."""
    meter, single = code.LossMeter(), code.LossMeter()
    for _ in range(4):
        meter.update(given.number(0.1, 3.0), given.integer(1, 40))
    for loss in (given.number(0.1, 3.0), given.number(0.1, 3.0)):
        single.update(loss)
    single.update(given.number(5.0, 9.0), 2)
    return {"mean()": mean_of(meter), "mean() after losses without n": mean_of(single)}


@checks("LossMeter")
def test_loss_meter_takes_tensors(code, given):
    """Losses may be one-element tensors, with a graph or without, and the mean is a Python float."""
    meter = code.LossMeter()
    w = given.normal(4, requires_grad=True, name="w")
    meter.update(given.uniform(()), 3)
    first = meter.mean()
    meter.update((w**2).mean(), 5)
    second = meter.mean()
    meter.update(given.uniform(1), n=2)
    third = meter.mean()
    means = {"mean()": first, "mean() after a loss with a graph": second, "mean() after shape (1,)": third}
    kinds = {f"type of {name}": "float" if isinstance(mean, float) else type(mean).__name__ for name, mean in means.items()}
    return kinds | {name: close(float(mean), rtol=1e-5) for name, mean in means.items()}


@checks("LossMeter")
def test_loss_meter_reset(code, given):
    """After a reset, only new losses count, and the mean of nothing raises a ValueError."""
    meter, new, idle, zero = code.LossMeter(), code.LossMeter(), code.LossMeter(), code.LossMeter()
    meter.update(given.number(5.0, 9.0), 10)
    meter.reset()
    for _ in range(2):
        meter.update(given.number(0.1, 3.0), given.integer(1, 9))
    after = mean_of(meter)
    meter.reset()
    idle.reset()
    zero.update(0.0)
    return {
        "mean() after a reset": after,
        "mean() of a loss of 0": mean_of(zero),
        "mean() of a new meter": raises(lambda: new.mean()),
        "mean() right after a reset": raises(lambda: meter.mean()),
        "mean() after the reset of a new meter": raises(lambda: idle.mean()),
    }
