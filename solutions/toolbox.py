"""Reference solutions: toolbox."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

predicted_gradient = torch.nan, torch.nan, 0.25
predicted_shapes = (3,), (3, 1), (1, 3, 1)


def sample_times(start: float, step: float, n: int) -> Tensor:
    if n < 0:
        raise ValueError(f"there cannot be {n} times")
    return (start + step * torch.arange(n, dtype=torch.float64)).to(torch.float32)


def safe_log(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 1.0).log()


def pad_sequences(seqs: Sequence[Tensor], pad_value: float = 0) -> tuple[Tensor, Tensor]:
    if not seqs:
        raise ValueError("there is no sequence")
    batch = nn.utils.rnn.pad_sequence(seqs, batch_first=True, padding_value=pad_value)
    lengths = torch.tensor([[len(s)] for s in seqs], device=batch.device)
    return batch, torch.arange(batch.shape[1], device=batch.device) < lengths


def predict_one(model: nn.Module, x: Tensor) -> Tensor:
    return model(x.unsqueeze(0)).squeeze(0)


def apply_along(fn: Callable[[Tensor], Tensor], x: Tensor, dim: int) -> Tensor:
    return fn(x.movedim(dim, -1)).movedim(-1, dim)
