"""Wrong answers that are nearly right: checks must notice each, though no feedback is written for it."""

import numpy as np
import torch

from autograder import misconception


@misconception("to_numpy", "bfloat16 takes the default dtype, which may be float64.")
def bfloat16_to_the_default(t):
    t = t.detach().cpu()
    return (t.to(torch.get_default_dtype()) if t.dtype == torch.bfloat16 else t).numpy().copy()


@misconception("to_numpy", "force=True copies only what is not a plain tensor on the CPU.")
def forced(t):
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy(force=True)


@misconception("to_numpy", "Only tensors that are contiguous are copied.")
def copies_the_contiguous(t):
    t = t.detach().cpu()
    t = t.float() if t.dtype == torch.bfloat16 else t
    return t.numpy().copy() if t.is_contiguous() else t.numpy()


@misconception("to_numpy", "Integers pass through float64, where large ones lose their last digits.")
def integers_through_float64(t):
    t = t.detach().cpu()
    if t.dtype == torch.bfloat16:
        return t.float().numpy().copy()
    if t.dtype in (torch.int32, torch.int64):
        return t.double().numpy().astype(str(t.dtype).removeprefix("torch."))
    return t.numpy().copy()


@misconception("to_numpy", "The array is read-only, so that nobody can write to the tensor.")
def read_only_array(t):
    t = t.detach().cpu()
    array = (t.float() if t.dtype == torch.bfloat16 else t).numpy().copy()
    array.flags.writeable = False
    return array


@misconception("to_numpy", "The flag is taken away and given back, which works for leaves only.")
def switches_the_flag_off_and_on(t):
    flag = t.requires_grad
    t.requires_grad_(False)
    array = (t.float() if t.dtype == torch.bfloat16 else t).cpu().numpy().copy()
    t.requires_grad_(flag)
    return array


@misconception("from_numpy", "float32 arrays are not copied, as they already have the right dtype.")
def shares_float32(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    if a.dtype == np.float32 and a.flags.writeable and all(stride >= 0 for stride in a.strides):
        return torch.from_numpy(a)
    return torch.from_numpy(a.astype({"f": np.float32, "b": np.bool_}.get(a.dtype.kind, np.int64)))


@misconception("from_numpy", "Unsigned integers of 64 bits are refused.")
def refuses_uint64(a):
    if a.dtype.kind not in "fiub" or a.dtype == np.uint64:
        raise TypeError
    return torch.from_numpy(a.astype({"f": np.float32, "b": np.bool_}.get(a.dtype.kind, np.int64)))


@misconception("from_numpy", "Time differences are integers to NumPy's astype, and are let in.", minor=True)
def accepts_time_differences(a):
    if a.dtype.kind not in "fiubm":
        raise TypeError
    return torch.from_numpy(a.astype({"f": np.float32, "b": np.bool_}.get(a.dtype.kind, np.int64)))


@misconception("from_numpy", "Complex numbers without an imaginary part are let in.", minor=True)
def accepts_real_complex_numbers(a):
    if a.dtype.kind == "c" and not a.imag.any():
        a = a.real
    if a.dtype.kind not in "fiub":
        raise TypeError
    return torch.from_numpy(a.astype({"f": np.float32, "b": np.bool_}.get(a.dtype.kind, np.int64)))


@misconception("from_numpy", "float64 passes through float16, which has fewer digits.")
def floats_through_float16(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    if a.dtype.kind == "f":
        return torch.from_numpy(a.astype(np.float16).astype(np.float32))
    return torch.from_numpy(a.astype(np.bool_ if a.dtype.kind == "b" else np.int64))


@misconception("from_numpy", "A bool array of shape () becomes a Python bool's default tensor with one dimension.")
def masks_have_an_axis(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    if a.dtype.kind == "b":
        return torch.from_numpy(np.atleast_1d(a).copy())
    return torch.from_numpy(a.astype(np.float32 if a.dtype.kind == "f" else np.int64))


class _Meter:
    """What is right about the meters below."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.total, self.count = 0.0, 0

    def update(self, loss, n=1):
        self.total += (loss.item() if isinstance(loss, torch.Tensor) else loss) * n
        self.count += n

    def mean(self):
        if not self.count:
            raise ValueError
        return self.total / self.count


@misconception("LossMeter", "The product with n is formed in the tensor's dtype, where float16 overflows.")
class MultipliesTensors(_Meter):
    def update(self, loss, n=1):
        product = loss * n
        self.total += product.item() if isinstance(product, torch.Tensor) else product
        self.count += n


@misconception("LossMeter", "Integer losses are added up without their weight.")
class IntegersCountOnce(_Meter):
    def update(self, loss, n=1):
        super().update(loss, 1 if isinstance(loss, int) else n)


@misconception("LossMeter", "The first loss after a reset is counted with one sample.")
class FirstLossOnce(_Meter):
    def update(self, loss, n=1):
        super().update(loss, n if self.count else 1)


_SEEN = []


@misconception("LossMeter", "Losses are kept in a list outside the meter, with their graphs.")
class KeepsLossesElsewhere(_Meter):
    def update(self, loss, n=1):
        _SEEN.append(loss)
        super().update(loss, n)


@misconception("LossMeter", "A lambda of the last update still holds the loss.")
class HoldsAClosure(_Meter):
    def update(self, loss, n=1):
        self.last = lambda: loss
        super().update(loss, n)


@misconception("LossMeter", "The values are read when the mean is asked for, from tensors that may have changed.")
class ReadsLate(_Meter):
    def reset(self):
        super().reset()
        self.pending = []

    def update(self, loss, n=1):
        self.pending.append((loss.detach() if isinstance(loss, torch.Tensor) else loss, n))

    def mean(self):
        for loss, n in self.pending:
            super().update(loss, n)
        self.pending = []
        return super().mean()


@misconception("LossMeter", "The mean is rounded to two digits.")
class RoundsTheMean(_Meter):
    def mean(self):
        return round(super().mean(), 2)


@misconception("LossMeter", "A reset makes the mean of nothing 0 instead of an error.", minor=True)
class ZeroAfterAReset(_Meter):
    def __init__(self):
        self.total, self.count, self.used = 0.0, 0, False

    def reset(self):
        self.total, self.count, self.used = 0.0, 0, True

    def mean(self):
        return 0.0 if self.used and not self.count else super().mean()


@misconception("to_numpy", "uint16 becomes int64.")
def uint16_fails(t):
    t = t.detach().cpu()
    if t.dtype == torch.bfloat16:
        t = t.float()
    if t.dtype in (torch.uint16, torch.uint32, torch.uint64):
        return t.long().numpy()
    return t.numpy().copy()


@misconception("from_numpy", "A read-only array can be written to afterwards.")
def unlocks(a):
    k = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    if a.dtype.kind not in k:
        raise TypeError
    was = a.flags.writeable
    r = torch.from_numpy(a.astype(k[a.dtype.kind]))
    if not was and a.base is None:
        a.flags.writeable = True
    return r


@misconception("from_numpy", "Arrays of a subclass are refused.")
def exact_class(a):
    k = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    if a.dtype.kind not in k or type(a) is not np.ndarray:
        raise TypeError
    return torch.from_numpy(a.astype(k[a.dtype.kind]))


@misconception("LossMeter", "A mean without fraction is an int.")
class IntMean:
    def __init__(self):
        self.reset()

    def reset(self):
        self.t = 0
        self.n = 0

    def update(self, loss, n=1):
        self.t += (loss.item() if isinstance(loss, torch.Tensor) else loss) * n
        self.n += n

    def mean(self):
        if not self.n:
            raise ValueError
        q = self.t / self.n
        return int(q) if q == int(q) else q


def _arr(t):
    t = t.detach().cpu()
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy().copy()


@misconception("to_numpy", "complex128 becomes complex64.")
def narrow_complex(t):
    a = _arr(t)
    return a.astype(np.complex64) if a.dtype == np.complex128 else a


@misconception("to_numpy", "uint32 and uint64 are widened to int64.")
def unsigned_wide(t):
    a = _arr(t)
    return a.astype(np.int64) if a.dtype in (np.uint32, np.uint64) else a


@misconception("to_numpy", "nan becomes 0 in bfloat16.")
def cleans_bfloat(t):
    if t.dtype == torch.bfloat16:
        return _arr(t.detach().nan_to_num())
    return _arr(t)


@misconception("to_numpy", "int16 becomes int32.")
def int16_wide(t):
    a = _arr(t)
    return a.astype(np.int32) if a.dtype == np.int16 else a


KINDS = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}


def _t(a):
    if a.dtype.kind not in KINDS:
        raise TypeError
    return torch.from_numpy(a.astype(KINDS[a.dtype.kind]))


@misconception("from_numpy", "Records are not refused.", minor=True)
def blacklist(a):
    if a.dtype.kind in "cOSUM":
        raise TypeError
    if a.dtype.kind == "V":
        return torch.zeros(a.shape)
    if a.dtype.kind == "m":
        raise TypeError
    return _t(a)


@misconception("from_numpy", "The tensor requires grad if it has four dimensions.")
def requires(a):
    t = _t(a)
    return t.requires_grad_() if t.is_floating_point() and t.dim() > 3 else t


@misconception("from_numpy", "An array stored by columns is not copied.")
def fortran_shares(a):
    if a.dtype == np.float32 and a.flags.f_contiguous and not a.flags.c_contiguous and a.flags.writeable:
        return torch.from_numpy(a)
    return _t(a)


class _Meter_too:
    def __init__(self):
        self.reset()

    def reset(self):
        self.total, self.count = 0.0, 0

    def update(self, loss, n=1):
        self.total += (loss.item() if isinstance(loss, torch.Tensor) else loss) * n
        self.count += n

    def mean(self):
        if not self.count:
            raise ValueError
        return self.total / self.count


@misconception("LossMeter", "A loss of nan is left out.")
class SkipsNan(_Meter_too):
    def update(self, loss, n=1):
        value = float(loss)
        if value == value:
            super().update(value, n)


@misconception("LossMeter", "A loss of inf is left out.")
class SkipsInf(_Meter_too):
    def update(self, loss, n=1):
        if abs(float(loss)) != float("inf"):
            super().update(loss, n)


@misconception("LossMeter", "Only the last losses count.")
class Window(_Meter_too):
    def reset(self):
        self.pairs = []

    def update(self, loss, n=1):
        self.pairs = [*self.pairs, (float(loss), n)][-20:]

    def mean(self):
        if not self.pairs:
            raise ValueError
        return sum(x * n for x, n in self.pairs) / sum(n for _, n in self.pairs)


@misconception("LossMeter", "A batch counts for 1000 samples at most.")
class Many(_Meter_too):
    def update(self, loss, n=1):
        super().update(loss, min(n, 1000))


@misconception("LossMeter", "An empty meter raises a ZeroDivisionError.", minor=True)
class Divides(_Meter_too):
    def mean(self):
        return self.total / self.count


@misconception("LossMeter", "Equal losses count once.")
class Unique(_Meter_too):
    def reset(self):
        self.seen = {}

    def update(self, loss, n=1):
        self.seen[float(loss)] = n

    def mean(self):
        if not self.seen:
            raise ValueError
        return sum(x * n for x, n in self.seen.items()) / sum(self.seen.values())


@misconception("to_numpy", "Tiny numbers become 0.")
def without_tiny_numbers(t):
    t = t.detach().cpu()
    t = t.float() if t.dtype == torch.bfloat16 else t
    array = t.numpy().copy()
    if array.dtype.kind == "f":
        array[np.abs(array) < 1e-20] = 0
    return array
