"""Wrong answers that are nearly right: checks must notice each, though no feedback is written for it."""

import torch
from torch import nn

from autograder import misconception


@misconception("sample_times", "It computes in the default dtype, which may be float16.")
def in_the_default_dtype(start, step, n):
    if n < 0:
        raise ValueError
    return (start + step * torch.arange(n).to(torch.get_default_dtype())).to(torch.float32)


@misconception("sample_times", "A step of whole numbers is counted in integers, and n = 0 stays an integer tensor.")
def floats_only_if_needed(start, step, n):
    if n < 0:
        raise ValueError
    times = start + step * torch.arange(n, dtype=torch.float64 if isinstance(step, float) else torch.int64)
    return times.float() if n else times


@misconception("sample_times", "linspace in float32 loses digits when it crosses 0.")
def linspace_in_single_precision(start, step, n):
    if n < 0:
        raise ValueError
    return torch.linspace(start, start + (n - 1) * step, n, dtype=torch.float32)


@misconception("sample_times", "The end of arange is a tiny bit behind the last number, so long steps miss it.")
def end_with_a_fixed_margin(start, step, n):
    if n < 0:
        raise ValueError
    if n == 0 or step == 0:
        return torch.full((n,), float(start), dtype=torch.float32)
    return torch.arange(start, start + (n - 1) * step + 0.15, step, dtype=torch.float64).float()


@misconception("safe_log", "The result is float32 for the half precisions.")
def half_precisions_become_float32(x):
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return torch.where(x > 0, x, 1.0).log()


@misconception("safe_log", "The unused branch is replaced in place in the log, so infinity becomes 0 as well.")
def only_finite_numbers(x):
    return torch.where((x > 0) & torch.isfinite(x), x, 1.0).log()


class _ScalesUpstream(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, 1.0).log()

    @staticmethod
    def backward(ctx, upstream):
        (x,) = ctx.saved_tensors
        with torch.no_grad():
            if upstream.is_contiguous():
                return upstream.div_(x).masked_fill_(~(x > 0), 0)
            return torch.where(x > 0, upstream / x, 0.0)


@misconception("safe_log", "The gradient that comes from behind is divided in place, though other summands need it.")
def changes_the_incoming_gradient(x):
    return _ScalesUpstream.apply(x)


@misconception("safe_log", "The gradient of a nan is nan.")
def lets_nan_through(x):
    return torch.where(x <= 0, torch.ones_like(x), x).log().nan_to_num(nan=0.0, posinf=float("inf"))


@misconception("safe_log", "The smallest positive numbers are cut off at 1e-30.")
def clamps_at_a_tiny_number(x):
    return torch.where(x > 0, x.clamp(min=1e-30), 1.0).log()


@misconception("pad_sequences", "All entries that equal the pad value at the end of a row are taken for padding.")
def mask_without_trailing_pad_values(seqs, pad_value=0):
    if not len(seqs):
        raise ValueError
    batch = nn.utils.rnn.pad_sequence(list(seqs), True, pad_value)
    real = (batch != pad_value).flip(1).cumsum(1).flip(1) > 0
    return batch, real


@misconception("pad_sequences", "The batch passes through float64, which cannot hold large integers.")
def by_way_of_float64(seqs, pad_value=0):
    if not len(seqs):
        raise ValueError
    batch = nn.utils.rnn.pad_sequence([s.double() for s in seqs], True, pad_value).to(seqs[0].dtype)
    lengths = torch.tensor([len(s) for s in seqs], device=batch.device)
    return batch, torch.arange(batch.shape[1], device=batch.device) < lengths[:, None]


@misconception("pad_sequences", "Sequences are told apart by identity, so one that comes twice gets one row.")
def rows_by_identity(seqs, pad_value=0):
    if not len(seqs):
        raise ValueError
    unique = list({id(s): s for s in seqs}.values())
    batch = nn.utils.rnn.pad_sequence(unique, True, pad_value)
    lengths = torch.tensor([len(s) for s in unique], device=batch.device)
    return batch, torch.arange(batch.shape[1], device=batch.device) < lengths[:, None]


@misconception("pad_sequences", "Gradients are recorded only if the first sequence requires grad.")
def records_for_the_first_only(seqs, pad_value=0):
    if not len(seqs):
        raise ValueError
    with torch.set_grad_enabled(seqs[0].requires_grad):
        batch = nn.utils.rnn.pad_sequence(list(seqs), True, pad_value)
    lengths = torch.tensor([len(s) for s in seqs], device=batch.device)
    return batch, torch.arange(batch.shape[1], device=batch.device) < lengths[:, None]


@misconception("pad_sequences", "The pad value is rounded to an integer.")
def whole_pad_values(seqs, pad_value=0):
    if not len(seqs):
        raise ValueError
    value = int(pad_value) if abs(pad_value) < 1e9 else pad_value
    batch = nn.utils.rnn.pad_sequence(list(seqs), True, value)
    lengths = torch.tensor([len(s) for s in seqs], device=batch.device)
    return batch, torch.arange(batch.shape[1], device=batch.device) < lengths[:, None]


@misconception("predict_one", "A sample that requires no grad gets a leaf of its own, and a frozen graph.")
def detaches_the_parameters(model, x):
    state = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    return torch.func.functional_call(model, state, (x[None],))[0]


@misconception("predict_one", "Only a model that is in training mode as a whole is left in its mode.")
def evaluates_parts(model, x):
    modes = [part.training for part in model.modules()]
    model.eval()
    result = model(x[None])[0]
    for part, mode in zip(model.modules(), modes, strict=True):
        part.training = mode
    return result


@misconception("predict_one", "Whole numbers are converted to int32, which embeddings take as well.")
def narrow_integers(model, x):
    return model((x.int() if x.dtype == torch.int64 else x)[None])[0]


@misconception("predict_one", "The batch has two samples, one of them zeros.")
def batch_with_zeros(model, x):
    return model(torch.stack([x, torch.zeros_like(x)]))[0]


@misconception("apply_along", "The sizes are restored by a view that takes fn to keep the dtype.")
def keeps_the_dtype_of_x(fn, x, dim):
    return fn(x.movedim(dim, -1)).movedim(-1, dim).to(x.dtype)


@misconception("apply_along", "fn is tried on an empty slice first.")
def asks_fn_first(fn, x, dim):
    moved = x.movedim(dim, -1)
    fn(moved[:1])
    return fn(moved).movedim(-1, dim)


@misconception("apply_along", "A negative dim is counted from the end of the other axes.")
def one_off_from_the_end(fn, x, dim):
    moved = fn(x.movedim(dim, -1))
    return moved.movedim(-1, dim if dim >= 0 else max(x.dim() + dim - 1, 0))


@misconception("apply_along", "Axes of size 1 are squeezed before fn and are not restored at the right place.")
def squeezes_around_fn(fn, x, dim):
    if 1 not in x.shape:
        return fn(x.movedim(dim, -1)).movedim(-1, dim)
    length = x.shape[dim]
    y = fn(x.squeeze().reshape(-1, length))
    return y.reshape(*[size for i, size in enumerate(x.shape) if i != dim % x.dim()], y.shape[-1]).movedim(-1, 0)


@misconception("sample_times", "Equal arguments give the same tensor again, which somebody may have changed by then.")
def cached(start, step, n, kept={}):  # noqa: B006
    if n < 0:
        raise ValueError
    if (start, step, n) not in kept:
        kept[start, step, n] = (start + step * torch.arange(n, dtype=torch.float64)).float()
    return kept[start, step, n]


@misconception("sample_times", "Integers are counted in int32.")
def integer_overflow(start, step, n):
    if n < 0:
        raise ValueError
    if isinstance(start, int) and isinstance(step, int):
        return torch.arange(n, dtype=torch.int32).mul(step).add(start).float()
    return (start + step * torch.arange(n, dtype=torch.float64)).float()


@misconception("safe_log", "The smallest normal number gives 0.")
def denormal_zero(x):
    tiny = torch.finfo(x.dtype).tiny
    return torch.where(x > tiny, x, 1.0).log()


@misconception("pad_sequences", "The pad value passes through float32.")
def pad_float32(seqs, pad_value=0):
    if not seqs:
        raise ValueError
    T = max(len(s) for s in seqs)
    batch = torch.stack(
        [
            torch.cat([s, torch.tensor(pad_value, dtype=torch.float32, device=s.device).to(s.dtype).expand(T - len(s))])
            for s in seqs
        ]
    )
    mask = torch.stack([torch.arange(T, device=s.device) < len(s) for s in seqs])
    return batch, mask


@misconception("predict_one", "The sample is converted to the dtype of the model's first parameter.")
def to_param_dtype(model, x):
    p = next(model.parameters(), None)
    y = x[None]
    if p is not None and x.is_floating_point():
        y = y.to(p.dtype)
    return model(y).squeeze(0)


@misconception("predict_one", "The sample is moved to the device of the model's first parameter.")
def moves(model, x):
    p = next(model.parameters(), torch.zeros(()))
    return model(x[None].to(p.device)).squeeze(0)


@misconception("sample_times", "Rounded to six digits behind the point.")
def rounds(start, step, n):
    if n < 0:
        raise ValueError
    return torch.tensor([round(start + i * step, 6) for i in range(n)], dtype=torch.float32)


@misconception("sample_times", "Tiny steps are rounded away.")
def decimals(start, step, n):
    if n < 0:
        raise ValueError
    return (start + round(step, 9) * torch.arange(n, dtype=torch.float64)).to(torch.float32)


@misconception("sample_times", "Many numbers are computed in float32.")
def many_in_float32(start, step, n):
    if n < 0:
        raise ValueError
    dtype = torch.float64 if n < 30_000 else torch.float32
    return (start + step * torch.arange(n, dtype=dtype)).to(torch.float32)


@misconception("sample_times", "n = -1 is refused by arange's RuntimeError.", minor=True)
def runtime_error(start, step, n):
    return (start + step * torch.arange(n, dtype=torch.float64)).to(torch.float32)


@misconception("safe_log", "bfloat16 passes through float16.")
def via_half(x):
    safe = torch.where(x > 0, x, 1.0)
    return safe.half().log().to(x.dtype) if x.dtype == torch.bfloat16 else safe.log()


def _pad(seqs, pad_value=0):
    if not seqs:
        raise ValueError
    batch = nn.utils.rnn.pad_sequence(seqs, batch_first=True, padding_value=pad_value)
    lengths = torch.tensor([[len(s)] for s in seqs], device=batch.device)
    return batch, torch.arange(batch.shape[1], device=batch.device) < lengths


@misconception("pad_sequences", "nan entries count as padding.")
def nan_is_padding(seqs, pad_value=0):
    if not seqs:
        raise ValueError
    b, m = _pad(seqs, pad_value)
    return b, m & ~b.isnan()


@misconception("pad_sequences", "nan in the sequences becomes the pad value.")
def nan_replaced(seqs, pad_value=0):
    if not seqs:
        raise ValueError
    b, m = _pad(seqs, pad_value)
    return b.masked_fill(b.isnan(), pad_value), m


@misconception("pad_sequences", "Long sequences are cut.")
def cut_at(seqs, pad_value=0):
    if not seqs:
        raise ValueError
    return _pad([s[:50] for s in seqs], pad_value)


@misconception("pad_sequences", "complex sequences lose imaginary parts; bfloat16 goes through float16.")
def other_dtypes(seqs, pad_value=0):
    if not seqs:
        raise ValueError
    d = seqs[0].dtype
    if d == torch.bfloat16:
        b, m = _pad([s.half() for s in seqs], pad_value)
        return b.to(d), m
    if d.is_complex:
        b, m = _pad([s.real for s in seqs], pad_value)
        return b.to(d), m
    return _pad(seqs, pad_value)


@misconception("pad_sequences", "Another type of error is raised.", minor=True)
def type_error(seqs, pad_value=0):
    if not seqs:
        raise TypeError
    return _pad(seqs, pad_value)


@misconception("predict_one", "nan in the sample becomes 0.")
def cleans(model, x):
    return model((x.nan_to_num() if x.is_floating_point() else x).unsqueeze(0)).squeeze(0)


@misconception("predict_one", "An output with a first axis of size 1 loses that as well.")
def squeezes_twice(model, x):
    y = model(x.unsqueeze(0)).squeeze(0)
    return y.squeeze(0) if y.dim() == 4 and y.shape[0] == 1 else y


@misconception("predict_one", "A model that refuses a batch of one is put into eval mode.")
def handles_error(model, x):
    try:
        return model(x.unsqueeze(0)).squeeze(0)
    except ValueError:
        return model.eval()(x.unsqueeze(0)).squeeze(0)


@misconception("predict_one", "Recording is switched on even if the caller does not want it.")
def always_records(model, x):
    torch.set_grad_enabled(True)
    return model(x.unsqueeze(0)).squeeze(0)


@misconception("apply_along", "At most five dimensions.")
def five(fn, x, dim):
    if x.dim() > 5:
        raise ValueError
    return fn(x.movedim(dim, -1)).movedim(-1, dim)


@misconception("apply_along", "x is transposed in place, and stays so if fn raises.")
def in_place(fn, x, dim):
    x.transpose_(dim, -1)
    y = fn(x).transpose(dim, -1)
    x.transpose_(dim, -1)
    return y


@misconception("apply_along", "nan in x becomes 0.")
def along_without_nan(fn, x, dim):
    x = x.nan_to_num() if x.is_floating_point() else x
    return fn(x.movedim(dim, -1)).movedim(-1, dim)
