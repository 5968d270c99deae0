"""Reference solutions: parameters."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

predicted_keys = ["a", "c", "e.weight"]
predicted_count = 2
predicted_after_step = 2.0


class Affine(nn.Module):
    def __init__(self, features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight if self.bias is None else x * self.weight + self.bias


class Standardize(nn.Module):
    def __init__(self, X: Tensor) -> None:
        super().__init__()
        data = X.detach()
        std = data.std(dim=0, correction=0)
        self.register_buffer("mean", data.mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class MLP(nn.Module):
    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"there are {len(sizes)} sizes; there should be 2 or more")
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


def set_weights_(linear: nn.Linear, W: Tensor, b: Tensor | None = None) -> None:
    if W.shape != linear.weight.shape:
        raise ValueError(f"W has shape {tuple(W.shape)}, the weight {tuple(linear.weight.shape)}")
    if b is not None and (linear.bias is None or b.shape != linear.bias.shape):
        raise ValueError("b has another shape than the bias, or there is no bias")
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)


def tie_weights(decoder: nn.Linear, emb: nn.Embedding) -> None:
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError(f"the weights have shapes {tuple(decoder.weight.shape)} and {tuple(emb.weight.shape)}")
    decoder.weight = emb.weight
