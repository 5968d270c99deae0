"""Where a tensor pretends to be.

A simulated GPU tensor is an ordinary CPU tensor whose *storage* carries a mark. PyTorch keeps a storage's Python object as
long as the storage itself lives, so views, `.data`, `.detach()` and what autograd saves carry the same mark by themselves,
and `type`, values, gradients and version counters are PyTorch's own.

A storage without a mark is on the CPU. `UNDECIDED` marks what a PyTorch function made for itself in C++, where it asked for
"the device of my input" and was told `cpu`: it goes with tensors on any device, and the end of the function decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import torch

__all__ = [
    "CPU",
    "UNDECIDED",
    "Mark",
    "device_of",
    "device_of_storage",
    "device_without_hooks",
    "is_pinned",
    "mark_of",
    "pin",
    "plain",
    "put",
    "put_storage",
    "real_device",
]


class _Undecided:
    def __repr__(self) -> str:
        return "UNDECIDED"


CPU = torch.device("cpu")
UNDECIDED: Final = _Undecided()
T = TypeVar("T")
Mark = torch.device | _Undecided | None

_MARK, _PINNED = "_autograde_device", "_autograde_pinned"
_Base: Any = torch._C.TensorBase
_storage_of = _Base.untyped_storage
_no_function = torch._C.DisableTorchFunction
_device = _Base.device.__get__
_marked = False
"""Whether this process ever had a tensor on a simulated GPU: until then there is no mark to look for."""
holder: Callable[[Any], None] | None = None
"""Called with each storage that arrives on a GPU."""


def _bearer(tensor: torch.Tensor) -> Any:
    """What carries a tensor's mark: its storage, or the tensor itself if it has none (a sparse one)."""
    try:
        with _no_function():
            return _storage_of(tensor)
    except (NotImplementedError, RuntimeError):
        inner = tensor
        while torch._C._functorch.is_functorch_wrapped_tensor(inner):
            inner = torch._C._functorch.get_unwrapped(inner)
        return tensor if inner is tensor else _bearer(inner)


def plain(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a method of `TensorBase` itself: with a function mode active, `Tensor`'s would be called instead."""
    with _no_function():
        return function(*args, **kwargs)


def real_device(tensor: torch.Tensor) -> torch.device:
    """The device that PyTorch itself gives for a tensor."""
    with _no_function():
        device: torch.device = _device(tensor)
        return device


def mark_of(tensor: torch.Tensor) -> Mark:
    """The mark of a tensor; None means the CPU."""
    mark: Mark = getattr(_bearer(tensor), _MARK, None)
    return mark


def put(tensor: torch.Tensor, mark: Mark) -> None:
    """Mark where a tensor, and everything that shares its storage, is. The device `cpu` and None mean the same."""
    put_storage(_bearer(tensor), mark)


def put_storage(bearer: Any, mark: Mark) -> None:
    """Mark where a storage is."""
    global _marked
    if isinstance(mark, torch.device) and mark.type != "cpu":
        if holder is not None and not isinstance(getattr(bearer, _MARK, None), torch.device):
            holder(bearer)
        _marked = True
        setattr(bearer, _MARK, mark)
    elif mark is UNDECIDED:
        setattr(bearer, _MARK, mark)
    elif getattr(bearer, _MARK, None) is not None:
        delattr(bearer, _MARK)


def device_of_storage(storage: Any) -> torch.device | None:
    """The GPU that a storage pretends to be on; None if it is on the CPU."""
    mark = getattr(storage, _MARK, None)
    return mark if isinstance(mark, torch.device) else None


def device_of(tensor: torch.Tensor) -> torch.device:
    """The device that a tensor pretends to be on, even with no simulation active; else the one it really is on."""
    with _no_function():
        return device_without_hooks(tensor)


def device_without_hooks(tensor: torch.Tensor) -> torch.device:
    """Like `device_of`, for callers that have switched off the hooks of subclasses and modes themselves."""
    mark = mark_of(tensor) if _marked else None
    device: torch.device = mark if isinstance(mark, torch.device) else _device(tensor)
    return device


def pin(tensor: torch.Tensor) -> None:
    """Mark the memory of a CPU tensor as page-locked."""
    setattr(_bearer(tensor), _PINNED, True)


def is_pinned(tensor: torch.Tensor) -> bool:
    """Whether the memory of a tensor is marked as page-locked."""
    return getattr(_bearer(tensor), _PINNED, False) is True
