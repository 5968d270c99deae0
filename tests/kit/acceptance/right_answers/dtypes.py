"""Right answers in unusual styles: every check must pass on each of them."""

import functools

import numpy as np
import torch

from autograder import alternative


class _Scaler:
    """A table of all 256 answers, looked up by a call."""

    def __call__(self, img):
        if img.dtype is not torch.uint8:
            raise type("Refused", (TypeError,), {})(img.dtype)
        table = torch.linspace(0, 1, 256, dtype=torch.float32, device=img.device)
        return table.index_select(0, img.reshape(-1).int()).reshape(img.shape)


@alternative("scale_pixels")
def scaled_by_an_object(img):
    return _Scaler()(img)


@alternative("scale_pixels")
def scaled_in_place(img):
    if img.dtype not in {torch.uint8}:
        raise TypeError
    return torch.zeros(img.size(), dtype=torch.float32, device=img.device).add_(img).mul_(1 / 255)


@alternative("match")
def matched_by_partials(x, like):
    steps = [functools.partial(torch.Tensor.to, dtype=like.dtype), lambda t: t.to(like.device)]
    return functools.reduce(lambda tensor, step: step(tensor), steps, x)


@alternative("match")
def matched_by_recursion(x, like):
    if x.device != like.device:
        return matched_by_recursion(x.to(like.device), like)
    return x if x.dtype is like.dtype else matched_by_recursion(x.type(like.dtype), like)


@alternative("round_to_int")
def rounded_by_python(x):
    numbers = x.detach().double().cpu().flatten().tolist()
    try:
        whole = list(map(round, numbers))
    except (OverflowError, ValueError) as error:
        raise ValueError("not finite") from error
    return torch.tensor(whole, dtype=torch.int64).view(x.shape).to(x.device)


@alternative("round_to_int")
def rounded_by_remainders(x):
    if not x.dtype.is_floating_point:
        return x.long()
    if bool((x.isnan() | x.isinf()).any()):
        raise ValueError
    wide = x.detach().to(torch.float64, copy=True)
    return wide.sub_(torch.from_numpy(np.asarray(np.remainder(wide.cpu().numpy() + 0, 1))).to(x.device)).long() + (
        _above(x.detach().double())
    )


def _above(x):
    rest = x - x.floor()
    return ((rest > 0.5) | ((rest == 0.5) & (x.floor().remainder(2) == 1))).long()


@alternative("mean_any")
def mean_by_einsum(x):
    if x.numel() < 1:
        raise ValueError
    flat = x.reshape(-1)
    weights = torch.ones(len(flat), dtype=torch.float64, device=x.device)
    mean = torch.einsum("i,i->", flat.double(), weights) / len(flat)
    return mean.to(x.dtype if x.is_floating_point() else torch.get_default_dtype())


@alternative("mean_any")
def mean_of_the_middle(x):
    """The mean moves by a correction: first a rough mean, then the mean of what is left."""
    if not x.numel():
        raise ValueError
    wanted = x.dtype if x.is_floating_point() else torch.zeros(0).dtype
    wide = x.to(torch.float64)
    rough = wide.detach().flatten()[0]
    return (rough + (wide - rough).mean()).to(wanted)


@alternative("with_default_dtype")
def default_by_a_generator(dtype, fn):
    def steps(before):
        torch.set_default_dtype(dtype)
        try:
            yield fn()
        finally:
            torch.set_default_dtype(before)

    running = steps(torch.get_default_dtype())
    try:
        return next(running)
    finally:
        running.close()
