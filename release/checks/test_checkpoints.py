"""Checks of topic `checkpoints` that students can run themselves."""

import torch
from torch import nn

from autograder import checks, only, raises, secret


def network():
    return nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).double()


def trained(given, name="model"):
    """A model and its optimizer after a step of training."""
    model = given.module(network, name=name)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    given.with_grad(model)
    optimizer.step()
    given.watch(model, name)
    given.watch(optimizer, f"optimizer of the {name}")
    return model, optimizer


def written(given, model, optimizer, epoch):
    """The path of a file that save_checkpoint should write for these."""
    path = str(given.scratch / "written.pt")
    content = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "metrics": {"loss": 0.5}}
    torch.save(content, path)
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


@checks("load_checkpoint", gate=True)
def test_load_checkpoint_parameters(code, given):
    """The model's parameters have the values of the checkpoint."""
    path = written(given, *trained(given, "saved model"), epoch=given.integer(2, 1000))
    model, optimizer = trained(given)
    code.load_checkpoint(path, model, optimizer)
    return only(dict(model.named_parameters()), "shape", "values")


@checks("load_checkpoint")
def test_load_checkpoint_epoch(code, given):
    """The function returns the checkpoint's epoch; a checkpoint with a different shape is refused with a RuntimeError."""
    path = written(given, *trained(given, "saved model"), epoch=given.integer(2, 1000))
    model, optimizer = trained(given)
    with given.seeded():
        wider = nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 5)).double()
    return {
        "returned": code.load_checkpoint(path, model, optimizer),
        "5 outputs instead of 2": raises(lambda: code.load_checkpoint(path, wider)),
    }


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
