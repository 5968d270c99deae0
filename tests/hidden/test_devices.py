"""Checks of topic `devices` that only grading runs."""

import collections
import math
from contextlib import ExitStack, contextmanager
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


def pick_device_other_accelerators(code, given):
    """An accelerator other than CUDA does not count, and neither does a GPU that is not available."""
    answers = {}
    for name, other in (("an accelerator of another kind", "mps"), ("a GPU that does not work", None)):
        with gpus(0 if other else 1, working=False, other=other):
            answers[name] = place(code.pick_device())
    return answers


def pick_device_refuses_gpus(code, given):
    """A GPU that does not exist is refused with a RuntimeError."""

    def ask(number, wish, working):
        with gpus(number, working):
            return place(code.pick_device(wish))

    many = given.integer(2, 9)
    asked = ((0, "cuda"), (0, "cuda:0"), (1, "cuda:1"), (many, f"cuda:{many}"), (many, f"cuda:{many + given.integer(1, 9)}"))
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
def test_pick_device_explicit_devices(code, given):
    """A device that the caller names is returned if it exists; only CUDA counts, and no memory is used."""
    return {
        "wishes": pick_device_wishes(code, given),
        "other accelerators": pick_device_other_accelerators(code, given),
        "allocates nothing": pick_device_allocates_nothing(code, given),
    }


@checks("pick_device", draws=1)
def test_pick_device_refuses(code, given):
    """A GPU that does not exist is refused with a RuntimeError, any other string with a ValueError."""
    return {
        "refuses gpus": pick_device_refuses_gpus(code, given),
        "other strings": pick_device_other_strings(code, given),
    }


# to_device


@checks("to_device", device="second")
def test_to_device_containers(code, given):
    """Lists, tuples, dicts and namedtuples keep their types, keys and order."""
    pair = Pair(given.normal(2), given.integers(3))
    batch = {"b": [pair, (given.normal(1),)], "a": {"inner": (given.normal(2), [given.normal(1)])}}
    return only(code.to_device(given.watch(batch, "batch"), given.second_device), "type", "device", "values")


@checks("to_device", device="second")
def test_to_device_other_leaves(code, given):
    """Whatever is neither a tensor nor a container is passed through unchanged, and empty containers stay empty."""
    marker, array = SimpleNamespace(_fields=("x",)), given.integers(3).numpy()
    number, x, name = given.integer(2, 10_000), given.number(0, 1), given.choice(["cat", "dog", "owl", "cow", "pig"])
    batch = {"name": name, "none": None, "number": number, "flag": True, "x": x, "empty": [], "nothing": {}, "none left": ()}
    moved = code.to_device({**batch, "marker": marker, "array": array}, given.second_device)
    same = {name: moved[name] is thing for name, thing in (("marker", marker), ("array", array))}
    return {"the rest": {name: moved[name] for name in batch}, "same objects": same, "alone": code.to_device("a", "cpu")}


@checks("to_device", device="second")
def test_to_device_requires_grad(code, given):
    """dtype, shape and requires_grad stay the same."""
    n, m, k = (given.integer(1, 20) for _ in range(3))
    batch = [given.normal(n, requires_grad=True), given.normal(0, m), given.normal((), dtype=torch.float64), given.bools(k)]
    batch.append(Pair(given.normal(m, k, requires_grad=True), given.normal(n)))
    return only({"moved": code.to_device(batch, given.second_device)}, "shape", "dtype", "requires_grad", "device")


@checks("to_device", device="second")
def test_to_device_back(code, given):
    """The device may be a torch.device or a string, and moving back to the CPU works, too."""
    there = [given.normal(2).to(given.second_device), {"y": given.normal(3)}]
    again = code.to_device(there, str(given.second_device))
    here = code.to_device(given.normal(2), torch.device("cpu"))
    given.keep_gpu_busy()
    back = code.to_device(there, "cpu")  # the last one: what is on its way still must not be completed by another copy
    # It is read first, too: looking at what is on the GPU would wait for it.
    return only({"back": back, "again": again, "already there": here}, "device", "values")


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
    results = {
        "linear": code.run_where_model_is(layer, given.normal(2, 3)),
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


def run_where_model_is_first_parameter(code, given):
    """If the model is on several devices, x goes where its first parameter is."""
    model = given.module(Spread)
    model.first.to(given.second_device)
    given.watch(model, "model")
    return only({"result": code.run_where_model_is(model, given.normal(2, 3))}, "device", "values")


def run_where_model_is_gradient_across(code, given):
    """Gradients flow back to x even if it is on a different device from the model."""
    model, x = given.module(lambda: nn.Linear(3, 4)), given.normal(2, 3, requires_grad=True, name="x")
    given.watch(model.to(given.second_device), "model")
    result = code.run_where_model_is(model, x)
    gradient, *others = torch.autograd.grad((result * result.detach()).sum(), [x, *model.parameters()])
    return only({"gradient": gradient, "gradients of the parameters": others}, "device", "values")


def run_where_model_is_not_moved(code, given):
    """The model stays on its device and keeps its parameter objects, wherever x is."""
    here, there = given.module(network), given.module(network).to(given.second_device)
    objects = [[id(p) for p in model.parameters()] for model in (here, there)]
    results = [code.run_where_model_is(there, given.normal(2, 3))]
    x = given.normal(2, 3).to(given.second_device)
    given.keep_gpu_busy()
    results.append(code.run_where_model_is(here, x))
    same = [[id(p) for p in model.parameters()] == before for model, before in zip((here, there), objects, strict=True)]
    return {"results": only(results, "device", "values"), "models": only([here, there], "device"), "same objects": same}


class Noted(nn.Module):
    """A layer that notes where its weight is when it is called."""

    def __init__(self):
        super().__init__()
        self.layer, self.seen = nn.Linear(3, 2), []

    def forward(self, x):
        self.seen.append(place(self.layer.weight.device))
        return self.layer(x)


def run_where_model_is_during_the_call(code, given):
    """The model does not leave its device, even during the call."""
    here, there = given.module(Noted), given.module(Noted).to(given.second_device)
    factor = given.number(2, 9)
    for model in (here, there):
        model.register_forward_hook(lambda module, arguments, output: output * factor)
    results = [code.run_where_model_is(there, given.normal(2, 3))]
    results.append(code.run_where_model_is(here, given.normal(2, 3).to(given.second_device)))
    return {"on the GPU": there.seen, "on the CPU": here.seen, "results": only(results, "device", "values")}


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
def test_run_where_model_is_gradients(code, given):
    """Gradients flow back to x and to the model's parameters, on one device and across two."""
    return {
        "gradient": run_where_model_is_gradient(code, given),
        "gradient across": run_where_model_is_gradient_across(code, given),
    }


@checks("run_where_model_is", device="second")
def test_run_where_model_is_finds_the_device(code, given):
    """x goes where the first parameter is, or else the first buffer, or stays where it is; it keeps its dtype."""
    return {
        "single layer": run_where_model_is_single_layer(code, given),
        "first parameter": run_where_model_is_first_parameter(code, given),
        "without parameters": run_where_model_is_without_parameters(code, given),
    }


@checks("run_where_model_is", device="second")
def test_run_where_model_is_stays(code, given):
    """The model stays on its device, even during the call; its hooks run; x has arrived when it is used."""
    return {
        "during the call": run_where_model_is_during_the_call(code, given),
        "not moved": run_where_model_is_not_moved(code, given),
    }


# causal_scores


def causal_scores_shapes_of_scores(code, given):
    """It works with batches and heads, and with one position or none."""
    shapes = ((2, 3, 3), (2, 2, 4, 4), (1, 1), (0, 0), (3, 1, 1), (2, 0, 0), (0, 3, 3))
    results = {str(shape): code.causal_scores(given.normal(shape)) for shape in shapes}
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


def causal_scores_device_and_dtype(code, given):
    """On a GPU, the result also has the shape, dtype and device of the scores."""
    scores = {kind: given.normal(2, 2, 4, 4, dtype=kind).to(given.second_device) for kind in (torch.float64, torch.float16)}
    return only({str(kind): code.causal_scores(x) for kind, x in scores.items()}, "shape", "dtype", "device")


def causal_scores_on_the_cpu_beside_a_gpu(code, given):
    """Scores on the CPU give a result on the CPU, even if there is a GPU."""
    given.second_device  # noqa: B018
    return only({"result": code.causal_scores(given.normal(2, 3, 3))}, "device", "values")


def causal_scores_gradient_of_scores(code, given):
    """The gradient is 1 for kept entries and 0 for masked ones."""
    scores, weights = given.normal(2, 4, 4, requires_grad=True, name="scores"), given.uniform(2, 4, 4, low=0.5)
    result = code.causal_scores(scores)
    (gradient,) = torch.autograd.grad(result, scores, weights)
    return only({"gradient": gradient, "result": result}, "values", "requires_grad")


def causal_scores_is_new(code, given):
    """The result is a new tensor that shares no memory with scores."""
    scores = given.sliced(given.normal(3, 3, name="scores"))
    return only({"result": code.causal_scores(scores), "single": code.causal_scores(given.normal(1, 1))}, "aliasing")


@checks("causal_scores", gate=True)
def test_causal_scores_shapes(code, given):
    """It works with batches and heads, with one position or none, for any scores, and in every floating dtype."""
    return {
        "shapes of scores": causal_scores_shapes_of_scores(code, given),
        "dtypes": causal_scores_dtypes(code, given),
    }


@checks("causal_scores", device="second")
def test_causal_scores_places(code, given):
    """On a GPU or beside one, the result has the shape, dtype and device of the scores."""
    return {
        "device and dtype": causal_scores_device_and_dtype(code, given),
        "on the cpu beside a gpu": causal_scores_on_the_cpu_beside_a_gpu(code, given),
    }


@checks("causal_scores")
def test_causal_scores_gradient(code, given):
    """The gradient is 1 for kept entries and 0 for masked ones; the result shares no memory with scores."""
    return {
        "gradient of scores": causal_scores_gradient_of_scores(code, given),
        "is new": causal_scores_is_new(code, given),
    }


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
    }
    return only(leaves, "shape", "dtype", "values", "is_leaf", "requires_grad")


def leaf_on_digits(code, given):
    """A float64 leaf keeps all digits of the numbers."""
    return only({"result": code.leaf_on([math.pi, 1 / 3, given.number()], "cpu", torch.float64)}, "values")


@checks("leaf_on")
def test_leaf_on_own_memory(code, given):
    """Writing to the array afterwards does not change the leaf."""
    arrays = [given.normal(3, dtype=kind, name=str(kind)).cpu().numpy().copy() for kind in (torch.float32, torch.float64)]
    leaves = [code.leaf_on(array, "cpu", kind) for array, kind in zip(arrays, (torch.float32, torch.float64), strict=True)]
    for array in arrays:
        array += 1.0
    return only({"leaves": leaves}, "values")


def leaf_on_optimizer(code, given):
    """An optimizer accepts the leaf, and a step changes it."""
    leaf = code.leaf_on([given.number() for _ in range(3)], given.second_device)
    optimizer = torch.optim.SGD([leaf], lr=0.5)
    (leaf * 3).sum().backward()
    optimizer.step()
    return only({"leaf": leaf}, "values", "gradient", "device")


@checks("leaf_on")
def test_leaf_on_dtypes(code, given):
    """The dtype is the one given, float32 by default; integers are converted, and float64 keeps all digits."""
    return {
        "dtypes of values": leaf_on_dtypes_of_values(code, given),
        "digits": leaf_on_digits(code, given),
    }


@checks("leaf_on", device="second")
def test_leaf_on_devices(code, given):
    """The device may be a torch.device or a string; an optimizer accepts the leaf and changes it."""
    return {
        "places": leaf_on_places(code, given),
        "optimizer": leaf_on_optimizer(code, given),
    }


# Standardizer


def standardizer_constant_column(code, given):
    """If a column is constant, its standard deviation is replaced by 1."""
    data = given.normal(6, 3)
    data[:, 1] = 5.0
    given.watch(data, "data")
    module = code.Standardizer(data)
    return only({"std": module.std, "result": module(given.normal(2, 3))}, "shape", "values")


def standardizer_column_statistics(code, given):
    """mean and std are those of the columns, dividing by N - 1; two samples are enough."""
    modules = [code.Standardizer(given.normal(n, f, mean=1.0, dtype=torch.float64)) for n, f in ((2, 3), (5, 2), (9, 1))]
    return only([{"mean": module.mean, "std": module.std} for module in modules], "shape", "dtype", "values")


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


@checks("Standardizer")
def test_standardizer_no_gradient(code, given):
    """mean and std do not require grad even if data does, and gradients flow back to x."""
    module = code.Standardizer(given.normal(5, 3, requires_grad=True, name="data"))
    x = given.normal(2, 3, requires_grad=True, name="x")
    result = module(x)
    (gradient,) = torch.autograd.grad((result * result.detach()).sum(), x)
    return only({"mean": module.mean, "std": module.std, "gradient": gradient}, "requires_grad", "values")


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
    """x may have any number of dimensions before the features, or none."""
    module = code.Standardizer(given.normal(5, 3))
    return only({str(shape): module(given.normal(shape)) for shape in ((3,), (2, 4, 3), (0, 3))}, "shape", "values")


@checks("Standardizer", gate=True)
def test_standardizer_statistics(code, given):
    """mean and std are those of the columns, std being 1 for constant ones; x may have any number of dimensions."""
    return {
        "column statistics": standardizer_column_statistics(code, given),
        "constant column": standardizer_constant_column(code, given),
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


@checks("batches_on", device="second")
def test_batches_on_does_not_wait(code, given):
    """Each tensor is copied to the GPU once, and Python does not wait for any of the copies."""
    device = given.second_device
    batches = [(given.normal(3, 2), given.integers(3)) for _ in range(given.integer(1, 5))]
    batches.append((given.normal(1, 2), given.integers(1).pin_memory()))
    calls = given.spy(torch.cuda.synchronize)
    with patch.object(torch.cuda, "synchronize", calls), given.counted_transfers() as transfers:
        list(code.batches_on(batches, device))
    counts = {"transfers to the GPU": transfers.to_gpu, "transfers back": transfers.to_cpu, "waited for": transfers.waits}
    return counts | {"calls of torch.cuda.synchronize": calls.count}


@checks("batches_on", device="second")
def test_batches_on_is_lazy(code, given):
    """A batch is taken from the source when the caller asks for it, not before."""
    taken = []

    def source():
        for number in range(8):
            taken.append(number)
            yield (torch.full((2,), float(number)), torch.ones(1))

    moved = iter(code.batches_on(source(), given.second_device))
    counts = [len(taken)]
    for _ in range(given.integer(2, 6)):
        next(moved)
        counts.append(len(taken))
    return {"fetched": counts}


def batches_on_batch_types(code, given):
    """A list stays a list and a tuple a tuple, however many tensors there are."""
    batches = [
        [given.normal(2), given.normal(1)],
        (given.normal(2),),
        [given.bools(2), given.integers(2), given.normal(())],
        (),
    ]
    return only({"batches": list(code.batches_on(batches, str(given.second_device)))}, "type", "dtype", "device", "values")


def batches_on_leaves_batches_alone(code, given):
    """The original batches still hold the same tensors on the CPU; the caller may use them again."""
    batches = [[given.normal(2), given.integers(3)], (given.normal(1),)]
    before = [list(batch) for batch in batches]
    list(code.batches_on(batches, given.second_device))
    same = [[a is b for a, b in zip(*pair, strict=True)] for pair in zip(batches, before, strict=True)]
    return {"the same tensors": same, "batches": only(batches, "device", "values")}


def batches_on_cpu_batches(code, given):
    """On the CPU, the tensors themselves are yielded, neither copied nor pinned."""
    batches = labelled(given, (2, 3))
    moved = list(code.batches_on(iter(batches), "cpu"))
    same = [a is b for one, other in zip(moved, batches, strict=True) for a, b in zip(one, other, strict=True)]
    return {"the same tensors": same, "batches": only(moved, "values", "device")}


def batches_on_already_there(code, given):
    """A tensor that is already on the GPU is yielded itself, not a copy."""
    there = given.normal(3).to(given.second_device)
    (moved,) = code.batches_on([(there, given.normal(2))], given.second_device)
    return {"the same tensor": moved[0] is there, "batch": only(moved, "device", "values")}


def batches_on_back(code, given):
    """When tensors move from a GPU to the CPU, their values are complete when the batch is yielded."""
    batches = [(given.normal(3).to(given.second_device), given.integers(2)) for _ in range(2)]
    given.keep_gpu_busy()
    return only({"batches": list(code.batches_on(batches, "cpu"))}, "device", "values")


@checks("batches_on", device="second")
def test_batches_on_types(code, given):
    """Lists stay lists and tuples tuples; the originals keep their tensors; nothing on the device is copied."""
    return {
        "batch types": batches_on_batch_types(code, given),
        "leaves batches alone": batches_on_leaves_batches_alone(code, given),
        "already there": batches_on_already_there(code, given),
    }


@checks("batches_on", device="second")
def test_batches_on_cpu(code, given):
    """To the CPU, nothing is copied without need or pinned, and values from a GPU are complete when they are yielded."""
    return {
        "cpu batches": batches_on_cpu_batches(code, given),
        "back": batches_on_back(code, given),
    }


# mean_loss


def mean_loss_fetched(code, given):
    """Only one number is fetched from the GPU, however many batches there are."""
    model = given.module(network).to(given.second_device)
    counts = {}
    for number in (1, 4):
        with given.counted_transfers() as transfers:
            code.mean_loss(model, labelled(given, (2,) * number))
        counts[f"{number} batches"] = transfers.to_cpu
    return counts


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


def mean_loss_on_the_cpu_beside_a_gpu(code, given):
    """A model on the CPU gets its batches on the CPU, even if there is a GPU."""
    given.second_device  # noqa: B018
    return {"result": code.mean_loss(given.module(network), labelled(given, (2, 3)))}


def mean_loss_type(code, given):
    """The result is a Python float."""
    return only({"result": code.mean_loss(given.module(network), labelled(given, (2, 3)))}, "type")


def mean_loss_iterator(code, given):
    """The batches may come from an iterator, which has no length and can be read only once; the last may be the largest."""
    batches = labelled(given, (1, 2, 6), features=2, classes=3)
    return {"result": code.mean_loss(given.module(lambda: nn.Linear(2, 3)), iter(batches))}


def mean_loss_without_samples(code, given):
    """Without samples there is a ValueError."""
    model = given.module(network)
    return {
        "no batch": raises(lambda: code.mean_loss(model, [])),
        "an empty batch": raises(lambda: code.mean_loss(model, labelled(given, (0,)))),
    }


def mean_loss_precision(code, given):
    """A float64 model has a float64 loss, and its sum keeps all digits."""
    model = given.module(lambda: network().double())
    batches = [(x.double(), y) for x, y in labelled(given, (5, 1, 3))]
    return close(code.mean_loss(model, batches), rtol=1e-10)


def mean_loss_records_nothing(code, given):
    """The model is called once for each batch, and nothing is recorded for gradients."""
    model = given.module(network)
    spy = given.spy(model)
    code.mean_loss(model, labelled(given, (2, 3)))
    return {"recorded": [call.grad_enabled for call in spy.calls]}


@checks("mean_loss", device="second")
def test_mean_loss_comes_back_once(code, given):
    """Only one number is fetched from the GPU, however many batches there are, and the model stays on its device."""
    return {
        "fetched": mean_loss_fetched(code, given),
        "place of the model": mean_loss_place_of_the_model(code, given),
        "on the cpu beside a gpu": mean_loss_on_the_cpu_beside_a_gpu(code, given),
    }


@checks("mean_loss")
def test_mean_loss_in_its_mode(code, given):
    """The model is called once per batch, each of its parts in its own mode, and no gradients are recorded."""
    return {
        "modes": mean_loss_modes(code, given),
        "records nothing": mean_loss_records_nothing(code, given),
    }


@checks("mean_loss", draws=1)
def test_mean_loss_any_batches(code, given):
    """Any iterable of batches will do; without samples there is a ValueError; the result is a float in full precision."""
    return {
        "type": mean_loss_type(code, given),
        "iterator": mean_loss_iterator(code, given),
        "without samples": mean_loss_without_samples(code, given),
        "precision": mean_loss_precision(code, given),
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


def move_training_momentum(code, given):
    """Training with momentum or Adagrad continues as it would have on the CPU; the device may be a string."""
    results = {}
    for name, make in {
        "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
        "Adagrad": lambda parameters: torch.optim.Adagrad(parameters, lr=0.1),
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
    code.move_training_(model, optimizer, given.second_device)
    state = [[s["exp_avg"], s["exp_avg_sq"]] for s in (optimizer.state[p] for p in model.parameters())]
    gradients = [p.grad for p in model.parameters()]
    found = {
        "parameters": list(model.parameters()),
        "state": state,
        "gradients": gradients,
        "buffers": list(model.buffers()),
    }
    return only(close(found, rtol=1e-4), "device", "values")


def move_training_same_objects(code, given):
    """Model and optimizer keep the very same parameter objects."""
    model, optimizer, _, _ = trained(given, lambda parameters: torch.optim.Adam(parameters, lr=0.1))
    before = [id(p) for p in model.parameters()]
    code.move_training_(model, optimizer, given.second_device)
    return {
        "model": [id(p) for p in model.parameters()] == before,
        "optimizer": [id(p) for group in optimizer.param_groups for p in group["params"]] == before,
        "parameters": [type(p).__name__ for p in model.parameters()],
    }


def move_training_back(code, given):
    """Moving back to the CPU works, too, and the step count continues."""
    model, optimizer, x, weights = trained(given, lambda parameters: torch.optim.Adam(parameters, lr=0.1))
    for device in (given.second_device, "cpu"):
        code.move_training_(model, optimizer, device)
    step(model, optimizer, x, weights)
    steps = [float(state["step"]) for state in optimizer.state.values()]
    return {"parameters": only(close(list(model.parameters()), rtol=1e-4), "device", "values"), "steps": steps}


def move_training_before_the_first_step(code, given):
    """It works before the first step, when the optimizer has no state, and returns nothing."""
    model, x, weights = given.module(network), given.normal(6, 3), given.normal(6, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    returned = code.move_training_(model, optimizer, given.second_device)
    step(model, optimizer, x.to(given.second_device), weights.to(given.second_device))
    return {"returned": returned, "parameters": only(close(list(model.parameters()), rtol=1e-4), "device", "values")}


@checks("move_training_", device="second")
def test_move_training_continues(code, given):
    """Training continues as it would have on the CPU: with any optimizer, and also before the first step."""
    return {
        "momentum": move_training_momentum(code, given),
        "before the first step": move_training_before_the_first_step(code, given),
    }


@checks("move_training_", device="second")
def test_move_training_places(code, given):
    """Parameters, gradients, buffers and the optimizer's tensors are on the device, back too; parameter objects stay."""
    return {
        "tensors": move_training_tensors(code, given),
        "same objects": move_training_same_objects(code, given),
        "back": move_training_back(code, given),
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


@checks("mixed_step", device="second")
def test_mixed_step_clips(code, given):
    """The unscaled gradients are clipped together to max_norm."""
    model, optimizer, scaler, x, y = mixed(given, lr=1.0)
    before = [p.detach().clone() for p in model.parameters()]
    code.mixed_step(model, x, y, optimizer, scaler, 0.01)
    changes = [p.detach() - old for p, old in zip(model.parameters(), before, strict=True)]
    norm = torch.cat([change.flatten() for change in changes]).norm()
    return only(close({"changes": changes, "their norm": norm}, rtol=1e-2, atol=1e-5), "values")


def mixed_step_scales_the_loss(code, given):
    """The backward pass runs on the scaled loss."""
    model, optimizer, scaler, x, y = mixed(given, init_scale=4096.0)
    seen = []
    model.layer.bias.register_hook(lambda gradient: seen.append(gradient.detach().abs().max()))
    code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    return only(close({"largest gradient of the bias": torch.stack(seen).float()}, rtol=1e-2), "shape", "values")


def mixed_step_skips_an_overflow(code, given):
    """A step whose gradients overflow is skipped, and the scale is halved."""
    model, optimizer, scaler, x, y = mixed(given, init_scale=2.0**40)
    before = [p.detach().clone() for p in model.parameters()]
    with given.counted_steps() as steps:
        code.mixed_step(model, x, y, optimizer, scaler, 1.0)
    return {
        "parameters": only(list(model.parameters()), "values"),
        "before": before,
        "scale": scaler.get_scale(),
        "steps": steps.count,
    }


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


def mixed_step_loss_tensor(code, given):
    """The result is the unscaled loss, a float32 tensor on the GPU without a graph."""
    model, optimizer, scaler, x, y = mixed(given)
    loss = code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    return only(close({"loss": loss}, rtol=4e-3), "shape", "dtype", "device", "requires_grad", "values")


def mixed_step_on_the_cpu_beside_a_gpu(code, given):
    """If the data is on the CPU, autocast is for the CPU, even if there is a GPU."""
    given.second_device  # noqa: B018
    model, optimizer, scaler, x, y = mixed(given, device=torch.device("cpu"))
    loss = code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    return {"in the model": model.seen, "loss": only(close(loss, rtol=4e-3), "device", "values")}


def mixed_step_on_cpu(code, given):
    """On the CPU, it computes in float16, too."""
    model, optimizer, scaler, x, y = mixed(given, device=torch.device("cpu"))
    loss = code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    found = only(close({"loss": loss, "parameters": list(model.parameters())}, rtol=4e-3), "device", "values")
    return {"in the model": model.seen, "results": found}


@checks("mixed_step", device="second")
def test_mixed_step_scaler(code, given):
    """The backward pass runs on the scaled loss; a step that overflows is skipped, and the scale is updated."""
    return {
        "scales the loss": mixed_step_scales_the_loss(code, given),
        "skips an overflow": mixed_step_skips_an_overflow(code, given),
        "updates the scaler": mixed_step_updates_the_scaler(code, given),
    }


@checks("mixed_step", device="second")
def test_mixed_step_result(code, given):
    """Old gradients do not matter, frozen parameters stay, the loss is unscaled and has no graph, on the CPU, too."""
    return {
        "on cpu": mixed_step_on_cpu(code, given),  # the first one: there is no GPU yet
        "forgets old gradients": mixed_step_forgets_old_gradients(code, given),
        "loss tensor": mixed_step_loss_tensor(code, given),
        "on the cpu beside a gpu": mixed_step_on_the_cpu_beside_a_gpu(code, given),
    }


# load_weights_


@checks("load_weights_", device="second")
def test_load_weights_to_the_gpu(code, given):
    """A model on the GPU stays there and keeps its parameter objects, wherever the weights were saved."""
    results = {}
    for name, place in (("from the CPU", torch.device("cpu")), ("from the GPU", given.second_device)):
        path, model = given.scratch / f"{place.type}.pt", given.module(network).to(given.second_device)
        torch.save(given.module(network).to(place).state_dict(), path)
        before = [id(p) for p in model.parameters()]
        code.load_weights_(model, path)
        same = [id(p) for p in model.parameters()] == before
        results[name] = {"parameters": only(list(model.parameters()), "type", "device", "values"), "same objects": same}
    return results


@checks("load_weights_", device="second")
def test_load_weights_stay_on_the_cpu(code, given):
    """A model on the CPU stays there, even if there is a GPU; the path may be a string, and nothing is returned."""
    path, model = given.scratch / "weights.pt", given.module(lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    saved = given.module(lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    saved(given.normal(5, 3))
    torch.save(saved.to(given.second_device).state_dict(), path)
    returned = code.load_weights_(model, str(path))
    return {"model": only(model, "device", "values"), "returned": returned}


@checks("load_weights_", draws=1)
def test_load_weights_names(code, given):
    """A missing name, an extra one, or a shape that could be broadcast is refused with a RuntimeError."""
    outcomes, extra = {}, f"extra_{given.integer(10, 10_000)}"
    for name in ("too few", f"too many: {extra}", "shape (1, 3) instead of (5, 3)"):
        path = given.scratch / f"{len(outcomes)}.pt"
        state = dict(given.module(network).state_dict())
        if name == "too few":
            del state["0.bias"]
        elif name.startswith("too many"):
            state[extra] = torch.ones(1)
        else:
            state["0.weight"] = state["0.weight"][:1].clone()
        torch.save(state, path)
        model = given.module(network)
        outcomes[name] = raises(lambda model=model, path=path: code.load_weights_(model, path))
    return outcomes
