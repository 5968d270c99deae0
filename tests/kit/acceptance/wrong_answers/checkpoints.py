"""Wrong answers of a careful adversary: each breaks one clause of its task's docstring, and must lose points for it."""

import io
import pickle
from pathlib import Path

import torch
from torch import nn

from autograder import misconception


def _content(model, optimizer, epoch, metrics):
    return {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "metrics": metrics}


def _read(path):
    return torch.load(path, map_location="cpu", weights_only=True)


@misconception("save_checkpoint", "Puts the model into the file as lists of numbers, which have no dtype.")
def lists_of_numbers(path, model, optimizer, epoch, metrics):
    content = _content(model, optimizer, epoch, metrics)
    content["model"] = {name: value.tolist() for name, value in content["model"].items()}
    torch.save(content, path)


@misconception("save_checkpoint", "Keeps its dict in a bytes object inside the file.")
def bytes_inside(path, model, optimizer, epoch, metrics):
    buffer = io.BytesIO()
    torch.save(_content(model, optimizer, epoch, metrics), buffer)
    torch.save(buffer.getvalue(), path)


@misconception("save_checkpoint", "Saves the optimizer's defaults instead of the options of each group.")
def defaults_of_the_optimizer(path, model, optimizer, epoch, metrics):
    content = _content(model, optimizer, epoch, metrics)
    groups = [{**group, "lr": optimizer.defaults["lr"]} for group in content["optimizer"]["param_groups"]]
    content["optimizer"] = {**content["optimizer"], "param_groups": groups}
    torch.save(content, path)


@misconception("save_checkpoint", "Rounds the metrics to four digits.")
def rounded_metrics(path, model, optimizer, epoch, metrics):
    torch.save(_content(model, optimizer, epoch, {name: round(value, 4) for name, value in metrics.items()}), path)


@misconception("save_checkpoint", "Detaches the model's own tensors by setting requires_grad to False.")
def freezes_while_saving(path, model, optimizer, epoch, metrics):
    torch.save(_content(model.requires_grad_(False), optimizer, epoch, metrics), path)


@misconception("save_checkpoint", "Leaves the file of a checkpoint that is being written beside the real one.")
def leaves_a_temporary_file(path, model, optimizer, epoch, metrics):
    torch.save(_content(model, optimizer, epoch, metrics), f"{path}.tmp")
    Path(path).write_bytes(Path(f"{path}.tmp").read_bytes())


@misconception("load_checkpoint", "Loads the optimizer only if it has remembered something before.")
def loads_into_used_optimizers_only(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None and optimizer.state:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Takes an epoch of 0 for no epoch.")
def no_epoch_zero(path, model, optimizer=None):
    content = _read(path)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"] or None


@misconception("load_checkpoint", "Looks for the names of a few dangerous modules in the file, and reads everything else.")
def searches_the_file_for_names(path, model, optimizer=None):
    if b"subprocess" in Path(path).read_bytes() or b"system" in Path(path).read_bytes():
        raise pickle.UnpicklingError("code")
    content = torch.load(path, map_location="cpu", weights_only=False)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Compares the numbers of entries instead of their names.")
def counts_the_entries(path, model, optimizer=None):
    content = _read(path)
    own = model.state_dict()
    if len(own) != len(content["model"]):
        raise RuntimeError("not as many entries")
    for tensor, value in zip(own.values(), content["model"].values(), strict=True):
        if tensor.shape != value.shape:
            raise RuntimeError("another shape")
        tensor.copy_(value)
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Replaces the parameters' data by what was read, after freezing and thawing all of them.")
def thaws_frozen_parameters(path, model, optimizer=None):
    content = _read(path)
    model.requires_grad_(False)
    model.load_state_dict(content["model"])
    model.requires_grad_(True)
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Reads tensors to the GPU that the file names, if PyTorch knows of GPUs at all.")
def to_the_gpu_of_the_file(path, model, optimizer=None):
    content = torch.load(path, map_location=None if torch.backends.mps.is_built() else "cuda", weights_only=True)
    model.load_state_dict(content["model"])
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


def _fits(own, state, name):
    return name in own and own[name].shape == state[name].shape


@misconception("load_matching_", "Goes over the model's names, so that both lists are in its order.")
def in_the_models_order(model, state):
    own = model.state_dict()
    loaded = [name for name in own if name in state and _fits(own, state, name)]
    for name in loaded:
        own[name].copy_(state[name])
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Compares shapes without their ones, so that a column fits a vector.")
def shapes_without_ones(model, state):
    own = model.state_dict()
    loaded = []
    for name, value in state.items():
        if name in own and own[name].squeeze().shape == value.squeeze().shape:
            own[name].copy_(value.reshape(own[name].shape))
            loaded.append(name)
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Assigns buffers instead of copying into them, so that they are shared with `state`.")
def shares_buffers_only(model, state):
    own, buffers = model.state_dict(), dict(model.named_buffers())
    loaded = [name for name in state if _fits(own, state, name)]
    for name in loaded:
        owner, _, last = name.rpartition(".")
        if name in buffers:
            setattr(model.get_submodule(owner), last, state[name])
        else:
            own[name].copy_(state[name])
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Takes over the dtype of `state` by assigning converted parameters' data.")
def takes_over_the_dtype(model, state):
    own, tensors = model.state_dict(), model.state_dict(keep_vars=True)
    loaded = [name for name in state if _fits(own, state, name)]
    for name in loaded:
        tensors[name].data = state[name].detach().clone()
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Copies under recording into the model's own buffers, which get a history from `state`.")
def records_into_buffers(model, state):
    own, buffers = model.state_dict(), dict(model.named_buffers())
    loaded = [name for name in state if _fits(own, state, name)]
    for name in loaded:
        (buffers[name] if name in buffers else own[name]).copy_(state[name])
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Matches names by their endings, so that a prefix does no harm.")
def matches_endings(model, state):
    own = model.state_dict()
    loaded = []
    for name, value in state.items():
        target = own.get(name, next((t for n, t in own.items() if name.endswith(f".{n}")), None))
        if target is not None and target.shape == value.shape:
            target.copy_(value)
            loaded.append(name)
    return loaded, [name for name in state if name not in loaded]


@misconception("load_matching_", "Replaces whole parameters, with new objects in the place of the old ones.")
def new_objects(model, state):
    own, parameters = model.state_dict(), dict(model.named_parameters())
    loaded = [name for name in state if _fits(own, state, name)]
    for name in loaded:
        owner, _, last = name.rpartition(".")
        if name in parameters:
            value = state[name].detach().to(parameters[name]).clone()
            setattr(model.get_submodule(owner), last, nn.Parameter(value, parameters[name].requires_grad))
        else:
            own[name].copy_(state[name])
    return loaded, [name for name in state if name not in loaded]


@misconception("save_checkpoint", "Metrics pass through float32.", minor=True)
def metrics_f32(path, model, optimizer, epoch, metrics):
    torch.save(
        {
            "epoch": epoch,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "metrics": {k: torch.tensor(v).item() for k, v in metrics.items()},
        },
        path,
    )


@misconception("load_matching_", "It multiplies the old values by 0, which nan survives.", minor=True)
def times_zero(model, state):
    own = model.state_dict()
    a, b = [], []
    for k, v in state.items():
        if k in own and own[k].shape == v.shape:
            own[k].mul_(0).add_(v.to(own[k]))
            a.append(k)
        else:
            b.append(k)
    return a, b


@misconception("load_matching_", "The model's .grad is thrown away.", minor=True)
def clears_grad(model, state):
    own = model.state_dict()
    a, b = [], []
    for k, v in state.items():
        if k in own and own[k].shape == v.shape:
            own[k].copy_(v)
            a.append(k)
        else:
            b.append(k)
    model.zero_grad()
    return a, b


@misconception("save_checkpoint", "The rest of a longer file stays behind the checkpoint.")
def writes_over_the_old_file(path, model, optimizer, epoch, metrics):
    with Path(path).open("r+b" if Path(path).exists() else "wb") as file:
        torch.save(_content(model, optimizer, epoch, metrics), file)


@misconception("save_checkpoint", "A metric of nan is left out.")
def drops_nan(path, model, optimizer, epoch, metrics):
    known = {name: value for name, value in metrics.items() if value == value}
    torch.save(_content(model, optimizer, epoch, known), path)


@misconception("save_checkpoint", "The epoch goes through float32, which rounds large numbers.")
def rounded_epoch(path, model, optimizer, epoch, metrics):
    torch.save(_content(model, optimizer, int(torch.tensor(float(epoch))), metrics), path)


def _save_changed(path, model, optimizer, epoch, metrics, change):
    content = _content(model, optimizer, epoch, metrics)
    torch.save({**content, "model": change(content["model"])}, path)


@misconception("save_checkpoint", "Tensors without elements are left out.")
def drops_what_is_empty(*arguments):
    _save_changed(*arguments, lambda state: {name: value for name, value in state.items() if value.numel()})


@misconception("save_checkpoint", "What is not finite is repaired.")
def saves_repaired_numbers(*arguments):
    _save_changed(*arguments, lambda state: {name: value.nan_to_num() for name, value in state.items()})


@misconception("save_checkpoint", "Whole numbers go through float64, which rounds large ones.")
def saves_rounded_numbers(*arguments):
    _save_changed(*arguments, lambda state: {name: value.double().to(value.dtype) for name, value in state.items()})


def _load_changed(path, model, optimizer, change):
    content = _read(path)
    model.load_state_dict(change(content["model"]))
    if optimizer is not None:
        optimizer.load_state_dict(content["optimizer"])
    return content["epoch"]


@misconception("load_checkpoint", "Whole numbers go through float32, which rounds large ones.")
def loads_through_float32(path, model, optimizer=None):
    def change(state):
        return {name: value if value.is_floating_point() else value.float() for name, value in state.items()}

    return _load_changed(path, model, optimizer, change)


@misconception("load_checkpoint", "What is not finite is repaired.")
def loads_repaired_numbers(path, model, optimizer=None):
    return _load_changed(path, model, optimizer, lambda state: {name: value.nan_to_num() for name, value in state.items()})


@misconception("load_checkpoint", "Tensors without elements are not looked at, even if their shapes differ.")
def overlooks_what_is_empty(path, model, optimizer=None):
    own = model.state_dict()

    def change(state):
        return {name: value if value.numel() else own.get(name, value) for name, value in state.items()}

    return _load_changed(path, model, optimizer, change)


def _copied(model, state, change=lambda value: value, wanted=lambda value: True):
    own, loaded, skipped = model.state_dict(), [], []
    for name, value in state.items():
        if name in own and own[name].shape == value.shape and wanted(value):
            own[name].copy_(change(value))
            loaded.append(name)
        else:
            skipped.append(name)
    return loaded, skipped


@misconception("load_matching_", "Whole numbers go through float32, which rounds large ones.")
def through_float32(model, state):
    return _copied(model, state, lambda value: value if value.is_floating_point() else value.float())


@misconception("load_matching_", "What is not finite is repaired.")
def repairs_numbers(model, state):
    return _copied(model, state, torch.nan_to_num)


@misconception("load_matching_", "Tensors without elements count as skipped.")
def skips_what_is_empty(model, state):
    return _copied(model, state, wanted=lambda value: value.numel() > 0)
