"""Checks of topic `checkpoints` that only grading runs: edge cases of the specification."""

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
    """A layer with a parameter and two buffers, one of which does not belong to its state."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(4, dtype=torch.float64) + 1)
        self.register_buffer("shift", torch.randn(4, dtype=torch.float64))
        self.register_buffer("scratch", torch.randn(4, dtype=torch.float64), persistent=False)

    def forward(self, x):
        return x * self.scale + self.shift


def network():
    inner = nn.Sequential(nn.BatchNorm1d(4), nn.Tanh())
    return nn.Sequential(nn.Linear(3, 4, bias=False), inner, Scale(), nn.Linear(4, 2)).double()


def step(model, optimizer, generator, count=3):
    """Steps of the optimizer with drawn gradients."""
    for _ in range(count):
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.grad = drawn.to(parameter.device)
        optimizer.step()


def trained(given, name="model", kind="SGD with momentum", lr=0.05):
    """A model with drawn buffers, and its optimizer after a step."""
    model = given.module(network, name=name)
    generator = given.generator()
    for buffer in model.buffers():
        buffer.copy_(torch.rand(buffer.shape, generator=generator, dtype=torch.float64) * 40 + 1)
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


@checks("save_checkpoint", draws=1)
def test_save_checkpoint_buffers(code, given):
    """'model' has exactly the entries of the state_dict, buffers and frozen parameters included."""
    model, optimizer = trained(given)
    model[0].requires_grad_(False)
    given.watch(model, "model")
    path = str(given.scratch / "saved.pt")
    code.save_checkpoint(path, model, optimizer, 3, {"loss": 0.25})
    return {"model": only(torch.load(path, weights_only=False)["model"], "shape", "dtype", "values")}


@checks("save_checkpoint", draws=1)
def test_save_checkpoint_optimizer(code, given):
    """'optimizer' is the optimizer's state_dict: the options of each group and everything it remembers."""
    found = {}
    for kind, make in OPTIMIZERS.items():
        model = given.module(network, name=f"model of {kind}")
        groups = [{"params": model[0].parameters(), "lr": given.number(0.01, 0.1)}, {"params": model[1:].parameters()}]
        optimizer = make(groups, 0.2)
        step(model, optimizer, given.generator())
        given.watch(model, f"model of {kind}")
        given.watch(optimizer, f"optimizer, {kind}")
        path = str(given.scratch / f"{kind}.pt")
        code.save_checkpoint(path, model, optimizer, 3, {"loss": 0.25})
        found[kind] = torch.load(path, weights_only=False)["optimizer"]
    return only(found, "shape", "dtype", "values")


@checks("save_checkpoint", draws=1)
def test_save_checkpoint_continues(code, given):
    """Three more steps from the checkpoint end where uninterrupted training would."""
    found = {}
    for kind, make in OPTIMIZERS.items():
        model, optimizer = trained(given, name=f"model of {kind}", kind=kind)
        path = str(given.scratch / f"{kind}.pt")
        code.save_checkpoint(path, model, optimizer, 3, {"loss": 0.25})
        content = torch.load(path, weights_only=False)
        fresh = given.module(network)
        again = make(fresh.parameters(), 0.3)
        fresh.load_state_dict(content["model"])
        again.load_state_dict(content["optimizer"])
        step(fresh, again, given.generator())
        found[kind] = only(fresh.state_dict(), "values")
    return found


@checks("save_checkpoint", draws=1)
def test_save_checkpoint_leaves_all_as_it_is(code, given):
    """Model and optimizer are unchanged: values, gradients, modes, options and state."""
    model, optimizer = trained(given)
    model[1].eval()
    given.watch(model, "model")
    code.save_checkpoint(str(given.scratch / "saved.pt"), model, optimizer, 3, {"loss": 0.25})
    return {
        "parameters": only(dict(model.named_parameters()), "dtype", "device", "requires_grad", "values", "gradient"),
        "modes": {name: module.training for name, module in model.named_modules()},
        "optimizer": only(optimizer.state_dict(), "shape", "dtype", "values"),
        "the optimizer still holds the model's parameters": [
            any(held is p for group in optimizer.param_groups for held in group["params"]) for p in model.parameters()
        ],
    }


@checks("save_checkpoint", draws=1)
def test_save_checkpoint_path(code, given):
    """The file is exactly where the path says, and replaces any file that was there before."""
    model, optimizer = trained(given)
    folder = given.scratch / "run.v2"
    folder.mkdir()
    path = str(folder / given.choice(["last", "epoch.3.ckpt"]))
    for epoch in (given.integer(20, 40), given.integer(2, 20)):
        code.save_checkpoint(path, model, optimizer, epoch, {"loss": given.number()})
    content = torch.load(path, weights_only=False)
    files = sorted(file.name for file in folder.iterdir())
    return {"files": files, "epoch": content["epoch"], "metrics": content["metrics"]}


@checks("save_checkpoint", draws=1)
def test_save_checkpoint_metrics(code, given):
    """All metrics are stored as they are: none at all, names like 'epoch', infinity; so is epoch 0."""
    model, optimizer = trained(given)
    several = {"epoch": given.number(), "model": given.number(), "val/loss": float("inf"), "best": -1.0}
    found = {}
    for name, epoch, metrics in (("none", 0, {}), ("several", given.integer(2, 1000), several)):
        path = str(given.scratch / f"{name}.pt")
        code.save_checkpoint(path, model, optimizer, epoch, metrics)
        content = torch.load(path, weights_only=False)
        found[name] = {"epoch": content["epoch"], "metrics": content["metrics"]}
    return found


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_buffers(code, given):
    """The model's buffers have the values of the checkpoint: running statistics and others."""
    path = write(str(given.scratch / "written.pt"), *trained(given, "saved model"))
    model, optimizer = trained(given)
    code.load_checkpoint(path, model, optimizer)
    return only(dict(model.named_buffers()), "shape", "dtype", "values")


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_continues(code, given):
    """Training continues as if it had never stopped, even if the optimizer was created with another learning rate."""
    found = {}
    for kind, make in OPTIMIZERS.items():
        path = write(str(given.scratch / f"{kind}.pt"), *trained(given, f"saved model of {kind}", kind))
        model = given.module(network, name=f"model of {kind}")
        optimizer = make(model.parameters(), given.number(0.2, 0.3))
        code.load_checkpoint(path, model, optimizer)
        step(model, optimizer, given.generator())
        found[kind] = only(dict(model.named_parameters()), "values")
    return found


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_without_optimizer(code, given):
    """The optimizer is optional: it can be left out or be None."""
    epoch = given.integer(2, 1000)
    path = write(str(given.scratch / "written.pt"), *trained(given, "saved model"), epoch=epoch)
    left_out, none = given.module(network), given.module(network)
    epochs = [code.load_checkpoint(path, left_out), code.load_checkpoint(path, none, None)]
    return {"returned": epochs, "left out": numbers(left_out[:2]), "None": numbers(none[:2])}


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_returns_an_int(code, given):
    """The function returns the number in the file as an int, even if it is 0."""
    found = {}
    for epoch in (0, given.integer(2, 1000)):
        path = write(str(given.scratch / "written.pt"), *trained(given, f"saved model {epoch}"), epoch=epoch)
        found["epoch 0" if epoch == 0 else "another epoch"] = code.load_checkpoint(path, given.module(network))
    return found


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_keeps_parameter_objects(code, given):
    """The parameters are the same objects as before, and the optimizer still holds them."""
    path = write(str(given.scratch / "written.pt"), *trained(given, "saved model"))
    model, optimizer = trained(given)
    before = dict(model.named_parameters())
    code.load_checkpoint(path, model, optimizer)
    after = dict(model.named_parameters())
    held = optimizer.param_groups[0]["params"]
    return {
        "the same objects": {name: after.get(name) is parameter for name, parameter in before.items()},
        "the optimizer's": [left is right for left, right in zip(held, before.values(), strict=True)],
    }


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_keeps_flags_and_modes(code, given):
    """Frozen parameters stay frozen, the others stay trainable; each module stays in its mode."""
    path = write(str(given.scratch / "written.pt"), *trained(given, "saved model"))
    found = {}
    for name, training in (("train", True), ("eval", False)):
        model, optimizer = trained(given, name)
        model.train(training)
        model[1].train(not training)
        model[0].requires_grad_(False)
        given.watch(model, name)
        code.load_checkpoint(path, model, optimizer)
        found[f"flags, {name} mode"] = {key: p.requires_grad for key, p in model.named_parameters()}
        found[f"modes, {name} mode"] = {key: module.training for key, module in model.named_modules()}
    return found


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_refuses_other_models(code, given):
    """A missing name, an extra one, a missing buffer, or a shape that could be broadcast raises RuntimeError."""
    model, _ = trained(given, "saved model")
    state = model.state_dict()
    others = {
        "parameter missing": {name: value for name, value in state.items() if name != "3.bias"},
        "buffer missing": {name: value for name, value in state.items() if name != "1.0.running_mean"},
        "one name too many": {**state, "4.weight": torch.ones(2, dtype=torch.float64)},
        "other names": {f"module.{name}": value for name, value in state.items()},
        "shape (1, 3) instead of (4, 3)": {**state, "0.weight": state["0.weight"][:1].clone()},
        "a buffer of shape (1,)": {**state, "1.0.running_mean": torch.ones(1, dtype=torch.float64)},
    }
    with given.seeded():
        target = network()
    found = {}
    for number, (name, other) in enumerate(others.items()):
        path = write(str(given.scratch / f"other {number}.pt"), model, None, model=OrderedDict(other))
        found[name] = raises(lambda path=path: code.load_checkpoint(path, target))
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


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_runs_no_code(code, given):
    """Code in the file is not run, and the file is refused."""
    load = code.load_checkpoint
    model, optimizer = trained(given, "saved model")
    found = {}
    for place, key in (("metrics", "metrics"), ("another entry", "extra"), ("epoch", "epoch")):
        folder = given.scratch / f"made by {key}"
        path = write(str(given.scratch / f"{key}.pt"), model, optimizer, **{key: Instruction(str(folder))})
        with given.seeded():
            target = network()
        found[f"code in {place} is refused"] = refused(load, path, target)
        found[f"code in {place} was run"] = folder.exists()
    return found


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_refuses_objects(code, given):
    """A file with a harmless object in it, such as a module or a fraction, is refused, too."""
    load = code.load_checkpoint
    model, optimizer = trained(given, "saved model")
    found = {}
    for name, other in (
        ("a module", {"extra": nn.ReLU()}),
        ("a module as the model", {"model": nn.Sequential(*model[:2])}),
        ("a fraction", {"metrics": {"loss": Fraction(1, 3)}}),
    ):
        path = write(str(given.scratch / "objects.pt"), model, optimizer, **other)
        with given.seeded():
            target = network()
        found[f"{name} is refused"] = refused(load, path, target)
    return found


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_from_a_gpu(code, given):
    """A checkpoint written on a GPU can be loaded on a machine without that GPU."""
    saved, its_optimizer = trained(given, "saved model")
    missing = f"cuda:{torch.cuda.device_count()}"
    path = str(given.scratch / "gpu.pt")
    with patch.object(torch.serialization, "location_tag", lambda storage: missing):
        write(path, saved, its_optimizer, epoch=given.integer(2, 1000))
    model, optimizer = trained(given)
    return {
        "returned": code.load_checkpoint(path, model, optimizer),
        "parameters": only(dict(model.named_parameters()), "device", "values"),
        "momentum": only([optimizer.state[p]["momentum_buffer"] for p in model.parameters()], "device", "values"),
    }


def donor(given):
    """A state that fits the model in every entry."""
    with given.seeded():
        state = network().state_dict()
    kind = {"dtype": torch.float64}
    return {
        name: given.normal(value.shape, **kind) if value.is_floating_point() else given.integers(value.shape, low=5)
        for name, value in state.items()
    }


@checks("load_matching_")
def test_load_matching_all(code, given):
    """A state that fits is loaded completely, buffers included; both results are lists."""
    model = given.module(network, name="model")
    state = given.watch(donor(given), "state")
    loaded, skipped = code.load_matching_(model, state)
    return {"loaded": loaded, "skipped": skipped, "model": only(model.state_dict(), "shape", "values")}


@checks("load_matching_")
def test_load_matching_order(code, given):
    """Both lists are in the order of `state`, whatever the model's order is."""
    model = given.module(network, name="model")
    state = donor(given) | {f"head.{number}": given.normal(2) for number in range(3)}
    state |= {"3.weight": given.normal(5, 4), "2.scale": given.normal(6), "0.weight": given.normal(4, 7)}
    names = list(state)
    state = given.watch({names[index]: state[names[index]] for index in given.permutation(len(names)).tolist()}, "state")
    loaded, skipped = code.load_matching_(model, state)
    return {"loaded": loaded, "skipped": skipped}


@checks("load_matching_")
def test_load_matching_leaves_the_rest(code, given):
    """Whatever `state` does not name keeps its values; a state without any match, or an empty one, changes nothing."""
    model, other = given.module(network, name="model"), given.module(network, name="other model")
    part = {name: value for name, value in donor(given).items() if name in ("3.bias", "1.0.running_var", "2.shift")}
    given.watch(part, "state")
    found = {"part of the names": list(code.load_matching_(model, part)), "model": numbers(model)}
    found["no match"] = list(code.load_matching_(other, {"module.3.bias": given.normal(2, dtype=torch.float64)}))
    found["empty"] = list(code.load_matching_(other, {}))
    return {**found, "other model": numbers(other)}


@checks("load_matching_")
def test_load_matching_other_shapes(code, given):
    """A different shape is skipped, even if the tensor could be broadcast or reshaped, or has one element."""
    model = given.module(network, name="model")
    kind = {"dtype": torch.float64}
    state = {
        "0.weight": given.normal(1, 3, **kind),
        "3.weight": given.normal(4, 2, **kind),
        "3.bias": given.normal(2, 1, **kind),
        "2.scale": given.normal((), **kind),
        "2.shift": given.normal(1, **kind),
        "1.0.weight": given.normal(0, **kind),
        "1.0.bias": given.normal(4, **kind),
        "1.0.num_batches_tracked": given.integers(1, low=5),
    }
    loaded, skipped = code.load_matching_(model, state)
    return {"loaded": loaded, "skipped": skipped, "model": numbers(model)}


@checks("load_matching_")
def test_load_matching_buffers(code, given):
    """Buffers are copied, too; one that is not in model.state_dict() is skipped and keeps its values."""
    model = given.module(network, name="model")
    state = {name: value for name, value in donor(given).items() if name not in dict(model.named_parameters())}
    state["2.scratch"] = given.normal(4, dtype=torch.float64)
    loaded, skipped = code.load_matching_(model, state)
    return {"loaded": loaded, "skipped": skipped, "buffers": only(dict(model.named_buffers()), "values")}


@checks("load_matching_")
def test_load_matching_other_dtypes(code, given):
    """Name and shape decide, not the dtype: numbers of a different dtype are copied."""
    model = given.module(network, name="model")
    state = {
        "0.weight": given.normal(4, 3, dtype=torch.float16),
        "2.shift": given.integers(4, low=3),
        "3.bias": given.normal(2, dtype=torch.float32),
    }
    loaded, skipped = code.load_matching_(model, state)
    return {"loaded": loaded, "skipped": skipped, "model": numbers(model)}


@checks("load_matching_")
def test_load_matching_copies(code, given):
    """Changing the tensors in `state` afterwards does not change the model."""
    model = given.module(network, name="model")
    state = donor(given)
    code.load_matching_(model, state)
    for value in state.values():
        value.fill_(100)
    return numbers(model)


@checks("load_matching_")
def test_load_matching_keeps_objects(code, given):
    """The parameters are the same objects with the same flags; frozen ones are copied into, too, and stay frozen."""
    model = given.module(network, name="model")
    model[0].requires_grad_(False)
    model[1].eval()
    given.watch(model, "model")
    before = dict(model.named_parameters())
    code.load_matching_(model, donor(given))
    after = dict(model.named_parameters())
    return {
        "the same objects": {name: after.get(name) is parameter for name, parameter in before.items()},
        "flags": {name: parameter.requires_grad for name, parameter in after.items()},
        "leaves": {name: parameter.is_leaf for name, parameter in after.items()},
        "frozen weight": only(model[0].weight, "values"),
        "modes": {name: module.training for name, module in model.named_modules()},
    }


@checks("load_matching_")
def test_load_matching_leaves_state_alone(code, given):
    """Afterwards `state` has the same names with the same tensors."""
    model = given.module(network, name="model")
    state = donor(given) | {"head.weight": given.normal(2, 3), "3.weight": given.normal(5, 4)}
    before = dict(state)
    code.load_matching_(model, state)
    return {
        "names": list(state),
        "the same tensors": [state.get(name) is value for name, value in before.items()],
        "values": only(state, "dtype", "requires_grad", "values"),
    }
