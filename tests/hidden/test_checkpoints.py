"""Checks of topic `checkpoints` that only grading runs: edge cases of the specification."""

import math
import os
from collections import OrderedDict
from fractions import Fraction
from unittest.mock import patch

import torch
from torch import nn

from autograder import checks, only, raises

OPTIMIZERS = {
    "SGD with momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "Adam": lambda parameters, lr: torch.optim.Adam(parameters, lr=lr),
}


class Scale(nn.Module):
    """A layer with a parameter and three buffers: an empty one, and one that does not belong to its state."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(4, dtype=torch.float64) + 1)
        self.register_buffer("shift", torch.randn(4, dtype=torch.float64))
        self.register_buffer("unused", torch.empty(0, 3, dtype=torch.float64))
        self.register_buffer("scratch", torch.randn(4, dtype=torch.float64), persistent=False)

    def forward(self, x):
        return x * self.scale + self.shift


def network():
    inner = nn.Sequential(nn.BatchNorm1d(4), nn.Tanh())
    return nn.Sequential(nn.Linear(3, 4, bias=False), inner, Scale(), nn.Linear(4, 2)).double()


def with_drawn_buffers(model, generator):
    """The model with drawn buffers, among them a nan, an infinity and a whole number that few dtypes can hold."""
    for buffer in model.buffers():
        buffer.copy_(torch.rand(buffer.shape, generator=generator, dtype=torch.float64) * 40 + 1)
    model[1][0].num_batches_tracked.add_(2**60)
    model[2].shift[:2] = torch.tensor([math.nan, math.inf])
    return model


def step(model, optimizer, generator, count=3):
    """Steps of the optimizer with drawn gradients."""
    for _ in range(count):
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.grad = drawn.to(parameter.device)
        optimizer.step()


def trained(given, name="model", kind="SGD with momentum", lr=0.05):
    """A model with drawn buffers, and its optimizer after a step."""
    generator = given.generator()
    model = with_drawn_buffers(given.module(network, name=name), generator)
    optimizer = OPTIMIZERS[kind](model.parameters(), lr)
    step(model, optimizer, generator, count=1)
    given.watch(model, name)
    given.watch(optimizer, f"optimizer of the {name}")
    return model, optimizer


def write(path, model, optimizer, /, epoch=3, **other):
    """What save_checkpoint should write for these."""
    states = {"model": model.state_dict(), "optimizer": optimizer.state_dict() if optimizer else {}}
    torch.save({"epoch": epoch, **states, "metrics": {"loss": 0.5}, **other}, path)
    return path


def numbers(model):
    """The parameters and buffers, compared by their values only."""
    return only({**dict(model.named_parameters()), **dict(model.named_buffers())}, "values")


@checks("save_checkpoint", weight=2)
def test_save_checkpoint_continues(code, given):
    """Model and optimizer are saved completely: training from the checkpoint continues as if it had never stopped."""
    found = {}
    for kind, make in OPTIMIZERS.items():
        generator = given.generator()
        model = with_drawn_buffers(given.module(network), generator)
        model[given.choice((0, 3))].requires_grad_(False)
        groups = [{"params": model[0].parameters(), "lr": given.number(0.01, 0.1)}, {"params": model[1:].parameters()}]
        optimizer = make(groups, given.number(0.1, 0.3))
        step(model, optimizer, generator)
        given.watch(model, f"model of {kind}")
        given.watch(optimizer, f"optimizer, {kind}")
        path = str(given.scratch / f"{kind}.pt")
        code.save_checkpoint(path, model, optimizer, 3, {"loss": 0.25})
        content = torch.load(path, weights_only=False)
        found[f"model, {kind}"], found[f"optimizer, {kind}"] = content["model"], content["optimizer"]
        fresh = given.module(network)
        again = make([{"params": fresh[0].parameters()}, {"params": fresh[1:].parameters()}], 0.3)
        fresh.load_state_dict(content["model"])
        again.load_state_dict(content["optimizer"])
        step(fresh, again, given.generator())
        found[f"three steps later, {kind}"] = only(fresh.state_dict(), "values")
    return only(found, "shape", "dtype", "values")


@checks("save_checkpoint", device="second")
def test_save_checkpoint_leaves_no_trace(code, given):
    """Model and optimizer are unchanged: values, gradients, flags, modes, devices, options and state."""
    found = {}
    for place in (given.device, given.second_device):
        with given.seeded():
            model = network().to(place)
        model[given.choice((0, 3))].requires_grad_(False)
        optimizer = torch.optim.SGD(model.parameters(), lr=given.number(0.01, 0.1), momentum=0.9)
        step(model, optimizer, given.generator(), count=1)
        model[given.integer(0, 4)].eval()
        given.watch(model, f"model, {place.type}")
        path = str(given.scratch / f"{place.type}.pt")
        code.save_checkpoint(path, model, optimizer, 3, {"loss": 0.25})
        facts = ("dtype", "device", "requires_grad", "values", "gradient")
        held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        found[place.type] = {
            "parameters": only(dict(model.named_parameters()), *facts),
            "buffers": only(dict(model.named_buffers()), *facts),
            "modes": {name: module.training for name, module in model.named_modules()},
            "optimizer": only(optimizer.state_dict(), "shape", "dtype", "device", "values"),
            "the optimizer still holds the model's parameters": [any(one is p for one in held) for p in model.parameters()],
            "the model in the file": only(torch.load(path, map_location="cpu", weights_only=False)["model"], "values"),
        }
    return found


@checks("save_checkpoint", weight=2, draws=1)
def test_save_checkpoint_any_metrics(code, given):
    """Epoch and metrics are stored as they are, in exactly the file of that path, whatever was in it before."""
    model, optimizer = trained(given)
    several = {"epoch": given.number(), "model": given.number(), "val/loss": math.inf, "best": -1.0, "train/loss": math.nan}
    found, folder = {}, given.scratch / "checkpoints"
    folder.mkdir()
    for name, epoch, metrics in (("no metrics", 0, {}), ("several metrics", 10**9 + given.integer(2, 1000), several)):
        path = str(folder / "run.v2")
        torch.save({"epoch": 3, "model": {"larger": torch.zeros(10_000)}, "optimizer": {}, "metrics": {}}, path)
        code.save_checkpoint(path, model, optimizer, epoch, metrics)
        content = torch.load(path, weights_only=False)
        found[name] = {"keys": sorted(content), "epoch": content["epoch"], "metrics": content["metrics"]}
        digits = {name: value - metrics[name] for name, value in content["metrics"].items() if name in ("epoch", "model")}
        found[name]["off by"] = {key: abs(value) > 1e-12 for key, value in digits.items()}
    return {**found, "files": sorted(file.name for file in folder.iterdir())}


@checks("load_checkpoint", gate=True, weight=2)
def test_load_checkpoint_continues(code, given):
    """Training continues as if it had never stopped; the epoch is an int; the optimizer is optional."""
    found = {}
    for kind, make in OPTIMIZERS.items():
        path = write(str(given.scratch / f"{kind}.pt"), *trained(given, f"saved model of {kind}", kind), epoch=0)
        model = given.module(network, name=f"model of {kind}")
        optimizer = make(model.parameters(), given.number(0.2, 0.3))
        found[f"returned, {kind}"] = code.load_checkpoint(path, model, optimizer)
        found[f"buffers, {kind}"] = only(dict(model.named_buffers()), "shape", "dtype", "values")
        step(model, optimizer, given.generator())
        found[f"parameters three steps later, {kind}"] = only(dict(model.named_parameters()), "values")
    path = write(str(given.scratch / "written.pt"), *trained(given, "saved model"), epoch=given.integer(2, 1000))
    left_out, none = given.module(network), given.module(network)
    found["returned, without an optimizer"] = [code.load_checkpoint(path, left_out), code.load_checkpoint(path, none, None)]
    return {**found, "optimizer left out": numbers(left_out[:2]), "optimizer None": numbers(none[:2])}


@checks("load_checkpoint")
def test_load_checkpoint_keeps_objects(code, given):
    """Parameter objects, flags and modes stay the same; a checkpoint written on a GPU can be loaded without that GPU."""
    saved, its_optimizer = trained(given, "saved model")
    missing = f"cuda:{torch.cuda.device_count()}"
    path = str(given.scratch / "gpu.pt")
    with patch.object(torch.serialization, "location_tag", lambda storage: missing):
        write(path, saved, its_optimizer, epoch=given.integer(2, 1000))
    found = {}
    for name, training in (("train", True), ("eval", False)):
        model, optimizer = trained(given, name)
        model.train(training)
        model[given.integer(0, 4)].train(not training)
        model[given.choice((0, 3))].requires_grad_(False)
        given.watch(model, name)
        before = dict(model.named_parameters())
        epoch = code.load_checkpoint(path, model, optimizer)
        after = dict(model.named_parameters())
        held = optimizer.param_groups[0]["params"]
        found[f"{name} mode"] = {
            "returned": epoch,
            "the same objects": {key: after.get(key) is parameter for key, parameter in before.items()},
            "the optimizer's": [left is right for left, right in zip(held, before.values(), strict=True)],
            "modes": {key: module.training for key, module in model.named_modules()},
            "parameters": only(after, "type", "device", "requires_grad", "is_leaf", "values"),
            "momentum": only([optimizer.state[p].get("momentum_buffer") for p in held], "device", "values"),
        }
    return found


class Instruction:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def refused(load, path, model):
    """Whether loading raises any exception; called at once, so that its effects can be looked at."""
    try:
        load(path, model)
    except NotImplementedError:
        raise
    except Exception:
        return True
    return False


@checks("load_checkpoint", weight=2)
def test_load_checkpoint_refuses(code, given):
    """What does not fit raises RuntimeError; a file with objects is refused, and code in it does not run."""
    load = code.load_checkpoint
    model, optimizer = trained(given, "saved model")
    state = model.state_dict()
    with given.seeded():
        target = network()
    found = {"a file that fits": load(write(str(given.scratch / "fits.pt"), model, optimizer, given.integer(2, 99)), target)}
    for place, key in (("metrics", "metrics"), ("another entry", "extra"), ("epoch", "epoch")):
        folder = given.scratch / f"made by {key}"
        path = write(str(given.scratch / f"{key}.pt"), model, optimizer, **{key: Instruction(str(folder))})
        found[f"code in {place} is refused"] = refused(load, path, target)
        found[f"code in {place} was run"] = folder.exists()
    for name, other in (
        ("a module", {"extra": nn.ReLU()}),
        ("a module as the model", {"model": nn.Sequential(*model[:2])}),
        ("a fraction", {"metrics": {"loss": Fraction(1, 3)}}),
    ):
        found[f"{name} is refused"] = refused(
            load, write(str(given.scratch / "objects.pt"), model, optimizer, **other), target
        )
    gone = given.choice(("3.bias", "0.weight", "2.scale"))
    others = {
        f"{gone} missing": {name: value for name, value in state.items() if name != gone},
        "a buffer missing": {name: value for name, value in state.items() if name != "1.0.running_mean"},
        "one name too many": {**state, "4.weight": torch.ones(2, dtype=torch.float64)},
        "other names": {f"module.{name}": value for name, value in state.items()},
        "shape (1, 3) instead of (4, 3)": {**state, "0.weight": state["0.weight"][:1].clone()},
        "an empty buffer of shape (0, 4)": {**state, "2.unused": torch.empty(0, 4, dtype=torch.float64)},
        "a buffer of shape (1,)": {**state, "1.0.running_mean": torch.ones(1, dtype=torch.float64)},
    }
    for number, (name, other) in enumerate(others.items()):
        path = write(str(given.scratch / f"other {number}.pt"), model, None, model=OrderedDict(other))
        found[name] = raises(lambda path=path: load(path, target))
    return found


def donor(given):
    """A state that fits the model in every entry."""
    with given.seeded():
        state = network().state_dict()
    kind = {"dtype": torch.float64}
    drawn = {
        name: given.normal(value.shape, **kind) if value.is_floating_point() else 2**60 + given.integers(value.shape, low=5)
        for name, value in state.items()
    }
    drawn["1.0.running_mean"][1], drawn["3.weight"][0, 1] = math.inf, math.nan
    return drawn


@checks("load_matching_", gate=True, weight=2)
def test_load_matching_any_state(code, given):
    """Matching entries are copied, buffers and other dtypes too; the rest stays; both lists keep the order of `state`."""
    model = given.module(network, name="model")
    state = donor(given) | {f"head.{number}": given.normal(2) for number in range(3)}
    state |= {"3.weight": given.normal(5, 4), "2.scale": given.normal(6), "0.weight": given.normal(4, 7)}
    names = list(state)
    state = given.watch({names[index]: state[names[index]] for index in given.permutation(len(names)).tolist()}, "state")
    loaded, skipped = code.load_matching_(model, state)
    found = {"any order": {"loaded": loaded, "skipped": skipped, "model": numbers(model)}}
    other = given.module(network, name="other model")
    part = {name: value for name, value in donor(given).items() if name in ("3.bias", "1.0.running_var", "2.shift")}
    states = {
        "part of the names": part,
        "no match": {"module.3.bias": given.normal(2, dtype=torch.float64)},
        "empty": {},
        "a buffer that is not saved": {
            "2.scratch": given.normal(4, dtype=torch.float64),
            "1.0.running_mean": given.normal(4),
        },
        "other dtypes": {
            "0.weight": given.normal(4, 3, dtype=torch.float16),
            "2.shift": given.integers(4, low=3),
            "3.bias": given.normal(2, dtype=torch.float32),
        },
        "everything": donor(given),
    }
    for name, state in states.items():
        loaded, skipped = code.load_matching_(other, given.watch(state, f"state, {name}"))
        tensors = {key: tensor.detach().clone() for key, tensor in (*other.named_parameters(), *other.named_buffers())}
        found[name] = {"loaded": loaded, "skipped": skipped, "model": only(tensors, "dtype", "values")}
    return found


@checks("load_matching_")
def test_load_matching_other_shapes(code, given):
    """A different shape is skipped, even if the tensor could be broadcast or reshaped, or has one element."""
    model = given.module(network, name="model")
    kind = {"dtype": torch.float64}
    state = {
        "0.weight": given.normal(*given.choice(((1, 3), (4, 1), (3, 4), (12,))), **kind),
        "3.weight": given.normal(4, 2, **kind),
        "3.bias": given.normal(2, 1, **kind),
        "2.scale": given.normal((), **kind),
        "2.shift": given.normal(1, **kind),
        "1.0.weight": given.normal(0, **kind),
        "2.unused": given.normal(0, 4, **kind),
        "1.0.bias": given.normal(4, **kind),
        "1.0.num_batches_tracked": given.integers(1, low=5),
    }
    loaded, skipped = code.load_matching_(model, state)
    return {"loaded": loaded, "skipped": skipped, "model": numbers(model)}


@checks("load_matching_", device="second", weight=2)
def test_load_matching_keeps_objects(code, given):
    """Parameter objects, flags, modes and devices stay; `state` is left alone, and changing it later changes nothing."""
    model = given.module(network, name="model")
    model[given.choice((0, 3))].requires_grad_(False)
    model[given.integer(0, 4)].eval()
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    given.watch(given.with_grad(model), "model")
    before = dict(model.named_parameters())
    state = donor(given) | {"head.weight": given.normal(2, 3), "3.weight": given.normal(5, 4)}
    state["0.weight"] = given.normal(4, 3, dtype=torch.float64, requires_grad=True)
    state["2.shift"] = given.normal(4, dtype=torch.float64, requires_grad=True)
    state["3.bias"] = given.normal(2, dtype=torch.float64).to(given.second_device)
    kept = dict(state)
    code.load_matching_(model, state)
    after = dict(model.named_parameters())
    found = {
        "the same objects": {name: after.get(name) is parameter for name, parameter in before.items()},
        "modes": {name: module.training for name, module in model.named_modules()},
        "names of the state": list(state),
        "the same tensors in the state": [state.get(name) is value for name, value in kept.items()],
    }
    found["state"] = only({name: value.detach().clone() for name, value in kept.items()}, "dtype", "device", "values")
    with torch.no_grad():
        for value in kept.values():
            value.fill_(100)
    everything = dict((*model.named_parameters(), *model.named_buffers()))
    return {**found, "model": only(everything, "type", "dtype", "device", "requires_grad", "is_leaf", "values", "gradient")}
