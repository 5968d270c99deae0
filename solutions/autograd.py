"""Reference solutions: automatic differentiation."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

predicted_gradient = 17.0  # 3·2² + 5: both backward() calls add to a.grad
predicted_detached = 3.0  # the detached factor counts as a constant


def value_and_grad(f: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.detach().requires_grad_()
    value = f(leaf)
    if value.dim() != 0:
        raise ValueError(f"f has to return a 0-dim tensor, not one of shape {tuple(value.shape)}")
    if not value.requires_grad:
        return value, torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(value, leaf, materialize_grads=True)
    return value.detach(), gradient


def per_sample_grads(
    model: nn.Module, loss_fn: Callable[[Tensor, Tensor], Tensor], X: Tensor, y: Tensor
) -> dict[str, Tensor]:
    trainable = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    names, parameters = zip(*trainable, strict=True)
    rows = []
    for i in range(len(X)):
        loss = loss_fn(model(X[i : i + 1]), y[i : i + 1])
        rows.append(torch.autograd.grad(loss, parameters))
    return {name: torch.stack(gradients) for name, gradients in zip(names, zip(*rows, strict=True), strict=True)}


def gradient_penalty(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    leaf = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
    return ((gradient.flatten(start_dim=1).norm(dim=1) - 1) ** 2).mean()


def accumulate_gradients(
    model: nn.Module, loss_fn: Callable[[Tensor, Tensor], Tensor], batches: Sequence[tuple[Tensor, Tensor]]
) -> float:
    samples = sum(len(xb) for xb, _ in batches)
    model.zero_grad()
    mean_loss = 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * (len(xb) / samples)
        loss.backward()
        mean_loss += loss.item()
    return mean_loss


def sign_ste(x: Tensor) -> Tensor:
    hard = torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    soft = x.clamp(-1, 1)
    return hard + (soft - soft.detach())
