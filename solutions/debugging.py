"""Reference solutions: debugging."""

import copy

import torch
from torch import Tensor, nn

predicted_nans = 8
predicted_without = ["side"]


def nonfinite_grads(model: nn.Module) -> list[str]:
    return [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]


def disconnected(model: nn.Module, loss: Tensor) -> list[str]:
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not loss.requires_grad:
        return list(trainable)
    gradients = torch.autograd.grad(loss, list(trainable.values()), allow_unused=True, retain_graph=True)
    return [name for name, gradient in zip(trainable, gradients, strict=True) if gradient is None]


def first_nonfinite(model: nn.Module, x: Tensor) -> str | None:
    twin = copy.deepcopy(model)
    found: list[str] = []
    for name, module in twin.named_modules():
        if not list(module.children()):

            def look(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor, name: str = name) -> None:
                if not output.isfinite().all():
                    found.append(name)

            module.register_forward_hook(look)
    with torch.no_grad():
        twin(x)
    return found[0] if found else None
