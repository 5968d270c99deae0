"""Random numbers that are the same on every processor: drawn in float64, then rounded to the dtype that was asked for.

PyTorch draws float32 numbers with the processor's vector instructions, whose last digits differ from one to another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["same_draws"]

_NARROW = (torch.float32, torch.float16, torch.bfloat16)
_get_default_dtype = torch.get_default_dtype


@contextmanager
def same_draws() -> Iterator[None]:
    """While the context lasts, what modules use to draw their weights draws in float64: `uniform_`, `randn`, …"""
    places: list[tuple[Any, str, Callable[..., torch.Tensor]]] = [
        (torch.Tensor, name, _filled(getattr(torch.Tensor, name))) for name in ("uniform_", "normal_")
    ]
    places += [(torch, name, _made(getattr(torch, name))) for name in ("rand", "randn")]
    before = [getattr(place, name) for place, name, _ in places]
    for place, name, function in places:
        setattr(place, name, function)
    try:
        yield
    finally:
        for (place, name, _), function in zip(places, before, strict=True):
            setattr(place, name, function)


def _filled(fill: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    @functools.wraps(fill)
    def filled(tensor: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        if tensor.dtype not in _NARROW or tensor.device.type != "cpu":
            return fill(tensor, *arguments, **options)
        drawn = fill(torch.empty(tensor.shape, dtype=torch.float64), *arguments, **options)
        return tensor.copy_(drawn)

    return filled


def _made(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    @functools.wraps(make)
    def made(*arguments: Any, **options: Any) -> torch.Tensor:
        dtype = options.get("dtype") or _get_default_dtype()
        if dtype not in _NARROW or "out" in options:
            return make(*arguments, **options)
        requires_grad = options.pop("requires_grad", False)
        drawn = make(*arguments, **{**options, "dtype": torch.float64})
        return drawn.to(dtype).requires_grad_(requires_grad)

    return made
