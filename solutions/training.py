"""Reference solutions: training."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

predicted_weight = 0.4
predicted_steps = 21
predicted_best = 20.0


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    xb: Tensor,
    yb: Tensor,
) -> float:
    model.train()
    loss = loss_fn(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def minibatches(X: Tensor, y: Tensor, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    if len(X) != len(y):
        raise ValueError(f"there are {len(X)} samples and {len(y)} labels")
    if batch_size < 1:
        raise ValueError(f"a batch cannot have {batch_size} samples")
    order = torch.randperm(len(X), generator=generator)
    for start in range(0, len(X), batch_size):
        chosen = order[start : start + batch_size]
        yield X[chosen], y[chosen]


def seeded_loader(X: Tensor, y: Tensor, batch_size: int, seed: int, train: bool = True) -> DataLoader:
    if len(X) != len(y):
        raise ValueError(f"there are {len(X)} samples and {len(y)} labels")
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(X, y), batch_size=batch_size, shuffle=train, generator=generator)


def fit(model: nn.Module, X: Tensor, y: Tensor, *, epochs: int, batch_size: int, lr: float, seed: int) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    generator = torch.Generator().manual_seed(seed)
    history = []
    for _ in range(epochs):
        total = 0.0
        for xb, yb in minibatches(X, y, batch_size, generator):
            total += len(xb) * train_step(model, optimizer, F.cross_entropy, xb, yb)
        history.append(total / len(X))
    return history


def _all_tensors(model: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and all buffers; state_dict() would leave out those that are not persistent."""
    return [*model.named_parameters(), *model.named_buffers()]


def fit_early_stopping(
    model: nn.Module,
    train_epoch: Callable[[], Any],
    val_loss: Callable[[], float],
    *,
    max_epochs: int,
    patience: int,
) -> tuple[int, float]:
    best_epoch, best_loss, best_state = -1, math.inf, None
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if loss < best_loss:
            best_epoch, best_loss = epoch, loss
            best_state = {name: tensor.detach().clone() for name, tensor in _all_tensors(model)}
        elif epoch - best_epoch >= patience:
            break
    if best_state is not None:
        with torch.no_grad():
            for name, tensor in _all_tensors(model):
                tensor.copy_(best_state[name])
    return best_epoch, best_loss
