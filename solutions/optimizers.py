"""Reference solutions: optimizers and per-layer learning rates."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

predicted_frozen = 1.7
predicted_momentum = -4.25


class SGD:
    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.0) -> None:
        self.params = list(params)
        self.lr = lr
        self.momentum = momentum
        self.velocities = {}

    @torch.no_grad()
    def step(self) -> None:
        for place, p in enumerate(self.params):
            if p.grad is None:
                continue
            if place in self.velocities:
                self.velocities[place] = self.momentum * self.velocities[place] + p.grad
            else:
                self.velocities[place] = p.grad.clone()
            p -= self.lr * self.velocities[place]

    def zero_grad(self) -> None:
        for p in self.params:
            p.grad = None


def param_groups(model: nn.Module, head: str, base_lr: float, head_lr: float) -> list[dict]:
    body_params, head_params = [], []
    for name, p in model.named_parameters():
        if p.requires_grad:
            (head_params if name.startswith(f"{head}.") else body_params).append(p)
    if not head_params:
        raise ValueError(f"no trainable parameter has a name that starts with {head}.")
    return [{"params": body_params, "lr": base_lr}, {"params": head_params, "lr": head_lr}]


def scale_lr(optimizer: torch.optim.Optimizer, factor: float) -> list[float]:
    if factor < 0:
        raise ValueError(f"a learning rate cannot be multiplied by {factor}")
    rates = [group["lr"] * factor for group in optimizer.param_groups]  # groups may share a tensor: *= would change it twice
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    return rates


def warmup_then_decay(optimizer: torch.optim.Optimizer, warmup: int, total: int) -> LRScheduler:
    if not 0 <= warmup < total:
        raise ValueError(f"a warm-up of {warmup} steps does not fit into a plan of {total}")

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return max(total - step, 0) / (total - warmup)

    return LambdaLR(optimizer, factor)
