"""Wrong solutions that students write, each with the sentence that helps."""

import numpy as np
import torch

from autograder import misconception


@misconception(
    "predicted_shared", "You expect `numpy()` to copy: what happened to the tensor in the example before this one?"
)
def a_copy():
    return 1.0


@misconception("predicted_shared", "Both lines add 1 to t. Which of them writes to the memory that the array uses?")
def follows_the_name():
    return 3.0


@misconception("predicted_shared", "a has three entries. The question asks for one of them.")
def all_entries():
    return np.full(3, 2.0, dtype=np.float32)


@misconception("predicted_shared", "Tensor and array share one memory. Does one line add to it twice?")
def added_on_both_sides():
    return 4.0


@misconception("predicted_dtypes", "One of them is right. Which dtype do the numbers of the array already have?")
def always_float32():
    return torch.float32, torch.float32


@misconception("predicted_dtypes", "One of them is right. Which floating type does PyTorch give plain Python numbers?")
def always_float64():
    return torch.float64, torch.float64


@misconception("predicted_dtypes", "You have them the other way round: which default is PyTorch's, and which is NumPy's?")
def exchanged():
    return torch.float64, torch.float32


@misconception(
    "predicted_dtypes", "One of them is right. The other is a tensor, too: are a tensor's dtypes PyTorch's or NumPy's?"
)
def numpy_type():
    return torch.float32, np.float64


@misconception(
    "predicted_dtypes",
    "One of them is right. The other tensor was made from an array of 0.5 and 1.5: can integers hold these?",
)
def integers():
    return torch.float32, torch.int64


@misconception("to_numpy", "PyTorch refuses, because NumPy cannot record gradients. What do you have to leave behind first?")
def plain(t):
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy().copy()


@misconception("to_numpy", "Going through Python lists loses the dtype (and the shape of an empty tensor).")
def tolist(t):
    return np.array(t.tolist())


@misconception("to_numpy", "There is one floating type that NumPy does not know.")
def no_bf16(t):
    return t.detach().cpu().numpy().copy()


def _detached(t):
    t = t.detach().cpu()
    return t.float() if t.dtype == torch.bfloat16 else t


@misconception("to_numpy", "Write to the array and look at the tensor: who owns the memory?")
def shares_memory(t):
    return _detached(t).numpy()


@misconception("to_numpy", "PyTorch only copies here if it has to. Does it copy a contiguous tensor?")
def copies_sometimes(t):
    return _detached(t).contiguous().numpy()


@misconception("to_numpy", "Look at the dtype you get for integers, and for float64.")
def always_float32_array(t):
    return t.detach().cpu().float().numpy().copy()


@misconception("to_numpy", "Look at the dtype you get for float32: float64 is NumPy's default, not the tensor's dtype.")
def as_float64(t):
    return np.array(_detached(t).tolist(), dtype=np.float64).reshape(tuple(t.shape))


@misconception(
    "to_numpy",
    "Another dtype holds all bfloat16 values; yours is too small for them, or larger than the docstring asks for.",
)
def bfloat16_as_float16(t):
    t = t.detach().cpu()
    return (t.half() if t.dtype == torch.bfloat16 else t).numpy().copy()


@misconception("to_numpy", "You treat all floating types alike. Which of them does NumPy lack?")
def all_floats_to_float32(t):
    t = t.detach().cpu()
    return (t.float() if t.is_floating_point() else t).numpy().copy()


@misconception("to_numpy", "Try backward() through t after your call: one underscore too many cut its graph.")
def detaches_the_original(t):
    t.detach_()
    return _detached(t).numpy().copy()


@misconception("to_numpy", "After your call, t no longer requires grad.")
def switches_grad_off(t):
    if t.is_leaf:
        t.requires_grad_(False)
    return _detached(t).numpy().copy()


@misconception("to_numpy", "You change a flag of t. Can that be done to the result of an operation?")
def switches_the_flag_off(t):
    t.requires_grad_(False)
    return (t.float() if t.dtype == torch.bfloat16 else t).cpu().numpy().copy()


@misconception("to_numpy", "A tensor without dimensions should become an array without dimensions, not a bare number.")
def bare_number(t):
    return _detached(t).numpy().copy()[()]


@misconception("to_numpy", "Look at the shape of the array: what happened to the dimensions?")
def flattens(t):
    return _detached(t).flatten().numpy().copy()


@misconception("to_numpy", "Dimensions of size 1 are dimensions, too.")
def squeezes(t):
    return _detached(t).numpy().copy().squeeze()


@misconception("to_numpy", "A view with another dtype reads the same bytes as other numbers: compare the values.")
def bfloat16_as_bits(t):
    t = t.detach().cpu()
    return (t.view(torch.int16) if t.dtype == torch.bfloat16 else t).numpy().copy()


@misconception(
    "to_numpy",
    "Another dtype holds all bfloat16 values; yours is too small for them, or larger than the docstring asks for.",
)
def bfloat16_as_float64(t):
    t = t.detach().cpu()
    return (t.double() if t.dtype == torch.bfloat16 else t).numpy().copy()


@misconception("to_numpy", "NumPy knows one of the two 16-bit floating types. Which one does it lack?")
def float16_as_float32(t):
    t = t.detach().cpu()
    return (t.float() if t.dtype in (torch.bfloat16, torch.float16) else t).numpy().copy()


@misconception("to_numpy", "Which devices may a tensor be on, and where do arrays live?")
def stays_on_its_device(t):
    t = t.detach()
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy().copy()


@misconception("from_numpy", "Change the array afterwards: the tensor changes with it.")
def shares(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    a = np.ascontiguousarray(a).reshape(a.shape)
    return torch.from_numpy(a).to({"f": torch.float32, "i": torch.int64, "u": torch.int64, "b": torch.bool}[a.dtype.kind])


@misconception("from_numpy", "Class labels became floats: torch.Tensor(...) always makes the default floating type.")
def capital_tensor(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    return torch.Tensor(np.array(a, ndmin=1, order="C")).reshape(a.shape)


@misconception("from_numpy", "What happens to an array of complex numbers, and which arrays should raise?", minor=True)
def accepts_complex(a):
    if a.dtype.kind in "OUSmM":
        raise TypeError
    return torch.tensor(a.astype({"i": np.int64, "u": np.int64, "b": bool}.get(a.dtype.kind, np.float32)))


@misconception("from_numpy", "Your tensor keeps NumPy's dtypes. Which ones does training need?")
def keeps_the_dtype(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    return torch.tensor(a.copy())


@misconception("from_numpy", "Masks became something else: which dtype should a bool array have?")
def bools_become_integers(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    return torch.tensor(a.astype(np.float32 if a.dtype.kind == "f" else np.int64))


@misconception("from_numpy", "Labels and indices need int64; look at the dtype your integers get.")
def integers_become_int32(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    return torch.tensor(a.astype({"f": np.float32, "b": bool}.get(a.dtype.kind, np.int32)))


@misconception("from_numpy", "Look at the dtype of a floating tensor: can a float32 layer take it?")
def floats_become_float64(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    return torch.tensor(a.astype({"f": np.float64, "b": bool}.get(a.dtype.kind, np.int64)))


@misconception("from_numpy", "Everything became floating: which arrays hold labels, and which hold masks?")
def everything_becomes_float32(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    return torch.tensor(a.astype(np.float32))


@misconception("from_numpy", "Large integers lost their last digits along the way: which dtype did they go through?")
def by_way_of_float(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    dtype = {"f": torch.float32, "b": torch.bool}.get(a.dtype.kind, torch.int64)
    return torch.tensor(a.astype(np.float64)).to(dtype)


@misconception("from_numpy", "Unsigned integers are integers, too: what is their `dtype.kind`?")
def refuses_unsigned(a):
    if a.dtype.kind not in "fib":
        raise TypeError
    return torch.tensor(a.astype({"f": np.float32, "b": bool}.get(a.dtype.kind, np.int64)))


@misconception("from_numpy", "You list the dtypes you accept. Does the list hold every size of integer and of float?")
def knows_a_few_types(a):
    kinds = {np.dtype("float64"): torch.float32, np.dtype("float32"): torch.float32, np.dtype("bool"): torch.bool}
    kinds |= {np.dtype(name): torch.int64 for name in ("int32", "int64", "uint8")}
    if a.dtype not in kinds:
        raise TypeError
    return torch.tensor(a.copy(), dtype=kinds[a.dtype])


@misconception("from_numpy", "You list the dtypes you accept. Does the list hold every size of integer and of float?")
def some_dtypes(a):
    for dtypes, wanted in (("f2 f4 f8", np.float32), ("u1 i4 i8", np.int64), ("?", np.bool_)):
        if a.dtype in [np.dtype(name) for name in dtypes.split()]:
            return torch.from_numpy(np.array(a, dtype=wanted))
    raise TypeError


@misconception("from_numpy", "Try a[::-1]: which strides can a tensor not have?")
def negative_strides(a):
    kinds = {"f": torch.float32, "i": torch.int64, "u": torch.int64, "b": torch.bool}
    if a.dtype.kind not in kinds:
        raise TypeError
    return torch.from_numpy(a).to(kinds[a.dtype.kind], copy=True)


@misconception("from_numpy", "An array of shape () came back with a dimension. Which of your calls adds one?")
def adds_a_dimension(a):
    kinds = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    if a.dtype.kind not in kinds:
        raise TypeError
    return torch.from_numpy(np.ascontiguousarray(a, dtype=kinds[a.dtype.kind])).clone()


@misconception(
    "from_numpy",
    "Which exception do you raise for complex numbers and objects, and which one does the docstring name?",
    minor=True,
)
def wrong_exception(a):
    kinds = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    if a.dtype.kind not in kinds:
        raise ValueError
    return torch.from_numpy(a.astype(kinds[a.dtype.kind], order="C"))


@misconception("from_numpy", "An exception comes out, but is it the one that the docstring names?", minor=True)
def lets_the_key_fail(a):
    kinds = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    return torch.from_numpy(a.astype(kinds[a.dtype.kind], order="C"))


@misconception("from_numpy", "You convert whatever NumPy can convert. Which dtypes should raise even so?", minor=True)
def converts_what_it_can(a):
    kinds = {"i": np.int64, "u": np.int64, "b": np.bool_, "m": np.int64, "M": np.int64}
    return torch.from_numpy(a.astype(kinds.get(a.dtype.kind, np.float32), order="C"))


@misconception("from_numpy", "Data from outside is not there to be trained; look at requires_grad.")
def requires_grad(a):
    kinds = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    if a.dtype.kind not in kinds:
        raise TypeError
    tensor = torch.from_numpy(a.astype(kinds[a.dtype.kind], order="C"))
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


@misconception("from_numpy", "Set another default dtype in torch, and look at what floating arrays become.")
def default_dtype(a):
    if a.dtype.kind not in "fiub":
        raise TypeError
    dtype = {"f": torch.get_default_dtype(), "b": torch.bool}.get(a.dtype.kind, torch.int64)
    return torch.from_numpy(a.astype(np.int64) if a.dtype.kind == "u" else a.copy()).to(dtype)


@misconception("from_numpy", "Everything that is not a number becomes a mask: which arrays should raise?", minor=True)
def the_rest_becomes_bool(a):
    kinds = {"f": np.float32, "i": np.int64, "u": np.int64}
    return torch.from_numpy(a.astype(kinds.get(a.dtype.kind, np.bool_), order="C"))


@misconception(
    "from_numpy",
    "Change the array afterwards, and try a[::-1]: does your function copy every array before torch sees it?",
    also_true_of=("negative_strides",),
)
def copies_if_needed(a):
    kinds = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    if a.dtype.kind not in kinds:
        raise TypeError
    return torch.from_numpy(a.astype(kinds[a.dtype.kind], copy=False))


class _Meter:
    """What is right about most of the meters below."""

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


@misconception("LossMeter", "The meter drags every batch's graph along; remember numbers, not tensors.")
class Tensors(_Meter):
    def update(self, loss, n=1):
        self.total = self.total + loss * n
        self.count += n

    def mean(self):
        if not self.count:
            raise ValueError
        total = self.total.detach() if isinstance(self.total, torch.Tensor) else self.total
        return float(total / self.count)


@misconception("LossMeter", "You keep no graph, but does the meter hold a number? Print its attributes.")
class DetachedTensors(_Meter):
    def update(self, loss, n=1):
        self.total = self.total + torch.as_tensor(loss).detach().sum() * n
        self.count += n

    def mean(self):
        if not self.count:
            raise ValueError
        return float(self.total / self.count)


@misconception("LossMeter", "Your list holds the losses as tensors, each with its graph, until somebody asks for the mean.")
class KeepsLosses(_Meter):
    def reset(self):
        self.losses = []

    def update(self, loss, n=1):
        self.losses.append((loss, n))

    def mean(self):
        if not self.losses:
            raise ValueError
        total = sum((loss.item() if isinstance(loss, torch.Tensor) else loss) * n for loss, n in self.losses)
        return total / sum(n for _, n in self.losses)


@misconception("LossMeter", "The mean comes back as a tensor; what does the docstring ask for?")
class ReturnsATensor(_Meter):
    def mean(self):
        return torch.tensor(super().mean(), dtype=torch.float64)


@misconception(
    "LossMeter", "What is the average of nothing? The docstring names an error.", also_true_of=("NotANumber",), minor=True
)
class Zero(_Meter):
    def mean(self):
        return self.total / max(self.count, 1)


@misconception(
    "LossMeter",
    "What is the average of nothing? A number, even nan, is not what the docstring asks for.",
    also_true_of=("Zero",),
    minor=True,
)
class NotANumber(_Meter):
    def mean(self):
        return self.total / self.count if self.count else float("nan")


@misconception("LossMeter", "An empty meter raises an exception, but is it the one the docstring names?", minor=True)
class DividesByZero(_Meter):
    def mean(self):
        return self.total / self.count


@misconception("LossMeter", "Three samples with loss 1 and one with loss 5: what is their average?")
class MeanOfMeans(_Meter):
    def update(self, loss, n=1):
        super().update(loss, 1)


@misconception("LossMeter", "The loss is already a mean. How many samples does it stand for, and what is their sum?")
class SumsMeans(_Meter):
    def update(self, loss, n=1):
        super().update(loss, 1)
        self.count += n - 1


@misconception(
    "LossMeter",
    "You sum the losses of all samples: do you divide by the number of samples, or of batches?",
)
class DividesByBatches(_Meter):
    def update(self, loss, n=1):
        super().update(loss, n)
        self.count += 1 - n


@misconception("LossMeter", "Only the last loss is left. What does update do to the earlier ones?")
class LastLoss(_Meter):
    def update(self, loss, n=1):
        self.reset()
        super().update(loss, n)


@misconception("LossMeter", "A Python number has no `detach()` and no `item()`: which kinds of losses may update get?")
class TensorsOnly(_Meter):
    def update(self, loss, n=1):
        super().update(loss.detach().item(), n)


@misconception("LossMeter", "After a reset, something is left of the old losses: how many things do you keep?")
class ResetsTheTotalOnly(_Meter):
    def __init__(self):
        self.total, self.count = 0.0, 0

    def reset(self):
        self.total = 0.0


@misconception("LossMeter", "Call reset, then ask for the mean: did the meter forget anything?")
class DoesNotReset(_Meter):
    def __init__(self):
        self.total, self.count = 0.0, 0

    def reset(self):
        pass


@misconception("LossMeter", "Ask for the mean twice: why is the second answer different?")
class ResetsAfterMean(_Meter):
    def mean(self):
        mean = super().mean()
        self.reset()
        return mean


@misconception("LossMeter", "Use two meters at the same time. An attribute of the class belongs to all of them.")
class SharesItsList(_Meter):
    losses = []  # noqa: RUF012 - the mistake

    def __init__(self):
        pass

    def reset(self):
        self.losses.clear()

    def update(self, loss, n=1):
        self.losses.append(((loss.item() if isinstance(loss, torch.Tensor) else loss), n))

    def mean(self):
        if not self.losses:
            raise ValueError
        return sum(loss * n for loss, n in self.losses) / sum(n for _, n in self.losses)


@misconception("LossMeter", "The meter should only watch the training; who calls backward()?")
class CallsBackward(_Meter):
    def update(self, loss, n=1):
        if isinstance(loss, torch.Tensor) and loss.requires_grad:
            loss.backward()
        super().update(loss, n)


@misconception("LossMeter", "The caller wants to call backward() on the loss afterwards. What did your method do to it?")
class DetachesTheLoss(_Meter):
    def update(self, loss, n=1):
        if isinstance(loss, torch.Tensor):
            loss.detach_()
        super().update(loss, n)


@misconception("LossMeter", "Does a sum of 0 mean that nothing was seen? Try losses of 0.")
class ZeroIsNothing(_Meter):
    def mean(self):
        if not self.total:
            raise ValueError
        return super().mean()


@misconception("LossMeter", "How many samples does a loss stand for if the caller does not say?")
class NeedsN(_Meter):
    def update(self, loss, n):
        super().update(loss, n)


@misconception("LossMeter", "After a reset, something is left of the old losses: how many things do you keep?")
class ResetsTheCountOnly(_Meter):
    def __init__(self):
        self.total, self.count = 0.0, 0

    def reset(self):
        self.count = 0


@misconception("LossMeter", "The newest loss counts as much as all earlier ones together: does every sample count the same?")
class AveragesPairwise(_Meter):
    def update(self, loss, n=1):
        number = loss.item() if isinstance(loss, torch.Tensor) else loss
        self.total = (self.total + number) / 2 if self.count else number
        self.count += n

    def mean(self):
        if not self.count:
            raise ValueError
        return float(self.total)


@misconception("LossMeter", "The sum is a number. What else does your meter remember about the last loss?")
class RemembersTheLastLoss(_Meter):
    def update(self, loss, n=1):
        self.last = loss
        super().update(loss, n)


@misconception("LossMeter", "The mean is a NumPy number; the docstring asks for a Python float.")
class ReturnsANumPyNumber(_Meter):
    def mean(self):
        return np.float32(super().mean())


@misconception("LossMeter", "`assert` raises AssertionError; the docstring names another exception.", minor=True)
class AssertsLosses(_Meter):
    def mean(self):
        assert self.count
        return self.total / self.count


@misconception(
    "LossMeter", "Use two meters at the same time, and look for tensors: an attribute of the class belongs to all of them."
)
class SharesItsTensor(_Meter):
    total, count = torch.zeros((), dtype=torch.float64), 0

    def __init__(self):
        pass

    def reset(self):
        self.total.zero_()
        self.count = 0

    def update(self, loss, n=1):
        self.total += (loss.item() if isinstance(loss, torch.Tensor) else loss) * n
        self.count += n

    def mean(self):
        if not self.count:
            raise ValueError
        return self.total.item() / self.count
