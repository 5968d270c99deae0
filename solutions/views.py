"""Reference solutions: views."""

import math

from torch import Tensor

predicted_entries = 5, 9
predicted_views = True, False, True


def nhwc_to_nchw(x: Tensor) -> Tensor:
    if x.dim() != 4:
        raise ValueError(f"images have 4 dimensions, not {x.dim()}")
    return x.permute(0, 3, 1, 2)


def flatten_batch(x: Tensor) -> Tensor:
    if x.dim() == 0:
        raise ValueError("a tensor without dimensions has no batch dimension")
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    batch, time, features = x.shape
    if features % num_heads:
        raise ValueError(f"{features} features cannot be split among {num_heads} heads")
    return x.reshape(batch, time, num_heads, features // num_heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    batch, heads, time, features = x.shape
    return x.transpose(1, 2).reshape(batch, time, heads * features)


def patchify(img: Tensor, p: int) -> Tensor:
    batch, channels, height, width = img.shape
    if height % p or width % p:
        raise ValueError(f"{height} x {width} pixels cannot be cut into patches of {p} x {p}")
    named = img.reshape(batch, channels, height // p, p, width // p, p)
    return named.permute(0, 2, 4, 1, 3, 5).reshape(batch, (height // p) * (width // p), channels * p * p)


def same_storage(a: Tensor, b: Tensor) -> bool:
    if a.numel() == 0 or b.numel() == 0:
        return False
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
