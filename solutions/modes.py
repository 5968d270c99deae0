"""Reference solutions: modes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

predicted_largest = 4.0
predicted_gradients = True, True, True
predicted_batches = 2


def evaluate(model: nn.Module, X: Tensor, y: Tensor, batch_size: int) -> tuple[float, float]:
    modes = {module: module.training for module in model.modules()}
    loss, right = 0.0, 0
    model.eval()
    try:
        with torch.no_grad():
            for xb, yb in zip(X.split(batch_size), y.split(batch_size), strict=True):
                logits = model(xb)
                loss += F.cross_entropy(logits, yb, reduction="sum").item()
                right += (logits.argmax(dim=1) == yb).sum().item()
    finally:
        for module, mode in modes.items():
            module.training = mode
    return loss / len(X), right / len(X)


def mc_dropout(model: nn.Module, x: Tensor, n: int) -> tuple[Tensor, Tensor]:
    modes = {module: module.training for module in model.modules()}
    for module in modes:
        module.training = isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d)
    with torch.no_grad():
        outputs = torch.stack([model(x) for _ in range(n)])
    for module, mode in modes.items():
        module.training = mode
    return outputs.mean(dim=0), outputs.std(dim=0, correction=0)


def ema_update_(ema: nn.Module, model: nn.Module, decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"decay is {decay}; it has to lie between 0 and 1")
    with torch.no_grad():
        for average, parameter in zip(ema.parameters(), model.parameters(), strict=True):
            average.lerp_(parameter, 1 - decay)
        for copied, buffer in zip(ema.buffers(), model.buffers(), strict=True):
            copied.copy_(buffer)
