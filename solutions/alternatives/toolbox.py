"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder import alternative


@alternative("predicted_gradient")
def gradient_as_a_tensor():
    return torch.tensor([float("nan"), float("nan"), 1 / 4])


@alternative("predicted_shapes")
def shapes_of_tensors():
    return [torch.Size([3]), [3, 1], torch.zeros(1, 3, 1).shape]


@alternative("predicted_shapes")
def forgotten_comma():
    return 3, (3, 1), (1, 3, 1)


@alternative("sample_times")
def by_linspace(start, step, n):
    if n < 0:
        raise ValueError(n)
    return torch.linspace(start, start + (n - 1) * step, n, dtype=torch.float64).float()


@alternative("sample_times")
def by_comprehension(start, step, n):
    if n <= -1:
        raise ValueError("negative")
    return torch.tensor([start + i * step for i in range(n)], dtype=torch.float32)


@alternative("sample_times")
def in_double_precision(start, step, n):
    if n < 0:
        raise ValueError(n)
    return torch.add(start, torch.arange(n, dtype=torch.float64), alpha=step).float()


@alternative("sample_times")
def in_place_on_counts(start, step, n):
    try:
        counts = torch.arange(n)
    except RuntimeError as error:
        raise ValueError from error
    return counts.double().mul_(step).add_(start).float()


@alternative("sample_times")
def by_adding_up(start, step, n):
    if n < 0:
        raise ValueError
    out, time = torch.empty(n, dtype=torch.float32), start
    for i in range(n):
        out[i] = time
        time += step
    return out


@alternative("sample_times")
def end_between_two_numbers(start, step, n):
    if n < 0:
        raise ValueError
    if n == 0 or step == 0:
        return torch.full((n,), start, dtype=torch.float32)
    return torch.arange(start, start + (n - 0.5) * step, step, dtype=torch.float64).to(torch.float32)


@alternative("sample_times")
def by_numpy(start, step, n):
    if n < 0:
        raise ValueError("n is negative")
    return torch.from_numpy(start + step * np.arange(n, dtype=np.float64)).float()


@alternative("sample_times")
def by_cumulative_sum(start, step, n):
    if n < 0:
        raise ValueError("n is negative")
    return torch.tensor(([start] + [step] * n)[:n], dtype=torch.float64).cumsum(0).to(torch.float32)


@alternative("safe_log")
def two_wheres(x):
    positive = x > 0
    harmless = torch.where(positive, x, torch.ones_like(x))
    return torch.where(positive, torch.log(harmless), torch.zeros_like(x))


@alternative("safe_log")
def by_mask(x):
    out, positive = torch.zeros_like(x), x > 0
    out[positive] = torch.log(x[positive])
    return out


@alternative("safe_log")
def by_masked_fill(x):
    return x.masked_fill(~(x > 0), 1).log()


@alternative("safe_log")
def by_clamping_at_the_smallest(x):
    smallest = torch.finfo(x.dtype).tiny
    return torch.where(x > 0, x.clamp(min=smallest).log(), 0.0)


class _SafeLog(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.log(x).masked_fill(~(x > 0), 0)

    @staticmethod
    def backward(ctx, upstream):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, upstream / x, 0.0)


@alternative("safe_log")
def by_own_function(x):
    return _SafeLog.apply(x)


@alternative("safe_log")
def number_by_number(x):
    logs = [torch.log(number) if number > 0 else (number * 0).nan_to_num() for number in x.reshape(-1)]
    return torch.stack(logs).reshape(x.shape) if logs else x.clone()


@alternative("safe_log")
def by_masked_scatter(x):
    positive = x > 0
    return torch.zeros_like(x).masked_scatter(positive, x[positive].log())


@alternative("safe_log")
def in_place_on_a_copy(x):
    copy = x.clone()
    copy[~(copy > 0)] = 1
    return copy.log_()


@alternative("pad_sequences")
def by_cat_and_stack(seqs, pad_value=0):
    if len(seqs) == 0:
        raise ValueError("nothing to pad")
    longest = max(len(s) for s in seqs)
    rows = [torch.cat([s, s.new_full((longest - len(s),), pad_value)]) for s in seqs]
    return torch.stack(rows), torch.stack([torch.arange(longest, device=s.device) < len(s) for s in seqs])


@alternative("pad_sequences")
def by_padding_ones(seqs, pad_value=0):
    if len(seqs) == 0:
        raise ValueError("nothing to pad")
    pad = nn.utils.rnn.pad_sequence
    mask = pad([torch.ones_like(s, dtype=torch.bool) for s in seqs], batch_first=True)
    return pad(list(seqs), batch_first=True, padding_value=pad_value), mask


@alternative("pad_sequences")
def by_functional_pad(seqs, pad_value=0):
    lengths = torch.tensor([s.numel() for s in seqs])
    if lengths.numel() == 0:
        raise ValueError
    longest = int(lengths.max())
    batch = torch.stack([F.pad(s, (0, longest - s.numel()), value=pad_value) for s in seqs])
    return batch, (torch.arange(longest) < lengths[:, None]).to(batch.device)


@alternative("pad_sequences")
def row_by_row(seqs, pad_value=0):
    longest = max(map(len, seqs))
    batch = seqs[0].new_full((len(seqs), longest), pad_value)
    mask = torch.zeros(len(seqs), longest, dtype=torch.bool, device=batch.device)
    for row, (sequence, length) in enumerate(zip(seqs, map(len, seqs), strict=True)):
        batch[row, :length] = sequence
        mask[row, :length] = True
    return [batch, mask]


@alternative("pad_sequences")
def column_by_column(seqs, pad_value=0):
    if not seqs:
        raise ValueError
    filler = seqs[0].new_full((), pad_value)
    columns = list(itertools.zip_longest(*[s.unbind() for s in seqs], fillvalue=filler))
    batch = torch.stack([torch.stack(column) for column in columns], 1) if columns else seqs[0].new_empty(len(seqs), 0)
    lengths = torch.tensor([[len(s)] for s in seqs], device=batch.device)
    return batch, torch.arange(len(columns), device=batch.device).expand(len(seqs), -1) < lengths


@alternative("pad_sequences")
def all_at_once(seqs, pad_value=0):
    if len(seqs) == 0:
        raise ValueError
    places = torch.arange(max(s.nelement() for s in seqs), device=seqs[0].device)
    mask = torch.stack([places < s.nelement() for s in seqs])
    entries = torch.cat(list(seqs))
    return torch.full(mask.shape, pad_value, dtype=entries.dtype, device=entries.device).masked_scatter(mask, entries), mask


@alternative("predict_one")
def by_index(model, x):
    return model(x[None])[0]


@alternative("predict_one")
def by_stack(model, x):
    (result,) = model(torch.stack([x]))
    return result


@alternative("predict_one")
def by_reshape(model, x):
    outputs = model(x.reshape(1, *x.shape))
    return outputs.reshape(outputs.shape[1:])


@alternative("predict_one")
def by_sum(model, x):
    return torch.sum(model(x.expand(1, *x.shape)), dim=0)


@alternative("predict_one")
def by_functional_call(model, x):
    state = dict(model.named_parameters()), dict(model.named_buffers())
    return torch.func.functional_call(model, state, (x[None, ...],))[0, ...]


@alternative("apply_along")
def by_exchange(fn, x, dim):
    return fn(x.transpose(dim, -1)).transpose(dim, -1)


@alternative("apply_along")
def by_permute(fn, x, dim):
    axes = list(range(x.dim()))
    axes.append(axes.pop(dim))
    back = [axes.index(axis) for axis in range(x.dim())]
    return fn(x.permute(axes)).permute(back)


@alternative("apply_along")
def as_a_matrix(fn, x, dim):
    moved = torch.moveaxis(x, dim, x.ndim - 1)
    results = fn(moved.reshape(-1, moved.shape[-1]))
    return torch.moveaxis(results.reshape(*moved.shape[:-1], results.shape[-1]), x.ndim - 1, dim)


@alternative("apply_along")
def without_recording(fn, x, dim):
    with torch.no_grad():
        return torch.movedim(fn(torch.movedim(x, dim, -1).contiguous()), -1, dim).clone()


@alternative("apply_along")
def by_letters(fn, x, dim):
    letters = "abcdefgh"[: x.dim()]
    moved = letters.replace(letters[dim], "") + letters[dim]
    return torch.einsum(f"{moved}->{letters}", fn(torch.einsum(f"{letters}->{moved}", x)))
