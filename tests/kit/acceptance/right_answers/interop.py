"""Right answers in unusual styles: every check must pass on each of them."""

import functools
import math
from fractions import Fraction

import numpy as np
import torch

from autograder import alternative


@alternative("to_numpy")
def chain_of_steps(t):
    steps = (
        torch.Tensor.detach,
        torch.Tensor.cpu,
        lambda x: {torch.bfloat16: torch.Tensor.float}.get(x.dtype, torch.clone)(x),
        torch.Tensor.numpy,
    )
    return functools.reduce(lambda value, step: step(value), steps, t)


@alternative("to_numpy")
def filled_from_a_flat_list(t):
    with torch.no_grad():
        wide = t.to("cpu", torch.float32 if t.dtype is torch.bfloat16 else t.dtype, copy=True)
        return np.ndarray.__copy__(wide.reshape(-1).numpy()).reshape(tuple(t.shape))


class _Converter:
    """Chooses by the dtype's family."""

    wanted = {np.floating: torch.float32, np.integer: torch.int64, np.bool_: torch.bool}  # noqa: RUF012 - never changed

    def __call__(self, a):
        for family, dtype in self.wanted.items():
            if np.issubdtype(a.dtype, family) and not np.issubdtype(a.dtype, np.timedelta64):
                result = torch.zeros(a.shape, dtype=dtype)
                np.copyto(result.numpy(), a, casting="unsafe")
                return result
        raise TypeError(a.dtype)


@alternative("from_numpy")
def converted_by_an_object(a):
    return _Converter()(a)


@alternative("LossMeter")
class Exact:
    """Adds up fractions, so that no digit is lost."""

    def __init__(self):
        self._parts = iter(())
        self._sum, self._count = Fraction(0), 0

    reset = __init__

    def update(self, loss, n=1):
        number = loss.detach().reshape(()).tolist() if isinstance(loss, torch.Tensor) else loss
        self._sum += (Fraction(number) if math.isfinite(number) else number) * n
        self._count += n

    def mean(self):
        try:
            return float(self._sum / self._count)
        except ZeroDivisionError as error:
            raise ValueError("nothing yet") from error


@alternative("LossMeter")
class Recursive:
    """Each state is a closure over numbers."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.state = lambda: (math.fsum(()), 0)

    def update(self, loss, n=1):
        total, count = self.state()
        number = float(loss)
        self.state = lambda: (total + number * n, count + n)

    def mean(self):
        total, count = self.state()
        if count == 0:
            raise ValueError
        return total / count
