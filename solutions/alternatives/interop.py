"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import collections
import copy
import dataclasses
import math
import statistics

import numpy as np
import torch

from autograder import alternative


@alternative("predicted_shared")
def shared_as_an_int():
    return 2


@alternative("predicted_shared")
def shared_by_trying():
    t = torch.ones(3)
    a = t.numpy()
    t.add_(1)
    return a[0]


@alternative("predicted_dtypes")
def dtypes_in_a_list():
    return [torch.float, torch.double]


@alternative("predicted_dtypes")
def names_of_dtypes():
    return "float32", "torch.float64"


@alternative("to_numpy")
def to_numpy_by_force(t):
    if t.dtype is torch.bfloat16:
        t = t.float()
    return np.array(t.numpy(force=True))


@alternative("to_numpy")
def to_numpy_of_a_clone(t):
    with torch.no_grad():
        copy = t.clone()
    wanted = torch.float32 if copy.dtype == torch.bfloat16 else copy.dtype
    return copy.detach().to("cpu", wanted).numpy()


@alternative("to_numpy")
def to_numpy_into_a_new_array(t):
    source = t.data.cpu()
    source = source.float() if source.dtype == torch.bfloat16 else source
    array = np.empty(tuple(source.shape), dtype=source.numpy().dtype)
    array[...] = source.numpy()
    return array


@alternative("to_numpy")
def to_numpy_by_copying_into_a_tensor(t):
    dtype = {torch.bfloat16: torch.float32}.get(t.dtype, t.dtype)
    result = torch.empty(t.shape, dtype=dtype)
    with torch.no_grad():
        result.copy_(t)
    return result.numpy()


@alternative("to_numpy")
def to_numpy_by_lists(t):
    source = t.detach().to(torch.float32) if t.dtype == torch.bfloat16 else t.detach()
    name = str(source.dtype).removeprefix("torch.")
    return np.array(source.tolist(), dtype=name).reshape(tuple(t.shape))


@alternative("to_numpy")
def to_numpy_by_recursion(t):
    if t.dtype == torch.bfloat16:
        return to_numpy_by_recursion(t.float())
    if t.requires_grad:
        return to_numpy_by_recursion(t.detach())
    return copy.deepcopy(t.cpu().numpy())


@alternative("from_numpy")
def from_numpy_by_tensor(a):
    if np.issubdtype(a.dtype, np.floating):
        dtype = torch.float32
    elif np.issubdtype(a.dtype, np.integer):
        dtype = torch.int64
    elif a.dtype == np.bool_:
        dtype = torch.bool
    else:
        raise TypeError(a.dtype)
    if np.issubdtype(a.dtype, np.unsignedinteger):
        a = a.astype(np.int64)
    return torch.tensor(a.copy(), dtype=dtype)


class NotForTraining(TypeError):
    """A subclass of the error the task asks for."""


@alternative("from_numpy")
def from_numpy_by_lists(a):
    match a.dtype.kind:
        case "f":
            dtype = torch.float32
        case "i" | "u":
            dtype = torch.int64
        case "b":
            dtype = torch.bool
        case kind:
            raise NotForTraining(kind)
    return torch.tensor(a.tolist(), dtype=dtype).reshape(a.shape)


@alternative("from_numpy")
def from_numpy_into_a_new_tensor(a):
    names = {np.float32: "f", np.int64: "iu", np.bool_: "b"}
    wanted = [kind for kind, letters in names.items() if a.dtype.kind in letters]
    if len(wanted) != 1:
        raise TypeError(f"{a.dtype} is not for training")
    result = torch.empty(a.shape, dtype={np.float32: torch.float32, np.int64: torch.int64, np.bool_: torch.bool}[wanted[0]])
    result.numpy()[...] = a
    return result


@alternative("from_numpy")
def from_numpy_contiguous_and_cloned(a):
    if a.dtype.kind not in "fiub":
        raise TypeError(a.dtype)
    shape = a.shape
    a = np.ascontiguousarray(a, dtype={"f": "float32", "b": "bool"}.get(a.dtype.kind, "int64"))
    return torch.from_numpy(np.array(a)).clone().reshape(shape)


@alternative("from_numpy")
def from_numpy_by_copies(a):
    if not issubclass(a.dtype.type, (np.floating, np.integer, np.bool_)):
        raise TypeError(a.dtype)
    copy = np.array(a, order="C", copy=True)
    if copy.dtype.kind == "u":
        copy = copy.astype(np.int64)
    tensor = torch.as_tensor(copy)
    if tensor.is_floating_point():
        return tensor.to(torch.float32)
    return tensor if tensor.dtype == torch.bool else tensor.long()


@alternative("from_numpy")
def from_numpy_entry_by_entry(a):
    kind = a.dtype.kind
    if kind == "f":
        result = torch.zeros(a.shape, dtype=torch.float32)
    elif kind == "i" or kind == "u":
        result = torch.zeros(a.shape, dtype=torch.int64)
    elif kind == "b":
        result = torch.zeros(a.shape, dtype=torch.bool)
    else:
        raise TypeError(f"cannot use {a.dtype}")
    for index in np.ndindex(*a.shape):
        result[index] = a[index].item()
    return result


@alternative("LossMeter")
class KeepsPairs:
    def __init__(self):
        self.pairs = []

    def reset(self):
        self.pairs.clear()

    def update(self, loss, n=1):
        self.pairs.append((loss.item() if torch.is_tensor(loss) else float(loss), n))

    def mean(self):
        samples = sum(n for _, n in self.pairs)
        if samples == 0:
            raise ValueError("no losses yet")
        return math.fsum(loss * n for loss, n in self.pairs) / samples


@alternative("LossMeter")
class KeepsArrays:
    def __init__(self):
        self.losses, self.counts = np.zeros(0), np.zeros(0)

    def reset(self):
        self.__init__()

    def update(self, loss, n=1):
        number = float(loss.detach()) if isinstance(loss, torch.Tensor) else loss
        self.losses, self.counts = np.append(self.losses, number), np.append(self.counts, n)

    def mean(self):
        if not self.losses.size:
            raise ValueError("no losses yet")
        return np.average(self.losses, weights=self.counts)


@alternative("LossMeter")
class UpdatesTheMean:
    __slots__ = ("average", "count")

    def __init__(self):
        self.average = self.count = None

    def reset(self):
        self.average = self.count = None

    def update(self, loss, n=1):
        if hasattr(loss, "tolist"):
            loss = loss.detach().cpu().reshape(()).tolist()
        if self.count is None:
            self.average, self.count = loss, n
        else:
            self.count += n
            self.average += (loss - self.average) * n / self.count

    def mean(self):
        if self.count is None:
            raise ValueError
        return float(self.average)


@alternative("LossMeter")
class CountsInADict:
    def __init__(self):
        self.seen = collections.Counter()

    def reset(self):
        self.seen = collections.Counter()

    def update(self, loss, n=1):
        self.seen["total"] += loss.detach().double().sum().item() * n if isinstance(loss, torch.Tensor) else loss * n
        self.seen["samples"] += n

    def mean(self):
        try:
            return self.seen["total"] / self.seen["samples"]
        except ZeroDivisionError:
            raise ValueError("no losses yet") from None


@alternative("LossMeter")
class RepeatsLosses:
    def __init__(self):
        self.reset()

    def reset(self):
        self.losses = []

    def update(self, loss, n=1):
        self.losses += [float(loss.item() if isinstance(loss, torch.Tensor) else loss)] * n

    def mean(self):
        return statistics.fmean(self.losses)


@alternative("LossMeter")
@dataclasses.dataclass
class IsADataclass:
    total: float = 0.0
    count: int = 0
    history: list[float] = dataclasses.field(default_factory=list)

    def reset(self):
        self.total, self.count = 0.0, 0
        self.history.clear()

    def update(self, loss, n=1):
        self.history.append(float(loss))
        self.total += self.history[-1] * n
        self.count += n

    def mean(self):
        if not self.count:
            raise ValueError("no losses yet")
        return self.total / self.count
