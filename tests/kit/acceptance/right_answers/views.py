"""Right answers in unusual styles: every check must pass on each of them."""

import functools
import operator

import torch

from autograder import alternative


@alternative("nhwc_to_nchw")
def images_by_swaps(x):
    if x.ndim - 4:
        raise ValueError
    return functools.reduce(lambda t, axes: torch.swapaxes(t, *axes), [(3, 2), (2, 1)], x)


class _NoBatch(ValueError):
    """A subclass of the error the task asks for."""


@alternative("flatten_batch")
def flattened_by_recursion(x):
    if x.dim() == 0:
        raise _NoBatch
    if x.dim() == 1:
        return x.unsqueeze(1)
    return x if x.dim() == 2 else flattened_by_recursion(x.flatten(1, 2))


@alternative("split_heads")
def heads_by_a_generator(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError
    parts = (part.contiguous() for part in torch.tensor_split(x, num_heads, dim=2))
    return torch.cat([part.unsqueeze(1) for part in parts], dim=1)


@alternative("merge_heads")
def heads_added_into_place(x):
    batch, heads, time, features = x.shape
    out = torch.zeros(batch, time, heads * features, dtype=x.dtype, device=x.device)
    for head, part in enumerate(x.unbind(1)):
        out = out.slice_scatter(part, dim=2, start=head * features, end=(head + 1) * features)
    return out


class _Cutter:
    """Cuts a picture into a column of rows, and each row into patches."""

    def __init__(self, p):
        self.p = p

    def __call__(self, img):
        if any(size % self.p for size in img.shape[2:]):
            raise ValueError
        rows = (row.split(self.p, dim=3) for row in img.split(self.p, dim=2))
        return torch.stack([patch.flatten(1) for row in rows for patch in row], dim=1)


@alternative("patchify")
def patches_by_an_object(img, p):
    return _Cutter(p)(img)


@alternative("same_storage")
def compares_by_operator(a, b):
    storages = [tensor.untyped_storage().data_ptr() for tensor in (a, b) if tensor.numel()]
    return len(storages) == 2 and operator.eq(*storages)
