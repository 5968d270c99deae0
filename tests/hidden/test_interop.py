"""Checks of topic `interop` that only grading runs: edge cases of the specification."""

import collections
import types
import weakref

import numpy as np
import torch
from torch import nn

from autograder import checks, close, only

UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = ("int8", "int16", "int32", "int64", *UNSIGNED)
FLOATS = ("float16", "float32", "float64")


def array_of(tensor):
    """A new array with the numbers of a drawn tensor."""
    return tensor.detach().cpu().numpy().copy()


def mean_of(meter):
    """The meter's mean as a number; a sum kept in float32 is exact enough."""
    return close(float(meter.mean()), rtol=1e-5)


def parts_of(thing):
    """What the attributes and slots of an object hold, or what a container holds."""
    if isinstance(thing, dict):
        return [*dict.keys(thing), *dict.values(thing)]
    if isinstance(thing, (list, tuple, set, frozenset, collections.deque)):
        return list(thing)
    parts = list(getattr(thing, "__dict__", {}).values())
    for kind in type(thing).__mro__:
        slots = vars(kind).get("__slots__", ())
        parts += [getattr(thing, name, None) for name in ([slots] if isinstance(slots, str) else slots)]
    return parts + [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]


def tensors_within(thing, seen):
    """How many tensors a thing holds, at any depth."""
    if isinstance(thing, torch.Tensor):
        return 1
    plain = (str, bytes, int, float, np.ndarray, np.generic, type, types.ModuleType, type(None))
    if isinstance(thing, plain) or id(thing) in seen:
        return 0
    seen[id(thing)] = thing
    return sum(tensors_within(part, seen) for part in parts_of(thing))


def tensors_of(meter):
    """How many tensors a meter holds: in itself, or in attributes of its class that are not methods."""
    shared = [part for kind in type(meter).__mro__ for part in vars(kind).values() if not callable(part)]
    containers = [part for part in shared if isinstance(part, (list, dict, set, tuple, torch.Tensor))]
    return sum(tensors_within(part, {}) for part in (meter, *containers))


@checks("to_numpy", gate=True, device="second")
def test_to_numpy_of_any_tensor(code, given):
    """Values, dtype and memory are right for every shape, any strides, every dtype and default dtype, and on any device."""
    rows, columns = given.integer(2, 6), given.integer(6, 9)
    tensors = {
        "0-d": given.normal(()),
        "0-d, int64": given.integers(()),
        "one element": given.normal(1),
        "empty": given.normal(0, columns),
        "4-d": given.normal(2, rows, 1, columns),
        "transposed": given.transposed(given.normal(rows, columns)),
        "not contiguous": given.non_contiguous(given.normal(rows, columns)),
        "sliced": given.sliced(given.normal(rows, columns)),
        "expanded": given.expanded(given.normal(rows, 1), rows, columns),
        "float16": given.normal(rows, columns, dtype=torch.float16),
        "float64": given.normal(rows, columns, dtype=torch.float64),
        "uint8": given.integers(rows, columns, high=256, dtype=torch.uint8),
        "int32": given.integers(rows, columns, low=-(2**31), high=2**31, dtype=torch.int32),
        "int64": given.integers(rows, columns, low=2**60, high=2**61),
        "bool": given.bools(rows, columns),
        "uint16": given.integers(rows, high=2**16).to(torch.uint16),
        "int8": given.integers(rows, low=-128, high=128, dtype=torch.int8),
        "int16": given.integers(rows, low=-(2**15), high=2**15, dtype=torch.int16),
        "uint32": given.integers(rows, high=2**32).to(torch.uint32),
        "uint64": given.integers(rows, high=2**62).to(torch.uint64),
        "complex64": given.normal(rows, dtype=torch.complex64),
        "complex128": given.normal(rows, dtype=torch.complex128),
        "bfloat16, nan and infinity": given.tensor([float("nan"), float("-inf"), given.number()], dtype=torch.bfloat16),
        "nan and infinity": given.tensor([float("nan"), float("inf"), given.number()]),
        "bfloat16, two dimensions": given.normal(rows, columns, dtype=torch.bfloat16),
        "bfloat16, 0-d": given.normal((), dtype=torch.bfloat16),
        "bfloat16, empty": given.normal(0, columns, dtype=torch.bfloat16),
        "bfloat16, transposed": given.transposed(given.normal(rows, columns, dtype=torch.bfloat16)),
        "bfloat16, large": given.normal(rows, std=1e30, dtype=torch.bfloat16),
        "non-leaf": given.non_leaf(given.normal(rows, columns)),
        "parameter": nn.Parameter(given.normal(columns)),
        "float64 that requires grad": given.normal(2, rows, dtype=torch.float64, requires_grad=True),
        "bfloat16 that requires grad": given.normal(columns, dtype=torch.bfloat16, requires_grad=True),
        "0-d non-leaf": given.non_leaf(given.normal(())),
    }
    values = {name: code.to_numpy(t) for name, t in tensors.items()}
    away = {"int64": given.integers(rows), "requires grad": given.normal(rows, requires_grad=True), "0-d": given.normal(())}
    away["bfloat16"] = given.normal(rows, dtype=torch.bfloat16)
    values |= {f"{name}, from another device": code.to_numpy(t.to(given.second_device)) for name, t in away.items()}
    dtypes = {}
    for default in (torch.float64, torch.float16):
        with given.default_dtype(default):
            for name in ("float16", "bfloat16, two dimensions", "bfloat16, 0-d", "bfloat16, empty", "0-d", "empty", "int64"):
                dtypes[f"{name}, default {default}"] = code.to_numpy(tensors[name])
    n = rows + 2
    inputs = {
        "int64": given.integers(3, n, name="int64 input"),
        "bool": given.bools(n, name="bool input"),
        "requires grad": given.normal(3, n, requires_grad=True, name="input that requires grad"),
        "transposed": given.transposed(given.normal(3, n, name="transposed input")),
        "not contiguous": given.non_contiguous(given.normal(3, n, name="input with gaps")),
        "bfloat16": given.normal(n, dtype=torch.bfloat16, name="bfloat16 input"),
        "0-d": given.normal((), name="0-d input"),
        "expanded": given.expanded(given.normal(3, 1, name="expanded input"), 3, n),
    }
    tiny = code.to_numpy(given.normal(rows, std=1e-30)) * 1e30
    memory = {name: code.to_numpy(t) for name, t in inputs.items()}
    for array in memory.values():
        array[...] = 0
    return {
        "values": only(values, "type", "shape", "dtype", "values"),
        "tiny, times 1e30": only(tiny, "values"),
        "dtypes": only(dtypes, "type", "shape", "dtype"),
        "arrays": only(memory, "aliasing"),
    }


@checks("from_numpy", gate=True)
def test_from_numpy_of_any_array(code, given):
    """The values are right for every shape, any strides, read-only arrays, and every size of integer and float."""
    rows, columns = given.integer(3, 6), given.integer(6, 9)
    results = {}
    for shape in ((), (1,), (0,), (0, columns), (2, 0), (2, rows, 1, 2)):
        a = given.watch(array_of(given.normal(shape, dtype=torch.float64)), f"array of shape {shape}")
        results[f"shape {shape}"] = code.from_numpy(a)
        results[f"shape {shape}, int16"] = code.from_numpy(np.asarray(a).astype(np.int16))
        results[f"shape {shape}, float32"] = code.from_numpy(np.asarray(a).astype(np.float32))
    a = array_of(given.normal(rows, columns, dtype=torch.float64))
    read_only = a.copy()
    read_only.flags.writeable = False
    mask = array_of(given.bools(rows, columns))
    forms = {
        "reversed": a[::-1],
        "reversed twice": a[::-1, ::-1],
        "transposed": a.T,
        "every other column": a[:, ::2],
        "column by column": np.asfortranarray(a),
        "a part": a[1:3, 2:5],
        "broadcast": np.broadcast_to(a[0], (rows, columns)),
        "read-only": read_only,
        "read-only, reversed": read_only[:, ::-1],
        "of a subclass": a.view(type("Measured", (np.ndarray,), {})),
        "mask": mask,
        "mask, reversed": mask[::-1],
        "mask, transposed": mask.T,
        "mask, 0-d": np.array(given.choice([True, False])),
        "mask, empty": mask[:0],
    }
    for name, form in forms.items():
        results[name] = code.from_numpy(given.watch(form, f"array {name}"))
        if form.dtype == np.float64:
            results[f"{name}, float32"] = code.from_numpy(form.astype(np.float32)[::-1])
    for name in INTEGERS:
        limits = np.iinfo(name)
        low, high = max(int(limits.min), -(2**62)), min(int(limits.max), 2**62)
        drawn = array_of(given.integers(3, 4, low=low, high=high))
        results[name] = code.from_numpy(given.watch(np.append(drawn.ravel(), [low, high]).astype(name), f"array of {name}"))
    for name in FLOATS:
        numbers = array_of(given.normal(3, 4, dtype=torch.float64)).astype(name)
        numbers[0, 0], numbers[1, 1] = np.nan, np.inf
        results[name] = code.from_numpy(given.watch(numbers, f"array of {name}"))
    for name, size in (("tiny", 1e-30), ("large", 1e30)):
        results[f"{name} numbers"] = code.from_numpy(a * size) / size
    writeable = {name: form.flags.writeable for name, form in forms.items()}
    return {"tensors": only(results, "type", "shape", "values"), "arrays that can be written to afterwards": writeable}


@checks("from_numpy")
def test_from_numpy_makes_plain_tensors(code, given):
    """The tensor has its own memory, requires no grad, and its dtype depends on the array alone."""
    n = given.integer(3, 9)
    arrays = {
        "float32": array_of(given.normal(3, n)),
        "int64": array_of(given.integers(3, n)),
        "bool": array_of(given.bools(n)),
        "float64": array_of(given.normal(n, dtype=torch.float64)),
        "0-d float32": array_of(given.normal(())),
        "float32, reversed": array_of(given.normal(3, n))[::-1],
        "float32, read-only": array_of(given.normal(n)),
        "float32, column by column": np.asfortranarray(array_of(given.normal(3, n))),
        "float32, transposed": array_of(given.normal(3, n)).T,
        "bool, transposed": array_of(given.bools(3, n)).T,
        "float32, 4-d": array_of(given.normal(2, 1, 3, n)),
    }
    arrays["float32, read-only"].flags.writeable = False
    for name, a in arrays.items():
        given.watch(a, f"array of {name}")
    memory = {name: code.from_numpy(a) for name, a in arrays.items()}
    dtypes = {}
    a = array_of(given.normal(3, n, dtype=torch.float64))
    for default in (torch.float64, torch.float16):
        with given.default_dtype(default):
            for name in (*FLOATS, *INTEGERS, "bool"):
                dtypes[f"{name}, default {default}"] = code.from_numpy(np.abs(a).astype(name))
    return {
        "tensors": only(memory, "type", "shape", "dtype", "device", "requires_grad", "layout", "aliasing"),
        "dtypes": only(dtypes, "shape", "dtype"),
    }


@checks("LossMeter", gate=True, device="second")
def test_loss_meter_of_any_losses(code, given):
    """The mean is right for all kinds of losses and batches, and no loss, tensor or graph is kept or changed."""
    meter, other = code.LossMeter(), code.LossMeter()
    means = {}
    for n in (1000, 1, 7, 128):
        meter.update(given.number(-2.0, 3.0), n)
    other.update(given.number(5.0, 6.0), 4)
    means["unequal batches"] = mean_of(meter)
    means["the same, asked again"] = mean_of(meter)
    w = given.normal(4, requires_grad=True, name="w").to(given.second_device)
    losses = {
        "0": 0.0,
        "an integer": given.integer(2, 9),
        "shape ()": given.uniform(()),
        "shape (1, 1)": given.uniform(1, 1),
        "float64": given.uniform((), dtype=torch.float64),
        "float16": given.uniform((), low=200, high=300, dtype=torch.float16),
        "bfloat16": given.uniform((), dtype=torch.bfloat16),
        "int64": given.integers((), low=1, high=9),
        "a leaf": given.uniform((), requires_grad=True),
        "a non-leaf": given.non_leaf(given.uniform(1)),
        "another device": given.uniform(1).to(given.second_device),
        "a graph on another device": (w**2).mean(),
    }
    for name, loss in losses.items():
        meter.update(loss, n=given.integer(300, 400))
        means[f"after a loss: {name}"] = mean_of(meter)
        other.update(given.number(), 2)
    means["the other meter"] = mean_of(other)
    meter.reset()
    means["the other meter, after a reset of the first"] = mean_of(other)
    for turn in range(3):
        meter.update(given.number(), given.integer(1, 50))
        meter.update(given.uniform(()), given.integer(1, 50))
        means[f"reset {turn + 1}"] = mean_of(meter)
        meter.reset()
    long = code.LossMeter()
    for _ in range(3):
        long.update(0.5, given.integer(2, 9))  # the same loss each time
    for _ in range(150):
        long.update(given.number(), given.integer(1, 3))
    means["many losses"] = mean_of(long)
    long.update(given.number(2.0, 3.0), 10**6)
    means["a very large batch"] = mean_of(long)
    long.update(float("inf"), 3)
    means["infinity"] = mean_of(long)
    long.update(torch.full((), float("nan"), device=given.device))
    means["nan"] = mean_of(long)
    whole = code.LossMeter()
    whole.update(given.integer(2, 9), 3)
    means["a whole number is a float"] = isinstance(whole.mean(), float)
    meter = code.LossMeter()
    w = given.normal(given.integer(2, 9), requires_grad=True, name="w")
    held = {"new": tensors_of(meter)}
    inner = w * 2
    loss = inner.square().mean()
    alive = {"loss": weakref.ref(loss), "inner result": weakref.ref(inner)}
    meter.update(loss, 4)
    del loss, inner
    still = {f"{name} is alive": reference() is not None for name, reference in alive.items()}
    held["after a loss with a graph"] = tensors_of(meter)
    loss = torch.full((), given.number(1.0, 2.0), device=given.device)
    meter.update(loss, 3)
    loss.mul_(100)
    held["after a loss without"] = tensors_of(meter)
    mean = mean_of(meter)
    held["after mean()"] = tensors_of(meter)
    kept = (w**2).mean()
    meter.update(kept, 2)
    before = only(w.grad, "values")
    facts = only(kept.detach() if not kept.requires_grad else kept, "requires_grad", "grad_fn", "values")
    slope = torch.autograd.grad(kept, w)[0]
    return means | {
        "tensors that the meter holds": held,
        **still,
        "mean()": mean,
        "mean() after another loss": mean_of(meter),
        "w.grad": before,
        "loss": facts,
        "gradient of the loss": only(slope, "values"),
    }
