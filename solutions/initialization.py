"""Reference solutions: initialization."""

import math

import torch
from torch import Tensor, nn

predicted_fans = 144, 576
predicted_bound = 0.05


def _fans(w: Tensor) -> tuple[int, int]:
    """The fan-in and the fan-out of a weight of shape (out, in, k1, ...)."""
    if w.dim() < 2:
        raise ValueError(f"a weight has 2 dimensions or more, not {w.dim()}")
    positions = math.prod(w.shape[2:])
    return w.shape[1] * positions, w.shape[0] * positions


def glorot_uniform_(w: Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    bound = gain * math.sqrt(6 / sum(_fans(w)))
    with torch.no_grad():
        return w.uniform_(-bound, bound, generator=generator)


def he_normal_(w: Tensor, mode: str = "fan_in", generator: torch.Generator | None = None) -> Tensor:
    fan_in, fan_out = _fans(w)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'mode is "fan_in" or "fan_out", not {mode!r}')
    with torch.no_grad():
        return w.normal_(0, math.sqrt(2 / (fan_in if mode == "fan_in" else fan_out)), generator=generator)


def init_model_(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                std = math.sqrt(2 / module.weight.shape[1:].numel())
                module.weight.copy_(torch.empty(module.weight.shape).normal_(0, std, generator=generator))
            elif isinstance(module, nn.Embedding):
                module.weight.copy_(torch.empty(module.weight.shape).normal_(0, 0.02, generator=generator))
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
                module.weight.fill_(1)
            else:
                continue
            if getattr(module, "bias", None) is not None:
                module.bias.zero_()


def trunc_normal_(w: Tensor, mean: float = 0.0, std: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    if std <= 0:
        raise ValueError(f"std is {std}; it has to be positive")
    with torch.no_grad():
        w.normal_(mean, std, generator=generator)
        while (outside := (w - mean).abs() > 2 * std).any():
            w[outside] = w[outside].normal_(mean, std, generator=generator)
        return w
