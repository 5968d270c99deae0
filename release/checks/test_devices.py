"""Checks of topic `devices` that students can run themselves."""

import collections
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
from torch import nn

from autograder import checks, close, only, raises, secret

Pair = collections.namedtuple("Pair", "image label")


@contextmanager
def gpus(number):
    """PyTorch says that this machine has so many GPUs; it was built for GPUs in any case."""
    there, gpu = number > 0, torch.device("cuda")
    answers = {
        torch.cuda: {"is_available": lambda: there, "device_count": lambda: number},
        torch.accelerator: {
            "is_available": lambda: there,
            "device_count": lambda: number,
            "current_accelerator": lambda check_available=False: gpu if there or not check_available else None,
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
    answers = {"model.weight": weight, "x": x, "y": y}
    return {name: secret(str(answer).strip().lower().split(":")[0]) for name, answer in answers.items()}


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


@checks("to_device", gate=True, device="second")
def test_to_device_moves(code, given):
    """Every tensor in a nested batch is on the device, with its values; so is a tensor on its own."""
    batch = given.watch({"x": given.normal(2, 3), "parts": [given.integers(4), (given.bools(2),)]}, "batch")
    moved = code.to_device(batch, given.second_device)
    alone = code.to_device(given.normal(3), given.second_device)
    facts = ("dtype", "shape", "device", "values")
    return only({"x": moved["x"], "first": moved["parts"][0], "inner": moved["parts"][1][0], "alone": alone}, *facts)


@checks("run_where_model_is", gate=True, device="second")
def test_run_where_model_is_elsewhere(code, given):
    """With a model on the GPU and x on the CPU, the result is on the GPU and has the right values."""
    model, x = given.module(network), given.normal(2, 3, name="x")
    given.watch(model.to(given.second_device), "model")
    return only({"result": code.run_where_model_is(model, x)}, "shape", "device", "values")


@checks("causal_scores", gate=True)
def test_causal_scores_entries(code, given):
    """The entry in row i and column j is -inf where j > i; all others stay the same."""
    return only({"result": code.causal_scores(given.normal(4, 4, name="scores"))}, "shape", "values")


@checks("causal_scores", device="second")
def test_causal_scores_device(code, given):
    """Scores on a GPU give a result on that GPU."""
    scores = given.normal(2, 3, 3).to(given.second_device)
    return only({"result": code.causal_scores(scores)}, "shape", "dtype", "device", "values")


@checks("leaf_on", gate=True)
def test_leaf_on_cpu(code, given):
    """The result is a leaf that requires grad, with the given values and no gradient yet."""
    numbers = [[given.number(-1, 1) for _ in range(3)] for _ in range(2)]
    return only({"result": code.leaf_on(numbers, "cpu")}, "shape", "values", "requires_grad", "is_leaf", "gradient")


@checks("leaf_on", device="second")
def test_leaf_on_gpu(code, given):
    """On a GPU, the result is a leaf on that GPU, and a backward pass fills its .grad."""
    leaf = code.leaf_on([given.number(-1, 1) for _ in range(3)], given.second_device)
    (leaf * leaf).sum().backward()
    return only({"result": leaf}, "device", "is_leaf", "gradient")


@checks("Standardizer", gate=True)
def test_standardizer_values(code, given):
    """forward returns (x - mean) / std, with the statistics of data."""
    data, x = given.normal(7, 3, mean=2.0, std=3.0, name="data"), given.normal(4, 3, name="x")
    return only({"result": code.Standardizer(data)(x)}, "shape", "values")


@checks("Standardizer", device="second")
def test_standardizer_moves(code, given):
    """After .to(gpu) it works on the GPU."""
    module = code.Standardizer(given.normal(7, 3, name="data")).to(given.second_device)
    return only({"result": module(given.normal(4, 3).to(given.second_device))}, "device", "values")


@checks("batches_on", gate=True, device="second")
def test_batches_on_gpu(code, given):
    """Each batch is yielded with all its tensors on the GPU, in order."""
    moved = list(code.batches_on(labelled(given, (3, 2, 4)), given.second_device))
    return only({"batches": moved}, "shape", "dtype", "device", "values")


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


@checks("mixed_step", device="second")
def test_mixed_step_dtypes(code, given):
    """The model computes in float16 on the GPU; its parameters and the loss stay float32."""
    model, optimizer, scaler, x, y = mixed(given)
    losses = [code.mixed_step(model, x, y, optimizer, scaler, 100.0) for _ in range(given.integer(1, 4))]
    dtypes = {"in the model": model.seen, "parameters": [p.dtype for p in model.parameters()]}
    return {**dtypes, "losses": only(close(losses, rtol=1e-2), "dtype", "values")}


@checks("load_weights_", gate=True, device="second")
def test_load_weights_without_gpu(code, given):
    """Weights saved on a GPU are loaded on a machine without one."""
    path, model = given.scratch / "weights.pt", given.module(network)
    saved = given.module(network).to(given.second_device)
    torch.save(saved.state_dict(), path)
    with given.no_gpu():
        code.load_weights_(model, path)
    return only({"parameters": list(model.parameters())}, "device", "values")


@checks("load_weights_", draws=1)
def test_load_weights_that_do_not_fit(code, given):
    """Weights of another model are refused with a RuntimeError."""
    path = given.scratch / "weights.pt"
    classes = given.choice((2, 3, 5, 6, 7, 8))
    torch.save(given.module(lambda: network(classes=classes)).state_dict(), path)
    model = given.module(network)
    return {f"{classes} classes instead of 4": raises(lambda: code.load_weights_(model, path))}
