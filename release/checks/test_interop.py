"""Checks of topic `interop` that students can run themselves."""

import weakref

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
    """It is an array, and has the shape and the values of the tensor."""
    rows, columns = given.integer(2, 6), given.integer(6, 9)
    results = {
        "float32": code.to_numpy(given.normal(rows, columns)),
        "int64": code.to_numpy(given.integers(columns, rows, low=-99, high=99)),
        "bool": code.to_numpy(given.bools(columns)),
    }
    return only(results, "type", "shape", "values")


@checks("to_numpy", device="second")
def test_to_numpy_dtype(code, given):
    """It is an array with the tensor's shape and dtype, from any device; only bfloat16 becomes float32."""
    n = given.integer(2, 9)
    results = {
        "float32": code.to_numpy(given.normal(3, n)),
        "float64": code.to_numpy(given.normal(3, n, dtype=torch.float64)),
        "int64": code.to_numpy(given.integers(2, n)),
        "float16": code.to_numpy(given.normal(n, dtype=torch.float16)),
        "bfloat16": code.to_numpy(given.normal(n, dtype=torch.bfloat16)),
        f"shape (1, {n})": code.to_numpy(given.normal(1, n)),
        "0-d": code.to_numpy(given.normal(())),
        "no element": code.to_numpy(given.integers(0, n)),
        "on another device": code.to_numpy(given.normal(3, n).to(given.second_device)),
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


@checks("to_numpy")
def test_to_numpy_leaves_the_graph_alone(code, given):
    """t keeps its requires_grad and its graph: backward() through t still works afterwards."""
    n = given.integer(2, 9)
    leaf = given.normal(3, n, requires_grad=True, name="leaf")
    cube, inner = leaf**3, given.non_leaf(given.normal(n))
    for t in (leaf, cube, inner):
        code.to_numpy(t)
    graph = only({"leaf": leaf, "its cube": cube, "non-leaf": inner}, "requires_grad", "is_leaf", "grad_fn")
    slope = torch.autograd.grad(cube.sum(), leaf, allow_unused=True)[0] if cube.requires_grad else None
    return {"tensors afterwards": graph, "gradient through the cube": only(slope, "values")}


@checks("from_numpy", gate=True)
def test_from_numpy_values(code, given):
    """It is a tensor, and has the shape and the values of the array."""
    rows, columns = given.integer(2, 6), given.integer(6, 9)
    floating = array_of(given.normal(rows, columns, dtype=torch.float64))
    results = {
        "float64": code.from_numpy(given.watch(floating, "floating array")),
        "int64": code.from_numpy(given.watch(array_of(given.integers(columns, rows, low=-99, high=99)), "integer array")),
        "bool": code.from_numpy(given.watch(array_of(given.bools(columns)), "bool array")),
    }
    return only(results, "type", "shape", "values")


@checks("from_numpy")
def test_from_numpy_dtypes(code, given):
    """Floating arrays become float32, integers of every size int64, and bool stays bool, whatever the default dtype."""
    numbers = array_of(given.integers(3, given.integer(4, 9), high=100))
    names = "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"
    results = {name: code.from_numpy(numbers.astype(name)) for name in names}
    backwards = given.watch(array_of(given.normal(6, dtype=torch.float64)), "a")
    results |= {
        "a[::-1]": code.from_numpy(backwards[::-1]),
        "0-d": code.from_numpy(np.array(backwards[0])),
        "no element": code.from_numpy(backwards[:0]),
        "large int64": code.from_numpy(array_of(given.integers(4, low=2**60, high=2**61))),
    }
    with given.default_dtype(torch.float64):
        results["float32, default float64"] = code.from_numpy(numbers.astype("float32"))
    return only(results, "type", "shape", "dtype", "requires_grad", "values")


@checks("from_numpy")
def test_from_numpy_shares_nothing(code, given):
    """The tensor has its own memory: writing to it does not change the array, nor the other way round."""
    n = given.integer(3, 9)
    floats, read_only = array_of(given.normal(3, n)), array_of(given.normal(n))
    read_only.flags.writeable = False
    given.watch(floats, "float32 array")
    given.watch(read_only, "read-only array")
    memory = {"float32": code.from_numpy(floats), "read-only": code.from_numpy(read_only)}
    tensors, arrays = {}, {}
    for name in ("float32", "int64", "bool"):
        array = array_of(given.integers(3, n, low=1, high=100)).astype(name)
        tensors[name] = code.from_numpy(array)
        array[...] = 0
        arrays[name] = array_of(given.integers(3, n, low=1, high=100)).astype(name)
        with torch.no_grad():
            code.from_numpy(arrays[name]).zero_()
    return {
        "tensors": only(memory, "aliasing"),
        "tensors after their arrays changed": only(tensors, "values"),
        "arrays after their tensors changed": only(arrays, "values"),
    }


@checks("from_numpy", weight=0.5)
def test_from_numpy_refuses_all_others(code, given):
    """Arrays of complex numbers, objects, strings, bytes, dates and records raise a TypeError."""
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
        "records": np.zeros(n, dtype=[("x", np.float32), ("y", np.int64)]),
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


@checks("LossMeter", device="second")
def test_loss_meter_takes_tensors(code, given):
    """Losses may be one-element tensors on any device, which may change afterwards, and the mean is a Python float."""
    meter = code.LossMeter()
    w = given.normal(4, requires_grad=True, name="w")
    meter.update(given.uniform(()), 3)
    first = meter.mean()
    meter.update((w**2).mean(), 5)
    second = meter.mean()
    meter.update(given.uniform(1), n=2)
    third = meter.mean()
    away = given.uniform(()).to(given.second_device)
    meter.update(away, 4)
    away.mul_(100)
    fourth = meter.mean()
    means = {
        "mean()": first,
        "mean() after a loss with a graph": second,
        "mean() after shape (1,)": third,
        "mean() after a loss on another device, changed later": fourth,
    }
    kinds = {f"type of {name}": "float" if isinstance(mean, float) else type(mean).__name__ for name, mean in means.items()}
    return kinds | {name: close(float(mean), rtol=1e-5) for name, mean in means.items()}


@checks("LossMeter")
def test_loss_meter_reset(code, given):
    """After a reset, only new losses count, and two meters know nothing of each other."""
    meter, other, zero = code.LossMeter(), code.LossMeter(), code.LossMeter()
    meter.update(given.number(5.0, 9.0), 10)
    other.update(given.number(5.0, 9.0), 3)
    meter.reset()
    for _ in range(2):
        meter.update(given.number(0.1, 3.0), given.integer(1, 9))
    zero.update(0.0)
    return {
        "mean() after a reset": mean_of(meter),
        "mean(), asked again": mean_of(meter),
        "mean() of another meter": mean_of(other),
        "mean() of a loss of 0": mean_of(zero),
    }


@checks("LossMeter")
def test_loss_meter_keeps_no_graph(code, given):
    """The meter holds no tensor and keeps no graph alive, and backward() through a loss still works afterwards."""
    meter = code.LossMeter()
    w = given.normal(given.integer(2, 9), requires_grad=True, name="w")
    loss = (w * 2).square().mean()
    reference = weakref.ref(loss)
    meter.update(loss, 4)
    del loss
    alive = reference() is not None
    held = [name for name, part in getattr(meter, "__dict__", {}).items() if isinstance(part, torch.Tensor)]
    kept = (w**2).mean()
    meter.update(kept, 2)
    gradient = only(w.grad, "values")
    facts = only(kept.detach() if not kept.requires_grad else kept, "requires_grad", "grad_fn", "values")
    return {
        "the loss is still there after update(loss) and del loss": alive,
        "attributes that are tensors": held,
        "w.grad": gradient,
        "the loss after update(loss)": facts,
        "gradient of the loss": only(torch.autograd.grad(kept, w)[0], "values"),
    }


@checks("LossMeter", weight=0.5)
def test_loss_meter_mean_of_nothing(code, given):
    """The mean of nothing raises a ValueError, in a new meter and after a reset."""
    meter, new, idle = code.LossMeter(), code.LossMeter(), code.LossMeter()
    meter.update(given.number(5.0, 9.0), 10)
    before = mean_of(meter)
    meter.reset()
    idle.reset()
    return {
        "mean() before a reset": before,
        "mean() of a new meter": raises(lambda: new.mean()),
        "mean() right after a reset": raises(lambda: meter.mean()),
        "mean() after the reset of a new meter": raises(lambda: idle.mean()),
    }
