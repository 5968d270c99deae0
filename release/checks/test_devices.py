"""Checks of topic `devices` that students can run themselves."""

import collections
import math
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
from torch import nn

from autograder import checks, close, only, raises, secret

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


@checks("predicted_places", gate=True, draws=1)
def test_predicted_places(code, given):
    """The predicted places are where the weight, x and y are."""
    weight, x, y = code.predicted_places
    places = [str(answer).strip().lower().split(":")[0] for answer in (weight, x, y)]
    # All three in one: with two possible answers, to say which one is wrong would give it away.
    return {"predicted_places": secret(", ".join(places))}


@checks("predicted_returns", gate=True, draws=1)
def test_predicted_returns(code, given):
    """The prediction is how often Python waits for a number from the GPU."""
    return {"predicted_returns": secret(float(code.predicted_returns))}


@checks("pick_device", gate=True, draws=1)
def test_pick_device_auto(code, given):
    """With "auto" it is the GPU if there is one, and otherwise the CPU."""
    answers = {}
    for machine in range(8):
        number = given.choice((0, given.integer(1, 9))) if machine > 1 else machine
        with gpus(number):
            answers[f"machine {machine + 1}"] = place(code.pick_device())
            answers[f"machine {machine + 1}, asked"] = place(code.pick_device("auto"))
    return answers


@checks("pick_device", draws=1)
def test_pick_device_type(code, given):
    """The result is a torch.device, not a string."""
    number = given.integer(1, 9)
    with gpus(number):
        answers = {
            prefer: code.pick_device(prefer) for prefer in ("auto", "cpu", "cuda", f"cuda:{given.integer(0, number)}")
        }
    named = {
        prefer: f"torch.device: {place(answer)}" for prefer, answer in answers.items() if isinstance(answer, torch.device)
    }
    return {**answers, **named}


@checks("pick_device", draws=1)
def test_pick_device_only_cuda(code, given):
    """An accelerator of another kind does not count, and neither does a GPU that is not available."""
    answers = {}
    for number, other in ((0, "mps"), (given.integer(1, 9), None)):
        with gpus(number, working=False, other=other):
            answers[f"{number} GPUs, not available; another accelerator: {other}"] = place(code.pick_device())
    return answers


@checks("pick_device", weight=0.5, draws=1)
def test_pick_device_refuses(code, given):
    """A GPU that does not exist is refused with a RuntimeError, any other string with a ValueError."""

    def ask(wish, number, working):
        with gpus(number, working):
            return place(code.pick_device(wish))

    many = given.integer(2, 9)
    asked = [("cuda", 0, True), ("cuda:0", 0, True), (f"cuda:{many}", many, True), ("cuda", many, False)]
    asked += [(wish, many, True) for wish in ("gpu", "meta", "cuda:x")]
    return {
        f"{wish!r} with {number} GPUs{'' if working else ', not available'}": raises(
            lambda wish=wish, number=number, working=working: ask(wish, number, working)
        )
        for wish, number, working in asked
    }


@checks("to_device", gate=True, device="second")
def test_to_device_moves(code, given):
    """Every tensor in a nested batch is on the device, with its values; so is a tensor on its own."""
    batch = given.watch({"x": given.normal(2, 3), "parts": [given.integers(4), (given.bools(2),)]}, "batch")
    moved = code.to_device(batch, given.second_device)
    alone = code.to_device(given.normal(3), given.second_device)
    facts = ("dtype", "shape", "device", "values")
    return only({"x": moved["x"], "first": moved["parts"][0], "inner": moved["parts"][1][0], "alone": alone}, *facts)


@checks("to_device", device="second", draws=2)
def test_to_device_containers(code, given):
    """Lists, tuples, dicts and namedtuples keep their types, keys and order."""
    batch = {"b": [Pair(given.normal(2), given.integers(3)), (given.normal(1),)], "a": {"inner": given.normal(2)}}
    return only(code.to_device(given.watch(batch, "batch"), given.second_device), "type", "device", "values")


@checks("to_device", device="second", draws=2)
def test_to_device_other_things(code, given):
    """Whatever is neither a tensor nor a container is passed through unchanged."""
    number, name = given.integer(2, 10_000), given.choice(["cat", "dog", "owl", "cow", "pig"])
    batch = {"name": name, "none": None, "number": number, "flag": True, "pair": (given.number(0, 1), given.normal(2))}
    moved = code.to_device(batch, given.second_device)
    return {"batch": {name: moved[name] for name in batch}}


@checks("to_device", device="second", draws=2)
def test_to_device_keeps(code, given):
    """dtype, shape, values and requires_grad stay the same, and the original batch still holds its own tensors."""
    batch = [given.normal(given.integer(1, 9), requires_grad=True), given.integers(4, dtype=torch.int32), given.bools(2)]
    batch += [given.normal(3, dtype=torch.float16), given.tensor([math.nan, math.inf]), given.normal(2, dtype=torch.float64)]
    before = list(batch)
    moved = code.to_device(batch, given.second_device)
    same = [now is then for now, then in zip(batch, before, strict=False)]
    moved = only(moved, "shape", "dtype", "requires_grad", "device", "values")
    return {"moved": moved, "the same tensors in the original": same}


@checks("to_device", device="second", draws=2)
def test_to_device_home(code, given):
    """Back on the CPU, all values are complete when the function returns."""
    batch = [given.normal(2).to(given.second_device), {"y": given.normal(3)}]
    given.keep_gpu_busy()
    return only({"moved": code.to_device(batch, "cpu")}, "device", "values")


@checks("run_where_model_is", gate=True, device="second")
def test_run_where_model_is_elsewhere(code, given):
    """With a model on the GPU and x on the CPU, the result is on the GPU and has the right values."""
    model, x = given.module(network), given.normal(2, 3, name="x")
    given.watch(model.to(given.second_device), "model")
    return only({"result": code.run_where_model_is(model, x)}, "shape", "device", "values")


class Noted(nn.Module):
    """A layer that notes where its weight is when it is called."""

    def __init__(self):
        super().__init__()
        self.layer, self.seen = nn.Linear(3, 2), []

    def forward(self, x):
        self.seen.append(place(self.layer.weight.device))
        return self.layer(x)


@checks("run_where_model_is", device="second", draws=2)
def test_run_where_model_is_stays(code, given):
    """The model stays where it is, even during the call; its hooks run; x has arrived when it is used."""
    here, there = given.module(Noted), given.module(Noted).to(given.second_device)
    factor = given.number(2, 9)
    for model in (here, there):
        model.register_forward_hook(lambda module, arguments, output: output * factor)
    results = [code.run_where_model_is(there, given.normal(2, 3))]
    x = given.normal(2, 3).to(given.second_device)
    given.keep_gpu_busy()
    results.append(code.run_where_model_is(here, x))
    return {"on the GPU": there.seen, "on the CPU": here.seen, "results": only(results, "device", "values")}


@checks("run_where_model_is", device="second", draws=2)
def test_run_where_model_is_gradients(code, given):
    """Gradients flow back to x and to the model's parameters, from one device to the other."""
    model, x = given.module(lambda: nn.Linear(3, 4)), given.normal(2, 3, requires_grad=True, name="x")
    given.watch(model.to(given.second_device), "model")
    result = code.run_where_model_is(model, x)
    gradient, *others = torch.autograd.grad((result * result.detach()).sum(), [x, *model.parameters()])
    return only({"gradient": gradient, "gradients of the parameters": others}, "device", "values")


class Spread(nn.Module):
    """Two layers, which can be in different places; the result is where the last one is."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.first(x).to(self.last.weight.device))


@checks("run_where_model_is", device="second", draws=1)
def test_run_where_model_is_finds_the_device(code, given):
    """The first parameter says where x goes, or else the first buffer; with neither, x stays; its dtype stays, too."""
    spread, frozen = given.module(Spread), given.module(Spread)
    spread.first.to(given.second_device)
    frozen.first.to(given.second_device).requires_grad_(False)
    norm = given.module(lambda: nn.BatchNorm1d(3, affine=False)).to(given.second_device)
    embedding = given.module(lambda: nn.Embedding(5, 2)).to(given.second_device)
    given.watch([spread, frozen, norm, embedding], "models")
    results = {
        "the first parameter is frozen": code.run_where_model_is(frozen, given.normal(2, 3)),
        "x of nan": code.run_where_model_is(spread, given.full(2, 3, value=math.nan)),
        "parameters on two devices": code.run_where_model_is(spread, given.normal(2, 3)),
        "only buffers": code.run_where_model_is(norm, given.normal(4, 3)),
        "neither": code.run_where_model_is(nn.ReLU(), given.normal(2)),
        "integers for an embedding": code.run_where_model_is(embedding, given.integers(4, high=5)),
    }
    return only(results, "device", "values")


@checks("causal_scores", gate=True)
def test_causal_scores_entries(code, given):
    """The entry in row i and column j is -inf where j > i; all others stay the same."""
    return only({"result": code.causal_scores(given.normal(4, 4, name="scores"))}, "shape", "values")


@checks("causal_scores")
def test_causal_scores_any_values(code, given):
    """It works with batches and heads, and whatever the scores are, 0 included."""
    scores = given.normal(2, 3, 4, 4)
    scores[0] = 0.0
    return only({"result": code.causal_scores(given.watch(scores, "scores"))}, "shape", "values")


@checks("causal_scores")
def test_causal_scores_gradient(code, given):
    """The gradient is 1 for kept entries and 0 for masked ones; the result is new, and scores itself does not change."""
    scores, weights = given.normal(2, 4, 4, requires_grad=True, name="scores"), given.uniform(2, 4, 4, low=0.5)
    result = code.causal_scores(scores)
    (gradient,) = torch.autograd.grad((result * weights).sum(), scores)
    other = given.normal(3, 3, name="other scores")
    code.causal_scores(other)
    single = only(code.causal_scores(given.normal(1, 1, name="a single score")), "values", "aliasing")
    return {"gradient": only(gradient, "values"), "scores": only(other, "values"), "a single score": single}


@checks("causal_scores", device="second", draws=2, weight=2)
def test_causal_scores_device(code, given):
    """The result has the shape, dtype and device of the scores: on a GPU, and on the CPU of a machine with a GPU."""
    scores = given.normal(2, 3, 3, dtype=given.choice((torch.float16, torch.float64)))
    there = scores.to(given.second_device)
    return only({"CPU": code.causal_scores(scores), "GPU": code.causal_scores(there)}, "shape", "dtype", "device", "values")


@checks("leaf_on", gate=True)
def test_leaf_on_cpu(code, given):
    """The result is a leaf that requires grad, with the given values and no gradient yet."""
    numbers = [[given.number(-1, 1) for _ in range(3)] for _ in range(2)]
    return only({"result": code.leaf_on(numbers, "cpu")}, "shape", "values", "requires_grad", "is_leaf", "gradient")


@checks("leaf_on", device="second")
def test_leaf_on_gpu(code, given):
    """The leaf is on the given device, a GPU or the CPU, and a backward pass fills its .grad."""
    leaves = [code.leaf_on([given.number(-1, 1) for _ in range(3)], place) for place in (given.second_device, "cpu")]
    for leaf in leaves:
        (leaf * leaf).sum().backward()
    return only({"on the GPU": leaves[0], "on the CPU": leaves[1]}, "device", "is_leaf", "gradient")


@checks("leaf_on")
def test_leaf_on_dtypes(code, given):
    """The dtype is the one given, or else float32; integers are converted, and float64 keeps all digits."""
    whole = [[given.integer(-9, 9) for _ in range(2)] for _ in range(3)]
    leaves = {
        "integers": code.leaf_on(whole, "cpu"),
        "integers, float64": code.leaf_on(whole, "cpu", torch.float64),
        "numbers, float64": code.leaf_on([given.number(), 1 / 3], "cpu", dtype=torch.float64),
        "one number": code.leaf_on(given.number(), "cpu"),
    }
    return only(leaves, "shape", "dtype", "values", "is_leaf", "requires_grad")


@checks("leaf_on")
def test_leaf_on_own_memory(code, given):
    """Writing to the NumPy array afterwards does not change the leaf."""
    array = given.normal(3, name="array").cpu().numpy().copy()
    leaf = code.leaf_on(array, "cpu")
    array += 1.0
    return only({"leaf": leaf}, "values")


@checks("Standardizer", gate=True)
def test_standardizer_values(code, given):
    """forward returns (x - mean) / std, with the statistics of data."""
    data, x = given.normal(7, 3, mean=2.0, std=3.0, name="data"), given.normal(4, 3, name="x")
    return only({"result": code.Standardizer(data)(x)}, "shape", "values")


@checks("Standardizer", device="second", draws=2)
def test_standardizer_moves(code, given):
    """After .to(gpu) it works on the GPU, and the buffers mean and std are there, too."""
    module = code.Standardizer(given.normal(7, 3, name="data")).to(given.second_device)
    result = module(given.normal(4, 3).to(given.second_device))
    return only({"result": result, "buffers": dict(module.named_buffers())}, "device", "values")


@checks("Standardizer")
def test_standardizer_constant_column(code, given):
    """The standard deviation of a constant column, and of no other, is replaced by 1; x may be large, or nan."""
    data = given.normal(6, 3)
    data[:, 1] = float(given.integer(2, 10))
    module = code.Standardizer(given.watch(data, "data"))
    found = {"std": module.std, "result": module(given.normal(2, 3))}
    narrow = given.normal(6, 3, std=1e-9, dtype=torch.float64)
    found["std of narrow columns, times 1e9"] = code.Standardizer(narrow).std * 1e9
    for name, scale in (("large", 1e6), ("nan", math.nan)):
        x = given.normal(2, 3)
        x[0] *= scale
        found[f"result for {name} x"] = module.eval()(given.watch(x, f"{name} x"))
    return only(found, "shape", "values")


@checks("Standardizer")
def test_standardizer_no_gradient(code, given):
    """mean and std do not require grad even if data does, and gradients flow back to x."""
    module = code.Standardizer(given.normal(5, 3, requires_grad=True, name="data"))
    x = given.normal(2, 3, requires_grad=True, name="x")
    result = module(x)
    (gradient,) = torch.autograd.grad((result * result.detach()).sum(), x)
    return only({"mean": module.mean, "std": module.std, "gradient": gradient}, "requires_grad", "values")


@checks("Standardizer")
def test_standardizer_saved(code, given):
    """mean and std are in the state_dict, and there are no parameters for an optimizer to change."""
    module = code.Standardizer(given.normal(5, 3))
    state = only(dict(module.state_dict()), "shape", "values")
    return {"state_dict": state, "parameters": [name for name, _ in module.named_parameters()]}


@checks("batches_on", gate=True, device="second")
def test_batches_on_gpu(code, given):
    """Each batch is yielded with all its tensors on the GPU, in order."""
    moved = list(code.batches_on(labelled(given, (3, 2, 4)), given.second_device))
    return only({"batches": moved}, "shape", "dtype", "device", "values")


@checks("batches_on", device="second", draws=2)
def test_batches_on_does_not_wait(code, given):
    """Each tensor is copied to the GPU once, and Python does not wait for any of the copies."""
    device = given.second_device
    batches = [(given.normal(3, 2), given.integers(3)) for _ in range(given.integer(1, 4))]
    batches.append((given.normal(1, 2), given.integers(1).pin_memory()))
    calls = []
    with ExitStack() as stack:
        for owner in (torch.cuda, torch.cuda.Stream, torch.cuda.Event):
            noted = patch.object(owner, "synchronize", lambda *it, owner=owner: calls.append(owner.__name__))
            stack.enter_context(noted)
        transfers = stack.enter_context(given.counted_transfers())
        list(code.batches_on(batches, device))
    counts = {"transfers to the GPU": transfers.to_gpu, "transfers back": transfers.to_cpu, "waited for": transfers.waits}
    return counts | {"calls of synchronize": calls}


@checks("batches_on", device="second", draws=2)
def test_batches_on_is_lazy(code, given):
    """A batch is taken from the source when the caller asks for it, not before."""
    taken = []

    def source():
        for number in range(6):
            taken.append(number)
            yield (torch.full((2,), float(number)), torch.ones(1))

    moved = iter(code.batches_on(source(), given.second_device))
    counts = [len(taken)]
    for _ in range(given.integer(2, 5)):
        next(moved)
        counts.append(len(taken))
    return {"batches taken so far": counts}


@checks("batches_on", device="second", draws=2)
def test_batches_on_types(code, given):
    """Lists stay lists and tuples tuples, of any number of tensors; the originals still hold their own tensors."""
    batches = [[given.normal(2), given.integers(3)], (given.normal(2),), (given.normal(1), given.bools(2), given.normal(3))]
    before = [list(batch) for batch in batches]
    moved = list(code.batches_on(batches, given.second_device))
    same = [[a is b for a, b in zip(*pair, strict=False)] for pair in zip(batches, before, strict=True)]
    return {"batches": only(moved, "type", "dtype", "device", "values"), "the same tensors in the originals": same}


@checks("batches_on", device="second", draws=2)
def test_batches_on_cpu(code, given):
    """To the CPU, a CPU tensor is yielded itself, and the values of one from a GPU are complete."""
    mixed = [(given.normal(3).to(given.second_device), given.integers(2)) for _ in range(2)]
    given.keep_gpu_busy()
    moved = list(code.batches_on(mixed, "cpu"))
    same = [one[1] is other[1] for one, other in zip(moved, mixed, strict=True)]
    return {"batches": only(moved, "device", "values"), "the same tensors": same}


@checks("mean_loss", gate=True)
def test_mean_loss_on_cpu(code, given):
    """The result is the mean over all samples, even if the batches differ in size."""
    return {"result": code.mean_loss(given.module(network), labelled(given, (5, 1, 3)))}


@checks("mean_loss", device="second")
def test_mean_loss_on_gpu(code, given):
    """With a model on the GPU and batches on the CPU, the result is the same number."""
    model = given.module(network)
    given.watch(model.to(given.second_device), "model")
    return {"result": code.mean_loss(model, labelled(given, (5, 1, 3)))}


@checks("mean_loss", device="second", draws=2, weight=2)
def test_mean_loss_comes_back_once(code, given):
    """Only one number is fetched from the GPU, however many batches there are, and the model stays on its device."""
    there, here, counts = given.module(network).to(given.second_device), given.module(network), {}
    for number in (1, given.integer(2, 5)):
        with given.counted_transfers() as transfers:
            code.mean_loss(there, labelled(given, (2,) * number))
        fetched = [math.prod(one.shape) for one in transfers.moved if one.destination == "cpu"]
        counts[f"numbers fetched for {number} batches"] = sum(fetched)
    on_the_cpu = code.mean_loss(here, labelled(given, (2, 3)))
    return {**counts, "with a model on the CPU": on_the_cpu, "models": only([there, here], "device")}


@checks("mean_loss")
def test_mean_loss_in_its_mode(code, given):
    """The model is called once per batch, in the mode it is in, and no gradients are recorded."""
    results = {}
    for mode in ("train", "eval"):
        model = given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))).train(mode == "train")
        spy = given.spy(given.watch(model, f"model in {mode} mode"))
        results[f"{mode} mode"] = code.mean_loss(model, labelled(given, (6, 4)))
        results[f"{mode} mode: calls that record"] = [call.grad_enabled for call in spy.calls]
    return results


@checks("mean_loss")
def test_mean_loss_of_an_iterator(code, given):
    """The batches may come from an iterator; the result is a Python float, in the full precision of a float64 model."""
    model = given.module(lambda: network().double())
    batches = [(x.double(), y) for x, y in labelled(given, (1, 2, 4))]
    return only(close({"result": code.mean_loss(model, iter(batches))}, rtol=1e-10), "type", "values")


@checks("mean_loss", weight=0.5, draws=1)
def test_mean_loss_without_samples(code, given):
    """Without samples there is a ValueError."""
    model = given.module(network)
    some = code.mean_loss(model, labelled(given, (2,)))
    none = {
        "no batch": raises(lambda: code.mean_loss(model, [])),
        "an empty batch": raises(lambda: code.mean_loss(model, labelled(given, (0,)))),
    }
    return {"two samples": some, **none}


def trained(given, make_optimizer):
    """A model and its optimizer after two steps on the CPU, and a batch for further ones."""
    model = given.module(network)
    optimizer = make_optimizer(model.parameters())
    x, weights = given.normal(6, 3, name="x"), given.normal(6, 4, name="weights")
    for _ in range(2):
        step(model, optimizer, x, weights)
    return model, optimizer, x, weights


def step(model, optimizer, x, weights):
    optimizer.zero_grad()
    (model(x) * weights).sum().backward()
    optimizer.step()


@checks("move_training_", gate=True, device="second")
def test_move_training_goes_on(code, given):
    """After the move, training with Adam continues on the GPU as it would have on the CPU."""
    model, optimizer, x, weights = trained(given, lambda parameters: torch.optim.Adam(parameters, lr=0.1))
    code.move_training_(model, optimizer, given.second_device)
    step(model, optimizer, x.to(given.second_device), weights.to(given.second_device))
    return only(close({"parameters": list(model.parameters())}, rtol=1e-4), "device", "values")


@checks("move_training_", device="second", draws=2)
def test_move_training_with_momentum(code, given):
    """Training with momentum continues, too, and nothing is returned."""
    model, optimizer, x, weights = trained(given, lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9))
    returned = code.move_training_(model, optimizer, given.second_device)
    step(model, optimizer, x.to(given.second_device), weights.to(given.second_device))
    parameters = only(close(list(model.parameters()), rtol=1e-4), "device", "values")
    return {"returned": returned, "parameters": parameters}


@checks("move_training_", device="second", draws=2)
def test_move_training_places(code, given):
    """Parameters, gradients, buffers and the optimizer's tensors are on the device, and come back to the CPU together."""
    model = given.module(lambda: nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 4)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    step(model, optimizer, given.normal(6, 3), given.normal(6, 4))
    before, found = [id(p) for p in model.parameters()], {}
    for name, device in (("on the GPU", given.second_device), ("back on the CPU", torch.device("cpu"))):
        code.move_training_(model, optimizer, device)
        state = [optimizer.state[p][kind] for p in model.parameters() for kind in ("exp_avg", "exp_avg_sq")]
        gradients, buffers = [p.grad for p in model.parameters()], list(model.buffers())
        parts = {"parameters": list(model.parameters()), "gradients": gradients, "buffers": buffers, "state": state}
        parts = {part: [tensor.detach().clone() for tensor in tensors] for part, tensors in parts.items()}
        same = [id(p) for p in model.parameters()] == before
        found[name] = {"parts": only(close(parts, rtol=1e-4), "device", "values"), "the same objects": same}
    return found


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


@checks("mixed_step", gate=True, device="second")
def test_mixed_step_trains(code, given):
    """The step updates the parameters correctly, and the result is the loss."""
    model, optimizer, scaler, x, y = mixed(given)
    loss = code.mixed_step(model, x, y, optimizer, scaler, 100.0)
    return only(close({"loss": loss, "parameters": list(model.parameters())}, rtol=4e-3), "shape", "device", "values")


@checks("mixed_step", device="second", draws=1)
def test_mixed_step_dtypes(code, given):
    """The model computes in float16 on the GPU; its parameters and the loss stay float32."""
    model, optimizer, scaler, x, y = mixed(given)
    losses = [code.mixed_step(model, x, y, optimizer, scaler, 100.0) for _ in range(given.integer(1, 4))]
    dtypes = {"in the model": model.seen, "parameters": [p.dtype for p in model.parameters()]}
    return {**dtypes, "losses": only(close(losses, rtol=1e-2), "dtype", "values")}


@checks("mixed_step", device="second", draws=2)
def test_mixed_step_clips(code, given):
    """The unscaled gradients of all parameters are clipped together to max_norm."""
    model, optimizer, scaler, x, y = mixed(given, lr=1.0)
    before = [p.detach().clone() for p in model.parameters()]
    code.mixed_step(model, x, y, optimizer, scaler, 0.01)
    changes = [p.detach() - old for p, old in zip(model.parameters(), before, strict=True)]
    norm = torch.cat([change.flatten() for change in changes]).norm()
    return only(close({"changes": changes, "their norm": norm}, rtol=1e-2, atol=1e-5), "values")


@checks("mixed_step", device="second", draws=2)
def test_mixed_step_overflow(code, given):
    """If the scaled gradients overflow, the step is skipped, and the scaler's next scale is smaller."""
    model, optimizer, scaler, x, y = mixed(given, init_scale=2.0 ** given.integer(38, 45))
    with given.counted_steps() as steps:
        code.mixed_step(model, x, y, optimizer, scaler, 1.0)
    parameters = only(list(model.parameters()), "values")
    return {"parameters": parameters, "scale": scaler.get_scale(), "steps": steps.count}


@checks("mixed_step", device="second", draws=2)
def test_mixed_step_loss(code, given):
    """Earlier gradients are discarded; the loss has no scale and no graph; a model on the CPU works the same way."""
    found = {}
    for name, device in (("on the GPU", given.second_device), ("on the CPU", torch.device("cpu"))):
        model, optimizer, scaler, x, y = mixed(given, init_scale=2.0, device=device)
        given.with_grad(model)
        loss = code.mixed_step(model, x, y, optimizer, scaler, 100.0)
        parameters = only(close(list(model.parameters()), rtol=4e-3), "device", "values")
        loss = only(close(loss, rtol=4e-3), "shape", "dtype", "device", "requires_grad", "values")
        found[name] = {"in the model": model.seen, "loss": loss, "parameters": parameters}
    return found


@checks("load_weights_", gate=True, device="second")
def test_load_weights_without_gpu(code, given):
    """Weights saved on a GPU are loaded on a machine without one."""
    path, model = given.scratch / "weights.pt", given.module(network)
    saved = given.module(network).to(given.second_device)
    torch.save(saved.state_dict(), path)
    with given.no_gpu():
        code.load_weights_(model, path)
    return only({"parameters": list(model.parameters())}, "device", "values")


@checks("load_weights_", device="second", draws=2)
def test_load_weights_to_the_gpu(code, given):
    """A model on the GPU stays there and keeps its parameter objects, wherever the weights were saved."""
    results = {}
    for name, home in (("from the CPU", torch.device("cpu")), ("from the GPU", given.second_device)):
        path, model = given.scratch / f"{home.type}.pt", given.module(network).to(given.second_device)
        torch.save(given.module(network).to(home).state_dict(), path)
        before = [id(p) for p in model.parameters()]
        code.load_weights_(model, path)
        same = [id(p) for p in model.parameters()] == before
        results[name] = {"parameters": only(list(model.parameters()), "type", "device", "values"), "same objects": same}
    return results


@checks("load_weights_", draws=2)
def test_load_weights_buffers(code, given):
    """The buffers are loaded, too, and nothing is returned."""
    path, (model, saved) = given.scratch / "weights.pt", [given.module(lambda: nn.BatchNorm1d(3)) for _ in range(2)]
    saved(given.normal(5, 3))
    torch.save(saved.state_dict(), path)
    returned = code.load_weights_(model, path)
    return {"buffers": only(dict(model.named_buffers()), "values"), "returned": returned}


@checks("load_weights_", draws=1)
def test_load_weights_that_do_not_fit(code, given):
    """Weights of another model are refused with a RuntimeError: other shapes, a missing name, or one too many."""
    classes, state = given.choice((2, 3, 5, 6, 7, 8)), dict(given.module(network).state_dict())
    others = {
        f"{classes} classes instead of 4": given.module(lambda: network(classes=classes)).state_dict(),
        "a missing name": {name: value for name, value in state.items() if name != "0.bias"},
        f"extra_{given.integer(10, 10_000)}": {**state, "extra": torch.ones(1)},
        "shape (1, 3) instead of (5, 3)": {**state, "0.weight": state["0.weight"][:1].clone()},
    }
    outcomes, model = {}, given.module(network)
    for name, other in others.items():
        path = given.scratch / f"{len(outcomes)}.pt"
        torch.save(other, path)
        outcomes[name] = raises(lambda path=path: code.load_weights_(model, path))
    return outcomes
