"""What `torch.Tensor` says and does about devices: `.device`, `.to`, `.cuda`, `.numpy`, `.grad`, …"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from autograder.simulation.machine import Machine
from autograder.simulation.moving import Target, copied, move, moved, parse_to
from autograder.simulation.operations import type_string
from autograder.simulation.patches import Patches
from autograder.simulation.places import CPU, UNDECIDED, device_of, is_pinned, mark_of, pin, plain, put, real_device

__all__ = ["patch"]

_Base: Any = torch._C.TensorBase
_Tensor: Any = torch.Tensor
_to, _numpy, _type, _tolist, _copy = _Base.to, _Base.numpy, _Base.type, _Base.tolist, _Base.copy_
_grad = _Base.grad
_CUDA_TYPES = {
    **{"FloatTensor": torch.float32, "DoubleTensor": torch.float64, "HalfTensor": torch.float16},
    **{"BFloat16Tensor": torch.bfloat16, "LongTensor": torch.int64, "IntTensor": torch.int32},
    **{"ShortTensor": torch.int16, "CharTensor": torch.int8, "ByteTensor": torch.uint8, "BoolTensor": torch.bool},
}


class _Property(property):
    """A property that looks like one of a C type: PyTorch inspects those of `Tensor`."""

    __objclass__ = _Base

    @property
    def __name__(self) -> str:
        return getattr(self.fget, "__name__", "")


def patch(patches: Patches, machine: Machine) -> None:
    """Replace them during the simulation."""
    tensor = torch.Tensor
    to = _to_for(machine)

    def is_cuda(self: torch.Tensor) -> bool:
        return device_of(self).type == "cuda"

    def is_cpu(self: torch.Tensor) -> bool:
        return device_of(self).type == "cpu"

    def get_device(self: torch.Tensor) -> int:
        device = device_of(self)
        return -1 if device.type == "cpu" else device.index or 0

    def cuda(
        self: torch.Tensor,
        device: Any = None,
        non_blocking: bool = False,
        memory_format: Any = torch.preserve_format,
    ) -> torch.Tensor:
        place = machine.device("cuda" if device is None else device)
        if place.type != "cuda":
            raise RuntimeError(f"Invalid device, must be cuda device but got {place}")
        return to(self, place, non_blocking=non_blocking, memory_format=memory_format)

    def cpu(self: torch.Tensor, memory_format: Any = torch.preserve_format) -> torch.Tensor:
        return to(self, CPU, memory_format=memory_format)

    def type_as(self: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return to(self, other)

    def pin_memory(self: torch.Tensor, device: Any = None) -> torch.Tensor:
        if device_of(self).type == "cuda":
            raise RuntimeError(f"cannot pin '{type_string(self)}' only dense CPU tensors can be pinned")
        if is_pinned(self):
            return self
        pinned = self.clone()
        pin(pinned)
        return pinned

    def is_pinned_(self: torch.Tensor, device: Any = None) -> bool:
        return is_pinned(self)

    def tolist(self: torch.Tensor) -> Any:
        if device_of(self).type == "cuda":
            machine.note(device_of(self), CPU, self, "item" if self.dim() == 0 else "copy")
        return plain(_tolist, self)

    def copy_(self: torch.Tensor, source: Any, non_blocking: bool = False) -> torch.Tensor:
        if isinstance(source, torch.Tensor) and real_device(source) == real_device(self) == CPU:
            place = device_of(self)
            if device_of(source) != place and UNDECIDED not in (mark_of(self), mark_of(source)):
                if place == CPU and non_blocking and is_pinned(self):
                    machine.note(device_of(source), CPU, source, "copy", waited=False)
                    plain(_copy, self, copied(source, CPU, Target()))
                    machine.delay_contents(self)
                    return self
                late = non_blocking and place.type == "cuda" and is_pinned(source)
                source = moved(machine, source, place, Target(non_blocking=late))
        result: torch.Tensor = plain(_copy, self, source)
        return result

    def new(self: torch.Tensor, *args: Any, device: Any = None) -> torch.Tensor:
        made: torch.Tensor = plain(_Base.new, self, *args)
        if not any(isinstance(arg, (torch.Tensor, torch.UntypedStorage)) for arg in args):
            put(made, device_of(self) if device is None else machine.device(device))
        return made

    def apply_(self: torch.Tensor, callable: Any) -> Any:
        if device_of(self).type == "cuda":
            raise TypeError("apply_ is only implemented on CPU tensors")
        return plain(_Base.apply_, self, callable)

    def map_(self: torch.Tensor, tensor: torch.Tensor, callable: Any) -> Any:
        _mapped("map_", self, tensor)
        return plain(_Base.map_, self, tensor, callable)

    def map2_(self: torch.Tensor, x: torch.Tensor, y: torch.Tensor, callable: Any) -> Any:
        _mapped("map2_", self, x, y)
        return plain(_Base.map2_, self, x, y, callable)

    def record_stream(self: torch.Tensor, stream: Any) -> None:
        pass

    patches.set_all(
        tensor,
        device=_Property(_named("device", device_of)),
        is_cuda=_Property(is_cuda),
        is_cpu=_Property(is_cpu),
        grad=_Property(_read_grad, _set_grad, _delete_grad),
        is_pinned=_named("is_pinned", is_pinned_),
        type=_type_for(machine, to),
        numpy=_numpy_for(machine),
        to=to,
        __init__=_initialised,
    )
    for method in (get_device, cuda, cpu, type_as, pin_memory, tolist, copy_, record_stream, new, apply_, map_, map2_):
        patches.set(tensor, method.__name__, method)
    patches.set_all(
        tensor, __dlpack__=_dlpack(_Tensor.__dlpack__), __dlpack_device__=_dlpack_device(_Tensor.__dlpack_device__)
    )
    patches.set(torch, "from_dlpack", _from_dlpack(vars(torch)["from_dlpack"]))
    patches.set(torch, "ctc_loss", _ctc_loss(torch.ctc_loss))
    patches.set_existing(torch, get_device=get_device, tensor_split=_split(torch.tensor_split))
    patches.set(tensor, "tensor_split", _split(_Base.tensor_split))


def _mapped(name: str, tensor: torch.Tensor, *others: torch.Tensor) -> None:
    """What `map_` checks, in its order (torch/csrc/utils/tensor_apply.cpp)."""
    for argument, other in zip(("other",) if len(others) == 1 else ("x", "y"), others, strict=True):
        if device_of(other) != device_of(tensor):
            raise TypeError(f"{name}: expected {_type_name(tensor)} for '{argument}' (got {_type_name(other)})")
    if device_of(tensor).type == "cuda":
        raise TypeError(f"{name} is only implemented on CPU tensors")


def _type_name(tensor: torch.Tensor) -> str:
    """What C++ calls the type of a tensor."""
    return type_string(tensor).replace("torch.cuda.", "CUDA").replace("torch.", "CPU").replace("Tensor", "Type")


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def method(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    method.__name__ = name
    return method


def _to_for(machine: Machine) -> Callable[..., torch.Tensor]:
    def to(self: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        target = parse_to(args, kwargs)
        here = device_of(self)
        place = here if target.device is None else machine.device(target.device)
        result: torch.Tensor
        if real_device(self) != CPU or place.type not in ("cpu", "cuda"):  # a meta tensor has no data to move
            changed = {"device": "cpu"} if "device" in kwargs else {}
            if place.type == "cuda":
                result = plain(_to, self, CPU) if not changed else plain(_to, self, *args, **{**kwargs, **changed})
            else:
                result = plain(_to, self, *args, **kwargs)
        elif place == here:
            dtype = target.dtype or self.dtype
            result = plain(_to, self, dtype=dtype, copy=target.copy, memory_format=target.memory_format)
        else:
            result = moved(machine, self, place, target)
        return result

    return to


def _numpy_for(machine: Machine) -> Callable[..., Any]:
    def numpy(self: torch.Tensor, *, force: bool = False) -> Any:
        device = device_of(self)
        if device.type != "cuda":
            return plain(_numpy, self, force=force)
        if not force:
            raise TypeError(
                f"can't convert {device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory "
                "first."
            )
        return plain(_numpy, moved(machine, self.detach(), CPU, Target()), force=True)

    return numpy


def _type_for(machine: Machine, to: Callable[..., torch.Tensor]) -> Callable[..., Any]:
    def type_(self: torch.Tensor, dtype: Any = None, non_blocking: bool = False, **options: Any) -> Any:
        if dtype is None:
            return type_string(self) if device_of(self).type == "cuda" else plain(_type, self)
        if isinstance(dtype, torch.dtype):
            return plain(_type, self, dtype)
        name = dtype if isinstance(dtype, str) else f"{dtype.__module__}.{dtype.__name__}"
        if name.startswith("torch.cuda."):
            return to(self, machine.device("cuda"), _CUDA_TYPES[name.removeprefix("torch.cuda.")])
        return plain(_type, to(self, CPU), dtype)

    return _named("type", type_)


def _read_grad(self: torch.Tensor) -> Any:
    gradient = plain(_grad.__get__, self)
    if gradient is not None and mark_of(gradient) is UNDECIDED:
        put(gradient, device_of(self))
    return gradient


def _set_grad(self: torch.Tensor, gradient: Any) -> None:
    if isinstance(gradient, torch.Tensor):
        here, there = device_of(self), device_of(gradient)
        if here != there:
            raise RuntimeError(
                f"attempting to assign a gradient with device type '{there.type}' to a tensor with device type "
                f"'{here.type}'. Please ensure that the gradient and the tensor are on the same device"
            )
    plain(_grad.__set__, self, gradient)


def _delete_grad(self: torch.Tensor) -> None:
    plain(_grad.__delete__, self)


_read_grad.__name__ = "grad"


def _initialised(self: torch.Tensor, *args: Any, **kwargs: Any) -> None:
    """`torch.Tensor(2, 3)` is a tensor on the CPU, although no factory that we replace made it."""
    if mark_of(self) is UNDECIDED:
        put(self, None)


def _dlpack_device(original: Callable[..., Any]) -> Callable[..., Any]:
    def __dlpack_device__(self: torch.Tensor) -> Any:
        device = device_of(self)
        return (2, device.index or 0) if device.type == "cuda" else plain(original, self)  # 2 is DLPack's kDLCUDA

    return __dlpack_device__


def _dlpack(original: Callable[..., Any]) -> Callable[..., Any]:
    def __dlpack__(self: torch.Tensor, **options: Any) -> Any:
        if device_of(self).type == "cuda":
            raise BufferError("Unsupported device in DLTensor.")  # what NumPy says
        return original(self, **options)

    return __dlpack__


def _from_dlpack(original: Callable[..., Any]) -> Callable[..., Any]:
    def from_dlpack(ext_tensor: Any, **options: Any) -> Any:
        if isinstance(ext_tensor, torch.Tensor) and device_of(ext_tensor).type == "cuda":
            return ext_tensor.detach()
        return original(ext_tensor, **options)

    return from_dlpack


def _ctc_loss(original: Callable[..., Any]) -> Callable[..., Any]:
    """Fetches labels and lengths from wherever they are (aten/src/ATen/native/LossCTC.cpp)."""

    @functools.wraps(original)
    def ctc_loss(log_probs: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        place = device_of(log_probs)

        def fetched(thing: Any) -> Any:
            return move(thing, place) if isinstance(thing, torch.Tensor) and device_of(thing) != place else thing

        return original(log_probs, *map(fetched, args), **{name: fetched(value) for name, value in kwargs.items()})

    return ctc_loss


def _split(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def tensor_split(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        for places in (*args, *kwargs.values()):
            if isinstance(places, torch.Tensor) and device_of(places).type != "cpu":
                raise RuntimeError(
                    f"tensor_split expected tensor_indices_or_sections to be on cpu, but it's on {device_of(places)}"
                )
        return plain(original, self, *args, **kwargs)

    return tensor_split
