"""Checks of topic `devices` that only grading runs."""

import collections
import math
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from unittest.mock import patch

import torch
from torch import nn

from autograder import checks, close, only, raises

Pair = collections.namedtuple("Pair", "image label")


@contextmanager
def gpus(number, working=True, other=None):
    """PyTorch says that this machine has so many GPUs, or another accelerator; it was built for GPUs in any case."""
    there = working and number > 0
    accelerator = torch.device(other or "cuda")
    answers = {
        torch.cuda: {"is_available": lambda: there, "device_count": lambda: number},
        torch.accelerator: {
            "is_available": lambda: there or other is not None,
            "device_count": lambda: number if other is None else 1,
            "current_accelerator": lambda check_available=False: (
                accelerator if there or other or not check_available else None
            ),
        },
    }
    with ExitStack() as stack:
        for module, functions in answers.items():
            stack.enter_context(patch.multiple(module, **functions))
        yield


def place(device):
    """A device in words; `cuda` and `cuda:0` are the same."""
    text = str(device)
    return {"cuda": "cuda:0", "cpu:0": "cpu"}.get(text, text)


def network(features=3, classes=4):
    return nn.Sequential(nn.Linear(features, 5), nn.Tanh(), nn.Linear(5, classes))


def labelled(given, sizes, features=3, classes=4):
    """Batches of different sizes on the CPU."""
    return [(given.normal(n, features), given.integers(n, low=0, high=classes)) for n in sizes]


# pick_device


def pick_device_wishes(code, given):
    """A device that the caller names is returned if it exists: cpu, cuda, and the second GPU by its number."""
    answers = {}
    many = given.integer(3, 9)
    last = f"cuda:{given.integer(1, many)}"
    for number, wishes in ((0, ("cpu",)), (1, ("cpu", "cuda", "cuda:0")), (many, ("cpu", "cuda", "cuda:0", last))):
        for wish in wishes:
            with gpus(number):
                answers[f"{wish} with {number} GPUs"] = place(code.pick_device(wish))
    return answers


def pick_device_refuses_gpus(code, given):
    """A GPU that does not exist is refused with a RuntimeError."""

    def ask(number, wish, working):
        with gpus(number, working):
            return place(code.pick_device(wish))

    many = given.integer(2, 9)
    asked = ((0, "cuda"), (0, "cuda:0"), (1, "cuda:1"), (many, f"cuda:{many}"), (many, f"cuda:{many + given.integer(1, 9)}"))
    asked += ((many, f"cuda:{many + 10}"),)
    asked = [(*case, True) for case in asked] + [(2, "cuda", False), (2, "cuda:1", False)]
    return {
        f"{wish} with {number} GPUs{'' if working else ', not available'}": raises(
            lambda number=number, wish=wish, working=working: ask(number, wish, working)
        )
        for number, wish, working in asked
    }


def pick_device_other_strings(code, given):
    """Any other string is refused with a ValueError, with and without a GPU."""

    def ask(number, wish):
        with gpus(number):
            return place(code.pick_device(wish))

    wishes = (
        "gpu",
        "",
        "cuda:x",
        "cuda:",
        "mps",
        "meta",
        "gpu:0",
        "cuda:1.0",
        "CUDA",
        "cuda0",
        " cuda",
        "cpu:0x",
        "cpu\n",
        "cuda\n",
        "cuda:1\n",
        "cuda:+1",
        "cuda: 1",
        "cuda:1_0",
        "cuda:-1",
    )
    return {
        f"{wish!r} with {number} GPUs": raises(lambda number=number, wish=wish: ask(number, wish))
        for wish in wishes
        for number in (0, 2)
    }


def pick_device_allocates_nothing(code, given):
    """A GPU is found without allocating any memory."""
    kind = given.second_device.type
    before = torch.cuda.max_memory_allocated() if kind == "cuda" else 0
    found = [torch.device(code.pick_device(wish)).type for wish in ("auto", "cpu")]
    after = torch.cuda.max_memory_allocated() if kind == "cuda" else 0
    return {"found": found, "bytes used": after - before}


@checks("pick_device", device="second")
def test_pick_device_every_wish(code, given):
    """A device that the caller names is returned if it exists, the second GPU by its number; no memory is used."""
    return {
        "wishes": pick_device_wishes(code, given),
        "allocates nothing": pick_device_allocates_nothing(code, given),
    }


@checks("pick_device", draws=1)
def test_pick_device_no_such_device(code, given):
    """Every GPU that does not exist is refused with a RuntimeError, and whatever is not a device with a ValueError."""
    return {
        "refuses gpus": pick_device_refuses_gpus(code, given),
        "other strings": pick_device_other_strings(code, given),
    }


# to_device


@checks("to_device", device="second", weight=2)
def test_to_device_deep(code, given):
    """Containers in containers, empty ones, and things that only look like one."""
    marker, array = SimpleNamespace(_fields=("x",)), given.integers(3).numpy()
    broken = torch.cat([given.normal(2), given.full(1, value=math.nan)])
    other = {"marker": marker, "array": array, "range": range(3), "set": {1}}
    pair = Pair(broken, [2**60 + given.integers(3), {"deep": (given.normal(1),)}])
    rest = {"none": None, "x": given.number(0, 1), "empty": [], "nothing": {}, "none left": ()}
    batch = given.watch(
        {"b": [pair, (Pair(given.normal(1), None),)], "a": {"inner": (given.normal(2), [])}, **rest}, "batch"
    )
    moved = code.to_device({**batch, **other}, given.second_device)
    same = {name: moved[name] is thing for name, thing in other.items()}
    keys = code.to_device({1: given.normal(1), (2, "b"): {None: given.normal(1)}}, given.second_device)
    found = only({name: moved[name] for name in batch}, "type", "device", "values")
    found = {"batch": found, "other keys": only(keys, "type", "device", "values")}
    return {**found, "same objects": same, "alone": code.to_device("a", "cpu")}


@checks("to_device", device="second")
def test_to_device_there_and_back(code, given):
    """Empty, 0-d and float64 tensors keep their facts; the device may be a string; moving back to the CPU works, too."""
    n, m, k = (given.integer(1, 20) for _ in range(3))
    batch = [given.normal(n, requires_grad=True), given.normal(0, m), given.normal((), dtype=torch.float64), given.bools(k)]
    batch.append(Pair(given.normal(m, k, requires_grad=True), given.normal(n)))
    batch += [given.normal(n, dtype=torch.float16), given.integers(n, dtype=torch.int32)]
    batch += [given.tensor([math.nan, math.inf, -math.inf]), given.normal(n, std=1e-9), given.normal(n, dtype=torch.float64)]
    moved = only(code.to_device(batch, given.second_device), "shape", "dtype", "requires_grad", "device", "values")
    there = [given.normal(2).to(given.second_device), {"y": given.normal(3)}]
    again = code.to_device(there, str(given.second_device))
    here = code.to_device(given.normal(2), torch.device("cpu"))
    given.keep_gpu_busy()
    back = code.to_device(there, "cpu")  # the last one: what is on its way still must not be completed by another copy
    # It is read first, too: looking at what is on the GPU would wait for it.
    return {"back": only({"back": back, "again": again, "already there": here}, "device", "values"), "moved": moved}


# run_where_model_is


def run_where_model_is_gradient(code, given):
    """If x and the model are on the same device, the result is model(x), and gradients flow back to x."""
    model, weights = given.module(lambda: nn.Linear(3, 4)), given.normal(2, 4)
    x = given.normal(2, 3, requires_grad=True, name="x")
    result = code.run_where_model_is(model, x)
    gradient, *others = torch.autograd.grad((result * weights).sum(), [x, *model.parameters()])
    found = {"result": result, "gradient": gradient, "gradients of the parameters": others}
    return only(found, "device", "values", "requires_grad")


def run_where_model_is_single_layer(code, given):
    """It works for a single layer, too, and for one whose input is integers."""
    layer = given.module(lambda: nn.Linear(3, 2)).to(given.second_device)
    embedding = given.module(lambda: nn.Embedding(5, 2)).to(given.second_device)
    given.watch([layer, embedding], "layers")
    nothing = given.full(2, 3, value=math.nan)
    results = {
        "linear": code.run_where_model_is(layer, given.normal(2, 3)),
        "x of nan": code.run_where_model_is(layer, nothing),
        "embedding": code.run_where_model_is(embedding, given.integers(4, high=5)),
    }
    return only(results, "device", "values")


class Spread(nn.Module):
    """Two layers and a buffer, which can be in different places; the result is where x is."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.ones(()))
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.first(x).to(self.last.weight.device) * self.scale).to(x.device)


class Scaled(nn.Module):
    """A parameter of its own, which comes first, beside a layer; notes the dtype of x, and goes on in its own."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.gain, self.seen = nn.Parameter(torch.ones(())), []

    def forward(self, x):
        self.seen.append(x.dtype)
        weight, bias = self.layer.weight.to(x.device), self.layer.bias.to(x.device)
        return nn.functional.linear(x.to(self.gain.dtype) * self.gain, weight, bias)


def run_where_model_is_first_parameter(code, given):
    """If the model is on several devices, x goes where its first parameter is."""
    model, frozen, scaled = given.module(Spread), given.module(Spread), given.module(Scaled)
    model.first.to(given.second_device)
    frozen.first.to(given.second_device).requires_grad_(False)
    scaled.gain.data = scaled.gain.data.to(given.second_device)
    given.watch([model, frozen, scaled], "models")
    models = {"result": model, "first layer is frozen": frozen, "a parameter beside layers": scaled}
    results = {name: code.run_where_model_is(model, given.normal(2, 3)) for name, model in models.items()}
    with torch.no_grad():
        results["under no_grad"] = code.run_where_model_is(model, given.normal(2, 3))
    wide = given.module(lambda: Scaled().double())
    code.run_where_model_is(wide, given.normal(2, 3))
    return {"results": only(results, "device", "values", "requires_grad"), "dtype of x": wide.seen}


def run_where_model_is_not_moved(code, given):
    """The model stays on its device and keeps its parameter objects, wherever x is."""
    here, there = given.module(network), given.module(network).to(given.second_device)
    factor = given.number(2, 9)
    for model in (here, there):
        model.register_forward_pre_hook(lambda module, arguments: (arguments[0] * factor,))
    objects = [[id(p) for p in model.parameters()] for model in (here, there)]
    results = [code.run_where_model_is(there, given.normal(2, 3))]
    x = given.normal(2, 3).to(given.second_device)
    given.keep_gpu_busy()
    results.append(code.run_where_model_is(here, x))
    same = [[id(p) for p in model.parameters()] == before for model, before in zip((here, there), objects, strict=True)]
    return {"results": only(results, "device", "values"), "models": only([here, there], "device"), "same objects": same}


def run_where_model_is_without_parameters(code, given):
    """Without parameters, the first buffer tells where the model is; with neither, x stays where it is."""
    norm = given.module(lambda: nn.BatchNorm1d(3, affine=False)).to(given.second_device)
    given.watch(norm, "norm")
    there = given.normal(4, 3).to(given.second_device)
    results = {
        "buffers": code.run_where_model_is(norm, given.normal(4, 3)),
        "nothing, on the CPU": code.run_where_model_is(nn.ReLU(), given.normal(2)),
        "nothing, on the GPU": code.run_where_model_is(nn.ReLU(), there),
    }
    return only(results, "device", "values")


@checks("run_where_model_is", device="second")
def test_run_where_model_is_anywhere(code, given):
    """It works for layers, buffers and parameters in any place, and the model keeps its parameter objects."""
    return {
        "not moved": run_where_model_is_not_moved(code, given),
        "first parameter": run_where_model_is_first_parameter(code, given),
        "without parameters": run_where_model_is_without_parameters(code, given),
        "single layer": run_where_model_is_single_layer(code, given),
    }


@checks("run_where_model_is", device="second")
def test_run_where_model_is_on_one_device(code, given):
    """If x and the model are on the same device, the result is model(x), with its gradients."""
    return run_where_model_is_gradient(code, given)


# causal_scores


def causal_scores_shapes_of_scores(code, given):
    """It works with batches and heads, and with one position or none."""
    shapes = ((2, 3, 3), (2, 2, 4, 4), (1, 1), (0, 0), (3, 1, 1), (2, 0, 0), (0, 3, 3))
    results = {str(shape): code.causal_scores(given.normal(shape)) for shape in shapes}
    results["tiny scores, times 1e9"] = code.causal_scores(given.normal(3, 3, std=1e-9, dtype=torch.float64)) * 1e9
    results["(3, 3), full of zeros"] = code.causal_scores(given.full(3, 3, value=0.0))
    for value in (math.inf, -math.inf, math.nan):
        scores = given.normal(4, 4)
        scores[given.integer(0, 2), 2:] = scores[3, given.integer(0, 4)] = value
        results[f"with {value}"] = code.causal_scores(given.watch(scores, f"scores with {value}"))
    return only(results, "shape", "values")


def causal_scores_dtypes(code, given):
    """The result has the dtype of the scores."""
    kinds = (torch.float64, torch.float16, torch.bfloat16)
    return only({str(kind): code.causal_scores(given.normal(3, 3, dtype=kind)) for kind in kinds}, "dtype", "values")


@checks("causal_scores", gate=True, weight=2)
def test_causal_scores_shapes(code, given):
    """It works with batches and heads, with one position or none, for any scores, and in every floating dtype."""
    return {
        "shapes of scores": causal_scores_shapes_of_scores(code, given),
        "dtypes": causal_scores_dtypes(code, given),
    }


@checks("causal_scores")
def test_causal_scores_is_new(code, given):
    """The result is a new tensor that shares no memory with scores, and it is differentiable."""
    scores = given.sliced(given.normal(3, 3, name="scores"))
    with_graph = code.causal_scores(given.normal(2, 2, requires_grad=True))
    new = only({"result": code.causal_scores(scores), "single": code.causal_scores(given.normal(1, 1))}, "aliasing")
    return {"new": new, "differentiable": only(with_graph, "values", "requires_grad")}


# leaf_on


def leaf_on_places(code, given):
    """The device may be a torch.device or a string."""
    numbers = [given.number() for _ in range(3)]
    places = {"device": given.second_device, "string": str(given.second_device), "cpu": "cpu", "CPU": torch.device("cpu")}
    return only({name: code.leaf_on(numbers, where) for name, where in places.items()}, "device", "is_leaf", "values")


def leaf_on_dtypes_of_values(code, given):
    """The dtype is the one given, float32 by default; integers are converted."""
    whole = [[given.integer(-9, 9) for _ in range(2)] for _ in range(3)]
    exact = given.normal(3, dtype=torch.float64).cpu().numpy()
    leaves = {
        "integers": code.leaf_on(whole, "cpu"),
        "integers, float64": code.leaf_on(whole, "cpu", torch.float64),
        "array of integers": code.leaf_on(given.integers(3).cpu().numpy(), "cpu"),
        "array, float64": code.leaf_on(exact, "cpu", dtype=torch.float64),
        "array, float32": code.leaf_on(exact, "cpu"),
        "one number": code.leaf_on(3.0, "cpu", torch.float64),
        "nan and infinity": code.leaf_on([math.nan, given.number(), -math.inf], "cpu"),
        "nothing": code.leaf_on([], "cpu"),
    }
    return only(leaves, "shape", "dtype", "values", "is_leaf", "requires_grad")


def leaf_on_optimizer(code, given):
    """An optimizer accepts the leaf, and a step changes it."""
    leaf = code.leaf_on([given.number() for _ in range(3)], given.second_device)
    optimizer = torch.optim.SGD([leaf], lr=0.5)
    (leaf * 3).sum().backward()
    optimizer.step()
    return only({"leaf": leaf}, "values", "gradient", "device")


@checks("leaf_on")
def test_leaf_on_arrays(code, given):
    """It works for arrays and numbers of any dtype; writing to an array afterwards does not change the leaf."""
    kinds = (torch.float32, torch.float64)
    arrays = [given.normal(3, dtype=kind, name=str(kind)).cpu().numpy().copy() for kind in kinds]
    leaves = [code.leaf_on(array, "cpu", kind) for array, kind in zip(arrays, kinds, strict=True)]
    for array in arrays:
        array += 1.0
    return {"dtypes": leaf_on_dtypes_of_values(code, given), "own memory": only({"leaves": leaves}, "values")}


@checks("leaf_on", device="second")
def test_leaf_on_any_device(code, given):
    """The device may be a torch.device or a string; an optimizer accepts the leaf and changes it."""
    return {
        "places": leaf_on_places(code, given),
        "optimizer": leaf_on_optimizer(code, given),
    }


# Standardizer


def standardizer_column_statistics(code, given):
    """mean and std are those of the columns, dividing by N - 1; two samples are enough."""
    data = [given.normal(n, f, mean=1.0, dtype=torch.float64) for n, f in ((2, 3), (5, 2), (9, 1))]
    data.append(given.normal(4, 2, requires_grad=True))
    data.append(given.expanded(given.normal(1, 3), 2, 3))
    data.append(given.normal(6, 3, mean=1e6, dtype=torch.float64))
    data.append(given.normal(6, 3, std=1e-9, dtype=torch.float64))
    modules = [code.Standardizer(each) for each in data]
    return only(
        [{"mean": module.mean, "std": module.std} for module in modules], "shape", "dtype", "values", "requires_grad"
    )


def standardizer_buffer_names(code, given):
    """mean and std are buffers and are in the state_dict; there are no parameters."""
    module = code.Standardizer(given.normal(5, 3))
    names = {
        "buffers": sorted(n for n, _ in module.named_buffers()),
        "parameters": [n for n, _ in module.named_parameters()],
    }
    return names | {"state_dict": sorted(module.state_dict())}


def standardizer_is_restored(code, given):
    """After loading the state_dict of another Standardizer, it computes what that one does."""
    one, other = code.Standardizer(given.normal(5, 3)), code.Standardizer(given.normal(5, 3, std=4.0))
    one.load_state_dict(other.state_dict(), strict=False)
    return only({"result": one(given.normal(2, 3))}, "values")


def standardizer_places(code, given):
    """mean and std start on data's device with its dtype, and move and convert with the module."""
    born = code.Standardizer(given.normal(5, 3, dtype=torch.float64).to(given.second_device))
    here = code.Standardizer(given.normal(5, 3))
    moved = code.Standardizer(given.normal(5, 3)).to(given.second_device, torch.float64)
    found = {
        f"{name}, {kind}": getattr(module, kind)
        for name, module in (("born", born), ("moved", moved), ("on the CPU beside a GPU", here))
        for kind in ("mean", "std")
    }
    return only(close(found, rtol=1e-5), "dtype", "device", "values")


def standardizer_more_dimensions(code, given):
    """x may have any number of dimensions before the features, or none, and gets a gradient."""
    module, found = code.Standardizer(given.normal(5, 3)), {}
    for shape in ((3,), (2, 4, 3), (0, 3)):
        x = given.normal(shape, requires_grad=True)
        result = module(x)
        (gradient,) = torch.autograd.grad(result.sum(), x, allow_unused=True)
        found[str(shape)] = {"result": result, "gradient": gradient}
    for name, scale in (("large x", 1e6), ("x with nan", math.nan)):
        x = given.normal(2, 3)
        x[0] *= scale
        found[name] = module(given.watch(x, name))
    found["in eval mode"] = module.eval()(given.normal(2, 3))
    narrow = given.normal(6, 3, std=1e-9, dtype=torch.float64)
    found["a narrow column"] = code.Standardizer(narrow)(narrow)
    gap = given.normal(5, 3)
    gap[given.integer(0, 5), 1] = math.nan
    found["data with nan"] = code.Standardizer(given.watch(gap, "data with nan"))(given.normal(2, 3))
    return only(found, "shape", "values")


@checks("Standardizer", gate=True)
def test_standardizer_statistics(code, given):
    """mean and std are those of the columns, for any data; x may have any number of dimensions."""
    return {
        "column statistics": standardizer_column_statistics(code, given),
        "more dimensions": standardizer_more_dimensions(code, given),
    }


@checks("Standardizer", device="second")
def test_standardizer_buffers(code, given):
    """mean and std are buffers that are saved, loaded, moved and converted; there are no parameters."""
    return {
        "buffer names": standardizer_buffer_names(code, given),
        "is restored": standardizer_is_restored(code, given),
        "places": standardizer_places(code, given),
    }


# batches_on


def batches_on_batch_types(code, given):
    """A list stays a list and a tuple a tuple, however many tensors there are."""
    batches = [
        [given.normal(2), given.normal(1)],
        (given.normal(2),),
        [given.bools(2), given.integers(2), given.normal(())],
        [given.tensor([math.nan, math.inf]), given.normal(2, std=1e-9)],
        (),
    ]
    return only({"batches": list(code.batches_on(batches, str(given.second_device)))}, "type", "dtype", "device", "values")


def batches_on_cpu_batches(code, given):
    """On the CPU, the tensors themselves are yielded, neither copied nor pinned."""
    batches, pinned = labelled(given, (2, 3)), given.spy(torch.Tensor.pin_memory)
    with patch.object(torch.Tensor, "pin_memory", lambda *arguments: pinned(*arguments)):
        moved = list(code.batches_on(iter(batches), "cpu"))
    same = [a is b for one, other in zip(moved, batches, strict=True) for a, b in zip(one, other, strict=True)]
    alone = [given.normal(3).to(given.second_device)]
    given.keep_gpu_busy()
    (back,) = code.batches_on([alone], "cpu")
    found = {"batches": only(moved, "values", "device"), "a single tensor from the GPU": only(back, "values", "device")}
    return {"the same tensors": same, "pinned": pinned.count, **found}


def batches_on_already_there(code, given):
    """A tensor that is already on the GPU is yielded itself, not a copy."""
    there = given.normal(3).to(given.second_device)
    (moved,) = code.batches_on([(there, given.normal(2))], given.second_device)
    return {"the same tensor": moved[0] is there, "batch": only(moved, "device", "values")}


@checks("batches_on", weight=0.5, device="second")
def test_batches_on_odd_batches(code, given):
    """It works for batches of any size, also empty ones; tensors that are on the device are yielded themselves."""
    return {
        "batch types": batches_on_batch_types(code, given),
        "already there": batches_on_already_there(code, given),
        "cpu batches": batches_on_cpu_batches(code, given),
    }


# mean_loss


def mean_loss_place_of_the_model(code, given):
    """The model stays where it is, with its parameter objects."""
    model = given.module(network).to(given.second_device)
    before = [id(p) for p in model.parameters()]
    code.mean_loss(model, labelled(given, (2, 1)))
    return {"model": only(model, "device"), "same objects": [id(p) for p in model.parameters()] == before}


def mean_loss_modes(code, given):
    """The model and each of its parts run in the mode they are in."""
    results = {}
    for mode in ("train", "eval", "mixed"):
        model = given.module(lambda: nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 4), nn.BatchNorm1d(4)))
        model.train(mode != "eval")
        model[3].train(mode == "train")
        given.watch(model, f"model, {mode}")
        results[mode] = code.mean_loss(model, labelled(given, (6, 4)))
    return results


def mean_loss_iterator(code, given):
    """The batches may come from an iterator, which has no length and can be read only once; the last may be the largest."""
    batches = labelled(given, (1, 2, 6), features=2, classes=3)
    model = given.module(lambda: nn.Linear(2, 3))
    found = {"result": code.mean_loss(model, iter(batches))}
    broken = [(x * float("nan"), y) for x, y in labelled(given, (2, 3), features=2, classes=3)]
    found["nan"] = str(float(code.mean_loss(model, [*batches, *broken])))
    with torch.no_grad():
        code.mean_loss(model, batches)
        found["recording is on afterwards, no_grad"] = torch.is_grad_enabled()
    with suppress(KeyError):
        code.mean_loss(model, ({}["missing"] for _ in range(1)))
    return {**found, "recording is on after an exception": torch.is_grad_enabled()}


def mean_loss_precision(code, given):
    """A float64 model has a float64 loss, and its sum keeps all digits, with nothing recorded on the way."""
    model = given.module(lambda: network(2, 3).double())
    spy = given.spy(model)
    batches = [(x.double(), y) for x, y in labelled(given, (2, 1, 3), features=2, classes=3)]
    return {"result": close(code.mean_loss(model, batches), rtol=1e-10), "recorded": [c.grad_enabled for c in spy.calls]}


@checks("mean_loss", device="second")
def test_mean_loss_of_other_models(code, given):
    """Each part of the model runs in its own mode, and the model keeps its parameters; the last batch may be the largest."""
    return {
        "precision": mean_loss_precision(code, given),
        "modes": mean_loss_modes(code, given),
        "iterator": mean_loss_iterator(code, given),
        "place of the model": mean_loss_place_of_the_model(code, given),
    }


# move_training_


def trained(given, make_optimizer):
    """A model and its optimizer after two steps on the CPU, and a batch for further ones."""
    model = given.module(lambda: nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 4)))
    optimizer = make_optimizer(model.parameters())
    x, weights = given.normal(6, 3, name="x"), given.normal(6, 4, name="weights")
    for _ in range(2):
        step(model, optimizer, x, weights)
    return model, optimizer, x, weights


def step(model, optimizer, x, weights):
    optimizer.zero_grad()
    (model(x) * weights).sum().backward()
    optimizer.step()


def move_training_adagrad(code, given):
    """Training with Adagrad continues as it would have on the CPU; the device may be a string."""
    results = {}
    for name, make in {
        "Adagrad": lambda parameters: torch.optim.Adagrad(parameters, lr=0.1),
        "Adam with amsgrad": lambda parameters: torch.optim.Adam(parameters, lr=0.1, amsgrad=True),
        "RMSprop, centered": lambda parameters: torch.optim.RMSprop(parameters, lr=0.01, momentum=0.5, centered=True),
        "two groups": lambda parameters: torch.optim.SGD(
            [{"params": [p], "lr": 0.01 * number} for number, p in enumerate(parameters, 1)], lr=0.5, momentum=0.9
        ),
    }.items():
        model, optimizer, x, weights = trained(given, make)
        code.move_training_(model, optimizer, str(given.second_device))
        step(model, optimizer, x.to(given.second_device), weights.to(given.second_device))
        results[name] = list(model.parameters())
    return only(close(results, rtol=1e-4), "device", "values")


def move_training_tensors(code, given):
    """Parameters, gradients, buffers, and the optimizer's tensors with the shape of a parameter are on the device."""
    model, optimizer, _, _ = trained(given, lambda parameters: torch.optim.Adam(parameters, lr=0.1))
    for parameter in model.parameters():
        optimizer.state[parameter]["a note"] = 3
    last = list(model.parameters())[-1]
    last.grad = None
    optimizer.state[last]["exp_avg"][0] = math.nan
    code.move_training_(model.eval(), optimizer, given.second_device)
    wide = given.module(lambda: nn.Linear(3, 4).double())
    exact = torch.optim.SGD(wide.parameters(), lr=0.1, momentum=0.9)
    step(wide, exact, given.normal(6, 3, dtype=torch.float64), given.normal(6, 4, dtype=torch.float64))
    code.move_training_(wide, exact, given.second_device)
    state = [[s["exp_avg"], s["exp_avg_sq"]] for s in (optimizer.state[p] for p in model.parameters())]
    gradients = [p.grad for p in model.parameters()]
    found = {
        "parameters": list(model.parameters()),
        "state": state,
        "gradients": gradients,
        "buffers": list(model.buffers()),
    }
    modes = [part.training for part in (model, *model)]
    digits = only([exact.state[p]["momentum_buffer"] for p in wide.parameters()], "device", "dtype", "values")
    return {"tensors": only(close(found, rtol=1e-4), "device", "values"), "in float64": digits, "modes": modes}


def move_training_before_the_first_step(code, given):
    """It works before the first step, when the optimizer has no state, and returns nothing."""
    model, x, weights = given.module(network), given.normal(6, 3), given.normal(6, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    returned = code.move_training_(model, optimizer, given.second_device)
    step(model, optimizer, x.to(given.second_device), weights.to(given.second_device))
    return {"returned": returned, "parameters": only(close(list(model.parameters()), rtol=1e-4), "device", "values")}


@checks("move_training_", device="second")
def test_move_training_any_state(code, given):
    """Training continues with any optimizer, and before the first step; what is not a tensor stays in the state."""
    return {
        "Adagrad": move_training_adagrad(code, given),
        "before the first step": move_training_before_the_first_step(code, given),
        "tensors": move_training_tensors(code, given),
    }


# mixed_step


class Recorder(nn.Module):
    """A linear model that remembers in which dtype and mode it was called."""

    def __init__(self):
        super().__init__()
        self.layer, self.seen = nn.Linear(3, 4), []

    def forward(self, x):
        logits = self.layer(x)
        self.seen.append(logits.dtype)
        return logits


def mixed(given, *, init_scale=1024.0, lr=0.5, device=None):
    """A model, an optimizer, a scaler and a batch on the GPU."""
    device = device or given.second_device
    model = given.module(Recorder).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scaler = torch.amp.GradScaler(device.type, init_scale=init_scale)
    x, y = given.normal(8, 3, name="x").to(device), given.integers(8, low=0, high=4, name="y").to(device)
    return model, optimizer, scaler, x, y


def mixed_step_scales_the_loss(code, given):
    """The backward pass runs on the scaled loss."""
    model, optimizer, scaler, x, y = mixed(given, init_scale=4096.0)
    seen = []
    model.layer.bias.register_hook(lambda gradient: seen.append(gradient.detach().abs().max()))
    code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    return only(close({"largest gradient of the bias": torch.stack(seen).float()}, rtol=1e-2), "shape", "values")


def mixed_step_updates_the_scaler(code, given):
    """After enough good steps in a row, the scale grows."""
    model, optimizer, scaler, x, y = mixed(given, init_scale=64.0, lr=0.1)
    scaler.set_growth_interval(2)
    scales = []
    for _ in range(3):
        code.mixed_step(model, x, y, optimizer, scaler, 1.0)
        scales.append(scaler.get_scale())
    return {"scales": scales}


def mixed_step_forgets_old_gradients(code, given):
    """Gradients of earlier steps do not matter, and a frozen parameter does not change."""
    model, optimizer, scaler, x, y = mixed(given, init_scale=2.0)
    given.with_grad(model.layer)
    model.layer.bias.requires_grad_(False).grad = None
    code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    return only(close({"parameters": list(model.parameters())}, rtol=4e-3), "values")


def mixed_step_of_two_groups(code, given):
    """The gradients of all parameters are clipped together, whatever groups they are in; a loss of nan stays nan."""
    model, optimizer, scaler, x, y = mixed(given)
    groups = [{"params": [p]} for p in model.parameters()]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    before = [p.detach().clone() for p in model.parameters()]
    code.mixed_step(model, x, y, optimizer, scaler, 0.01)
    changes = [p.detach() - old for p, old in zip(model.parameters(), before, strict=True)]
    found = {"changes": only(close(changes, rtol=1e-2, atol=1e-5), "values")}
    after = [p.detach().clone() for p in model.parameters()]
    loss = code.mixed_step(model, x * math.nan, y, optimizer, scaler, 0.01)
    same = [torch.equal(p.detach(), old) for p, old in zip(model.parameters(), after, strict=True)]
    return {**found, "loss of nan": only(loss, "values"), "the step is skipped": same}


def mixed_step_on_cpu(code, given):
    """On the CPU, it computes in float16, too."""
    model, optimizer, scaler, x, y = mixed(given, device=torch.device("cpu"))
    model.eval()
    loss = code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    found = only(close({"loss": loss, "parameters": list(model.parameters())}, rtol=4e-3), "device", "values")
    return {"in the model": model.seen, "results": found, "in training mode afterwards": model.training}


@checks("mixed_step", weight=0.5, device="second")
def test_mixed_step_steps(code, given):
    """The loss is scaled, the scale grows after good steps, frozen parameters stay, and it works without a GPU."""
    return {
        "on cpu": mixed_step_on_cpu(code, given),  # the first one: there is no GPU yet
        "forgets old gradients": mixed_step_forgets_old_gradients(code, given),
        "scales the loss": mixed_step_scales_the_loss(code, given),
        "updates the scaler": mixed_step_updates_the_scaler(code, given),
        "two groups": mixed_step_of_two_groups(code, given),
    }


# load_weights_


@checks("load_weights_", device="second")
def test_load_weights_stay_on_the_cpu(code, given):
    """A model on the CPU stays there, even if there is a GPU; the path may be a string, and nothing is returned."""
    path, model = given.scratch / "weights.pt", given.module(lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    saved = given.module(lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    saved(given.normal(5, 3))
    saved[1].num_batches_tracked.add_(2**60)
    with torch.no_grad():
        saved[0].weight[given.integer(0, 2), 1] = math.nan
        saved[0].bias.mul_(1e-9)
    torch.save(saved.to(given.second_device).state_dict(), path)
    model[0].weight.requires_grad_(False)
    given.watch(model, "model")
    returned = code.load_weights_(model, str(path))
    exact = given.module(lambda: nn.Linear(3, 2).double())
    digits = {"weight": given.normal(2, 3, dtype=torch.float64), "bias": given.normal(2, dtype=torch.float64)}
    torch.save(digits, path)
    code.load_weights_(exact, path)
    models = {"model": model, "in float64": exact}
    found = {name: only(each, "device", "dtype", "values", "requires_grad") for name, each in models.items()}
    return {**found, "bias, times 1e9": only(model[0].bias.detach() * 1e9, "values"), "returned": returned}
