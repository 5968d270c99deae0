"""Reference solutions: metrics."""

import torch
from torch import Tensor

predicted_share = 0.375
predicted_count = 1


def accuracy(logits: Tensor, labels: Tensor) -> float:
    samples = logits.shape[0]
    if samples == 0:
        raise ValueError("there is no share of nothing")
    if labels.shape != (samples,):
        raise ValueError(f"labels has the shape {tuple(labels.shape)}; it should have ({samples},)")
    return (logits.argmax(dim=1) == labels).sum().item() / samples


def confusion_matrix(preds: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    pairs = labels * num_classes + preds
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def macro_f1(M: Tensor) -> float:
    counts = M.to(torch.float64)
    denominators = counts.sum(dim=0) + counts.sum(dim=1)
    scores = 2 * counts.diagonal() / denominators
    return torch.where(denominators == 0, 0.0, scores).mean().item()
