"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import copy
import io
import os
from collections import OrderedDict
from pathlib import Path

import torch

from autograder import alternative


@alternative("predicted_entries")
def entries_counted():
    return torch.tensor(2 + 5 + 2)


@alternative("predicted_before")
def before_computed():
    return 2.0 - 0.1 * 5


@alternative("save_checkpoint")
def saved_through_an_open_file(path, model, optimizer, epoch, metrics):
    content = dict(optimizer=optimizer.state_dict(), metrics=dict(metrics))  # noqa: C408
    content["model"] = model.state_dict()
    content["epoch"] = int(epoch)
    with open(path, "wb") as file:  # noqa: PTH123
        torch.save(content, file)


@alternative("save_checkpoint")
def saved_as_copies(path, model, optimizer, epoch, metrics):
    weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    memory = copy.deepcopy(optimizer.state_dict())
    floats = {name: float(value) for name, value in metrics.items()}
    torch.save({"epoch": epoch, "model": weights, "optimizer": memory, "metrics": floats}, Path(path))


@alternative("save_checkpoint")
def saved_in_the_older_format_and_moved(path, model, optimizer, epoch, metrics):
    content = OrderedDict(epoch=epoch, model=model.state_dict(keep_vars=True), optimizer=optimizer.state_dict())
    content["metrics"] = {**metrics}
    part = f"{path}.part"
    torch.save(content, part, _use_new_zipfile_serialization=False)
    os.replace(part, path)  # noqa: PTH105


@alternative("save_checkpoint")
def saved_through_memory(path, model, optimizer, epoch, metrics):
    buffer = io.BytesIO()
    names, parts = ("model", "optimizer"), (model, optimizer)
    states = {name: part.state_dict() for name, part in zip(names, parts, strict=True)}
    torch.save(dict(epoch=epoch, metrics=metrics, **states), buffer)
    Path(path).write_bytes(buffer.getvalue())


@alternative("load_checkpoint")
def loaded_with_the_default(path, model, optimizer=None):
    with open(path, "rb") as file:  # noqa: PTH123
        content = torch.load(file, map_location=torch.device("cpu"))
    model.load_state_dict(content["model"], strict=True)
    optimizer and optimizer.load_state_dict(content["optimizer"])
    return int(content["epoch"])


@alternative("load_checkpoint")
def loaded_number_by_number(path, model, optimizer=None):
    content = torch.load(Path(path), map_location=lambda storage, location: storage, weights_only=True)
    own, state = model.state_dict(), content["model"]
    if own.keys() != state.keys():
        raise RuntimeError("other names")
    for name, tensor in own.items():
        if tensor.shape != state[name].shape:
            raise RuntimeError(name)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state[name])
    if optimizer is None:
        return content["epoch"]
    optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@alternative("load_checkpoint")
def loaded_from_mapped_memory(path, model, optimizer=None):
    content = torch.load(path, map_location=torch.device("cpu"), weights_only=True, mmap=True)
    try:
        model.load_state_dict(content["model"])
    except Exception as error:
        raise RuntimeError(str(error)) from error
    for part in (optimizer,) if optimizer else ():
        part.load_state_dict(content["optimizer"])
    return content["epoch"]


class Misfit(RuntimeError):
    """A subclass of the error that is asked for."""


@alternative("load_checkpoint")
def loaded_after_a_look_at_the_names(path, model, optimizer=None):
    content = torch.load(path, "cpu", weights_only=True)
    try:
        report = model.load_state_dict(content["model"], strict=False)
    except RuntimeError as error:
        raise Misfit from error
    if any(report):
        raise Misfit(report)
    if optimizer is not None:
        optimizer.load_state_dict(content.pop("optimizer"))
    return content.pop("epoch")


@alternative("load_matching_")
def matched_by_load_state_dict(model, state):
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    model.load_state_dict(fitting, strict=False)
    return list(fitting), [name for name in state if name not in fitting]


@alternative("load_matching_")
def matched_by_the_whole_state(model, state):
    merged = model.state_dict()
    loaded = [name for name in state if name in merged and merged[name].size() == state[name].size()]
    for name in loaded:
        merged[name] = state[name]
    model.load_state_dict(merged)
    skipped = list(state)
    for name in loaded:
        skipped.remove(name)
    return loaded, skipped


@alternative("load_matching_")
@torch.no_grad()
def matched_by_assignment_to_all(model, state):
    lists = ([], [])
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name in state:
        lists[shapes.get(name) != tuple(state[name].shape)].append(name)
    for name in lists[0]:
        model.state_dict()[name][...] = state[name].detach().clone()
    return lists


@alternative("load_matching_")
def matched_by_parameters_and_buffers(model, state):
    names = set(model.state_dict())
    targets = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    loaded, skipped = [], []
    for name, value in state.items():
        if name not in names or targets[name].shape != value.shape:
            skipped += [name]
            continue
        targets[name].data.copy_(value)
        loaded += [name]
    return [loaded, skipped]


@alternative("load_matching_")
def matched_by_data(model, state):
    own = model.state_dict(keep_vars=True)
    loaded = []
    for name, tensor in own.items():
        if name in state and state[name].shape == tensor.shape:
            tensor.data = state[name].detach().to(tensor, copy=True)
            loaded.append(name)
    return sorted(loaded, key=list(state).index), [name for name in state if name not in loaded]


@alternative("load_matching_")
def matched_by_attributes(model, state):
    names = model.state_dict().keys()
    loaded, skipped = [], []
    for name in state:
        owner, _, last = name.rpartition(".")
        target = getattr(model.get_submodule(owner), last) if name in names else None
        if target is None or target.size() != state[name].size():
            skipped.append(name)
            continue
        with torch.no_grad():
            target.copy_(state[name])
        loaded.append(name)
    return loaded, skipped
