"""Right answers in unusual styles: every check must pass on each of them."""

import functools
import itertools

import torch

from autograder import alternative


@alternative("sample_times")
def taken_from_an_endless_count(start, step, n):
    if n < 0:
        raise ValueError
    return torch.tensor(list(itertools.islice((start + i * step for i in itertools.count()), n)), dtype=torch.float32)


@alternative("safe_log")
def logarithm_of_a_product(x):
    """Where x is not positive, 1 is filled in by a scatter of indices."""
    flat = x.reshape(-1)
    (places,) = torch.nonzero(~(flat > 0), as_tuple=True)
    return flat.index_fill(0, places, 1.0).log().reshape(x.shape)


class _Padder:
    """Batches sequences row by row, as it is called."""

    def __init__(self, pad_value):
        self.pad_value = pad_value

    def __call__(self, row, longest):
        filler = torch.full((longest - len(row),), self.pad_value, dtype=row.dtype, device=row.device)
        return torch.hstack([row, filler])


@alternative("pad_sequences")
def padded_by_an_object(seqs, pad_value=0):
    lengths = [s.shape[0] for s in seqs]
    if lengths == []:
        raise ValueError("no sequence")
    pad = _Padder(pad_value)
    batch = torch.vstack([pad(s, max(lengths)) for s in seqs])
    triangle = torch.ones(len(seqs), max(lengths), device=batch.device).cumsum(1)
    return batch, triangle.le(torch.tensor(lengths, device=batch.device).unsqueeze(1))


@alternative("predict_one")
def predicted_by_composition(model, x):
    steps = (lambda t: torch.unsqueeze(t, 0), model, functools.partial(torch.select, dim=0, index=0))
    return functools.reduce(lambda value, step: step(value), steps, x)


@alternative("apply_along")
def applied_by_rolling_axes(fn, x, dim):
    """Exchanges neighbours until the axis is last, and back again."""
    dim %= x.dim()
    swaps = [(axis, axis + 1) for axis in range(dim, x.dim() - 1)]
    for swap in swaps:
        x = x.transpose(*swap)
    y = fn(x)
    for swap in reversed(swaps):
        y = y.transpose(*swap)
    return y
