"""Checks of topic `checkpoints` that students can run themselves."""

import os
from unittest.mock import patch

import torch
from torch import nn

from autograder import checks, only, raises, secret


class Scale(nn.Module):
    """A layer with a parameter and a buffer that does not belong to its state."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("scratch", torch.zeros(4), persistent=False)

    def forward(self, x):
        return x * self.scale


def network():
    return nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), Scale(), nn.Linear(4, 2)).double()


def trained(given, name="model", frozen=None, lr=0.1):
    """A model, perhaps with a frozen part, and its optimizer with two groups after a step of training."""
    model = given.module(network, name=name)
    if frozen is not None:
        model[frozen].requires_grad_(False)
    groups = [{"params": list(model[:2].parameters()), "lr": lr}, {"params": list(model[2:].parameters())}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    given.with_grad(model)
    optimizer.step()
    model[1].running_mean.copy_(given.normal(4, dtype=torch.float64))
    given.watch(model, name)
    given.watch(optimizer, f"optimizer of the {name}")
    return model, optimizer


def written(given, model, optimizer, epoch, metrics=None):
    """The path of a file that save_checkpoint should write for these."""
    path, states = str(given.scratch / "written.pt"), {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({"epoch": epoch, **states, "metrics": metrics or {"loss": 0.5}}, path)
    return path


@checks("predicted_entries", gate=True, draws=1)
def test_predicted_entries(code, given):
    """The prediction is the number of entries in the state_dict."""
    return {"predicted_entries": secret(float(code.predicted_entries))}


@checks("predicted_before", gate=True, draws=1)
def test_predicted_before(code, given):
    """The prediction is what the variable shows after the step."""
    return {"predicted_before": secret(round(float(code.predicted_before), 6))}


@checks("save_checkpoint", gate=True)
def test_save_checkpoint_model(code, given):
    """Under 'model', the file holds the values of the model's parameters."""
    model, optimizer = trained(given)
    path = str(given.scratch / "saved.pt")
    code.save_checkpoint(path, model, optimizer, 3, {"loss": 0.25})
    state = torch.load(path, weights_only=False)["model"]
    return only({name: state[name] for name, _ in model.named_parameters()}, "shape", "dtype", "values")


@checks("save_checkpoint")
def test_save_checkpoint_keys(code, given):
    """The file can be read with weights_only=True: a dict with exactly four keys, with the epoch and metrics passed in."""
    model, optimizer = trained(given)
    path, epoch = str(given.scratch / "saved.pt"), given.integer(2, 1000)
    code.save_checkpoint(path, model, optimizer, epoch, {"loss": given.number(), "accuracy": given.number()})
    content = torch.load(path, weights_only=False)
    if isinstance(content, dict):
        content = {key: thing if key in ("epoch", "metrics") else "…" for key, thing in content.items()}
    safe = raises(lambda: torch.load(path, weights_only=True))
    return {"the file": content, "torch.load(path, weights_only=True)": safe}


@checks("save_checkpoint", draws=2)
def test_save_checkpoint_complete(code, given):
    """The file holds all that training needs to continue: both state_dicts, complete, and nothing besides."""
    path, (model, optimizer) = str(given.scratch / "saved.pt"), trained(given, frozen=3, lr=given.number(0.01, 0.1))
    code.save_checkpoint(path, model, optimizer, 3, {"loss": 0.25})
    content = torch.load(path, weights_only=False)
    states = {"model": content["model"], "optimizer": content["optimizer"]}
    return {"names": sorted(content["model"]), **{key: only(s, "shape", "dtype", "values") for key, s in states.items()}}


@checks("save_checkpoint", draws=1)
def test_save_checkpoint_path(code, given):
    """The file is exactly where the path says, and replaces an older one."""
    model, optimizer = trained(given)
    folder = given.scratch / "run"
    folder.mkdir()
    path = str(folder / given.choice(["last", "best.ckpt", "epoch.3"]))
    for epoch in (given.integer(20, 40), given.integer(2, 20)):
        code.save_checkpoint(path, model, optimizer, epoch, {"loss": 0.25})
    return {"files": sorted(file.name for file in folder.iterdir()), "epoch": torch.load(path, weights_only=False)["epoch"]}


@checks("save_checkpoint", device="second", draws=1)
def test_save_checkpoint_leaves_all_as_it_is(code, given):
    """Model and optimizer are unchanged: values, gradients, flags, modes and devices."""
    model = given.module(network).to(given.second_device)
    model[3].requires_grad_(False)
    model[given.integer(0, 4)].eval()
    given.with_grad(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=given.number(0.01, 0.1))
    code.save_checkpoint(str(given.scratch / "saved.pt"), model, optimizer, 3, {"loss": 0.25})
    tensors = {"parameters": dict(model.named_parameters()), "buffers": dict(model.named_buffers())}
    return {
        "tensors": only(tensors, "dtype", "device", "requires_grad", "values", "gradient"),
        "modes": {name: module.training for name, module in model.named_modules()},
    }


@checks("load_checkpoint", gate=True)
def test_load_checkpoint_parameters(code, given):
    """The model's parameters have the values of the checkpoint."""
    path = written(given, *trained(given, "saved model"), epoch=given.integer(2, 1000))
    model, optimizer = trained(given)
    code.load_checkpoint(path, model, optimizer)
    return only(dict(model.named_parameters()), "shape", "values")


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_epoch(code, given):
    """The function returns the checkpoint's epoch, also without an optimizer."""
    path = written(given, *trained(given, "saved model"), epoch=given.integer(2, 1000))
    model, optimizer = trained(given)
    alone = given.module(network)
    return {"with an optimizer": code.load_checkpoint(path, model, optimizer), "without": code.load_checkpoint(path, alone)}


@checks("load_checkpoint", draws=2)
def test_load_checkpoint_goes_on(code, given):
    """The buffers and the optimizer's state are loaded, too: training continues as if it had never stopped."""
    path = written(given, *trained(given, "saved model", lr=given.number(0.01, 0.2)), epoch=3)
    model, optimizer = trained(given)
    code.load_checkpoint(path, model, optimizer)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers() if "scratch" not in name}
    given.with_grad(model)
    optimizer.step()
    return only({"buffers": buffers, "parameters one step later": dict(model.named_parameters())}, "values")


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_keeps(code, given):
    """Parameter objects, flags and modes stay the same; a checkpoint written on a GPU can be loaded without that GPU."""
    saved, its_optimizer = trained(given, "saved model")
    missing = f"cuda:{torch.cuda.device_count()}"
    with patch.object(torch.serialization, "location_tag", lambda storage: missing):
        path = written(given, saved, its_optimizer, epoch=given.integer(2, 1000))
    model, optimizer = trained(given)
    model[given.choice((0, 3))].requires_grad_(False)
    for part in given.permutation(4).tolist()[:2]:
        model[part].eval()
    given.watch(model, "model")
    before = list(model.parameters())
    code.load_checkpoint(path, model, optimizer)
    return {
        "the same objects": [now is then for now, then in zip(model.parameters(), before, strict=True)],
        "modes": {name: module.training for name, module in model.named_modules()},
        "parameters": only(dict(model.named_parameters()), "type", "device", "requires_grad", "values"),
    }


class Instruction:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@checks("load_checkpoint", draws=1)
def test_load_checkpoint_is_safe(code, given):
    """A file with anything but data is refused, and code in it does not run."""
    model, optimizer = trained(given, "saved model")
    with given.seeded():
        target = network()
    folder, found = given.scratch / "made by the file", {}
    path = written(given, model, optimizer, epoch=given.integer(2, 99))
    found["a file with data"] = code.load_checkpoint(path, target)
    path = written(given, model, optimizer, epoch=3, metrics={"loss": Instruction(str(folder))})
    try:
        code.load_checkpoint(path, target)
        found["a file with code is refused"] = False
    except Exception as error:
        found["a file with code is refused"] = not isinstance(error, NotImplementedError)
    return {**found, "its code was run": folder.exists()}


@checks("load_checkpoint", weight=0.5, draws=1)
def test_load_checkpoint_that_does_not_fit(code, given):
    """A checkpoint that does not fit the model exactly is refused with a RuntimeError."""
    model, optimizer = trained(given, "saved model")
    state, gone = dict(model.state_dict()), given.choice(("3.bias", "0.weight"))
    others = {
        f"{gone} missing": {name: value for name, value in state.items() if name != gone},
        "one name too many": {**state, "4.weight": torch.ones(2, dtype=torch.float64)},
        "shape (1, 3) instead of (4, 3)": {**state, "0.weight": state["0.weight"][:1].clone()},
        "shape (5, 4) instead of (2, 4)": {**state, "3.weight": torch.ones(5, 4, dtype=torch.float64)},
    }
    target, found = given.module(network), {}
    for number, (name, other) in enumerate(others.items()):
        path = str(given.scratch / f"other {number}.pt")
        torch.save({"epoch": 3, "model": other, "optimizer": optimizer.state_dict(), "metrics": {}}, path)
        found[name] = raises(lambda path=path: code.load_checkpoint(path, target))
    return found


@checks("load_matching_", gate=True)
def test_load_matching_values(code, given):
    """Entries with a known name and the same shape are copied; the head, whose shape differs, keeps its values."""
    model = given.module(network, name="model")
    state = {
        "0.weight": given.normal(4, 3, dtype=torch.float64),
        "3.weight": given.normal(given.integer(5, 9), 4, dtype=torch.float64),
        "3.bias": given.normal(2, dtype=torch.float64),
    }
    code.load_matching_(model, state)
    return only(dict(model.named_parameters()), "shape", "values")


@checks("load_matching_")
def test_load_matching_lists(code, given):
    """Two lists are returned, the names that were copied and those that were not; unknown names cause no error."""
    model = given.module(network, name="model")
    kind = {"dtype": torch.float64}
    state = {
        "0.weight": given.normal(4, 3, **kind),
        "3.weight": given.normal(7, 4, **kind),
        "3.bias": given.normal(2, **kind),
        "1.weight": given.normal(given.choice((4, 5)), **kind),
        "1.bias": given.normal(given.choice((4, 5)), **kind),
        "0.bias": given.normal(4, **kind),
        f"decoder.{given.integer(0, 100)}.weight": given.normal(4, 3, **kind),
    }
    names = [list(state)[index] for index in given.permutation(len(state)).tolist()]
    loaded, skipped = code.load_matching_(model, {name: state[name] for name in names})
    return {"loaded": loaded, "skipped": skipped}


@checks("load_matching_")
def test_load_matching_every_entry(code, given):
    """Every kind of entry is copied, also into a frozen layer; dtypes stay those of the model."""
    model = given.module(network, name="model")
    model[3].requires_grad_(False)
    given.watch(model, "model")
    state = {
        "1.running_mean": given.normal(4, dtype=torch.float64),
        "0.weight": given.normal(4, 3, dtype=torch.float16),
        "1.num_batches_tracked": given.integers((), low=5, high=500),
        "3.bias": given.normal(2, dtype=torch.float64),
        "1.running_var": given.uniform(4, low=1.0, dtype=torch.float32),
    }
    loaded, skipped = code.load_matching_(model, state)
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {"loaded": loaded, "skipped": skipped, "model": only(tensors, "dtype", "values")}


@checks("load_matching_")
def test_load_matching_almost_fits(code, given):
    """What has another shape or another name is skipped, however little is missing."""
    model, kind = given.module(network, name="model"), {"dtype": torch.float64}
    state = {
        "0.weight": given.normal(*given.choice(((1, 3), (4, 1))), **kind),
        "3.weight": given.normal(4, 2, **kind),
        "1.num_batches_tracked": given.integers(1, low=5),
        "3.bias": given.normal(2, 1, **kind),
        "2.scratch": given.normal(4, **kind),
        "module.2.scale": given.normal(4, **kind),
        "1.weight": given.normal(4, **kind),
    }
    loaded, skipped = code.load_matching_(model, state)
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {"loaded": loaded, "skipped": skipped, "model": only(tensors, "values")}


@checks("load_matching_")
def test_load_matching_in_place(code, given):
    """Parameter objects and flags stay; `state` is left alone, and changing it later does not change the model."""
    model, kind = given.module(network, name="model"), {"dtype": torch.float64}
    model[0].requires_grad_(False)
    given.watch(model, "model")
    before = list(model.parameters())
    state = {
        "0.weight": given.normal(4, 3, **kind),
        f"head.{given.integer(0, 100)}": given.normal(2, **kind),
        "3.weight": given.normal(2, 4, **kind),
        "1.running_mean": given.normal(4, **kind),
    }
    kept = list(state.values())
    code.load_matching_(model, state)
    found = {
        "the same objects": [now is then for now, then in zip(model.parameters(), before, strict=True)],
        "names of the state": list(state),
        "values of the state": only([value.clone() for value in kept], "values"),
    }
    with torch.no_grad():
        for value in kept:
            value.fill_(100)
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {**found, "model": only(tensors, "type", "requires_grad", "is_leaf", "values")}
