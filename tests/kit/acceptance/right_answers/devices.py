"""Right answers in awkward styles: no check may fail on them."""

import functools
import operator

import torch
from torch import nn
from torch.nn import functional as F

from autograder import alternative


@alternative("to_device")
def moved_with_single_dispatch(obj, device):
    @functools.singledispatch
    def move(thing):
        return thing

    move.register(torch.Tensor, operator.methodcaller("to", device))
    move.register(dict, lambda thing: dict(zip(thing, map(move, thing.values()), strict=True)))
    move.register(list, lambda thing: [*map(move, thing)])

    @move.register
    def _(thing: tuple):
        make = getattr(type(thing), "_make", type(thing))
        return make(map(move, thing))

    return move(obj)


@alternative("causal_scores")
def causal_row_by_row(scores):
    size = scores.size(-1)
    rows = [
        torch.cat((scores[..., i, : i + 1], scores.new_full((*scores.shape[:-2], size - i - 1), -torch.inf)), dim=-1)
        for i in range(size)
    ]
    return torch.stack(rows, dim=-2) if rows else scores.clone()


class _Frozen(nn.Module):
    def __getattr__(self, name):
        return super().__getattr__(name)


@alternative("Standardizer")
class StandardizerWithAClosure(_Frozen):
    def __init__(self, data):
        super().__init__()
        with torch.no_grad():
            variance, mean = torch.var_mean(data, dim=0)
            for name, value in {"std": variance.sqrt_(), "mean": mean}.items():
                self.register_buffer(name, value)
            self.std[self.std == 0] = 1

    def forward(self, x):
        return torch.sub(x, self.mean).div(self.std)


@alternative("batches_on")
class BatchesOn:
    """An iterator instead of a generator."""

    def __init__(self, batches, device):
        self.source, self.device = iter(batches), torch.device(device)

    def __iter__(self):
        return self

    def __next__(self):
        batch = next(self.source)
        return type(batch)([self.move(tensor) for tensor in batch])

    def move(self, tensor):
        if self.device.type == "cpu" or not tensor.is_cpu:
            return tensor.to(self.device)
        pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
        return pinned.to(self.device, non_blocking=True)


@alternative("mean_loss")
def mean_loss_by_reduce(model, batches):
    device = next(iter(model.parameters())).device

    @torch.no_grad()
    def add(so_far, batch):
        x, y = (part.to(device) for part in batch)
        return so_far[0] + F.cross_entropy(model(x), y, reduction="none").sum(), so_far[1] + y.numel()

    total, count = functools.reduce(add, batches, (0, 0))
    try:
        return float(total) / count
    except ZeroDivisionError:
        raise ValueError("no samples") from None


@alternative("move_training_")
def moved_with_tree_map(model, optimizer, device):
    for module in model.modules():
        module._apply(lambda tensor: tensor.to(device), recurse=False)
    for parameter in model.parameters():
        state = optimizer.state.get(parameter, {})
        state.update({k: v.to(device) for k, v in state.items() if torch.is_tensor(v) and v.size() == parameter.size()})
