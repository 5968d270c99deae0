"""Right answers in unusual styles: grading must let each of them pass."""

import functools
from itertools import count

import torch
from torch import nn

from autograder import alternative


@alternative("Affine")
class AffineOfADiagonal(nn.Module):
    """Parameters registered in a loop, and applied by einsum."""

    def __init__(self, features, bias=True):
        super().__init__()
        for name, make, wanted in (("weight", torch.ones, True), ("bias", torch.zeros, bias)):
            self.register_parameter(name, nn.Parameter(make([features])) if wanted else None)

    def forward(self, x):
        shift = 0 if self.bias is None else self.bias
        return torch.einsum("...i,i->...i", x, self.weight).add(shift)


class _Buffers(nn.Module):
    def __init__(self, **tensors):
        super().__init__()
        any(map(lambda item: self.register_buffer(*item), tensors.items()))  # noqa: C417 (as some write it)


@alternative("Standardize")
class StandardizeBySubclassing(_Buffers):
    def __init__(self, X):
        own = X.detach().clone()
        mean = own.mean(0)
        own -= mean  # its own copy
        std = own.square_().mean(0).sqrt_()
        super().__init__(mean=mean, std=std.masked_fill_(std == 0, 1))

    __call__ = functools.partialmethod(nn.Module.__call__)

    def forward(self, x):
        return torch.addcdiv(torch.zeros_like(x), x - self.mean, self.std)


@alternative("MLP")
class MLPByRecursion(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        if not sizes or not sizes[1:]:
            raise ValueError("too few sizes")
        self.layers = nn.Module()

        def add(number, inner, outer=None, *more):
            if outer is not None:
                self.layers.add_module(str(next(number)), nn.Linear(inner, outer))
                add(number, outer, *more)

        add(count(), *sizes)

    def forward(self, x):
        first, *others = self.layers.children()
        return functools.reduce(lambda t, layer: layer(torch.maximum(t, torch.zeros_like(t))), others, first(x))


@alternative("set_weights_")
def set_through_an_optimizer_like_step(linear, W, b=None):
    """It zeroes and adds; a dict holds what is to be written."""
    wanted = {name: value.detach() for name, value in (("weight", W), ("bias", b)) if value is not None}
    own = {name: getattr(linear, name) for name in wanted}
    if not all(own[name] is not None and own[name].shape == value.shape for name, value in wanted.items()):
        raise ValueError(wanted.keys())
    with torch.inference_mode(False), torch.set_grad_enabled(False):
        [parameter.set_(parameter.zero_().add_(wanted[name])) for name, parameter in own.items()]


@alternative("tie_weights")
def tie_by_applying(decoder, emb):
    shared = emb.weight
    if torch.Size([decoder.out_features, decoder.in_features]) != shared.shape:
        raise ValueError(shared.shape)
    nn.Module.__setattr__(decoder, "weight", shared)
