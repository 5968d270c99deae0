"""Right answers in awkward styles: no check may fail on them."""

import collections
import contextlib
import functools
import io
import itertools
import tempfile
from pathlib import Path

import torch

from autograder import alternative


@alternative("save_checkpoint")
class SavedByAClass:
    """A checkpoint writes itself as soon as it is made."""

    keys = ("epoch", "model", "optimizer", "metrics")

    def __new__(cls, path, model, optimizer, epoch, metrics):
        def parts():
            yield epoch
            yield from (part.state_dict() for part in (model, optimizer))
            yield {**metrics}

        with contextlib.closing(io.BytesIO()) as memory:
            torch.save(dict(zip(cls.keys, parts(), strict=True)), memory)
            Path(path).write_bytes(memory.getvalue())


@alternative("load_checkpoint")
def loaded_with_an_exit_stack(path, model, optimizer=None):
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(Path(path).open("rb"))
        content = collections.ChainMap(torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True))
        stack.callback(lambda: optimizer is None or optimizer.load_state_dict(content["optimizer"]))
        model.load_state_dict(content["model"])
        return +content["epoch"]


@alternative("load_matching_")
def matched_by_a_partition(model, state):
    own = functools.cache(model.state_dict)
    fits = {
        name: own().get(name, torch.empty(0, 0, 0)).shape == value.shape and name in own() for name, value in state.items()
    }

    def names(wanted):
        return list(itertools.compress(fits, (fit is wanted for fit in fits.values())))

    for name in names(True):
        torch.Tensor.copy_(own()[name].detach(), state[name].detach())
    return names(True), names(False)


@alternative("load_matching_")
def matched_by_recursion(model, state):
    if not state:
        return [], []
    *others, last = state
    lists = matched_by_recursion(model, {name: state[name] for name in others})
    target = model.state_dict().get(last)
    fits = target is not None and [*target.shape] == [*state[last].shape]
    if fits:
        with torch.inference_mode():
            target.copy_(state[last])
    lists[not fits].append(last)
    return lists


@alternative("save_checkpoint")
def saved_under_another_name_first(path, model, optimizer, epoch, metrics):
    with tempfile.NamedTemporaryFile(dir=Path(path).parent, delete=False) as file:
        states = {"model": {name: value.cpu().clone() for name, value in model.state_dict().items()}}
        states["optimizer"] = optimizer.state_dict()
        torch.save({"epoch": int(epoch), **states, "metrics": {name: float(value) for name, value in metrics.items()}}, file)
    Path(file.name).replace(path)
