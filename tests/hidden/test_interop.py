"""Checks of topic `interop` that only grading runs: edge cases of the specification."""

import collections
import types
import weakref

import numpy as np
import torch
from torch import nn

from autograder import checks, close, only, raises

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


@checks("to_numpy", gate=True)
def test_to_numpy_of_any_shape(code, given):
    """Tensors of every shape and with any strides are converted: 0-d, empty, transposed, with gaps, expanded."""
    tensors = {
        "0-d": given.normal(()),
        "0-d, int64": given.integers(()),
        "one element": given.normal(1),
        "empty": given.normal(0, 3),
        "4-d": given.normal(2, 3, 1, 4),
        "transposed": given.transposed(given.normal(3, 4)),
        "not contiguous": given.non_contiguous(given.normal(3, 4)),
        "sliced": given.sliced(given.normal(3, 4)),
        "expanded": given.expanded(given.normal(3, 1), 3, 4),
    }
    return only({name: code.to_numpy(t) for name, t in tensors.items()}, "type", "shape", "values")


@checks("to_numpy")
def test_to_numpy_of_any_dtype(code, given):
    """Every dtype that NumPy knows is kept, with its values, even large integers."""
    tensors = {
        "float16": given.normal(3, 4, dtype=torch.float16),
        "float64": given.normal(3, 4, dtype=torch.float64),
        "uint8": given.integers(3, 4, high=256, dtype=torch.uint8),
        "int32": given.integers(3, 4, low=-(2**31), high=2**31, dtype=torch.int32),
        "int64": given.integers(3, 4, low=2**60, high=2**61),
        "bool": given.bools(3, 4),
        "complex64": given.normal(3, dtype=torch.complex64),
    }
    return {name: code.to_numpy(t) for name, t in tensors.items()}


@checks("to_numpy")
def test_to_numpy_dtype_of_edge_cases(code, given):
    """The dtype is kept for 0-d and empty tensors, too."""
    tensors = {
        "0-d float16": given.normal((), dtype=torch.float16),
        "0-d uint8": given.integers((), dtype=torch.uint8),
        "0-d bool": given.bools(()),
        "empty int64": given.integers(0, 3),
        "empty float32": given.normal(0),
        "empty bool": given.bools(2, 0),
    }
    return only({name: code.to_numpy(t) for name, t in tensors.items()}, "type", "dtype")


@checks("to_numpy")
def test_to_numpy_while_another_default_is_set(code, given):
    """The dtypes do not depend on torch's default dtype."""
    tensors = {
        "float32": given.normal(3),
        "float64": given.normal(3, dtype=torch.float64),
        "bfloat16": given.normal(3, dtype=torch.bfloat16),
    }
    with given.default_dtype(torch.float64):
        return only({name: code.to_numpy(t) for name, t in tensors.items()}, "dtype")


@checks("to_numpy")
def test_to_numpy_of_tensors_with_a_graph(code, given):
    """Tensors that require grad are converted: results of operations, parameters, float64 and bfloat16."""
    tensors = {
        "non-leaf": given.non_leaf(given.normal(3, 4)),
        "parameter": nn.Parameter(given.normal(5)),
        "float64": given.normal(2, 3, dtype=torch.float64, requires_grad=True),
        "bfloat16": given.normal(4, dtype=torch.bfloat16, requires_grad=True),
        "0-d": given.non_leaf(given.normal(())),
    }
    return only({name: code.to_numpy(t) for name, t in tensors.items()}, "shape", "dtype", "values")


@checks("to_numpy")
def test_to_numpy_keeps_the_graph(code, given):
    """The tensor keeps its requires_grad and its graph: backward() still works afterwards."""
    leaf = given.normal(3, 4, requires_grad=True, name="leaf")
    result = leaf**3
    inner = given.non_leaf(given.normal(3))
    code.to_numpy(leaf)
    code.to_numpy(result)
    code.to_numpy(inner)
    facts = only({"leaf": leaf, "its cube": result, "non-leaf": inner}, "requires_grad", "is_leaf", "grad_fn")
    slope = torch.autograd.grad(result.sum(), leaf, allow_unused=True)[0] if result.requires_grad else None
    return {"tensors afterwards": facts, "gradient through the cube": only(slope, "values")}


@checks("to_numpy", device="second")
def test_to_numpy_of_another_device(code, given):
    """Tensors on another device are converted, with a graph or without, even bfloat16."""
    tensors = {
        "float32": given.normal(3, 4),
        "int64": given.integers(3),
        "requires grad": given.normal(3, requires_grad=True),
        "bfloat16": given.normal(3, dtype=torch.bfloat16),
        "0-d": given.normal(()),
    }
    return {name: code.to_numpy(t.to(given.second_device)) for name, t in tensors.items()}


@checks("to_numpy")
def test_to_numpy_writing_changes_nothing(code, given):
    """Writing to the array does not change the tensor, and writing to the tensor does not change the array."""
    tensors = {
        "float32": given.normal(3, 4, mean=5),
        "bool": given.bools(4),
        "requires grad": given.normal(3, mean=5, requires_grad=True),
        "not contiguous": given.non_contiguous(given.normal(3, 4, mean=5)),
        "transposed": given.transposed(given.normal(3, 4, mean=5)),
        "expanded": given.expanded(given.normal(3, 1, mean=5), 3, 4),
        "0-d": given.normal((), mean=5),
    }
    copies = {name: t.detach().clone() for name, t in tensors.items()}
    arrays, before = {}, {}
    for name, t in tensors.items():
        code.to_numpy(t)[...] = 0
        arrays[name] = code.to_numpy(copies[name])
        copies[name].zero_()
        before[name] = t.detach()
    return only({"tensors": before, "arrays": arrays}, "values")


@checks("to_numpy")
def test_to_numpy_shares_nothing_in_edge_cases(code, given):
    """The array has its own memory for every dtype and any strides."""
    tensors = {
        "int64": given.integers(3, 4, name="int64 input"),
        "bool": given.bools(3, name="bool input"),
        "requires grad": given.normal(3, 4, requires_grad=True, name="input that requires grad"),
        "transposed": given.transposed(given.normal(3, 4, name="transposed input")),
        "not contiguous": given.non_contiguous(given.normal(3, 4, name="input with gaps")),
        "bfloat16": given.normal(3, dtype=torch.bfloat16, name="bfloat16 input"),
        "0-d": given.normal((), name="0-d input"),
    }
    return only({name: code.to_numpy(t) for name, t in tensors.items()}, "aliasing")


@checks("to_numpy")
def test_to_numpy_of_bfloat16(code, given):
    """A bfloat16 tensor becomes a float32 array of the same values, whatever its shape."""
    tensors = {
        "two dimensions": given.normal(3, 4, dtype=torch.bfloat16),
        "0-d": given.normal((), dtype=torch.bfloat16),
        "empty": given.normal(0, 2, dtype=torch.bfloat16),
        "transposed": given.transposed(given.normal(3, 4, dtype=torch.bfloat16)),
        "large": given.normal(3, std=1e30, dtype=torch.bfloat16),
    }
    return only({name: code.to_numpy(t) for name, t in tensors.items()}, "shape", "dtype", "values")


def arrays_of_any_form(given):
    """One drawn array in many forms, by name; each is watched."""
    a = array_of(given.normal(4, 6, dtype=torch.float64))
    read_only = a.copy()
    read_only.flags.writeable = False
    forms = {
        "reversed": a[::-1],
        "reversed twice": a[::-1, ::-1],
        "transposed": a.T,
        "every other column": a[:, ::2],
        "column by column": np.asfortranarray(a),
        "a part": a[1:3, 2:5],
        "broadcast": np.broadcast_to(a[0], (3, 6)),
        "read-only": read_only,
        "read-only, reversed": read_only[:, ::-1],
    }
    return {name: given.watch(form, f"array {name}") for name, form in forms.items()}


@checks("from_numpy")
def test_from_numpy_of_any_shape(code, given):
    """Arrays of every shape are converted and keep their shape, even 0-d and empty ones."""
    results = {}
    for shape in ((), (1,), (0,), (0, 3), (2, 0), (2, 3, 1, 2)):
        a = given.watch(array_of(given.normal(shape, dtype=torch.float64)), f"array of shape {shape}")
        results[f"shape {shape}"] = code.from_numpy(a)
        results[f"shape {shape}, int16"] = code.from_numpy(np.asarray(a).astype(np.int16))
        results[f"shape {shape}, float32"] = code.from_numpy(np.asarray(a).astype(np.float32))
    return only(results, "shape", "values")


@checks("from_numpy")
def test_from_numpy_of_any_form(code, given):
    """Arrays of any form are converted: reversed, transposed, with gaps, broadcast, read-only."""
    forms = arrays_of_any_form(given)
    results = {name: code.from_numpy(form) for name, form in forms.items()}
    results |= {f"{name}, float32": code.from_numpy(form.astype(np.float32)[::-1]) for name, form in forms.items()}
    return only(results, "shape", "values")


@checks("from_numpy")
def test_from_numpy_of_all_integers(code, given):
    """Signed and unsigned integer arrays of every size become int64, with all their digits."""
    results = {}
    for name in INTEGERS:
        limits = np.iinfo(name)
        low, high = max(int(limits.min), -(2**62)), min(int(limits.max), 2**62)
        drawn = array_of(given.integers(3, 4, low=low, high=high))
        a = np.append(drawn.ravel(), [low, high]).astype(name)
        results[name] = code.from_numpy(given.watch(a, f"array of {name}"))
    return only(results, "dtype", "values")


@checks("from_numpy")
def test_from_numpy_of_all_floats(code, given):
    """Arrays of float16, float32 and float64 become float32 tensors with the same values, nan and infinity included."""
    results = {}
    for name in FLOATS:
        a = array_of(given.normal(3, 4, dtype=torch.float64)).astype(name)
        a[0, 0], a[1, 1] = np.nan, np.inf
        results[name] = code.from_numpy(given.watch(a, f"array of {name}"))
    return only(results, "dtype", "values")


@checks("from_numpy")
def test_from_numpy_of_bools(code, given):
    """Bool arrays stay bool, in every form."""
    a = given.watch(array_of(given.bools(4, 5)), "a")
    results = {"plain": a, "reversed": a[::-1], "transposed": a.T, "0-d": np.array(True), "empty": a[:0]}
    return only({name: code.from_numpy(form) for name, form in results.items()}, "shape", "dtype", "values")


@checks("from_numpy")
def test_from_numpy_follows_no_default(code, given):
    """The dtypes do not depend on torch's default dtype."""
    a = array_of(given.normal(3, 4, dtype=torch.float64))
    results = {}
    for default in (torch.float64, torch.float16):
        with given.default_dtype(default):
            for name in ("float16", "float32", "float64", "int32", "bool"):
                results[f"{name}, default {default}"] = code.from_numpy(a.astype(name))
    return only(results, "dtype")


@checks("from_numpy")
def test_from_numpy_shares_nothing(code, given):
    """The tensor has its own memory, even if nothing has to be converted."""
    arrays = {
        "float32": array_of(given.normal(3, 4)),
        "int64": array_of(given.integers(3, 4)),
        "bool": array_of(given.bools(3)),
        "float64": array_of(given.normal(3, dtype=torch.float64)),
        "0-d float32": array_of(given.normal(())),
        "float32, reversed": array_of(given.normal(3, 4))[::-1],
    }
    arrays["float32, read-only"] = array_of(given.normal(4))
    arrays["float32, read-only"].flags.writeable = False
    for name, a in arrays.items():
        given.watch(a, f"array of {name}")
    return only({name: code.from_numpy(a) for name, a in arrays.items()}, "aliasing")


@checks("from_numpy")
def test_from_numpy_writing_changes_nothing(code, given):
    """Writing to the array does not change the tensor, and writing to the tensor does not change the array."""
    tensors, arrays = {}, {}
    for name in ("float32", "int64", "bool", "float64"):
        a = array_of(given.integers(3, 4, low=1, high=100)).astype(name)
        tensors[name] = code.from_numpy(a)
        a[...] = 0
        arrays[name] = array_of(given.integers(3, 4, low=1, high=100)).astype(name)
        code.from_numpy(arrays[name]).zero_()
    return only({"tensors": tensors, "arrays": arrays}, "values")


@checks("from_numpy")
def test_from_numpy_needs_no_gradient(code, given):
    """The tensor is a plain one on the CPU and requires no grad."""
    a = array_of(given.normal(3, 4))
    return only({"from_numpy(a)": code.from_numpy(a)}, "type", "device", "requires_grad", "layout")


@checks("from_numpy")
def test_from_numpy_refuses_all_others(code, given):
    """Arrays of complex numbers, objects, strings, bytes and dates raise a TypeError."""
    numbers = array_of(given.normal(3, dtype=torch.float64))
    arrays = {
        "complex128": numbers.astype(np.complex128),
        "complex128, real": numbers.astype(np.complex128) * 0,
        "objects": np.array([1.5, None, "x"], dtype=object),
        "objects that are numbers": numbers.astype(object),
        "strings": np.array(["1", "2"]),
        "bytes": np.array([b"1", b"2"]),
        "dates": np.array(["2026-11-23"], dtype="datetime64[D]"),
        "empty, complex": np.zeros((0, 2), dtype=np.complex64),
    }
    return {name: raises(lambda a=a: code.from_numpy(a)) for name, a in arrays.items()}


@checks("LossMeter", gate=True)
def test_loss_meter_of_unequal_batches(code, given):
    """The mean is right for batches of very different sizes, and for losses of 0 or below."""
    meter = code.LossMeter()
    for n in (1000, 1, 7, 128):
        meter.update(given.number(-2.0, 3.0), n)
    first = mean_of(meter)
    meter.update(0.0, 50)
    meter.update(given.integer(2, 9), n=3)
    return {"mean()": first, "mean() after two more": mean_of(meter)}


@checks("LossMeter")
def test_loss_meter_takes_one_element_of_any_shape(code, given):
    """One-element tensors of every shape and precision are accepted, with a graph or without."""
    meter = code.LossMeter()
    losses = {
        "shape ()": given.uniform(()),
        "shape (1,)": given.uniform(1),
        "shape (1, 1)": given.uniform(1, 1),
        "float64": given.uniform((), dtype=torch.float64),
        "float16": given.uniform((), dtype=torch.float16),
        "bfloat16": given.uniform((), dtype=torch.bfloat16),
        "leaf": given.uniform((), requires_grad=True),
        "non-leaf": given.non_leaf(given.uniform(1)),
    }
    means = {}
    for name, loss in losses.items():
        meter.update(loss, given.integer(1, 9))
        means[f"mean() after {name}"] = mean_of(meter)
    return means


@checks("LossMeter", device="second")
def test_loss_meter_takes_losses_on_another_device(code, given):
    """Losses on different devices count towards one mean."""
    meter = code.LossMeter()
    w = given.normal(4, requires_grad=True, name="w").to(given.second_device)
    meter.update((w**2).mean(), 5)
    meter.update(given.uniform(1).to(given.second_device), 2)
    meter.update(given.uniform(()), 3)
    meter.update(given.number(), 4)
    return {"mean()": mean_of(meter), "tensors that the meter holds": tensors_of(meter)}


@checks("LossMeter")
def test_loss_meter_mean_is_a_float(code, given):
    """The mean is a Python float, whatever the losses were."""
    kinds = {}
    for name, loss in (
        ("tensor", given.uniform(())),
        ("tensor with a graph", given.non_leaf(given.uniform(()))),
        ("shape (1,)", given.uniform(1)),
        ("float", given.number()),
        ("int", 3),
    ):
        meter = code.LossMeter()
        meter.update(loss, 2)
        mean = meter.mean()
        kinds[f"type of mean() after a loss: {name}"] = "float" if isinstance(mean, float) else type(mean).__name__
    return kinds


@checks("LossMeter")
def test_loss_meter_holds_no_tensor(code, given):
    """After updates with tensors, and after mean(), the meter holds no tensor."""
    meter = code.LossMeter()
    w = given.normal(3, requires_grad=True, name="w")
    held = {"new": tensors_of(meter)}
    meter.update((w**2).mean(), 4)
    held["after a loss with a graph"] = tensors_of(meter)
    meter.update(given.uniform(()), 2)
    held["after a loss without"] = tensors_of(meter)
    meter.mean()
    held["after mean()"] = tensors_of(meter)
    return held


@checks("LossMeter")
def test_loss_meter_keeps_no_loss_alive(code, given):
    """A loss and its graph are freed when the caller drops them."""
    meter = code.LossMeter()
    w = given.normal(3, requires_grad=True, name="w")
    inner = w * 2
    loss = inner.square().mean()
    alive = {"loss": weakref.ref(loss), "inner result": weakref.ref(inner)}
    meter.update(loss, 4)
    del loss, inner
    return {f"{name} is alive": reference() is not None for name, reference in alive.items()}


@checks("LossMeter")
def test_loss_meter_calls_no_backward(code, given):
    """The meter computes no gradient, and the caller's backward() still works afterwards."""
    meter = code.LossMeter()
    w = given.normal(3, requires_grad=True, name="w")
    loss = (w**2).mean()
    meter.update(loss, 4)
    meter.mean()
    before = only(w.grad, "values")
    facts = only(loss.detach() if not loss.requires_grad else loss, "requires_grad", "grad_fn")
    slope = torch.autograd.grad(loss, w)[0]
    return {"w.grad": before, "loss": facts, "gradient of the loss": only(slope, "values")}


@checks("LossMeter")
def test_loss_meter_may_be_asked_again(code, given):
    """Asking for the mean changes nothing: asking twice gives the same, and later losses add to the earlier ones."""
    meter = code.LossMeter()
    meter.update(given.number(), given.integer(2, 9))
    first, second = mean_of(meter), mean_of(meter)
    meter.update(given.number(3.0, 4.0), given.integer(2, 9))
    return {"first": first, "second": second, "after another loss": mean_of(meter)}


@checks("LossMeter")
def test_loss_meter_does_not_follow_its_losses(code, given):
    """A loss counts with the value it had at the time, even if the caller changes the tensor later."""
    meter = code.LossMeter()
    loss = torch.full((), given.number(1.0, 2.0), device=given.device)
    meter.update(loss, 3)
    loss.mul_(100)
    meter.update(given.number(), 2)
    return {"mean()": mean_of(meter)}


@checks("LossMeter")
def test_loss_meter_of_nothing_after_a_reset(code, given):
    """After a reset, the mean of nothing raises again; the mean of a loss of 0 does not."""
    used, idle = code.LossMeter(), code.LossMeter()
    used.update(given.number(), 3)
    used.mean()
    used.reset()
    idle.reset()
    results = {"after a reset": raises(lambda: used.mean()), "a reset of a new meter": raises(lambda: idle.mean())}
    zero = code.LossMeter()
    zero.update(0.0)
    return {**results, "mean() of one loss 0": mean_of(zero)}


@checks("LossMeter")
def test_loss_meter_reset_in_full(code, given):
    """A reset forgets losses and samples, however often it is called."""
    meter = code.LossMeter()
    means = []
    for _ in range(3):
        meter.update(given.number(), given.integer(1, 50))
        meter.update(given.uniform(()), given.integer(1, 50))
        means.append(mean_of(meter))
        meter.reset()
    return {"means": means}


@checks("LossMeter")
def test_loss_meters_are_independent(code, given):
    """Two meters used at the same time are independent."""
    train, test = code.LossMeter(), code.LossMeter()
    train.update(given.number(), 3)
    test.update(given.number(5.0, 6.0), 4)
    train.update(given.number(), 2)
    means = {"first": mean_of(train), "second": mean_of(test)}
    train.reset()
    return {**means, "second, after a reset of the first": mean_of(test)}
