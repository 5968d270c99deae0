"""Reference solutions: checkpoints."""

import torch
from torch import Tensor, nn

predicted_entries = 9
predicted_before = 1.5


def save_checkpoint(
    path: str, model: nn.Module, optimizer: torch.optim.Optimizer, epoch: int, metrics: dict[str, float]
) -> None:
    states = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({"epoch": epoch, "metrics": metrics, **states}, path)


def load_checkpoint(path: str, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> int:
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(checkpoint["model"])
    if optimizer is not None:
        optimizer.load_state_dict(checkpoint["optimizer"])
    return checkpoint["epoch"]


def load_matching_(model: nn.Module, state: dict[str, Tensor]) -> tuple[list[str], list[str]]:
    own = model.state_dict()
    loaded, skipped = [], []
    for name, value in state.items():
        if name in own and own[name].shape == value.shape:
            own[name].copy_(value)
            loaded.append(name)
        else:
            skipped.append(name)
    return loaded, skipped
