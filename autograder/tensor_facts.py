"""Reads one tensor or NumPy array. Hooks of subclasses are off while it is read: a tensor that lies changes nothing.

What PyTorch and NumPy offer for this is taken when this module is imported, before any student code runs, so that
functions which a student replaces later are not the ones that are called here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy
import torch

from autograder.observation import Policy, TensorFact
from autograder.type_names import type_name

__all__ = [
    "MAX_BYTES",
    "Extent",
    "Unobservable",
    "array_extent",
    "array_fact",
    "contents",
    "is_tensor",
    "tensor_extent",
    "tensor_fact",
]

MAX_BYTES = 2**25
"""The largest tensor that is observed, in bytes of its elements (32 MiB)."""

_Base: Any = torch._C.TensorBase
_Storage: Any = torch._C.StorageBase
_PLAIN = Policy()
_no_function = torch._C.DisableTorchFunction
_no_dispatch = torch._C._DisableTorchDispatch
_internal_overlap = torch._C._VariableFunctions._debug_has_internal_overlap
_dtype = _Base.dtype.__get__
_device = _Base.device.__get__
_layout = _Base.layout.__get__
_shape = _Base.shape.__get__
_requires_grad = _Base.requires_grad.__get__
_is_leaf = _Base.is_leaf.__get__
_grad_fn = _Base.grad_fn.__get__
_grad = _Base.grad.__get__
_retains_grad = _Base.retains_grad.__get__
_detach, _numpy, _view, _stride, _cpu = _Base.detach, _Base.numpy, _Base.view, _Base.stride, _Base.cpu
_is_conj, _is_neg, _resolve_conj, _resolve_neg = _Base.is_conj, _Base.is_neg, _Base.resolve_conj, _Base.resolve_neg
_numel, _element_size, _storage_offset = _Base.numel, _Base.element_size, _Base.storage_offset
_to_dense, _dequantize, _untyped_storage = _Base.to_dense, _Base.dequantize, _Base.untyped_storage
_is_quantized = _Base.is_quantized.__get__
_storage_pointer, _storage_bytes = _Storage.data_ptr, _Storage.nbytes
_storage_identity = _Storage._cdata.__get__
_array_bytes, _array_view, _array_astype = numpy.ndarray.tobytes, numpy.ndarray.view, numpy.ndarray.astype
_byte_bounds = numpy.lib.array_utils.byte_bounds
_strided = torch.strided
_is_lazy = torch.nn.parameter.is_lazy

_DTYPES = {dtype: str(dtype).removeprefix("torch.") for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}
_AS_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32}
_NUMPY_KNOWS = frozenset(
    {
        *(torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
        *(torch.bool, torch.complex64, torch.complex128, torch.uint16, torch.uint32, torch.uint64),
    }
)


class Unobservable(Exception):
    """A thing of a kind that is observed, but that cannot be; the text says why."""


@dataclass(frozen=True)
class Extent:
    """The memory behind a tensor or array: bytes `start` (inclusive) to `end` (exclusive) of `device`."""

    device: str
    start: int
    end: int


def is_tensor(thing: object) -> bool:
    """Whether `thing` is a tensor by its type, whatever it claims to be."""
    return issubclass(type(thing), _Base)


def tensor_fact(tensor: torch.Tensor, policy: Policy = _PLAIN, shares: tuple[str, ...] = ()) -> TensorFact:
    """Everything that a comparison may want to know of a tensor, with a copy of its elements.

    Raises:
        Unobservable: if it is larger than `MAX_BYTES`, or of a kind that cannot be read.
    """
    try:
        with _no_function(), _no_dispatch():
            return _tensor_fact(tensor, policy, shares)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise Unobservable(f"PyTorch cannot read it: {_first_line(error)}") from None


def _tensor_fact(tensor: torch.Tensor, policy: Policy, shares: tuple[str, ...]) -> TensorFact:
    dtype, layout = _dtype(tensor), _layout(tensor)
    kind = type_name(type(tensor))
    if _is_lazy(tensor):
        return TensorFact(type=kind, dtype=_DTYPES[dtype], shape=(), device=str(_device(tensor)), policy=policy)
    shape = tuple(_shape(tensor))
    plain = _detach(tensor)
    leaf = _is_leaf(tensor)
    gradient: Literal["none", "zero", "value", "non-leaf"] = "none"
    gradient_values = None
    if leaf or _retains_grad(tensor):
        grad = _grad(tensor)
        if grad is not None:
            gradient_values = _elements(_detach(grad))
            gradient = "value" if gradient_values.strip(b"\0") else "zero"
    else:
        gradient = "non-leaf"
    strided = layout is _strided
    return TensorFact(
        type=kind,
        dtype=_DTYPES[dtype],
        shape=shape,
        device=str(_device(tensor)),
        layout=str(layout).removeprefix("torch."),
        stride=_canonical(shape, _stride(tensor)) if strided else None,
        requires_grad=_requires_grad(tensor),
        is_leaf=leaf,
        has_grad_fn=not leaf and _grad_fn(tensor) is not None,
        conj=_is_conj(tensor),
        neg=_is_neg(tensor),
        overlap=strided and _internal_overlap(plain) == 1,
        gradient=gradient,
        gradient_values=gradient_values,
        shares=shares,
        values=_elements(plain),
        policy=policy,
    )


def contents(tensor: torch.Tensor) -> bytes:
    """The elements of a tensor as `TensorFact.values` has them; hooks are off.

    Raises:
        Unobservable: as `tensor_fact` does.
    """
    try:
        with _no_function(), _no_dispatch():
            return _elements(_detach(tensor))
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise Unobservable(f"PyTorch cannot read it: {_first_line(error)}") from None


def _elements(plain: torch.Tensor) -> bytes:
    """The elements of a detached tensor: row-major, little-endian, in its own dtype."""
    count = _numel(plain)
    device = _device(plain).type
    if count == 0 or device == "meta":
        return b""
    if count * _element_size(plain) > MAX_BYTES:
        raise Unobservable(f"it has {count:,} elements, more than are compared")
    if _is_quantized(plain):
        plain = _dequantize(plain)
    if _layout(plain) is not _strided:
        plain = _to_dense(plain)
    if device != "cpu":
        plain = _cpu(plain)
    if _is_conj(plain):
        plain = _resolve_conj(plain)
    if _is_neg(plain):
        plain = _resolve_neg(plain)
    if _storage_bytes(_untyped_storage(plain)) < _reach(plain) * _element_size(plain):
        raise Unobservable("its storage has been taken away")
    if _dtype(plain) not in _NUMPY_KNOWS:
        plain = _view(plain, _AS_BITS[_element_size(plain)])
    data: bytes = _array_bytes(_numpy(plain))
    return data


def _reach(plain: torch.Tensor) -> int:
    """How many elements its storage must have for a strided, non-empty tensor."""
    last: int = _storage_offset(plain)
    for size, stride in zip(_shape(plain), _stride(plain), strict=True):
        last += (size - 1) * stride
    return last + 1


def _canonical(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...] | None:
    if 0 in shape:
        return None
    return tuple([stride if size > 1 else 0 for size, stride in zip(shape, strides, strict=True)])


def tensor_extent(tensor: torch.Tensor) -> Extent | None:
    """The storage of a tensor; None if it has no elements, or no storage of its own.

    Storages of `meta` tensors hold nothing and have no address, so their identity stands for it.
    """
    try:
        with _no_function(), _no_dispatch():
            if _is_lazy(tensor) or _numel(tensor) == 0 or _layout(tensor) is not _strided:
                return None
            storage = _untyped_storage(tensor)
            device = str(_device(tensor))
            if device == "meta":
                identity = _storage_identity(storage)
                return Extent(device, identity, identity + 1)
            start = _storage_pointer(storage)
            return Extent(device, start, start + _storage_bytes(storage)) if start else None
    except (RuntimeError, NotImplementedError):
        return None


def array_fact(array: numpy.ndarray[Any, Any], policy: Policy = _PLAIN, shares: tuple[str, ...] = ()) -> TensorFact:
    """A NumPy array, as a fact of type `ndarray`.

    Raises:
        Unobservable: if it is larger than `MAX_BYTES`, or holds objects or strings.
    """
    plain = _array_view(array, numpy.ndarray)
    dtype = plain.dtype
    if dtype.kind not in "biufc" or dtype.itemsize > 16:
        raise Unobservable(f"an array of dtype {dtype} is not compared")
    if plain.nbytes > MAX_BYTES:
        raise Unobservable(f"it has {plain.size:,} elements, more than are compared")
    if dtype.byteorder == ">":
        plain = _array_astype(plain, dtype.newbyteorder("<"))
    return TensorFact(
        type=type_name(type(array)),
        dtype=dtype.name,
        shape=plain.shape,
        device="cpu",
        stride=_canonical(plain.shape, tuple(step // dtype.itemsize for step in plain.strides)),
        shares=shares,
        values=_array_bytes(plain),
        policy=policy,
    )


def array_extent(array: numpy.ndarray[Any, Any]) -> Extent | None:
    """The memory that an array's elements lie in; None if it has none."""
    if numpy.ndarray.size.__get__(array) == 0:
        return None
    start, end = _byte_bounds(_array_view(array, numpy.ndarray))
    return Extent("cpu", start, end)


def _first_line(error: Exception) -> str:
    text = error.args[0] if error.args and type(error.args[0]) is str else type_name(type(error))
    return text.split("\n")[0][:200]
