"""Reference solutions: devices."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

predicted_places = "cuda", "cpu", "cuda"
predicted_returns = 10


def pick_device(prefer: str = "auto") -> torch.device:
    if prefer == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = prefer.partition(":")
    if prefer == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or (prefer != "cuda" and not index.isdecimal()):
        raise ValueError(f"there is no device {prefer!r}")
    if not torch.cuda.is_available() or (index and int(index) >= torch.cuda.device_count()):
        raise RuntimeError(f"{prefer} is not available on this machine")
    return torch.device(prefer)


def to_device(obj: Any, device: torch.device | str) -> Any:
    if isinstance(obj, Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: to_device(value, device) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(to_device(value, device) for value in obj))
    if isinstance(obj, list | tuple):
        return type(obj)(to_device(value, device) for value in obj)
    return obj


def run_where_model_is(model: nn.Module, x: Tensor) -> Tensor:
    places = (part.device for part in (*model.parameters(), *model.buffers(), x))
    return model(x.to(next(places)))


def causal_scores(scores: Tensor) -> Tensor:
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(later, float("-inf"))


def leaf_on(values: Any, device: torch.device | str, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device, requires_grad=True)


class Standardizer(nn.Module):
    def __init__(self, data: Tensor) -> None:
        super().__init__()
        data = data.detach()
        std = data.std(dim=0)
        self.register_buffer("mean", data.mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def batches_on(batches: Iterable[Any], device: torch.device | str) -> Iterator[Any]:
    device = torch.device(device)

    def moved(tensor: Tensor) -> Tensor:
        if device.type == "cpu" or tensor.device.type != "cpu":
            return tensor.to(device)
        return tensor.pin_memory().to(device, non_blocking=True)

    for batch in batches:
        yield type(batch)(moved(tensor) for tensor in batch)


def mean_loss(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    device = next(model.parameters()).device
    total, count = 0, 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError("there are no samples")
    return total.item() / count


def move_training_(model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device | str) -> None:
    model.to(device)
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = value.to(device)


def mixed_step(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    max_norm: float,
) -> Tensor:
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def load_weights_(model: nn.Module, path: str | Path) -> None:
    model.load_state_dict(torch.load(path, map_location="cpu"))
