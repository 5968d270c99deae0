"""Right answers in unusual styles: grading must let each of them pass."""

import collections
import contextlib
import functools
import operator

import torch
from torch import nn

from autograder import alternative


@alternative("TwoLayerNet")
class TwoLayerNetOfADict(nn.ModuleDict):
    """The layers are entries of the model itself; forward is a composition."""

    def __init__(self, d_in, h, d_out):
        sizes = {"linear1": (d_in, h), "linear2": (h, d_out)}
        super().__init__({name: nn.Linear(*pair) for name, pair in sizes.items()})

    def forward(self, x):
        steps = (self["linear1"], functools.partial(torch.clamp_min, min=0), self["linear2"])
        return functools.reduce(lambda t, step: step(t), steps, x)


@alternative("count_parameters")
def count_by_recursion(model, seen=None):
    seen = collections.defaultdict(set) if seen is None else seen
    totals = collections.Counter(total=0, trainable=0, frozen=0, buffers=0)
    for tensor in (*model._parameters.values(), *model._buffers.values()):
        kind = "parameter" if isinstance(tensor, nn.Parameter) else "buffer"
        if tensor is None or id(tensor) in seen[kind]:
            continue
        seen[kind].add(id(tensor))
        entries = functools.reduce(operator.mul, tensor.shape, 1)
        keys = ("buffers",) if kind == "buffer" else ("total", "trainable" if tensor.requires_grad else "frozen")
        totals.update(dict.fromkeys(keys, entries))
    for child in model.children():
        for key, entries in count_by_recursion(child, seen).items():
            totals[key] += entries
    return dict(totals)


class Recorder:
    """A hook that is an object, with a stack of what is to be undone."""

    def __init__(self, model):
        self.names = {module: name for name, module in reversed(list(model.named_modules()))}
        self.rows = []

    def __call__(self, module, arguments, output):
        entries = sum(map(torch.numel, module.parameters()))
        self.rows += [(self.names[module], type(module).__name__, tuple(output.shape), entries)]

    def watch(self, model, x):
        with contextlib.ExitStack() as undo:
            for module in self.names:
                undo.callback(setattr, module, "training", module.training)
                if not any(module.children()):
                    undo.callback(module.register_forward_hook(self).remove)
            undo.enter_context(torch.no_grad())
            model.eval()(x)
        return self.rows


@alternative("summarize")
def summarize_by_an_object(model, x):
    return Recorder(model).watch(model, x)
