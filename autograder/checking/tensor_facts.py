"""Reads one tensor or NumPy array with the hooks of subclasses off, so a tensor that lies about itself changes nothing.

The functions of PyTorch and NumPy used for this are looked up on import, before any student code runs, so functions that a
student replaces later are not called here.
"""

from __future__ import annotations

from collections.abc import Iterable
from ctypes import string_at
from typing import Any, Literal, NamedTuple

import numpy
import torch

from autograder.checking.type_names import type_name
from autograder.records.observation import Policy, TensorFact
from autograder.simulation.places import device_without_hooks

__all__ = [
    "MAX_BYTES",
    "Extent",
    "Unobservable",
    "array_extent",
    "array_fact",
    "contents",
    "hooks_of",
    "input_state",
    "is_nested",
    "is_tensor",
    "nested_parts",
    "part_states",
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
_detach, _stride, _cpu, _data_ptr = _Base.detach, _Base.stride, _Base.cpu, _Base.data_ptr
_contiguous, _is_contiguous = _Base.contiguous, _Base.is_contiguous
_is_conj, _is_neg, _resolve_conj, _resolve_neg = _Base.is_conj, _Base.is_neg, _Base.resolve_conj, _Base.resolve_neg
_numel, _element_size, _storage_offset = _Base.numel, _Base.element_size, _Base.storage_offset
_to_dense, _dequantize, _untyped_storage = _Base.to_dense, _Base.dequantize, _Base.untyped_storage
_is_quantized, _is_meta, _is_cpu = _Base.is_quantized.__get__, _Base.is_meta.__get__, _Base.is_cpu.__get__
_is_nested, _unbind = _Base.is_nested.__get__, torch.Tensor.unbind
_Jagged: Any = torch.nested._internal.nested_tensor.NestedTensor
_storage_pointer, _storage_bytes = _Storage.data_ptr, _Storage.nbytes
_storage_identity = _Storage._cdata.__get__
_array_bytes, _array_view, _array_astype = numpy.ndarray.tobytes, numpy.ndarray.view, numpy.ndarray.astype
_byte_bounds = numpy.lib.array_utils.byte_bounds
_strided = torch.strided
_Lazy: Any = vars(torch.nn.parameter)["UninitializedTensorMixin"]
_ERRORS = (RuntimeError, TypeError, ValueError)
_NOT_MADE = "not made yet"

_DTYPES = {dtype: str(dtype).removeprefix("torch.") for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}
_DEVICES: dict[torch.device, str] = {}


class Unobservable(Exception):
    """A thing of an observed kind that cannot be observed itself; the text says why."""


class Extent(NamedTuple):
    """The memory behind a tensor or array: bytes `start` (inclusive) to `end` (exclusive) of `device`."""

    device: str
    start: int
    end: int


def is_tensor(thing: object) -> bool:
    """Whether the type of `thing` is a tensor type, whatever it claims to be."""
    return issubclass(type(thing), _Base)


def is_nested(tensor: torch.Tensor) -> bool:
    """Whether a tensor is one of several tensors in one, as `torch.nested` makes them."""
    return type(tensor) in (torch.Tensor, _Jagged) and bool(_is_nested(tensor))


def nested_parts(tensor: torch.Tensor) -> list[tuple[str, Any]]:
    """The layout of a nested tensor, and the tensors in it.

    Raises:
        Unobservable: if PyTorch cannot take it apart.
    """
    try:
        return [("layout", _layout(tensor)), ("tensors", list(_unbind(tensor)))]
    except _ERRORS as error:
        raise Unobservable(f"PyTorch cannot read it: {_first_line(error)}") from None


def tensor_fact(tensor: torch.Tensor, policy: Policy = _PLAIN) -> TensorFact:
    """Everything that a comparison may want to know about a tensor, with a copy of its elements.

    Raises:
        Unobservable: if it is larger than `MAX_BYTES`, or of a kind that PyTorch cannot read.
    """
    try:
        with _no_function(), _no_dispatch():
            return _tensor_fact(tensor, policy)
    except _ERRORS as error:
        raise Unobservable(f"PyTorch cannot read it: {_first_line(error)}") from None


def _tensor_fact(tensor: torch.Tensor, policy: Policy) -> TensorFact:
    dtype, layout, kind = _dtype(tensor), _layout(tensor), type(tensor)
    device = _device_name(device_without_hooks(tensor))
    if issubclass(kind, _Lazy):
        return TensorFact(type=type_name(kind), dtype=_DTYPES[dtype], shape=(), device=device, policy=policy)
    shape = tuple(_shape(tensor))
    leaf = _is_leaf(tensor)
    gradient, gradient_values = _gradient(tensor)
    strided = layout is _strided
    return TensorFact(
        type=type_name(kind),
        dtype=_DTYPES[dtype],
        shape=shape,
        device=device,
        layout="strided" if strided else str(layout).removeprefix("torch."),
        stride=_canonical(shape, _stride(tensor)) if strided else None,
        requires_grad=_requires_grad(tensor),
        is_leaf=leaf,
        has_grad_fn=not leaf and _grad_fn(tensor) is not None,
        conj=_is_conj(tensor),
        neg=_is_neg(tensor),
        overlap=strided and not _is_contiguous(tensor) and _internal_overlap(tensor) == 1,
        gradient=gradient,
        gradient_values=gradient_values,
        values=_elements(tensor),
        policy=policy,
    )


def _gradient(tensor: torch.Tensor) -> tuple[Literal["none", "zero", "value", "non-leaf"], bytes | None]:
    # PyTorch warns about .grad of any other tensor.
    if not (_is_leaf(tensor) or _retains_grad(tensor)):
        return "non-leaf", None
    grad = _grad(tensor)
    if grad is None:
        return "none", None
    values = _elements(grad)
    return ("value" if values.strip(b"\0") else "zero"), values


def input_state(tensor: torch.Tensor) -> dict[str, Any]:
    """The parts of an input that a student's code must leave alone, as comparable values.

    Raises:
        Unobservable: as `tensor_fact` does.
    """
    try:
        with _no_function(), _no_dispatch():
            if issubclass(type(tensor), _Lazy):
                return {"values": _NOT_MADE}
            return {"values": _values(tensor), "requires_grad": _requires_grad(tensor), "gradient": _gradient(tensor)}
    except _ERRORS as error:
        raise Unobservable(f"PyTorch cannot read it: {_first_line(error)}") from None


def hooks_of(tensor: torch.Tensor) -> int:
    """How many hooks a tensor has that run in a backward pass."""
    with _no_function(), _no_dispatch():
        registers = (_Base._backward_hooks.__get__(tensor), _Base._post_accumulate_grad_hooks.__get__(tensor))
    return sum(dict.__len__(held) for held in registers if issubclass(type(held), dict))


def part_states(parts: Iterable[tuple[str, torch.Tensor]]) -> dict[str, tuple[Any, bool | None]]:
    """For each of a module's tensors, by name: its values as in `input_state`, and whether it requires grad.

    Raises:
        Unobservable: as `tensor_fact` does.
    """
    try:
        with _no_function(), _no_dispatch():
            return {
                name: (_NOT_MADE, None) if issubclass(type(tensor), _Lazy) else (_values(tensor), _requires_grad(tensor))
                for name, tensor in parts
            }
    except _ERRORS as error:
        raise Unobservable(f"PyTorch cannot read it: {_first_line(error)}") from None


def _values(tensor: torch.Tensor) -> Any:
    return _dtype(tensor), _shape(tensor), device_without_hooks(tensor), _layout(tensor), _elements(tensor)


def contents(tensor: torch.Tensor) -> bytes:
    """The elements of a tensor as in `TensorFact.values`, read with hooks off.

    Raises:
        Unobservable: as `tensor_fact` does.
    """
    try:
        with _no_function(), _no_dispatch():
            return _elements(tensor)
    except _ERRORS as error:
        raise Unobservable(f"PyTorch cannot read it: {_first_line(error)}") from None


def _elements(tensor: torch.Tensor) -> bytes:
    """The elements, row-major and little-endian, in the tensor's own dtype."""
    count, size = _numel(tensor), _element_size(tensor)
    if count == 0 or _is_meta(tensor):
        return b""
    if count * size > MAX_BYTES:
        raise Unobservable(f"it has {count:,} elements, more than are compared")
    plain = _is_cpu(tensor) and not _is_quantized(tensor) and _layout(tensor) is _strided
    if not (plain and _is_contiguous(tensor)) or _is_conj(tensor) or _is_neg(tensor):
        tensor = _plain(tensor)
        size = _element_size(tensor)
    address = _data_ptr(tensor)
    if not address or _storage_bytes(_untyped_storage(tensor)) < (_storage_offset(tensor) + count) * size:
        raise Unobservable("it has no storage")
    return string_at(address, count * size)


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers as a contiguous CPU tensor."""
    tensor = _detach(tensor)
    if _is_quantized(tensor):
        tensor = _dequantize(tensor)
    if _layout(tensor) is not _strided:
        tensor = _to_dense(tensor)
    elif _storage_bytes(_untyped_storage(tensor)) < _reach(tensor) * _element_size(tensor):
        raise Unobservable("it has no storage")
    result: torch.Tensor = _contiguous(_resolve_neg(_resolve_conj(_cpu(tensor))))
    return result


def _device_name(device: torch.device) -> str:
    name = _DEVICES.get(device)
    if name is None:
        name = _DEVICES[device] = str(device)
    return name


def _reach(plain: torch.Tensor) -> int:
    """How many elements the storage of a strided, non-empty tensor must have."""
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

    The storage of a `meta` tensor is empty and has no address, so its identity takes the address's place.
    """
    try:
        with _no_function(), _no_dispatch():
            if issubclass(type(tensor), _Lazy) or _numel(tensor) == 0 or _layout(tensor) is not _strided:
                return None
            storage = _untyped_storage(tensor)
            device = _device_name(_device(tensor))  # where the memory is, whatever device it pretends to be on
            if device == "meta":
                identity = _storage_identity(storage)
                return Extent(device, identity, identity + 1)
            start = _storage_pointer(storage)
            return Extent(device, start, start + _storage_bytes(storage)) if start else None
    except (RuntimeError, NotImplementedError):
        return None


def array_fact(array: numpy.ndarray[Any, Any], policy: Policy = _PLAIN) -> TensorFact:
    """A NumPy array, as a fact of type `ndarray`.

    Raises:
        Unobservable: if it is larger than `MAX_BYTES`, or contains objects or strings.
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
        values=_array_bytes(plain),
        policy=policy,
    )


def array_extent(array: numpy.ndarray[Any, Any]) -> Extent | None:
    """The memory of an array's elements; None if it has none."""
    if numpy.ndarray.size.__get__(array) == 0:
        return None
    start, end = _byte_bounds(_array_view(array, numpy.ndarray))
    return Extent("cpu", start, end)


def _first_line(error: Exception) -> str:
    text = error.args[0] if error.args and type(error.args[0]) is str else type_name(type(error))
    return text.split("\n")[0][:200]
