"""Reference solutions: losses."""

import torch
from torch import Tensor

predicted_limits = 0.5, 0.73
predicted_loss = 12 / 9


def cross_entropy(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    losses = -logits.log_softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.mean()
    raise ValueError(f'reduction is "mean", "sum" or "none", not {reduction!r}')


def bce_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    if logits.shape != targets.shape:
        raise ValueError(f"logits have shape {tuple(logits.shape)}, targets {tuple(targets.shape)}")
    # log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)), whose exponent is never positive
    return (logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))).mean()


def masked_mse(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    if pred.shape != target.shape or pred.shape != mask.shape:
        raise ValueError(f"the shapes differ: {tuple(pred.shape)}, {tuple(target.shape)} and {tuple(mask.shape)}")
    if not mask.any():
        raise ValueError("no entry of mask is True: there is nothing to take the mean of")
    return (pred[mask] - target[mask]).square().mean()
