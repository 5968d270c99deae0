"""Reference solutions: tensors and dtype conversion."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

predicted_pixel = 44  # 300 - 256: uint8 arithmetic wraps around
predicted_dtypes = torch.int64, torch.float64


def scale_pixels(img: Tensor) -> Tensor:
    if img.dtype != torch.uint8:
        raise TypeError(f"expected a uint8 image, not {img.dtype}")
    return img.to(torch.float32) / 255


def match(x: Tensor, like: Tensor) -> Tensor:
    return x.to(device=like.device, dtype=like.dtype)


def round_to_int(x: Tensor) -> Tensor:
    if not x.is_floating_point():
        return x.to(torch.int64)
    if not torch.isfinite(x).all():
        raise ValueError("nan and infinity have no nearest integer")
    return x.round().to(torch.int64)


def mean_any(x: Tensor) -> Tensor:
    if x.numel() == 0:
        raise ValueError("the mean of no elements is undefined")
    return x.mean(dtype=x.dtype if x.is_floating_point() else torch.get_default_dtype())


def with_default_dtype(dtype: torch.dtype, fn: Callable[[], Any]) -> Any:
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    finally:
        torch.set_default_dtype(previous)
